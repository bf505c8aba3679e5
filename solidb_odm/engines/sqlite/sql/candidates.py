"""Narrowing: SQL for the documents that one FOR of a query in Python can have a use for.

Conditions that SQL can say, and that can't fail, leave documents out; Python tests the rest. Where a
condition depends on the row the FOR stands in, SQL is asked once for each row, which pays only if an
index serves that condition.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from ...._dataclasses import dataclass
from ...._types import Json
from ....language import nodes
from ....language.interpreter import CandidateSet
from ....language.walk import bind_names, conjuncts, walk
from .compilation import Compilation, Scope, compares_only
from .index_filters import truths, where
from .parameters import Parameters, Signature, value_type
from .plans import Find, compilation
from .terms import DOCUMENT_COLUMNS, Document, NotInSql, Truth


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One SQL statement for the documents of a collection that can meet some conditions."""

    collection: str
    sql: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Matching:
    """One SQL statement for the rowids of documents that meet conditions, as far as SQL can say them.

    ``condition`` is what it says of a document ``d``, without what only chooses by an index.
    ``is_served``: an index finds the documents, which may be few.
    """

    sql: str
    condition: str
    parameters: Parameters
    is_exact: bool
    is_served: bool


class Narrowings:
    """The narrowings of one query, made for the types of its binds and of what its rows hold."""

    def __init__(self, types: Signature, database: str) -> None:
        self._types = types
        self._database = database
        self._known: dict[tuple[CandidateSet, Signature], Narrowing | None] = {}
        self._matching: dict[tuple[nodes.Expression, ...], Matching | None] = {}

    def of(
        self,
        selection: CandidateSet,
        outer: Mapping[str, Json],
        find: Find,
        connection: sqlite3.Connection,
    ) -> Narrowing | None:
        """Return the narrowing for a selection; None if it would leave nothing out, or not by an index."""
        types = tuple([(name, value_type(value)) for name, value in outer.items()])
        key = (selection, types)
        if key not in self._known:
            self._known[key] = self._make(selection, types, find, connection)
        return self._known[key]

    def matching(
        self,
        collection: str,
        variable: str,
        conditions: tuple[nodes.Expression, ...],
        find: Find,
        connection: sqlite3.Connection,
    ) -> Matching | None:
        """Return what finds the documents that meet conditions; None if SQL can say none of them."""
        if conditions not in self._matching:
            selection = CandidateSet(collection, variable, conditions, frozenset())
            self._matching[conditions] = self._match(selection, find, connection)
        return self._matching[conditions]

    def _match(self, selection: CandidateSet, find: Find, connection: sqlite3.Connection) -> Matching | None:
        c = compilation(self._types, find, database=self._database, strict=False)
        c.total, c.query = True, ()
        try:
            collection = c.collection(selection.collection)
        except NotInSql:
            return None
        document = Document("object", "d", collection.name, self._database, collection.exact)
        scope: Scope = {selection.variable: document}
        said, _ = _conditions(c, selection, scope, bare=collection.irregular)
        if not said:
            return None
        plain = tuple(condition for condition in selection.conditions if not _is_geometric(condition))
        by_value, _ = _conditions(c, replace(selection, conditions=plain), scope, bare=collection.irregular)
        may_be_few = len(plain) < len(selection.conditions) or any(one.is_rare for one in said)
        sql = f"SELECT d.rowid FROM {collection.table} AS d WHERE ({where(said)})"
        return Matching(
            sql,
            where(by_value) if by_value else "1",
            c.parameters,
            len(said) == len(plain) == len(selection.conditions),
            may_be_few and _is_served(sql, c.parameters, connection),
        )

    def _make(
        self, selection: CandidateSet, outer: Signature, find: Find, connection: sqlite3.Connection
    ) -> Narrowing | None:
        c = compilation((*self._types, *outer), find, database=self._database, strict=False)
        c.total, c.query = True, ()  # what does more than compare is left out below
        try:
            collection = c.collection(selection.collection)
        except NotInSql:
            return None
        scope = {
            selection.variable: Document("object", "d", collection.name, self._database, collection.exact)
        }
        fixed, by_row = _conditions(c, selection, scope, bare=collection.irregular)
        if not fixed and not by_row:
            return None
        source = f"FROM {collection.table} AS d WHERE"
        if selection.by_row:
            probe = f"SELECT 1 {source} {where(by_row)}" if by_row else ""
            if not probe or not _is_served(probe, c.parameters, connection):
                return None
        columns = ", ".join(f"d.{column}" for column in DOCUMENT_COLUMNS)
        order = "+d.key" if collection.indexes or collection.kind == "edge" else "d.key"
        sql = f"SELECT {columns} {source} {where(by_row + fixed)} ORDER BY {order}"
        return Narrowing(collection.name, sql, c.parameters)


def _conditions(
    c: Compilation, selection: CandidateSet, scope: Scope, *, bare: bool
) -> tuple[list[Truth], list[Truth]]:
    """Return the conditions that SQL can say: those that are always the same, and those by row.

    ``bare``: of those that only compare.
    """
    fixed: list[Truth] = []
    by_row: list[Truth] = []
    parts = [part for condition in selection.conditions for part in conjuncts(condition)]
    for condition in selection.conditions:
        said = by_row if bind_names(condition) & selection.by_row else fixed
        for part in conjuncts(condition):
            if bare and not compares_only(part):
                continue
            try:
                said += truths(c, part, scope, parts)
            except NotInSql:
                continue
    return fixed, by_row


def _is_geometric(condition: nodes.Expression) -> bool:
    """Return whether a condition measures, which SQL leaves to the language."""
    calls = {node.name for node in walk(condition) if isinstance(node, nodes.Call)}
    return bool(calls & {"DISTANCE", "GEO_WITHIN"})


def _is_served(sql: str, parameters: Parameters, connection: sqlite3.Connection) -> bool:
    """Return whether SQLite would search an index for these conditions, whatever their values."""
    steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(parameters.getters)).fetchall()
    return any(step[3].startswith("SEARCH") for step in steps)
