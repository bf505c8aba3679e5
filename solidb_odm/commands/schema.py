"""The declaration of a collection as data, and the commands on collections and indexes.

``CollectionSpec`` is what a model declares about its collection. It is defined here, below models and
engines, because both use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, fields, replace
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

from .._dataclasses import dataclass
from .._types import Json, JsonObject, is_tuple
from .command import Command

CollectionKind: TypeAlias = Literal["document", "edge", "blob", "timeseries"]
IndexKind: TypeAlias = Literal["persistent", "fulltext", "geo", "vector", "ttl"]
Metric: TypeAlias = Literal["cosine", "euclidean", "dot"]
ValidationMode: TypeAlias = Literal["off", "lenient", "strict"]


ELEMENTS: Final = "[]"
"""What the path of a field ends with in an index over the elements of its lists."""

_SUFFIXES: Final[dict[str, str]] = {
    "persistent": "idx",
    "fulltext": "text",
    "geo": "geo",
    "vector": "vector",
    "ttl": "ttl",
}


def index_name(fields: tuple[str, ...], kind: str) -> str:
    """Return the default name of an index."""
    paths = "_".join(fields).replace(".", "_").replace(ELEMENTS, "_elements")
    return f"{paths}_{_SUFFIXES.get(kind, kind)}"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """The declaration of an index; ``fields`` are dotted paths of stored names.

    An index over the elements of lists has one field, which contains ``[]``: ``tags[]``, ``lines[].sku``.
    ``unique`` is for persistent indexes; with ``where`` (pairs, or a mapping) it applies only to documents
    with these values at these paths, where None means null or missing. ``dimension`` and ``metric`` are for
    vector indexes, ``seconds`` (from the time in the field to the expiry) for TTL indexes, ``minimum_length``
    (of a word, in characters) for fulltext indexes. ``decimals`` are those of the fields that store decimals
    as text: a file sorts them by value. A server can't, so two indexes that differ only in ``decimals`` are
    equal.
    """

    name: str
    kind: IndexKind
    fields: tuple[str, ...]
    unique: bool = False
    dimension: int = 0
    metric: Metric = "cosine"
    seconds: int = 0
    minimum_length: int = 3
    where: tuple[tuple[str, Json], ...] = ()
    decimals: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        given = cast("Any", self.where)
        pairs: list[Any] = list(
            cast("Mapping[str, Json]", given).items() if isinstance(given, Mapping) else given
        )
        object.__setattr__(self, "where", tuple(sorted((path, value) for path, value in pairs)))

    @property
    def is_of_elements(self) -> bool:
        """Return whether the index is over the elements of lists."""
        return any(ELEMENTS in path for path in self.fields)

    @property
    def problem(self) -> str:
        """Return why an index over elements is invalid; "" if it is valid."""
        if not self.is_of_elements:
            return ""
        if self.kind != "persistent":
            return f"a {self.kind} index is not over elements"
        if len(self.fields) > 1:
            return "an index over elements is of that one list"
        if any(path.count(ELEMENTS) > 1 for path in self.fields):
            return "an index over elements is of one list, not of lists in a list"
        return "elements can't be unique among documents" if self.unique else ""

    def to_json(self) -> JsonObject:
        """Return the declaration as JSON, without attributes that have their defaults."""
        said = _said(self)
        return {**said, "where": dict(self.where)} if self.where else said

    @classmethod
    def from_json(cls, value: JsonObject) -> IndexSpec:
        """Return a declaration from the JSON of ``to_json``."""
        given: JsonObject = {**value, "fields": tuple(value["fields"])}
        given["decimals"] = tuple(value.get("decimals", ()))
        return cls(**given)


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """The declaration of a collection.

    ``schema`` is a JSON Schema of the stored document; ``validation`` says whether the engine checks
    documents against it. ``sorts_decimals`` says whether the indexes of an existing collection can sort
    decimals by value.
    """

    name: str
    kind: CollectionKind = "document"
    indexes: tuple[IndexSpec, ...] = ()
    schema: JsonObject | None = field(default=None, hash=False)
    validation: ValidationMode = "off"
    sorts_decimals: bool = field(default=False, compare=False, repr=False)

    def to_json(self) -> JsonObject:
        """Return the declaration as JSON, without attributes that have their defaults."""
        said = {**_said(self), "indexes": [index.to_json() for index in self.indexes]}
        said.pop("sorts_decimals", None)
        return said

    @classmethod
    def from_json(cls, value: JsonObject) -> CollectionSpec:
        """Return a declaration from the JSON of ``to_json``."""
        indexes: list[JsonObject] = value["indexes"]
        given: JsonObject = {**value, "indexes": tuple(map(IndexSpec.from_json, indexes))}
        return cls(**given)


def without_repeats(indexes: Iterable[IndexSpec]) -> tuple[IndexSpec, ...]:
    """Return indexes without duplicates: of two that differ only in ``where``, the one for fewer documents.

    So a class and its parent agree on an index if only one of them is a ``SoftDelete``.
    """
    distinct: dict[IndexSpec, IndexSpec] = {}
    for index in indexes:
        whole = replace(index, where=())
        other = distinct.setdefault(whole, index)
        if len(index.where) > len(other.where):
            distinct[whole] = index
    return tuple(distinct.values())


def _said(spec: IndexSpec | CollectionSpec) -> JsonObject:
    """Return the attributes of a declaration that differ from the defaults."""
    options = {option.name: (getattr(spec, option.name), option.default) for option in fields(spec)}
    return {
        name: list(value) if is_tuple(value) else value
        for name, (value, default) in options.items()
        if value != default
    }


class Declares(Protocol):
    """A class that declares a collection: a Document or an Edge model."""

    @classmethod
    def __collection_spec__(cls) -> CollectionSpec: ...


@dataclass(frozen=True, slots=True)
class ListCollections(Command[list[str]]):
    """List the names of the collections, sorted, without those of the engine."""


@dataclass(frozen=True, slots=True)
class DescribeCollection(Command[CollectionSpec | None]):
    """Describe a collection as it exists; the reply is None if there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateCollection(Command[None]):
    """Create an empty collection. Raises CollectionExists if the name is taken."""

    name: str
    kind: CollectionKind = "document"


@dataclass(frozen=True, slots=True)
class DropCollection(Command[None]):
    """Delete a collection with its documents and indexes. Raises CollectionNotFound if there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class RenameCollection(Command[None]):
    """Rename a collection, with its documents, indexes and times. Only a file supports it.

    Raises CollectionNotFound if there is none, and CollectionExists if the new name is taken.
    """

    name: str
    new: str


@dataclass(frozen=True, slots=True)
class FillField(Command["list[str] | None"]):
    """Set a field in all documents that lack it, in the transaction of the channel. Only a file supports it.

    ``path`` is the path of the field; documents without its parent are not changed. The reply has the keys of
    the documents that had the field. It is None, and nothing is done, if the field can't be set in one
    statement.
    """

    collection: str
    path: tuple[str, ...]
    value: Json = field(hash=False)


@dataclass(frozen=True, slots=True)
class CountDocuments(Command[int]):
    """Count the documents of a collection."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateIndex(Command[None]):
    """Create an index over the existing documents. Raises IndexExists if the name is taken.

    Raises UniqueViolation if it is unique and the documents have duplicates; then no index is created.
    """

    collection: str
    index: IndexSpec


@dataclass(frozen=True, slots=True)
class DropIndex(Command[None]):
    """Delete an index. Raises IndexNotFound if there is none of this name."""

    collection: str
    index: IndexSpec


@dataclass(frozen=True, slots=True)
class SetSchema(Command[None]):
    """Check documents against a JSON Schema from now on; ``schema=None`` deletes the schema."""

    collection: str
    schema: JsonObject | None = field(hash=False)
    validation: ValidationMode = "strict"


@dataclass(frozen=True, slots=True)
class CreateDatabase(Command[None]):
    """Create the database that the URL names, unless it exists."""


@dataclass(frozen=True, slots=True)
class DropDatabase(Command[None]):
    """Delete the database that the URL names, with everything in it."""
