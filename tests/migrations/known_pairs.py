"""Pairs of model sets that a law did not hold for once, as small as they can be; each is tried every time."""

from __future__ import annotations

from typing import Any

from .model_sets import Rows, Spec


def _field(kind: str, default: str = "no", *, came: str | None = None, **more: Any) -> Spec:
    """Return a field; ``came`` is its old name, and ``more`` is what is inside of it."""
    given = {"optional": default == "null", "default": default, "index": "", "alias": False}
    return {**given, "type": {"kind": kind, **more}, "from": came, "declared": False}


def _models(fields: Spec, classes: dict[str, Spec] | None = None, *, extra: str | None = None) -> Spec:
    """Return a set of models with these things, and nothing more than has to be."""
    settings = {"strict": False, "extra": None, "soft": False, "computed": None}
    kinds = {kind: {"fields": own, "from": kind} for kind, own in (classes or {}).items()}
    return {
        "things": {"fields": fields, "classes": kinds, **settings, "extra": extra},
        "others": {"fields": {}, "classes": {}, **settings, "from": None, "declared": False},
        "ties": {"fields": {}, "ends": ("things", "others")},
        "other_name": "others",
    }


def _case(before: Spec, after: Spec, *things: dict[str, Any]) -> tuple[Spec, Spec, Rows, bool]:
    return before, after, {"others": [], "things": list(things), "ties": []}, True


_CAT = {"alpha": _field("any", "factory"), "beta": _field("str", "factory")}
_RENAMED = {"gamma": _field("any", "factory", came="alpha"), "delta": _field("str", "factory", came="beta")}
_DOG: dict[str, Any] = {"_key": "a", "alpha": {"kind": "dog"}}


def _pet(default: str, **members: Spec) -> Spec:
    return {"alpha": _field("pet", default, members=members)}


KNOWN_PAIRS = (
    # a class goes, and what is left takes no other attributes
    _case(
        _models({}, {"Bike": {"own": _field("any")}, "Car": {}}),
        _models({}, {"Car": {}}, extra="forbid"),
        {"_key": "a", "_type": "Bike", "own": "z"},
        {"_key": "b", "_type": "Car"},
    ),
    # a value goes, where the old default has an old name inside
    _case(_models(_pet("value", cat=_CAT, dog={})), _models(_pet("no", cat=_RENAMED)), _DOG),
    # a value goes, where the old default is one still, and where there is a new one
    _case(_models(_pet("value", cat=_CAT, dog={})), _models(_pet("no", cat=_CAT)), _DOG),
    _case(_models(_pet("no", cat=_CAT, dog={})), _models(_pet("value", cat=_CAT)), _DOG),
    _case(_models(_pet("value", cat=_CAT, dog={})), _models(_pet("value", cat=_RENAMED)), _DOG),
)
