"""Models written from a database: what its collections, indexes, schemas and documents say."""

from __future__ import annotations

import keyword
import re
from typing import Any, cast

from .._types import Json, JsonObject
from ..commands import CollectionSpec, DescribeCollection, IndexSpec, ListCollections, Operation, call
from ..commands.schema import ELEMENTS
from ..language.stored_documents import SYSTEM_ATTRIBUTES
from .ledger import body_of
from .passes import read_page
from .steps import source_text

_SAMPLE = 1000
_CLASSES = {
    "persistent": "Index",
    "fulltext": "FulltextIndex",
    "geo": "GeoIndex",
    "vector": "VectorIndex",
    "ttl": "TTLIndex",
}


def inspect_models() -> Operation[str]:
    """Return the source of a module of models."""
    names = yield from call(ListCollections())
    parts: list[str] = []
    for name in names:
        spec = yield from call(DescribeCollection(name))
        if spec is None or spec.kind not in ("document", "edge"):
            continue
        page = yield from read_page(name, "", _SAMPLE)
        parts.append(_model(spec, [body_of(stored) for stored in page]))
    head = (
        '"""Models of a database, written by solidb-odm inspect."""\n\n'
        "from __future__ import annotations\n\nfrom typing import Any\n\n"
        "from pydantic import BaseModel, ConfigDict, Field\n\n"
        "from solidb_odm import (\n    Document,\n    Edge,\n"
        "    FulltextIndex,\n    GeoIndex,\n    Index,\n    TTLIndex,\n    VectorIndex,\n)\n"
    )
    return head + "".join(f"\n\n{part}" for part in parts)


def _model(spec: CollectionSpec, documents: list[JsonObject]) -> str:
    name = _class_name(spec.name)
    classes: list[str] = []
    hidden = (*SYSTEM_ATTRIBUTES, "_from", "_to", "_type", "_version")
    fields = _fields(name, documents, classes, hidden)
    for index in spec.indexes:
        for path in index.fields:
            first = path.split(".")[0].removesuffix(ELEMENTS)
            if first not in {stored for stored, _ in fields} and first not in hidden:
                fields.append((first, "Any = None"))
    base = "Edge[Document, Document]" if spec.kind == "edge" else "Document"
    lines = [
        f"class {name}({base}, collection={source_text(spec.name)}):",
        '    model_config = ConfigDict(extra="allow")',
        "",
    ]
    lines += [_field(stored, text) for stored, text in fields]
    settings = [_index(index) for index in spec.indexes]
    if settings:
        lines += ["", "    class Settings:", "        indexes = ["]
        lines += [f"            {text}," for text in settings] + ["        ]"]
    return "\n".join([*classes, *lines]).rstrip() + "\n"


def _fields(
    owner: str, documents: list[JsonObject], classes: list[str], hidden: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    names = dict.fromkeys(name for document in documents for name in document if name not in hidden)
    found: list[tuple[str, str]] = []
    for name in names:
        values = [document[name] for document in documents if name in document]
        text = _type(f"{owner}{_class_name(name)}", values, classes)
        if len(values) < len(documents):
            optional = text if text == "Any" or "None" in text.split(" | ") else f"{text} | None"
            text = f"{optional} = None"
        found.append((name, text))
    return sorted(found, key=lambda pair: " = " in pair[1])


def _items(value: Any) -> list[Any]:
    return list(value)


def _type(name: str, values: list[Json], classes: list[str]) -> str:
    kinds: set[type[Any]] = {cast("Any", type(value)) for value in values}
    members = sorted(_SCALARS[kind] for kind in kinds if kind in _SCALARS and kind is not type(None))
    if members == ["float", "int"]:
        members = ["float"]
    if list in kinds:
        items = [item for value in values if isinstance(value, list) for item in _items(value)]
        members.append(f"list[{_type(name, items, classes) if items else 'Any'}]")
    if dict in kinds:
        objects = [cast("JsonObject", value) for value in values if isinstance(value, dict)]
        members.append(_embedded(name, objects, classes))
    if type(None) in kinds:
        members.append("None")
    return " | ".join(members) if members and members != ["None"] else "Any"


_SCALARS: dict[type[Any], str] = {str: "str", bool: "bool", int: "int", float: "float", type(None): "None"}


def _embedded(name: str, objects: list[JsonObject], classes: list[str]) -> str:
    inner = _fields(name, objects, classes)
    if not inner:
        return "dict[str, Any]"
    lines = [f"class {name}(BaseModel):", *(_field(stored, text) for stored, text in inner)]
    classes.append("\n".join(lines) + "\n\n")
    return name


def _field(stored: str, text: str) -> str:
    kind, equals, default = text.partition(" = ")
    python = re.sub(r"\W", "_", stored).lstrip("_") or "field"
    if python[0].isdigit() or keyword.iskeyword(python) or python in _TAKEN:
        python = f"{python}_" if not python[0].isdigit() else f"field_{python}"
    if python == stored:
        return f"    {python}: {kind}{f' = {default}' if equals else ''}"
    alias = f"alias={source_text(stored)}"
    return f"    {python}: {kind} = Field({f'{default}, ' if equals else ''}{alias})"


_TAKEN = (
    "key",
    "id",
    "rev",
    "created_at",
    "updated_at",
    "copy",
    "json",
    "dict",
    "schema",
    "validate",
    "construct",
)


def _index(index: IndexSpec) -> str:
    arguments = [source_text(_path(path)) for path in index.fields]
    chosen = [name for name in ("unique", "dimension", "seconds") if getattr(index, name)]
    arguments += [f"{name}={getattr(index, name)!r}" for name in chosen]
    if index.where:
        where = {".".join(map(_attribute, path.split("."))): value for path, value in index.where}
        arguments.append(f"where={source_text(where)}")
    if index.kind == "vector":
        arguments.append(f"metric={source_text(index.metric)}")
    if index.kind == "fulltext" and index.minimum_length != 3:
        arguments.append(f"minimum_length={index.minimum_length}")
    return f"{_CLASSES[index.kind]}({', '.join(arguments)}, name={source_text(index.name)})"


def _path(stored: str) -> str:
    steps = [(step.removesuffix(ELEMENTS), step.endswith(ELEMENTS)) for step in stored.split(".")]
    return ".".join(f"{_attribute(name)}{ELEMENTS if is_list else ''}" for name, is_list in steps)


def _attribute(stored: str) -> str:
    return _field(stored, "Any").split(":")[0].strip()


def _class_name(name: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    made = "".join(word[:1].upper() + word[1:] for word in words) or "Model"
    return f"C{made}" if made[0].isdigit() else made
