"""``insert`` and ``upsert``: many documents in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Never, Self, TypeAlias, cast

from .._dataclasses import dataclass
from .._types import JsonObject, is_map
from .._wrong_calls import refuse_more
from ..commands import IndexSpec
from ..errors import UsageError, listed
from ..language import decimals
from ..language import nodes as q
from ..model.document import Document
from .bind_values import by_names, check_below, documents_of, given_part, stored_form
from .compiler import BuildScope
from .select_block import unexpired, unmarked
from .updates import document_class
from .written import Write

Row: TypeAlias = Document | Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Insert(Write):
    """A statement that stores new documents."""

    model: type[Document]
    rows: tuple[JsonObject, ...] = ()

    def values(self, rows: Row | Iterable[Row] = (), /, **fields: Any) -> Self:
        """Add documents, or dicts of field values, which the model checks; keys are made as usual.

        Keywords are the fields of one more document.
        """
        added = [
            stored_form(document) for document in documents_of(self.model, _rows(self.model, rows, fields))
        ]
        return replace(self, rows=(*self.rows, *added))

    def __solidb_given__(self, parameters: Any) -> Self:
        return self.values(parameters)

    def __solidb_write__(self, scope: BuildScope) -> list[q.Clause]:
        row = scope.fresh()
        loop = q.For(row, scope.bind(_some(self.rows, "insert", self.model)))
        return [loop, q.Insert(q.Name(row), self.model.__solidb_mapping__.collection)]


@dataclass(frozen=True, slots=True, repr=False)
class Upsert(Write):
    """A statement that stores documents, whether they are there or not: found by key, or by unique fields."""

    model: type[Document]
    rows: tuple[JsonObject, ...] = ()
    fields: tuple[tuple[str, ...], ...] = ()

    def on(self, *fields: Any) -> Self:
        """Find the documents by the values of these fields instead of by key: ``.on(User.email)``.

        The fields must be those of a unique index, which keeps others from storing the same in between.
        """
        places = [getattr(field, "__solidb_place__", None) for field in fields]
        paths = tuple(place.path for place in places if place is not None and place.source is self.model)
        if len(paths) != len(fields) or not paths:
            raise UsageError(
                f"on() takes fields of {self.model.__name__}", hint="upsert(User).on(User.email)"
            )
        if self.rows:
            raise UsageError("on() must come before values()", hint="upsert(User).on(User.email).values(..)")
        if set(paths) not in [set(_paths(index)) for index in _unique_indexes(self.model)]:
            raise UsageError(
                f"on() takes the fields of a unique index, and {self.model.__name__} has none of "
                f"{' and '.join('.'.join(map(str, path)) for path in paths)}",
                hint="declare Index(unique=True)",
            )
        return replace(self, fields=paths)

    def values(self, rows: Row | Iterable[Row] = (), /, **fields: Any) -> Self:
        """Add documents with their keys, or dicts (or keywords) of field values.

        A dict without ``key`` is found by the fields given to ``on``, or by those of the model's only unique
        index. Of a document that is there, a dict changes the fields it names, a document all of them.
        """
        given = _rows(self.model, rows, fields)
        added: list[JsonObject] = []
        for row, document in zip(given, documents_of(self.model, given), strict=True):
            whole = stored_form(document)
            check_below(document)
            entry: JsonObject = {"key": document.key, "insert": whole, "update": given_part(document, row)}
            has_key = row is document or "key" in row or "_key" in row
            if self.fields or not has_key:
                entry["sought"] = [_value_at(whole, path, self.model) for path in _paths(self._index())]
            added.append(entry)
        if len({"sought" in entry for entry in (*self.rows, *added)}) > 1:
            raise UsageError(
                "upsert() finds all its rows by key, or all by unique fields",
                hint="give all rows a key, or none, or use two statements",
            )
        return replace(self, rows=(*self.rows, *added))

    def _by_key(self, scope: BuildScope, row: str) -> list[q.Clause]:
        """Return the clauses that store one row under its key.

        A document that is marked as deleted, or has expired, is there no more: the row is stored as a whole.
        """
        key, document, patch = (q.Attribute(q.Name(row), name) for name in ("key", "insert", "update"))
        collection = self.model.__solidb_mapping__.collection
        inner, hidden = scope.fresh(), scope.fresh()
        conditions = [*unmarked(self.model, inner), *unexpired(self.model, inner, scope)]
        if not conditions:
            return [q.Upsert(key, document, patch, collection)]
        sought = q.Filter(q.Compare(q.Attribute(q.Name(inner), "_key"), "==", key))
        shown = [q.Filter(condition) for condition in conditions]
        body = (q.For(inner, q.Name(collection)), sought, *shown)
        match = q.Subquery(q.Block(body=body, returns=q.Return(q.Literal(True))))
        is_hidden = q.Let(hidden, q.Call("FIRST", (match,)))
        chosen = q.Ternary(q.Name(hidden), patch, document)
        return [is_hidden, q.Upsert(key, document, chosen, collection)]

    def _index(self) -> IndexSpec:
        """Return the unique index by whose fields the documents are found."""
        unique = _unique_indexes(self.model)
        if self.fields:
            return next(index for index in unique if set(_paths(index)) == set(self.fields))
        if len(unique) != 1:
            raise UsageError(
                "upsert() finds documents by key, and a row has none",
                hint="add 'key': .., or name the fields of a unique index: upsert(User).on(User.email)",
            )
        return unique[0]

    def __solidb_write__(self, scope: BuildScope) -> list[q.Clause]:
        row, collection = scope.fresh(), self.model.__solidb_mapping__.collection
        rows = _some(self.rows, "upsert", self.model)
        loop = q.For(row, scope.bind(rows))
        key, document, patch = (q.Attribute(q.Name(row), name) for name in ("key", "insert", "update"))
        if "sought" not in rows[0]:
            return [loop, *self._by_key(scope, row)]
        held, inner = scope.fresh(), scope.fresh()
        conditions = [
            q.Filter(self._equal(q.path(q.Name(inner), path), _nth(row, number), path))
            for number, path in enumerate(_paths(self._index()))
        ]
        conditions += [
            q.Filter(q.Compare(q.path(q.Name(inner), path.split(".")), "==", q.Literal(value)))
            for path, value in self._index().where
        ]
        body = (q.For(inner, q.Name(collection)), *conditions)
        match = q.Subquery(q.Block(body=body, returns=q.Return(q.Attribute(q.Name(inner), "_key"))))
        known = q.Let(held, q.Call("FIRST", (match,)))
        lasting = unexpired(self.model, inner, scope)
        if not lasting:
            return [loop, known, q.Upsert(q.Binary(q.Name(held), "??", key), document, patch, collection)]
        shown = scope.fresh()
        body = (*body, *map(q.Filter, lasting))
        again = q.Subquery(q.Block(body=body, returns=q.Return(q.Literal(True))))
        whole = q.Call("UNSET", (document, q.Literal("_key")))
        chosen = q.Ternary(q.Name(shown), patch, whole)
        is_shown = q.Let(shown, q.Call("FIRST", (again,)))
        return [
            loop,
            known,
            is_shown,
            q.Upsert(q.Binary(q.Name(held), "??", key), document, chosen, collection),
        ]

    def _equal(self, stored: q.Expression, given: q.Expression, path: tuple[str, ...]) -> q.Expression:
        """Build the comparison of a field; decimals are equal by their value."""
        indexes = self.model.__solidb_mapping__.indexes
        if any(".".join(path) in index.decimals for index in indexes):
            stored, given = decimals.key(stored), decimals.key(given)
        return q.Compare(stored, "==", given)


def _unique_indexes(model: type[Document]) -> list[IndexSpec]:
    return [index for index in model.__solidb_mapping__.indexes if index.unique]


def _paths(index: IndexSpec) -> list[tuple[str, ...]]:
    return [tuple(field.split(".")) for field in index.fields]


def _value_at(document: JsonObject, path: tuple[str, ...], model: type[Document]) -> Any:
    value: Any = document
    for step in path:
        value = value.get(step) if is_map(value) else None
    if value is None:
        raise UsageError(
            f"upsert({model.__name__}) can't find a document by {'.'.join(path)}: a row has none",
            hint="give each row a value, or a key",
        )
    return value


def _nth(row: str, number: int) -> q.Expression:
    return q.Subscript(q.Attribute(q.Name(row), "sought"), q.Literal(number))


def _rows(model: type[Document], rows: Row | Iterable[Row], fields: dict[str, Any]) -> list[Any]:
    hint = 'values({"name": "Ada"}), values([User(name="Ada"), ..]), or values(name="Ada")'
    given: list[Any] = [rows] if isinstance(rows, (Mapping, Document)) else listed(rows, "values()", hint)
    named = [by_names(model, cast(Any, row)) if isinstance(row, Mapping) else row for row in given]
    return [*named, fields] if fields else named


def _some(rows: tuple[JsonObject, ...], what: str, model: type[Document]) -> list[JsonObject]:
    if not rows:
        raise UsageError(
            f"{what}({model.__name__}) has no documents", hint=f"{what}({model.__name__}).values([..])"
        )
    return list(rows)


def insert(model: type[Document], *others: Never) -> Insert:
    """Return a statement that inserts documents: ``insert(User).values([{"name": "Ada"}, bob])``.

    Its result is their number, or with ``returning(User)`` the documents. To keep working with the documents,
    or to insert them atomically on a server, use ``session.add_all()``.
    """
    refuse_more("insert() takes a class", others, "write insert(User).values([..])")
    return Insert(document_class(model, "insert"))


def upsert(model: type[Document], *others: Never) -> Upsert:
    """Return a statement that inserts documents or, by key or unique fields, changes existing ones.

    ``upsert(User).values([{"key": "ada", "name": "Ada"}])``, or ``upsert(User).on(User.email).values(..)``.
    The result is their number, or with ``returning(User)`` the documents as they are then.
    """
    refuse_more("upsert() takes a class", others, "write upsert(User).values([..])")
    return Upsert(document_class(model, "upsert"))
