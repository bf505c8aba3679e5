"""Queries that want of the hits of a search just which documents they are, and how well they fit.

``LET hits = FULLTEXT(..) LET keys = hits[*].doc._key LET scores = ZIP_OBJECT(keys, hits[*].score)
FOR d IN docs FILTER d._key IN keys SORT scores[d._key] DESC LIMIT 10 RETURN d``: the index alone tells keys
and scores, so that no document is read for them; and where the best are asked for, only these are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, Final, TypeGuard, TypeVar, cast

from ..._dataclasses import dataclass
from ...language import nodes
from ...language.walk import walk
from .nearness import Nearness, ranked_loop

N = TypeVar("N")
_SEARCHES: Final = ("FULLTEXT", "HYBRID_SEARCH", "VECTOR_SEARCH")
KEYS: Final = "solidb keys"
SCORES: Final = "solidb scores"
"""Names that no query can write."""


@dataclass(frozen=True, slots=True)
class HitQuery:
    """A query and its search: ``query`` reads keys and scores of the hits from binds.

    ``best`` is set where the query sorts by the scores and takes the first, ``has_scores`` where it has them.
    ``all_of`` is the collection of which it returns all documents that were found, by key; empty if others.
    """

    search: nodes.Call
    query: nodes.Block
    best: Nearness | None
    has_scores: bool
    all_of: str


def hit_query(query: nodes.Query) -> HitQuery | None:
    """Return a query and its search apart; None where the hits themselves are asked for."""
    if not isinstance(query, nodes.Block) or query.tables is not None or len(query.body) < 3:
        return None
    first, second, *rest = query.body
    if not isinstance(first, nodes.Let) or not isinstance(first.value, nodes.Call):
        return None
    hits, search = first.name, first.value
    if search.name not in _SEARCHES or not isinstance(second, nodes.Let):
        return None
    if second.value != nodes.Expansion(nodes.Name(hits), path=("doc", "_key")):
        return None
    keys, scores = nodes.Name(second.name), ""
    score = nodes.Expansion(nodes.Name(hits), path=("score",))
    third = rest[0]
    if isinstance(third, nodes.Let) and third.value == nodes.Call("ZIP_OBJECT", (keys, score)):
        scores, rest = third.name, rest[1:]
    rewritten = replace(query, body=tuple(rest))
    if hits in _strings(rewritten) or second.name in _bound(rewritten) or scores in _bound(rewritten):
        return None
    best = _best(rewritten, second.name, scores)
    binds = {second.name: nodes.Bind(KEYS), scores: nodes.Bind(SCORES)}
    return HitQuery(search, replaced(rewritten, binds), best, bool(scores), _all_of(rewritten, keys))


def _all_of(query: nodes.Block, keys: nodes.Name) -> str:
    """Return the collection of ``FOR d IN docs FILTER d._key IN keys SORT d._key RETURN d``."""
    loop = query.body[0] if query.body else None
    if not isinstance(loop, nodes.For) or not isinstance(loop.source, nodes.Name):
        return ""
    document = nodes.Name(loop.variable)
    key = nodes.Attribute(document, "_key")
    clauses = nodes.For(loop.variable, loop.source), nodes.Filter(nodes.Compare(key, "IN", keys))
    plain = nodes.Block(clauses, sort=(nodes.SortKey(key),), returns=nodes.Return(document))
    return loop.source.name if query == plain else ""


def _strings(query: nodes.Block) -> set[str]:
    """Return all names in a query."""
    return {value for node in walk(query) for value in _texts(node)}


def _bound(query: nodes.Block) -> set[str]:
    """Return all names in a query but those of values."""
    return {value for node in walk(query) if not isinstance(node, nodes.Name) for value in _texts(node)}


def _texts(node: nodes.Node) -> Iterator[str]:
    waiting: list[Any] = [getattr(node, field.name) for field in fields(node)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif _is_tuple(value):
            waiting.extend(value)


def _is_tuple(value: Any) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def replaced(node: N, values: Mapping[str, nodes.Expression]) -> N:
    """Return a node with values in the place of names."""
    if isinstance(node, nodes.Name):
        return cast("N", values.get(node.name, node))
    if _is_tuple(node):
        parts: tuple[Any, ...] = tuple(replaced(part, values) for part in node)
        return cast("N", parts if any(a is not b for a, b in zip(parts, node, strict=True)) else node)
    if not isinstance(node, nodes.Node):
        return node
    after = {field.name: replaced(getattr(node, field.name), values) for field in fields(node)}
    changed = {name: value for name, value in after.items() if value is not getattr(node, name)}
    return cast("N", replace(cast("Any", node), **changed)) if changed else node


def _best(query: nodes.Block, keys: str, scores: str) -> Nearness | None:
    """Return what a query sorts by, if that is the scores of the documents that were found."""
    first = query.sort[0] if query.sort else None
    if not scores or first is None or not first.descending:
        return None
    wanted = ranked_loop(query, lambda node, variable: _score(node, variable, scores))
    if wanted is None:
        return None
    key = nodes.Attribute(nodes.Name(wanted.variable), "_key")
    among = nodes.Compare(key, "IN", nodes.Name(keys))
    conditions = tuple(part for part in wanted.conditions if part != among)
    names = [node.name for node in walk(query) if isinstance(node, nodes.Name)]
    of_documents = sum(node == nodes.Subscript(nodes.Name(scores), key) for node in walk(query))
    if among not in wanted.conditions or names.count(keys) > 1 or names.count(scores) > of_documents:
        return None  # they are asked for of other documents too
    return replace(wanted, conditions=conditions)


def _score(
    node: nodes.Expression, variable: str, scores: str
) -> tuple[str, str, tuple[nodes.Expression, ...]] | None:
    key = nodes.Attribute(nodes.Name(variable), "_key")
    return ("fulltext", "", ()) if node == nodes.Subscript(nodes.Name(scores), key) else None


def answered(binds: Mapping[str, Any], scores: Mapping[str, float]) -> dict[str, Any]:
    """Return the binds of the rewritten query."""
    return {**binds, KEYS: list(scores), SCORES: dict(scores)}
