"""Models written from a database: what its collections, indexes, schemas and documents say."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, cast
from uuid import UUID

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
    """Return the source of a module of models.

    Types are those of up to 1,000 documents of a collection. Texts that are all dates, times or UUIDs are
    these, and texts that all lead to one collection are links; ``_type`` makes classes.
    """
    names = yield from call(ListCollections())
    known = {name: _class_name(name) for name in names}
    parts: dict[str, list[str]] = {"document": [], "edge": []}
    for name in names:
        spec = yield from call(DescribeCollection(name))
        if spec is None or spec.kind not in parts:
            continue
        page = yield from read_page(name, "", _SAMPLE)
        parts[spec.kind].append(_Inspected(spec, [body_of(stored) for stored in page], known).text())
    return _HEAD + "".join(f"\n\n{part}" for part in (*parts["document"], *parts["edge"]))


_HEAD = '''"""Models of a database, written by solidb-odm inspect."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from solidb_odm import (
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Link,
    TTLIndex,
    Vector,
    VectorIndex,
)
'''
_HIDDEN = (*SYSTEM_ATTRIBUTES, "_from", "_to", "_type", "_version")


class _Inspected:
    """One collection: its classes are those that ``_type`` tells apart, below one for all."""

    def __init__(self, spec: CollectionSpec, documents: list[JsonObject], known: dict[str, str]) -> None:
        self._spec, self._documents, self._known = spec, documents, known
        self._types = {
            index.fields[0]: _OF_INDEX[index.kind] for index in spec.indexes if index.kind in _OF_INDEX
        }
        self._embedded: list[str] = []

    def text(self) -> str:
        name = _class_name(self._spec.name)
        kinds = self._kinds()
        own = [document for document in self._documents if document.get("_type") not in kinds]
        shared = self._shared(own, kinds)
        fields = self._fields(name, [{key: d[key] for key in shared if key in d} for d in self._documents])
        self._add_indexed(fields)
        lines = [
            f"class {name}({self._base()}, collection={source_text(self._spec.name)}):",
            _OPEN,
            "",
            *(_field(stored, text) for stored, text in fields),
            *self._settings(),
        ]
        classes = ["\n".join(lines).rstrip() + "\n"]
        for kind in sorted(kinds):
            more = [
                _without(document, shared) for document in self._documents if document.get("_type") == kind
            ]
            inner = [_field(stored, text) for stored, text in self._fields(kind, more)] or ["    pass"]
            classes.append("\n".join([f"class {kind}({name}):", *inner]) + "\n")
        return "\n\n".join([*self._embedded, *classes])

    def _kinds(self) -> set[str]:
        names = {document.get("_type") for document in self._documents} - {None}
        taken = {*self._known.values(), "Any"}
        is_plain = all(isinstance(kind, str) and kind.isidentifier() and kind not in taken for kind in names)
        return cast("set[str]", names) if is_plain else set()

    def _shared(self, own: list[JsonObject], kinds: set[str]) -> list[str]:
        """Return the attributes of the class for all: those of its own documents, or what all have."""
        if own or not kinds:
            return list(dict.fromkeys(name for document in own for name in document))
        return [name for name in self._documents[0] if all(name in other for other in self._documents)]

    def _base(self) -> str:
        if self._spec.kind != "edge":
            return "Document"
        return f"Edge[{self._end('_from')}, {self._end('_to')}]"

    def _end(self, end: str) -> str:
        collections = {str(document.get(end, "")).partition("/")[0] for document in self._documents}
        name = self._known.get(next(iter(collections))) if len(collections) == 1 else None
        return name or "Document"

    def _settings(self) -> list[str]:
        indexes = [f"            {_index(index)}," for index in self._spec.indexes]
        lines = ["        indexes = [", *indexes, "        ]"] if indexes else []
        if self._spec.validation != "off":
            lines.append(f"        schema_validation = {source_text(self._spec.validation)}")
        return ["", "    class Settings:", *lines] if lines else []

    def _add_indexed(self, fields: list[tuple[str, str]]) -> None:
        for index in self._spec.indexes:
            for path in index.fields:
                first = path.split(".")[0].removesuffix(ELEMENTS)
                if first not in {stored for stored, _ in fields} and first not in _HIDDEN:
                    fields.append((first, "Any = None"))

    def _fields(self, owner: str, documents: list[JsonObject], path: str = "") -> list[tuple[str, str]]:
        names = dict.fromkeys(
            name for document in documents for name in document if path or name not in _HIDDEN
        )
        fields: list[tuple[str, str]] = []
        for name in names:
            values = [document[name] for document in documents if name in document]
            text = self._type(f"{owner}{_class_name(name)}", values, f"{path}{name}")
            if len(values) < len(documents):
                optional = text if text == "Any" or "None" in text.split(" | ") else f"{text} | None"
                text = f"{optional} = None"
            fields.append((name, text))
        return sorted(fields, key=lambda pair: " = " in pair[1])

    def _type(self, name: str, values: list[Json], path: str) -> str:
        kinds: set[type[Any]] = {cast("Any", type(value)) for value in values}
        members = sorted(_SCALARS[kind] for kind in kinds if kind in _SCALARS and kind is not type(None))
        if members == ["float", "int"]:
            members = ["float"]
        if members == ["str"]:
            members = [self._text_type([value for value in values if isinstance(value, str)])]
        if path in self._types and kinds & {list, dict}:
            members.append(self._types[path])
        elif list in kinds:
            items = [item for value in values if isinstance(value, list) for item in _items(value)]
            members.append(f"list[{self._type(name, items, f'{path}[]') if items else 'Any'}]")
        elif dict in kinds:
            objects = [cast("JsonObject", value) for value in values if isinstance(value, dict)]
            members.append(self._model(name, objects, path))
        if type(None) in kinds:
            members.append("None")
        return " | ".join(members) if members and members != ["None"] else "Any"

    def _text_type(self, texts: list[str]) -> str:
        for kind, pattern, reads in _TEXTS:
            if all(pattern.fullmatch(text) and _reads(reads, text) for text in texts):
                return kind
        targets = {text.partition("/")[0] if _LINK.fullmatch(text) else "" for text in texts}
        target = self._known.get(next(iter(targets))) if len(targets) == 1 else None
        return "str" if target is None else f"Link[{target}]"

    def _model(self, name: str, objects: list[JsonObject], path: str) -> str:
        inner = self._fields(name, objects, f"{path}.")
        if not inner:
            return "dict[str, Any]"
        fields = (_field(stored, text) for stored, text in inner)
        lines = [f"class {name}(BaseModel):", _OPEN, "", *fields]
        self._embedded.append("\n".join(lines) + "\n")
        return name


_OPEN = '    model_config = ConfigDict(extra="allow")'
_OF_INDEX = {"geo": "GeoPoint", "vector": "Vector"}
_LINK = re.compile(r"[^/]+/[^/]+")
_DAY, _CLOCK = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d(\.\d{1,9})?"
_TEXTS: tuple[tuple[str, re.Pattern[str], Callable[[str], Any]], ...] = (
    ("datetime", re.compile(rf"{_DAY}T{_CLOCK}(Z|[+-]\d\d:\d\d)?"), datetime.fromisoformat),
    ("date", re.compile(_DAY), date.fromisoformat),
    ("time", re.compile(_CLOCK), time.fromisoformat),
    ("UUID", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), UUID),
)


def _reads(reads: Callable[[str], Any], text: str) -> bool:
    try:
        reads(text)
    except ValueError:
        return False
    return True


def _without(document: JsonObject, names: list[str]) -> JsonObject:
    return {name: value for name, value in document.items() if name not in names}


def _items(value: Any) -> list[Any]:
    return list(value)


_SCALARS: dict[type[Any], str] = {str: "str", bool: "bool", int: "int", float: "float", type(None): "None"}


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
