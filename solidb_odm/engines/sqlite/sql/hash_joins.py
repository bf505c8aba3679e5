"""Joins on attributes without an index: the inner collection's keys, once, with an index of SQLite's own.

A nested FOR whose FILTER compares with the rows around it would read its collection once for each of
them. A materialised table of its order keys gets an automatic index, as a hash join has its table.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...._dataclasses import dataclass
from ....language import nodes
from ....language.walk import conjuncts, walk
from ..layout import index_keys
from .index_filters import truths, where
from .terms import Constant, Document, JsonPath, NotInSql, Prefixed

if TYPE_CHECKING:
    from ..catalogue import Collection, StoredIndex
    from .compilation import Compilation, Scope


@dataclass(frozen=True, slots=True)
class Hash:
    """A table for the WITH of a SELECT, its name in FROM, and the conditions that search it.

    ``search`` chooses its rows, ``place`` the document of each; ``met`` are the ids of the FILTERs that are
    tested by it.
    """

    table: str
    source: str
    search: str
    place: str
    met: frozenset[int]


@dataclass(frozen=True, slots=True)
class Partners:
    """The documents that stand beside a row, ``variable`` in the conditions and ``result`` behind them."""

    collection: str
    variable: str
    conditions: tuple[nodes.Expression, ...]
    result: str


def partners_of(query: nodes.Block, place: int) -> Partners | None:
    """Return what a LET and the FOR behind it join to each row, null where there is none; None of others.

    ``LET j = (FOR b IN books FILTER b.author == a._id RETURN b) FOR x IN LENGTH(j) > 0 ? j : [null]``
    """
    gathered, *following = query.body[place : place + 2]
    if not isinstance(gathered, nodes.Let) or not isinstance(gathered.value, nodes.Subquery):
        return None
    block, rows = gathered.value.query, nodes.Name(gathered.name)
    is_there = nodes.Compare(nodes.Call("LENGTH", (rows,)), ">", nodes.Literal(0))
    partner_or_null = nodes.Ternary(is_there, rows, nodes.Array((nodes.Literal(None),)))
    loop = following[0] if following else None
    if not isinstance(loop, nodes.For) or loop != nodes.For(loop.variable, partner_or_null):
        return None
    if sum(part == rows for part in walk(query)) != 2 or not isinstance(block, nodes.Block):
        return None
    partner, *filters = block.body
    if not isinstance(partner, nodes.For) or not isinstance(partner.source, nodes.Name):
        return None
    conditions = [clause.condition for clause in filters if isinstance(clause, nodes.Filter)]
    plain = nodes.Block(body=block.body, returns=nodes.Return(nodes.Name(partner.variable)))
    is_bare = partner == nodes.For(partner.variable, partner.source)
    if block != plain or len(conditions) < len(filters) or not is_bare:
        return None
    parts = tuple(part for condition in conditions for part in conjuncts(condition))
    return Partners(partner.source.name, partner.variable, parts, loop.variable)


def hashed(
    c: Compilation,
    collection: Collection,
    document: tuple[str, Document],
    scope: Scope,
    around: Container[str],
    filters: Sequence[nodes.Expression],
) -> Hash | None:
    """Return what a FOR over a collection is joined by; None if an index serves it, or nothing does.

    ``around`` names the variables of the subquery's surroundings, which SQL can't put further in.
    """
    variable, loop = document
    joined: tuple[nodes.Expression, nodes.Expression, nodes.Expression] | None = None
    computed: tuple[nodes.Expression, nodes.Expression, nodes.Expression] | None = None
    for node, left, right in _equalities(filters):
        path, names = _attribute(c, left, variable, loop), _names(right)
        if variable in names or not names <= scope.keys():
            continue
        if path is None:
            if computed is None and names and _names(left) == {variable} and not _has_rows(left):
                computed = node, right, left
            continue
        if path == () or (names and _is_served(collection, path)) or _is_looked_up(c, right, scope, around):
            return None
        if names and joined is None:
            joined = node, right, left
    joined = joined or computed
    if joined is None or _is_looked_up(c, joined[1], scope, around):
        return None
    met, right, left = joined
    try:
        other = c.term(c, right, scope)
        key = other.key
    except NotInSql:
        return None
    if isinstance(other, Constant):
        return None
    name = c.alias()
    inner = c.alias()
    own = [node for node in filters if _names(node) == {variable}]
    kept_if = [truth for node in own for truth in truths(c, node, {variable: replace(loop, alias=inner)})]
    kept = f" WHERE {where(kept_if)}" if kept_if else ""
    try:
        sought = c.term(c, left, {variable: replace(loop, alias=inner)}).key
    except NotInSql:
        return None
    if any(
        index_keys(index.spec, inner, exact=collection.exact)[0] == sought for index in _sorted(collection)
    ):
        return None
    rows = f"SELECT {inner}.rowid AS id, {sought} AS k"
    table = f"{name} AS MATERIALIZED ({rows} FROM {collection.table} AS {inner}{kept})"
    return Hash(
        table,
        name,
        f"{name}.k IS {key}",
        f"{loop.alias}.rowid = {name}.id",
        frozenset(map(id, (met, *own))),
    )


def _equalities(
    conditions: Sequence[nodes.Expression],
) -> Iterator[tuple[nodes.Expression, nodes.Expression, nodes.Expression]]:
    """Yield the equalities that must hold with their sides, either one first."""
    for node in conditions:
        if isinstance(node, nodes.Compare) and node.operator == "==":
            yield node, node.left, node.right
            yield node, node.right, node.left


def _attribute(
    c: Compilation, node: nodes.Expression, variable: str, document: Document
) -> tuple[str, ...] | None:
    """Return the path of an attribute of the document, empty for a system attribute; None for all else.

    A key behind a text, as in an ``_id``, is searched for as the key is.
    """
    try:
        if isinstance(node, nodes.Call) and _names(node) == {variable}:
            called = c.term(c, node, {variable: document})
            return () if isinstance(called, Prefixed) and called.column == document.column("key") else None
        base = c.document_of(node, {variable: document})
        term = None if base is None else c.term(c, node, {variable: document})
    except NotInSql:
        return None
    if isinstance(term, JsonPath):
        return term.path
    return None if term is None or term is base else ()


def _has_rows(node: nodes.Expression) -> bool:
    """Return whether an expression reads other rows, or names what it makes itself."""
    kinds = nodes.Subquery | nodes.Window | nodes.Lambda | nodes.Quantified | nodes.Expansion
    return any(isinstance(part, kinds) for part in walk(node))


def _is_looked_up(c: Compilation, node: nodes.Expression, scope: Scope, around: Container[str]) -> bool:
    """Return whether an index serves the other side, so that SQL may begin with this one."""
    document = c.document_of(node, scope)
    if document is None or _names(node) & {name for name in scope if name in around}:
        return False
    if document.alias in c.hashed:  # by whose key SQL goes on to it, and does not begin with it
        return False
    names = [name for name, term in scope.items() if term is document]
    path = _attribute(c, node, names[0], document)
    return path == () or (path is not None and _is_served(c.collection(document.collection), path))


def _is_served(collection: Collection, path: tuple[str, ...]) -> bool:
    if collection.kind == "edge" and path in (("_from",), ("_to",)):
        return True
    first = ".".join(path)
    return any(index.spec.fields[0] == first for index in _sorted(collection))


def _sorted(collection: Collection) -> list[StoredIndex]:
    """Return the indexes that are sorted by order keys."""
    kinds = ("persistent", "ttl")
    return [
        index for index in collection.indexes if index.spec.kind in kinds and not index.spec.is_of_elements
    ]


def _names(node: nodes.Expression) -> set[str]:
    return {part.name for part in walk(node) if isinstance(part, nodes.Name)}
