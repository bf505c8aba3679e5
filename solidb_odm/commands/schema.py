"""What a collection is, as data, and the commands that make it so.

``CollectionSpec`` is all that a model's declaration says about its collection. It stands below
models and engines, so that both can speak of it.
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
    """Return the name an index has if none is given."""
    paths = "_".join(fields).replace(".", "_").replace(ELEMENTS, "_elements")
    return f"{paths}_{_SUFFIXES.get(kind, kind)}"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """One index: ``fields`` are dotted paths of stored names.

    The one field of an index over the elements of lists ends with ``[]``, or goes on with a path in them:
    ``lines[].sku``. ``unique`` is for persistent
    ones; with ``where`` (a map is taken too) only documents with these values at these paths may not share
    theirs, where None is null or missing. ``dimension`` and ``metric`` are for vector ones, ``seconds``
    (from the value of the field to its expiry) for TTL ones, ``minimum_length`` (of a word) for
    fulltext ones. ``decimals`` are those of the fields that hold texts of decimals: a file sorts them by
    their value. A server has no index that does, so two indexes that differ in it are equal.
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
        """Return whether it is an index over the elements of lists."""
        return any(ELEMENTS in path for path in self.fields)

    @property
    def problem(self) -> str:
        """Return why there can't be such an index over elements; nothing if there can."""
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
        """Return the declaration as JSON, without what it leaves as it is by itself."""
        said = _said(self)
        return {**said, "where": dict(self.where)} if self.where else said

    @classmethod
    def from_json(cls, value: JsonObject) -> IndexSpec:
        """Read a declaration as ``to_json`` gave it."""
        given: JsonObject = {**value, "fields": tuple(value["fields"])}
        given["decimals"] = tuple(value.get("decimals", ()))
        return cls(**given)


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """What the models declare of one collection.

    ``schema`` is a JSON Schema of the stored document; ``validation`` says whether the engine
    holds documents to it. ``sorts_decimals`` says of one that is there that its indexes can be over the
    values of decimals.
    """

    name: str
    kind: CollectionKind = "document"
    indexes: tuple[IndexSpec, ...] = ()
    schema: JsonObject | None = field(default=None, hash=False)
    validation: ValidationMode = "off"
    sorts_decimals: bool = field(default=False, compare=False, repr=False)

    def to_json(self) -> JsonObject:
        """Return the declaration as JSON, without what it leaves as it is by itself."""
        said = {**_said(self), "indexes": [index.to_json() for index in self.indexes]}
        said.pop("sorts_decimals", None)
        return said

    @classmethod
    def from_json(cls, value: JsonObject) -> CollectionSpec:
        """Read a declaration as ``to_json`` gave it."""
        indexes: list[JsonObject] = value["indexes"]
        given: JsonObject = {**value, "indexes": tuple(map(IndexSpec.from_json, indexes))}
        return cls(**given)


def without_repeats(indexes: Iterable[IndexSpec]) -> tuple[IndexSpec, ...]:
    """Return indexes without repeats: of two that differ in ``where`` alone, the one for fewer documents.

    So a class and its parent agree on an index where only one of them marks documents as deleted.
    """
    distinct: dict[IndexSpec, IndexSpec] = {}
    for index in indexes:
        whole = replace(index, where=())
        other = distinct.setdefault(whole, index)
        if len(index.where) > len(other.where):
            distinct[whole] = index
    return tuple(distinct.values())


def _said(spec: IndexSpec | CollectionSpec) -> JsonObject:
    """Return the attributes of a declaration that differ from their defaults."""
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
    """The names of the collections, sorted, without the engine's own."""


@dataclass(frozen=True, slots=True)
class DescribeCollection(Command[CollectionSpec | None]):
    """What a collection is now; None if there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateCollection(Command[None]):
    """Make an empty collection. CollectionExists if there is one of the name."""

    name: str
    kind: CollectionKind = "document"


@dataclass(frozen=True, slots=True)
class DropCollection(Command[None]):
    """Delete a collection with its documents and indexes. CollectionNotFound if there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class RenameCollection(Command[None]):
    """Rename a collection, with its documents, indexes and times. Only a file can do that.

    CollectionNotFound if there is none, CollectionExists if the new name is taken.
    """

    name: str
    new: str


@dataclass(frozen=True, slots=True)
class FillField(Command["list[str] | None"]):
    """Set a field in all documents that lack it, inside the channel's transaction. Only a file can do that.

    ``path`` are nested names; documents without what holds the field stay. The reply has the keys of the
    documents that had the field; it is None, and nothing is done, if the field can't be set in one statement.
    """

    collection: str
    path: tuple[str, ...]
    value: Json = field(hash=False)


@dataclass(frozen=True, slots=True)
class CountDocuments(Command[int]):
    """The number of documents of a collection."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateIndex(Command[None]):
    """Make an index and fill it from the documents there are. IndexExists if the name is taken.

    UniqueViolation if it is unique and the documents are not: no index is left behind.
    """

    collection: str
    index: IndexSpec


@dataclass(frozen=True, slots=True)
class DropIndex(Command[None]):
    """Delete an index. IndexNotFound if there is none."""

    collection: str
    index: IndexSpec


@dataclass(frozen=True, slots=True)
class SetSchema(Command[None]):
    """Hold documents to a JSON Schema from now on; ``schema=None`` takes it away."""

    collection: str
    schema: JsonObject | None = field(hash=False)
    validation: ValidationMode = "strict"


@dataclass(frozen=True, slots=True)
class CreateDatabase(Command[None]):
    """Make the database that the URL names, if it is missing."""


@dataclass(frozen=True, slots=True)
class DropDatabase(Command[None]):
    """Delete the database that the URL names, with everything in it."""
