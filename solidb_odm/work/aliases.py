"""Whether somebody outside a document holds a part of it that can change in place.

``theme = user.settings``: the caller keeps the embedded model and may change it after a commit, when nothing
holds the document any more. Lists and dictionaries can't be observed or weakly referred to, so the references
to the changeable parts are counted, as the garbage collector does: a part with more references than the
document itself accounts for, or with a weak one, is held by somebody else.
"""

from __future__ import annotations

import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, cast
from weakref import getweakrefcount

from pydantic import BaseModel

from .._types import is_map
from ..model.stored.pydantic_attributes import class_decorators, extra_of, private_of
from ..model.type_inspection import UNCHANGEABLE

_SEQUENCES = (list, set, deque)
_FIXED = (tuple, frozenset)
_PLAIN = frozenset((str, int, float, bool, type(None)))
_OPEN, _OPEN_DATACLASS = "__solidb_open__", "__solidb_open_dataclass__"
_VALUES: Callable[[Any], Iterable[Any]] = dict[Any, Any].values


def has_aliases(document: Any) -> bool:
    """Return whether a changeable part of a document is referred to from outside of it."""
    if _overhead is None:
        return True
    values = document.__dict__
    if sys.getrefcount(values) > _overhead or (private_of(document) and _stores_private(document)):
        return True
    watched = document.__solidb_watched__
    if extra_of(document) is None and _is_sole(map(values.get, watched), _alone):
        return False
    return _is_held(document, values, _overhead)


def are_sole(documents: Sequence[Any]) -> bool:
    """Return whether no part of documents of one class is referred to from outside, at the least cost.

    Looked at are all values of a field at once. False, too, for what takes a closer look at each.
    """
    if _overhead is None or (_stores_private(documents[0]) and any(map(private_of, documents))):
        return False
    rows = [document.__dict__ for document in documents]
    if _most(rows) > in_one_place or not _has_none(extra_of, documents):
        return False
    watched = documents[0].__solidb_watched__
    return all(_all_sole([row.get(name) for row in rows]) for name in watched)


def _all_sole(values: list[Any]) -> bool:
    """Return whether no value that can change has a reference but this list's and its own place's."""
    present: set[type[Any]] = set(map(type, values))
    kinds = {kind for kind in present - _PLAIN if not _is_fixed(kind)}
    if len(kinds) > 1:
        apart = [[value for value in values if value.__class__ is kind] for kind in kinds]
        values.clear()
        return all(map(_all_sole, apart))
    for kind in kinds:
        if len(present) > 1:
            values[:] = [value for value in values if value.__class__ is kind]
        is_sole = _most(values) <= in_one_place and not (kind is set and any(map(getweakrefcount, values)))
        if kind in _FIXED:  # held by whoever likes, if what is in it can't change
            inner = list(chain.from_iterable(values))
            return (is_sole or all(map(_is_fixed, map(type, inner)))) and _all_sole(inner)
        if not is_sole:
            return False
        if kind is list or kind is dict or kind is set:
            return _all_sole(list(chain.from_iterable(map(_VALUES, values) if kind is dict else values)))
        if _is_open_dataclass(kind):
            fields = [value.__dict__ for value in values]
            if max(map(sys.getrefcount, fields)) > _few + 1 or any(map(getweakrefcount, values)):
                return False
            return _all_sole(list(chain.from_iterable(map(_VALUES, fields))))
        if not _is_open_model(kind) or any(map(getweakrefcount, values)):
            return False
        fields = [value.__dict__ for value in values]
        if _most(fields) > in_one_place or not (
            _has_none(extra_of, values) and _has_none(private_of, values)
        ):
            return False
        return _all_sole(list(chain.from_iterable(map(_VALUES, fields))))
    return True


def _is_fixed(kind: type[Any]) -> bool:
    """Return whether objects of a class can't change, or are documents and links, which are no parts."""
    return issubclass(kind, UNCHANGEABLE) or hasattr(kind, "__solidb_reference__")


def _has_none(get: Callable[[Any], Any], values: Iterable[Any]) -> bool:
    return [value for value in map(get, values) if value is not None] == []


def _most(values: list[Any]) -> int:
    """Return the most references that a value has, its place in this list among them."""
    return max(map(sys.getrefcount, values), default=0)


def _is_sole(values: Iterable[Any], count: int) -> bool:
    """Return whether no value that can change has more than ``count`` references, at the least cost a value.

    False, too, for what takes a closer look: a value that is twice in the document, one of a rarer kind.
    """
    for value in values:
        kind = value.__class__
        if kind in _PLAIN:
            continue
        inside: Iterable[Any]
        if kind is list or kind is dict:
            inside = value if kind is list else value.values()
            expected = count + 1  # for ``inside``
        elif _is_open_model(kind):
            fields, expected = value.__dict__, count
            if sys.getrefcount(fields) > count or getweakrefcount(value):
                return False
            if extra_of(value) is not None or private_of(value) is not None:
                return False
            inside = fields.values()
        elif isinstance(value, UNCHANGEABLE):
            continue
        elif _is_open_dataclass(kind):
            fields, expected = value.__dict__, count
            if sys.getrefcount(fields) > count or getweakrefcount(value):
                return False
            inside = fields.values()
        else:
            return False
        if sys.getrefcount(value) > expected:
            return False
        if not _PLAIN.issuperset(map(type, inside)) and not _is_sole(inside, count):
            return False
    return True


def _is_held(document: Any, values: dict[str, Any], overhead: int) -> bool:
    """Return whether a part of a document has more references than the document itself accounts for."""
    parts = _Parts()
    for name in document.__solidb_watched__:
        if (value := values.get(name)) is not None:
            parts.visit(value)
    value = None
    if (extra := extra_of(document)) is not None:
        parts.visit(extra)
    extra = None
    return _is_referred(parts, overhead)


def held_fields(document: Any) -> tuple[str, ...]:
    """Return the fields of which parts may be held outside of a document, if all of these hold plain values.

    None of them if one holds more than lists, sets and dictionaries of such, or where it can't be known.
    """
    values, held = document.__dict__, list[str]()
    if _overhead is None or sys.getrefcount(values) > _overhead:
        return ()
    for name in sorted(document.__solidb_watched__):
        parts = _Parts()
        parts.visit(values.get(name))
        if _is_referred(parts, _overhead):
            held.append(name)
    return tuple(held) if all(_holds_plain_values(values[name]) for name in held) else ()


def _is_referred(parts: _Parts, overhead: int) -> bool:
    """Return whether a part has more references than the values that were visited account for."""
    counts = _references(parts.found)
    return any(
        count - overhead > inner for count, inner in zip(counts, parts.inner.values(), strict=True)
    ) or any(map(getweakrefcount, parts.found.values()))


def _stores_private(document: Any) -> bool:
    """Return whether what is stored may follow from private attributes, which nothing sees being read."""
    model = cast("Any", type(document))
    declared = class_decorators(model)
    return bool(declared.computed_fields or declared.model_serializers or declared.field_serializers)


class _Parts:
    """The changeable parts below a value, each once, and how often the value itself refers to each."""

    __slots__ = ("found", "inner")

    def __init__(self) -> None:
        self.found: dict[int, Any] = {}
        self.inner: dict[int, int] = {}

    def visit_all(self, values: Iterable[Any]) -> bool:
        """Visit values; return whether any of them can change in place."""
        return sum([self.visit(value) for value in values]) > 0

    def visit(self, value: Any) -> bool:
        """Note a value and what is in it; return whether it can change in place."""
        kind = value.__class__
        if kind in _PLAIN:
            return False
        if kind is list or kind is dict or _is_open_model(kind):  # most of all values, at the least cost
            self._note(value, kind)
            return True
        if isinstance(value, UNCHANGEABLE) or hasattr(cast("Any", type(value)), "__solidb_reference__"):
            return False
        key = id(value)
        if key in self.inner:
            self.inner[key] += 1
            return True
        if isinstance(value, _FIXED) or _is_frozen(
            value
        ):  # held by whoever likes, if what is in it can't change
            if not self.visit_all(list(_inside(value))):
                return False
        elif not _is_container(value) and _is_a_value(value):
            return False
        self.found[key] = value
        self.inner[key] = 1
        if not (isinstance(value, _FIXED) or _is_frozen(value) or _holds_plain_values(value)):
            self.visit_all(list(_inside(value)))
        return True

    def _note(self, value: Any, kind: Any) -> None:
        """Note a list, a dictionary or a model that can change, and what is in it."""
        key, inner = id(value), self.inner
        if key in inner:
            inner[key] += 1
            return
        self.found[key] = value
        inner[key] = 1
        if kind is list or kind is dict:
            for part in value if kind is list else value.values():
                if part.__class__ not in _PLAIN:
                    self.visit(part)
            return
        self._note(value.__dict__, dict)
        for more in (extra_of(value), private_of(value)):
            if more is not None:
                self._note(more, dict)


def _is_open_model(kind: Any) -> bool:
    """Return whether a class is a model whose attributes can be set, and no document; looked up once."""
    known: bool | None = kind.__dict__.get(_OPEN)
    if known is None:
        config = kind.__dict__.get("model_config")
        if config is None or not issubclass(kind, BaseModel):
            return False
        known = not config.get("frozen") and not hasattr(kind, "__solidb_reference__")
        type.__setattr__(kind, _OPEN, known)
    return known


def _is_open_dataclass(kind: Any) -> bool:
    """Return whether a class is a dataclass whose attributes can be set, and stand in a dictionary alone."""
    known: bool | None = kind.__dict__.get(_OPEN_DATACLASS)
    if known is None:
        parameters = kind.__dict__.get("__dataclass_params__")
        if parameters is None:
            return False
        bases = [base.__dict__ for base in kind.__mro__ if base is not object]
        are_plain = all("__dataclass_params__" in base and "__slots__" not in base for base in bases)
        known = are_plain and not parameters.frozen
        type.__setattr__(kind, _OPEN_DATACLASS, known)
    return known


def _holds_plain_values(value: Any) -> bool:
    """Return whether all that a list, set or dictionary holds is text, numbers and the like."""
    if is_map(value):
        return _PLAIN.issuperset(map(type, value.values()))
    return isinstance(value, _SEQUENCES) and _PLAIN.issuperset(map(type, cast("Iterable[Any]", value)))


def _is_container(value: Any) -> bool:
    kind = cast("Any", type(value))
    return issubclass(kind, (dict, BaseModel, *_SEQUENCES)) or hasattr(kind, "__dataclass_fields__")


def _is_a_value(value: Any) -> bool:
    """Return whether an object is compared by what it holds and hashable, and so unchangeable by contract."""
    hashing: Any = type(value).__hash__
    return hashing not in (None, object.__hash__)


def _is_frozen(value: Any) -> bool:
    if isinstance(value, BaseModel):
        return bool(type(value).model_config.get("frozen"))
    parameters = getattr(value, "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _inside(value: Any) -> Iterator[Any]:
    """Yield what a value refers to directly."""
    if isinstance(value, (*_SEQUENCES, *_FIXED)):
        yield from cast("Iterable[Any]", value)
        return
    if is_map(value):
        yield from value.values()
        return
    if isinstance(value, BaseModel):
        yield from (value.__dict__, extra_of(value), private_of(value))
        return
    yield getattr(value, "__dict__", None)
    for cls in type(value).__mro__:
        slots: Any = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__"):
                yield getattr(value, name, None)


def _references(parts: dict[int, Any]) -> list[int]:
    return [sys.getrefcount(part) for part in parts.values()]


def _measured() -> int | None:
    """Return how many references looking itself adds; None where references are not counted."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None
    return _references({0: []})[0]


_overhead = _measured()
_alone = 0 if _overhead is None else next(count for count in range(9) if _is_sole([[]], count))
"""How many references a value has that is in one place only, as :func:`_is_sole` sees it."""
_few = 0 if _overhead is None else _most([[]])
"""How many references a value has that is in a list only, as :func:`_most` sees it."""
in_one_place = _few + 1
"""How many references a value has that is in a list and in its own place."""
