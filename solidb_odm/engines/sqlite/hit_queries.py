"""Queries that want of the hits of a search just which documents they are, and how well they fit.

``LET hits = FULLTEXT(..) LET keys = hits[*].doc._key LET scores = ZIP_OBJECT(keys, hits[*].score)
FOR d IN docs FILTER d._key IN keys SORT scores[d._key] DESC LIMIT 10 RETURN d``: the index alone tells keys
and scores, so that no document is read for them; and where the best are asked for, only these are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeGuard, TypeVar, cast

from ..._dataclasses import dataclass
from ...language import nodes
from ...language.walk import walk
from .nearness import Nearness, ranked_loop

N = TypeVar("N")
_SEARCHES: Final = ("FULLTEXT", "HYBRID_SEARCH", "VECTOR_SEARCH")
_KEYS: Final = "solidb keys {}"
_SCORES: Final = "solidb scores {}"
"""Names that no query can write."""


@dataclass(frozen=True, slots=True)
class HitSearch:
    """A search of which a query wants keys, and scores if they have a name: ``call``, and their variables."""

    call: nodes.Call
    keys: str
    scores: str


@dataclass(frozen=True, slots=True)
class HitQuery:
    """A query and its searches: ``query`` reads keys and scores of the hits from binds.

    ``best`` is set where the query sorts by the scores of the search number ``ranked`` and takes the first of
    what this search and those with the numbers ``also`` found.
    ``all_of`` is the collection of which it returns all documents that were found, by key; empty if others.
    """

    searches: tuple[HitSearch, ...]
    query: nodes.Block
    best: Nearness | None
    ranked: int
    also: frozenset[int]
    all_of: str


def hit_query(query: nodes.Query) -> HitQuery | None:
    """Return a query and its searches apart; None where the hits themselves are asked for."""
    if not isinstance(query, nodes.Block) or query.tables is not None:
        return None
    searches, body, hits = _taken(query.body)
    if not searches or not body:
        return None
    rewritten = replace(query, body=body)
    bound = _bound(rewritten)
    if hits & _strings(rewritten) or any(
        bound & ({search.keys, search.scores} - {""}) for search in searches
    ):
        return None
    binds: dict[str, nodes.Expression] = {}
    for number, search in enumerate(searches):
        binds[search.keys] = nodes.Bind(_KEYS.format(number))
        binds[search.scores] = nodes.Bind(_SCORES.format(number))
    all_of = _all_of(rewritten, nodes.Name(searches[0].keys)) if len(searches) == 1 else ""
    plain = HitQuery(tuple(searches), replaced(rewritten, binds), None, 0, frozenset(), all_of)
    wanted = [_best(rewritten, search) for search in searches]
    if not any(wanted) or not all(_is_of_documents(rewritten, search) for search in searches):
        return plain
    number, best = next((number, best) for number, best in enumerate(wanted) if best is not None)
    among: dict[nodes.Expression, int] = {
        _is_among(best.variable, search): other for other, search in enumerate(searches)
    }
    also = frozenset(among[part] for part in best.conditions if part in among) - {number}
    rest = tuple(replaced(part, binds) for part in best.conditions if part not in among)
    return replace(plain, best=replace(best, conditions=rest), ranked=number, also=also)


def _taken(body: tuple[nodes.Clause, ...]) -> tuple[list[HitSearch], tuple[nodes.Clause, ...], set[str]]:
    """Return the searches that a query begins with, the clauses after them, and the names of the hits.

    There are none if the hits of one are not asked for their keys.
    """
    calls, keys, scores = dict[str, nodes.Call](), dict[str, str](), dict[str, str]()
    names = set[str]()
    for clause in body:
        if not isinstance(clause, nodes.Let) or clause.name in names:
            break
        hits = _hits_of(clause.value)
        if isinstance(clause.value, nodes.Call) and clause.value.name in _SEARCHES:
            calls[clause.name] = clause.value
        elif hits in calls and hits not in keys and clause.value == _expansion(hits, "doc", "_key"):
            keys[hits] = clause.name
        elif hits in keys and hits not in scores and clause.value == _table(keys[hits], hits):
            scores[hits] = clause.name
        else:
            break
        names.add(clause.name)
    if keys.keys() != calls.keys():
        return [], (), set()
    searches = [HitSearch(call, keys[name], scores.get(name, "")) for name, call in calls.items()]
    return searches, body[len(names) :], set(calls)


def _hits_of(value: nodes.Expression) -> str:
    """Return the name of the hits of which something may be the keys, or the scores by key."""
    if isinstance(value, nodes.Call) and value.name == "ZIP_OBJECT" and len(value.arguments) == 2:
        value = value.arguments[1]
    if isinstance(value, nodes.Expansion) and isinstance(value.base, nodes.Name):
        return value.base.name
    return ""


def _expansion(hits: str, *path: str) -> nodes.Expansion:
    return nodes.Expansion(nodes.Name(hits), path=path)


def _table(keys: str, hits: str) -> nodes.Call:
    return nodes.Call("ZIP_OBJECT", (nodes.Name(keys), _expansion(hits, "score")))


def _is_of_documents(query: nodes.Block, search: HitSearch) -> bool:
    """Return whether keys and scores of a search are asked for of the documents at hand alone."""
    variables = {clause.variable for clause in query.body if isinstance(clause, nodes.For)}
    seen = list(walk(query))
    if any(isinstance(node, nodes.Lambda) for node in seen):  # whose variable may have the name of one
        return False
    for name, forms in (
        (search.keys, [_is_among(variable, search) for variable in variables]),
        (search.scores, [_score_of(variable, search) for variable in variables]),
    ):
        asked = sum(isinstance(node, nodes.Name) and node.name == name for node in seen)
        if name and asked != sum(node in forms for node in seen):
            return False
    return True


def _is_among(variable: str, search: HitSearch) -> nodes.Compare:
    return nodes.Compare(nodes.Attribute(nodes.Name(variable), "_key"), "IN", nodes.Name(search.keys))


def _score_of(variable: str, search: HitSearch) -> nodes.Subscript:
    return nodes.Subscript(nodes.Name(search.scores), nodes.Attribute(nodes.Name(variable), "_key"))


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


def _best(query: nodes.Block, search: HitSearch) -> Nearness | None:
    """Return what a query sorts by, if that is the scores of the documents that a search found."""
    first = query.sort[0] if query.sort else None
    if not search.scores or first is None or not first.descending:
        return None
    wanted = ranked_loop(query, lambda node, variable: _score(node, variable, search))
    if wanted is None or _is_among(wanted.variable, search) not in wanted.conditions:
        return None
    return wanted


def _score(
    node: nodes.Expression, variable: str, search: HitSearch
) -> tuple[str, str, tuple[nodes.Expression, ...]] | None:
    return ("fulltext", "", ()) if node == _score_of(variable, search) else None


def answered(binds: Mapping[str, Any], answers: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the binds of the rewritten query, for the scores of each search by key."""
    given = dict(binds)
    for number, scores in enumerate(answers):
        given[_KEYS.format(number)], given[_SCORES.format(number)] = list(scores), dict(scores)
    return given
