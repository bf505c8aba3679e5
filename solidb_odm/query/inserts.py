"""``insert`` and ``upsert``: many documents in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Self, TypeAlias

from .._dataclasses import dataclass
from .._types import JsonObject
from ..errors import UsageError
from ..language import nodes as q
from ..model.document import Document
from .scope import BuildScope
from .updates import document_class
from .values import documents_of, given_part, stored_form
from .written import Write

Row: TypeAlias = Document | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Insert(Write):
    """A statement that stores new documents."""

    model: type[Document]
    rows: tuple[JsonObject, ...] = ()

    def values(self, rows: Row | Iterable[Row] = (), /, **fields: Any) -> Self:
        """Add documents, or dicts of field values, which the model checks; keys are made as usual.

        Keywords are the fields of one more document.
        """
        added = [stored_form(document) for document in documents_of(self.model, _rows(rows, fields))]
        return replace(self, rows=(*self.rows, *added))

    def __write__(self, scope: BuildScope) -> list[q.Clause]:
        row = scope.fresh()
        loop = q.For(row, scope.bind(_some(self.rows, "insert", self.model)))
        return [loop, q.Insert(q.Name(row), self.model.__solidb_mapping__.collection)]


@dataclass(frozen=True, slots=True)
class Upsert(Write):
    """A statement that stores documents under their keys, whether they are there or not."""

    model: type[Document]
    rows: tuple[JsonObject, ...] = ()

    def values(self, rows: Row | Iterable[Row] = (), /, **fields: Any) -> Self:
        """Add documents with their keys, or dicts (or keywords) of field values with ``key``.

        Of a document that is there, a dict changes the fields it names, a document all of them.
        """
        given = _rows(rows, fields)
        added: list[JsonObject] = []
        for row, document in zip(given, documents_of(self.model, given), strict=True):
            if row is not document and "key" not in row and "_key" not in row:
                raise UsageError("upsert() finds documents by key, and a row has none", hint="add 'key': ..")
            whole = stored_form(document)
            added.append({"key": document.key, "insert": whole, "update": given_part(document, row)})
        return replace(self, rows=(*self.rows, *added))

    def __write__(self, scope: BuildScope) -> list[q.Clause]:
        row = scope.fresh()
        loop = q.For(row, scope.bind(_some(self.rows, "upsert", self.model)))
        key, document, patch = (q.Attribute(q.Name(row), name) for name in ("key", "insert", "update"))
        return [loop, q.Upsert(key, document, patch, self.model.__solidb_mapping__.collection)]


def _rows(rows: Row | Iterable[Row], fields: dict[str, Any]) -> list[Any]:
    given: list[Any] = [rows] if isinstance(rows, (Mapping, Document)) else list(rows)
    return [*given, fields] if fields else given


def _some(rows: tuple[JsonObject, ...], what: str, model: type[Document]) -> list[JsonObject]:
    if not rows:
        raise UsageError(
            f"{what}({model.__name__}) has no documents", hint=f"{what}({model.__name__}).values([..])"
        )
    return list(rows)


def insert(model: type[Document]) -> Insert:
    """Store new documents in one statement: ``insert(User).values([{"name": "Ada"}, User(name="Bob")])``.

    Gives how many, or with ``returning(User)`` the documents. For documents to go on working with,
    and for all or nothing on a server, use ``session.add_all()``.
    """
    return Insert(document_class(model, "insert"))


def upsert(model: type[Document]) -> Upsert:
    """Store documents under their keys, changing those that are there.

    ``upsert(User).values([{"key": "ada", "name": "Ada"}])``. Gives how many, or with
    ``returning(User)`` the documents as they are now.
    """
    return Upsert(document_class(model, "upsert"))
