"""Random pairs of model sets, as plain data: the classes they declare, documents, and what becomes of these.

A set is a dict of collections; a collection has ``fields``, ``classes`` (whose documents carry ``_type``) and
settings. A field has a ``type``, and says whether it may be null, what its default is and what it was called.
"""

from __future__ import annotations

import secrets
from copy import deepcopy
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, computed_field, create_model

from solidb_odm import (
    Document,
    Edge,
    FulltextIndex,
    Index,
    Link,
    Registry,
    RenamedFrom,
    SoftDelete,
    TTLIndex,
    Vector,
    VectorIndex,
)

Spec = dict[str, Any]
Rows = dict[str, list[dict[str, Any]]]

NAMES = ("alpha", "beta", "gamma", "delta")
SCALARS: dict[str, tuple[Any, list[Any]]] = {
    "int": (int, [1, 2, 3]),
    "str": (str, ["a", "b"]),
    "float": (float, [1.5, 2.5]),
    "bool": (bool, [True, False]),
    "colour": (Literal["red", "blue"], ["red", "blue"]),
    "shade": (Literal["red", "pink"], ["red", "pink"]),
    "names": (list[str], [["x"], []]),
    "counts": (dict[str, int], [{"x": 1}, {}]),
    "either": (int | str, [4, "c"]),
    "moment": (datetime, ["2020-01-02T03:04:05+00:00"]),
    "any": (Any, [{"x": [1]}, "z"]),
}
TAGS = ("cat", "dog")
CLASSES = ("Bike", "Car")
INDEXES = ("", "", "plain", "named", "some", "more")
"""Indexes of a number or a text: ``some`` and ``more`` are two settings of a TTL or a full-text index."""


# --- drawing -------------------------------------------------------------------------------------

_scalars = st.sampled_from(sorted(SCALARS)).map(lambda kind: {"kind": kind})


@cache
def _types(depth: int) -> st.SearchStrategy[Spec]:
    if not depth:
        return _scalars
    inner = _fields(depth - 1)
    parts = st.builds(
        lambda kind, fields: {"kind": kind, "fields": fields},
        st.sampled_from(("part", "parts", "table")),
        inner,
    )
    unions = st.builds(
        lambda kind, members: {"kind": kind, "members": members},
        st.sampled_from(("pet", "pets")),
        st.dictionaries(st.sampled_from(TAGS), inner, min_size=1),
    )
    links = st.sampled_from(("link", "links")).map(lambda kind: {"kind": kind})
    vectors = st.sampled_from((2, 3)).map(lambda size: {"kind": "vector", "size": size})
    usual = [_scalars, _scalars, parts, unions]
    return st.one_of(*usual, links, vectors) if depth == 2 else st.one_of(*usual)


@cache
@st.composite
def _field(draw: st.DrawFn, depth: int) -> Spec:
    kind = draw(_types(depth))
    optional = kind["kind"] == "vector" or draw(st.booleans())
    defaults = ("no", "value", "factory", "null") if optional else ("no", "value", "factory")
    default = "null" if kind["kind"] == "vector" else draw(st.sampled_from(defaults))
    if default == "value" and kind["kind"] in ("link", "links", "moment"):
        default = "no"
    index = draw(st.sampled_from(INDEXES)) if kind["kind"] in ("int", "str") and depth == 2 else ""
    return {
        "type": kind,
        "optional": optional,
        "default": default,
        "index": index,
        "alias": draw(st.booleans()),
        "from": None,
        "declared": False,
    }


@cache
def _fields(depth: int) -> st.SearchStrategy[Spec]:
    return st.dictionaries(st.sampled_from(NAMES), _field(depth), max_size=3 if depth == 2 else 2)


@st.composite
def _collection(draw: st.DrawFn) -> Spec:
    classes = draw(st.dictionaries(st.sampled_from(CLASSES), _own_fields(), max_size=2))
    return {
        "fields": draw(_fields(2)),
        "classes": {kind: {"fields": fields, "from": None} for kind, fields in classes.items()},
        "strict": draw(st.booleans()),
        "extra": draw(st.sampled_from((None, "allow", "forbid"))),
        "soft": draw(st.booleans()),
        "computed": draw(st.sampled_from((None, "int", "str"))),
    }


def _plain_others(spec: Spec) -> Spec:
    """Return a collection without links: what they lead to is declared before them."""
    for field in spec["fields"].values():
        kind = field["type"]["kind"]
        field["type"]["kind"] = {"link": "str", "links": "names"}.get(kind, kind)
    return spec


@cache
def _own_fields() -> st.SearchStrategy[Spec]:
    return st.dictionaries(st.sampled_from(("own", "mine")), _field(1), max_size=2)


@st.composite
def model_sets(draw: st.DrawFn) -> Spec:
    """Draw a set of models: things, others that they may lead to, and edges between them."""
    made = {
        "things": draw(_collection()),
        "others": {**_plain_others(draw(_collection())), "classes": {}, "from": None, "declared": False},
    }
    ties = {
        "fields": draw(_fields(0)),
        "ends": draw(st.sampled_from((("things", "others"), ("things", "things")))),
    }
    return {**made, "ties": ties, "other_name": "others"}


@st.composite
def successors(draw: st.DrawFn, before: Spec) -> Spec:
    """Draw what a set of models becomes."""
    after = deepcopy(before)
    after["things"] = {**draw(_collection()), "classes": _next_classes(draw, before["things"]["classes"])}
    after["things"]["fields"] = _next_fields(draw, before["things"]["fields"], 2)
    after["others"] = _plain_others(
        {**after["others"], "fields": _next_fields(draw, before["others"]["fields"], 2)}
    )
    after["ties"] = {
        "fields": _next_fields(draw, before["ties"]["fields"], 0),
        "ends": draw(st.sampled_from((before["ties"]["ends"], ("things", "others"), ("things", "things")))),
    }
    after["other_name"] = draw(st.sampled_from(("others", "mates")))
    after["others"]["declared"] = draw(st.booleans())
    return after


def _next_classes(draw: st.DrawFn, before: Spec) -> Spec:
    after: Spec = {}
    for kind, own in before.items():
        fate = draw(st.sampled_from(("stay", "stay", "go", "rename")))
        if fate != "go":
            fields = _next_fields(draw, own["fields"], 1, ("own", "mine"))
            after["Cycle" if fate == "rename" and kind == "Bike" else kind] = {"fields": fields, "from": kind}
    return after


def _next_fields(draw: st.DrawFn, before: Spec, depth: int, names: tuple[str, ...] = NAMES) -> Spec:
    after: Spec = {}
    for name, field in before.items():
        fate = draw(st.sampled_from(("stay", "change", "change", "rename", "anew", "go")))
        if fate == "go":
            continue
        new = (
            _anew(draw, field, depth)
            if fate == "anew"
            else _changed(draw, field, depth, "stay" if fate == "stay" else "change")
        )
        new = {**new, "from": None, "declared": False}
        if fate == "rename":
            free = [name for name in (*names, "omega") if name not in before and name not in after]
            if free:
                after[free[0]] = {**new, "from": name, "declared": draw(st.booleans())}
                continue
        after[name] = new
    free = [name for name in names if name not in before and name not in after]
    if free and draw(st.booleans()):
        after[free[0]] = draw(_field(depth))
    return after


def _anew(draw: st.DrawFn, field: Spec, depth: int) -> Spec:
    """Draw a field of the same name with another type, whose values have nothing to do with the old ones."""
    new = draw(_field(depth))
    if field["type"]["kind"] == "any":
        new["type"] = {"kind": "any"}
    elif field["type"]["kind"] not in ("int", "str", "float", "bool", "colour", "shade"):
        new["type"] = {"kind": draw(st.sampled_from(("int", "bool", "colour")))}
    if new["type"]["kind"] in SCALARS and new["default"] == "null" and not new["optional"]:
        new["default"] = "no"
    return {**new, "index": new["index"] if new["type"]["kind"] in ("int", "str") else ""}


def _changed(draw: st.DrawFn, field: Spec, depth: int, fate: str) -> Spec:
    if fate == "stay":
        return deepcopy(field)
    other = draw(_field(depth))
    kind = field["type"]
    if "fields" in kind:
        kind = {**kind, "fields": _next_fields(draw, kind["fields"], depth - 1)}
    elif "members" in kind:
        members = {
            tag: _next_fields(draw, fields, depth - 1)
            for tag, fields in kind["members"].items()
            if draw(st.integers(0, 3)) or len(kind["members"]) == 1
        }
        kind = {**kind, "members": members or kind["members"]}
    elif kind["kind"] == "vector":
        return {**field, "type": {**kind, "size": draw(st.sampled_from((2, 3)))}}
    elif kind["kind"] not in ("link", "links", "any"):
        kind = {"kind": other["type"]["kind"]} if other["type"]["kind"] in SCALARS else kind
    default = other["default"]
    optional = field["optional"] if default == "null" and field["optional"] else other["optional"]
    if default == "null" and not optional:
        default = "no"
    if default == "value" and kind["kind"] in ("link", "links", "moment"):
        default = "no"
    return {
        **field,
        "type": kind,
        "optional": optional,
        "default": default,
        "index": other["index"] if kind["kind"] in ("int", "str") else "",
    }


@st.composite
def documents(draw: st.DrawFn, models: Spec, after: Spec) -> Rows:
    """Draw documents of a set of models."""
    rows: Rows = {}
    for name in ("others", "things", "ties"):
        rows[name] = [_document(draw, models, after, name, key) for key in ("a", "b")]
    return rows


def _document(draw: st.DrawFn, models: Spec, after: Spec, name: str, key: str) -> dict[str, Any]:
    spec = models[name]
    made = {"_key": key, **_example(draw, spec["fields"])}
    if name == "ties":
        start, end = spec["ends"]
        return {**made, "_from": f"{start}/{key}", "_to": f"{end}/a"}
    kinds = [None, *spec["classes"]]
    kind = draw(st.sampled_from(kinds))
    if kind is not None:
        made |= {"_type": kind, **_example(draw, spec["classes"][kind]["fields"])}
    if "forbid" not in (spec["extra"], after[name]["extra"]) and draw(st.booleans()):
        made["more"] = [1]
    if spec["soft"]:
        made["deleted_at"] = draw(st.sampled_from((None, "2020-01-02T03:04:05+00:00")))
    if spec["computed"] is not None:
        made["size"] = size_of(spec, key)
    return made


def size_of(spec: Spec, key: str) -> Any:
    return len(key) if spec["computed"] == "int" else key * 2


def _example(draw: st.DrawFn, fields: Spec) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in fields.items():
        if field["default"] in ("factory", "null") and not draw(st.integers(0, 2)):
            continue
        if field["optional"] and draw(st.booleans()):
            made[name] = None
        else:
            made[name] = _value(draw, field["type"])
    return made


def _value(draw: st.DrawFn, kind: Spec) -> Any:
    match kind["kind"]:
        case "part":
            return _example(draw, kind["fields"])
        case "parts":
            return [_example(draw, kind["fields"]) for _ in range(draw(st.integers(0, 2)))]
        case "table":
            return {
                name: _example(draw, kind["fields"])
                for name in draw(st.sampled_from(((), ("x",), ("x", "y"))))
            }
        case "pet":
            return _pet(draw, kind)
        case "pets":
            return [_pet(draw, kind) for _ in range(draw(st.integers(0, 3)))]
        case "link":
            return "others/a"
        case "links":
            return ["others/a", "others/b"]
        case "vector":
            return [0.5] * kind["size"]
        case other:
            return deepcopy(draw(st.sampled_from(SCALARS[other][1])))


def _pet(draw: st.DrawFn, kind: Spec) -> dict[str, Any]:
    tag = draw(st.sampled_from(sorted(kind["members"])))
    return {"kind": tag, **_example(draw, kind["members"][tag])}


# --- declaring -----------------------------------------------------------------------------------


def declare(models: Spec) -> dict[str, Any]:
    """Return the document classes of a set by name, with a registry of their own."""
    registry = Registry()
    made: dict[str, Any] = {}
    others = models["others"]
    made["others"] = _document_class(
        "Other",
        models["other_name"],
        others,
        registry,
        made,
        {"renamed_from": "others"} if others["declared"] and models["other_name"] != "others" else {},
    )
    made["things"] = _document_class("Thing", "things", models["things"], registry, made, {})
    for kind, own in models["things"]["classes"].items():
        settings: dict[str, Any] = {"renamed_from": own["from"]} if own["from"] not in (None, kind) else {}
        made[kind] = _class(kind, (made["things"],), own["fields"], settings, {}, {}, made)
    ends = tuple(made[name] for name in models["ties"]["ends"])
    base = _abstract(Edge[ends], registry)  # type: ignore[misc,valid-type]
    made["ties"] = _class("Tie", (base,), models["ties"]["fields"], {}, {}, {"collection": "ties"}, made)
    return made


def _abstract(base: Any, registry: Registry) -> Any:
    return type(Document)("Base", (base,), {"__module__": __name__}, abstract=True, registry=registry)


def _document_class(
    name: str, collection: str, spec: Spec, registry: Registry, known: dict[str, Any], more: dict[str, Any]
) -> Any:
    base = _abstract(SoftDelete if spec["soft"] else Document, registry)
    settings = {"schema_validation": "strict" if spec["strict"] else "off", **more}
    namespace: dict[str, Any] = {
        "model_config": ConfigDict(extra=spec["extra"]) if spec["extra"] else ConfigDict()
    }
    if spec["computed"] is not None:
        namespace["size"] = computed_field(property(_sizes[spec["computed"]]))
    return _class(name, (base,), spec["fields"], settings, namespace, {"collection": collection}, known)


def _int_size(self: Any) -> int:
    return len(self.key)


def _str_size(self: Any) -> str:
    return str(self.key * 2)


_sizes: dict[str, Any] = {"int": _int_size, "str": _str_size}


def _class(
    name: str,
    bases: tuple[Any, ...],
    fields: Spec,
    settings: dict[str, Any],
    namespace: dict[str, Any],
    options: dict[str, Any],
    known: dict[str, Any],
) -> Any:
    annotations: dict[str, Any] = {}
    whole: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__, **namespace}
    for stored, field in fields.items():
        python = f"py_{stored}" if field["alias"] else stored
        annotations[python], whole[python] = _declared(stored, field, known)
    if settings:
        whole["Settings"] = type("Settings", (), settings)
    return type(Document)(name, bases, whole, **options)


def _index(field: Spec, stored: str) -> Index:
    choice = field["index"]
    if choice == "plain":
        return Index()
    if choice == "named":
        return Index(name=f"on_{stored}")
    if field["type"]["kind"] == "int":
        return TTLIndex(seconds={"some": 10**10, "more": 2 * 10**10}[choice])
    return FulltextIndex(minimum_length={"some": 2, "more": 4}[choice])


def _declared(stored: str, field: Spec, known: dict[str, Any]) -> tuple[Any, Any]:
    plain = kind = _annotation(field["type"], known)
    if field["optional"]:
        kind = Union[kind, None]  # noqa: UP007  made of values
    if field["type"]["kind"] == "vector":
        kind = Annotated[kind, VectorIndex(dimension=field["type"]["size"])]
    if field["index"]:
        kind = Annotated[kind, _index(field, stored)]
    if field["from"] is not None and field["declared"]:
        kind = Annotated[kind, RenamedFrom(field["from"])]
    options: dict[str, Any] = {"alias": stored} if field["alias"] else {}
    if field["default"] == "value":
        options["default"] = _default(field["type"], plain, known)
    elif field["default"] == "null":
        options["default"] = None
    elif field["default"] == "factory":
        first = _default(field["type"], plain, known)
        options["default_factory"] = lambda: deepcopy(first)
    return kind, Field(**options)


def _annotation(kind: Spec, known: dict[str, Any]) -> Any:
    match kind["kind"]:
        case "part":
            return _embedded(kind["fields"], known)
        case "parts":
            return list[_embedded(kind["fields"], known)]  # type: ignore[misc]
        case "table":
            return dict[str, _embedded(kind["fields"], known)]  # type: ignore[misc]
        case "pet":
            return _union(kind, known)
        case "pets":
            return list[_union(kind, known)]  # type: ignore[misc]
        case "link":
            return _link(known)
        case "links":
            return list[_link(known)]  # type: ignore[misc]
        case "vector":
            return Vector
        case other:
            return SCALARS[other][0]


def _link(known: dict[str, Any]) -> Any:
    others = known["others"]
    return Link[others]


def _embedded(fields: Spec, known: dict[str, Any], tag: str = "") -> type[BaseModel]:
    made: dict[str, Any] = {"kind": (Literal[tag], ...)} if tag else {}  # type: ignore[valid-type]
    for stored, field in fields.items():
        made[f"py_{stored}" if field["alias"] else stored] = _declared(
            stored, {**field, "index": False}, known
        )
    return create_model(f"Part{secrets.token_hex(3)}", __config__=ConfigDict(populate_by_name=True), **made)


def _union(kind: Spec, known: dict[str, Any]) -> Any:
    members = tuple(_embedded(fields, known, tag) for tag, fields in sorted(kind["members"].items()))
    return members[0] if len(members) == 1 else Annotated[Union[members], Field(discriminator="kind")]  # noqa: UP007


def _default(kind: Spec, annotation: Any, known: dict[str, Any]) -> Any:
    others = known["others"].__solidb_collection__ if "others" in known else "others"
    return TypeAdapter(annotation).validate_python(relinked(first_value(kind), others))


def first_value(kind: Spec) -> Any:
    """Return the value that is given where one is wanted."""
    match kind["kind"]:
        case "part":
            return _first_of(kind["fields"])
        case "parts" | "pets" | "links":
            return []
        case "table":
            return {}
        case "pet":
            tag = min(kind["members"])
            return {"kind": tag, **_first_of(kind["members"][tag])}
        case "link":
            return "others/a"
        case "vector":
            return None
        case other:
            return deepcopy(SCALARS[other][1][0])


def _first_of(fields: Spec) -> dict[str, Any]:
    return {name: first_value(field["type"]) for name, field in fields.items()}


def relinked(part: Any, name: str) -> Any:
    """Return a document whose links and ends lead to the others by the name they have now."""
    if isinstance(part, dict):
        return {key: relinked(inner, name) for key, inner in part.items()}
    if isinstance(part, list):
        return [relinked(inner, name) for inner in part]
    return part.replace("others/", f"{name}/") if isinstance(part, str) else part
