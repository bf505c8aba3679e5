"""NEAR, VECTOR_SEARCH, FULLTEXT and SEARCH_INDEX through their indexes.

They read a whole collection when they run in Python. With constant arguments they can run before the
query, over just those documents that their index says can be in the answer; the query then reads
the answer from a bind variable. What is found, and every score, is what the function finds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeGuard, TypeVar, cast

from ..._dataclasses import dataclass
from ..._types import Json
from ...errors import QueryError
from ...language import functions, interpreter, nodes
from ...language.functions.arguments import is_array, is_number, is_object
from ...language.functions.fulltext import HybridSettings, fused, weighted
from ...language.functions.search import MOST_NEIGHBOURS, nearest_vectors
from ...language.functions.vectors import vector
from ...language.interpreter import Run, Source
from . import json_text, library, vector_measures
from .catalogue import Catalogue, StoredIndex
from .fulltext_index import FulltextIndexes, Reader, in_order
from .hit_queries import HitQuery, answered
from .index_ranking import keys_of
from .layout import field_path
from .place_tables import places_table
from .sql.index_filters import INSIDE, surroundings
from .text_ranking import best
from .vector_index import VectorIndexes

N = TypeVar("N")
Narrowed = Callable[[str, Sequence[int]], Source]
"""Makes a source in which a collection has just the documents with these rowids."""

_BY_WORDS: Final = frozenset(("FULLTEXT", "SEARCH_INDEX", "HYBRID_SEARCH"))
_BIND: Final = "solidb search {}"
"""A name that no query can write."""


@dataclass(frozen=True, slots=True)
class Search:
    """A call that runs before the query, and the bind that stands for it."""

    bind: str
    call: nodes.Call


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A query with its searches taken out."""

    query: nodes.Query
    searches: tuple[Search, ...]


def take_out(query: nodes.Query) -> Rewritten:
    """Replace searches with constant arguments by binds, where an error in them is not swallowed."""
    searches: list[Search] = []
    return Rewritten(_replaced(query, searches), tuple(searches))


def _replaced(node: N, searches: list[Search]) -> N:
    if (
        isinstance(node, nodes.Call)
        and (node.name in _CANDIDATES or node.name in _BY_WORDS)
        and all(map(_is_constant, node.arguments))
    ):
        searches.append(Search(_BIND.format(len(searches)), node))
        return cast(N, nodes.Bind(searches[-1].bind))
    if isinstance(node, nodes.Filter | nodes.SortKey | nodes.Lambda) or not is_dataclass(node):
        return node
    changed: dict[str, Any] = {}
    for field in fields(node):
        before = getattr(node, field.name)
        after = _replaced_all(before, searches)
        if after is not before:
            changed[field.name] = after
    return cast(N, replace(cast(Any, node), **changed)) if changed else cast(N, node)


def _replaced_all(value: Any, searches: list[Search]) -> Any:
    if not _is_tuple(value):
        return _replaced(value, searches)
    after = tuple(_replaced_all(part, searches) for part in value)
    return after if any(a is not b for a, b in zip(after, value, strict=True)) else value


def _is_tuple(value: Any) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def _is_constant(node: nodes.Expression) -> bool:
    if isinstance(node, nodes.Literal | nodes.Bind):
        return True
    if isinstance(node, nodes.Array):
        return all(map(_is_constant, node.items))
    if isinstance(node, nodes.Object):
        return all(_is_constant(value) for _, value in node.pairs)
    return isinstance(node, nodes.Unary) and _is_constant(node.operand)


@dataclass(frozen=True, slots=True)
class Matches:
    """How well what was found in a collection fits, by rowid, and the index that found it.

    ``sign`` is negative where a score is a distance.
    """

    collection: str
    index: StoredIndex
    scores: Mapping[int, float]
    sign: int = 1


class Searcher:
    """Runs searches on one connection."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue, vectors: VectorIndexes) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._vectors = vectors
        self._words = FulltextIndexes(connection, vectors.is_writing)

    def answer(
        self,
        rewritten: Rewritten,
        binds: Mapping[str, Any],
        narrowed: Narrowed,
    ) -> dict[str, Json] | None:
        """Return the searches' answers by their binds; None if one must run inside the query."""
        answers: dict[str, Json] = {}
        for search in rewritten.searches:
            try:
                arguments = [_constant(node, binds) for node in search.call.arguments]
                answer = self._answer(search.call.name, arguments, binds, narrowed)
            except QueryError:
                return None
            if answer is None:
                return None
            answers[search.bind] = answer
        return answers

    def _answer(self, name: str, arguments: list[Json], binds: Mapping[str, Any], narrowed: Narrowed) -> Json:
        """Return what a search finds; None if no index can tell."""
        if name in _BY_WORDS:
            return self._by_words(name, arguments, narrowed)
        rows = _CANDIDATES[name](self, arguments)
        function = functions.lookup(name)
        if rows is None or function is None:
            return None
        return function.implementation(Run(narrowed(arguments[0], rows), binds), arguments)

    def prepare(self, search: nodes.Call, binds: Mapping[str, Any]) -> None:
        """Make what a search for words needs before a transaction; nothing if there is no such index."""
        if self._connection.in_transaction:
            return
        places = {"FULLTEXT": (0, 1), "HYBRID_SEARCH": (0, 2)}.get(search.name, ())
        if not places or len(search.arguments) <= max(places) or not all(map(_is_constant, search.arguments)):
            return
        try:
            collection, field = (_constant(search.arguments[place], binds) for place in places)
            index = self._fulltext_index(collection, field)
            if index is not None:
                self._words.prepare(index)
        except QueryError:
            return  # whoever runs it will hear why
        except library.operational_errors():
            return

    def matches(self, hits: HitQuery, binds: Mapping[str, Any], narrowed: Narrowed) -> list[Matches]:
        """Return what each search finds; nothing if the indexes can't tell that of one of them alone."""
        matches: list[Matches] = []
        for search in hits.searches:
            answer = self.scores(search.call, binds, narrowed, are_read=bool(search.scores))
            if answer is None:
                return []
            matches.append(answer)
        return matches

    def answered(
        self, matches: Sequence[Matches], rowids: Collection[int] | None, binds: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the binds with keys and scores of what was found, the best first; all or of these rowids."""
        answers: list[Mapping[str, float]] = []
        for match in matches:
            scores, table = match.scores, self._catalogue.need(match.collection).table
            chosen = scores if rowids is None else [rowid for rowid in rowids if rowid in scores]
            keys = keys_of(self._connection, table, chosen)
            ranked = sorted((-match.sign * scores[rowid], key) for rowid, key in keys.items())
            answers.append({key: -match.sign * score for score, key in ranked})
        return answered(binds, answers)

    def scores(
        self, search: nodes.Call, binds: Mapping[str, Any], narrowed: Narrowed, *, are_read: bool = True
    ) -> Matches | None:
        """Return how well what a search finds fits; None if the indexes can't tell that alone.

        Scores that are not read need not be there.
        """
        try:
            if not all(map(_is_constant, search.arguments)):
                return None
            arguments = [_constant(node, binds) for node in search.arguments]
            if search.name == "HYBRID_SEARCH":
                return self._hybrid_scores(arguments, narrowed)
            if search.name == "VECTOR_SEARCH":
                return self._vector_scores(arguments, are_read=are_read)
            return self._word_scores(arguments, narrowed)
        except QueryError:
            return None

    def _word_scores(self, arguments: list[Json], narrowed: Narrowed) -> Matches | None:
        if not 3 <= len(arguments) <= 4 or not all(type(one) is str for one in arguments[:3]):
            return None
        collection, field = arguments[:2]
        index = self._fulltext_index(collection, field)
        if index is None:
            return None
        scored = self._words.scores_of(index, arguments, self._reader(collection, field, narrowed))
        if scored is None:
            return None
        scores, limit = scored
        if len(scores) > limit:
            table = self._catalogue.need(collection).table
            first = best(self._connection, table, scores, limit, descending=False)
            scores = {rowid: score for score, _, rowid in first}
        return Matches(collection, index, scores)

    def _vector_scores(self, arguments: list[Json], *, are_read: bool) -> Matches | None:
        """Return the scores of VECTOR_SEARCH, which need not be made where no rounding decides."""
        near = self.vector_search(arguments)
        if near is None or not type(arguments[0]) is type(arguments[1]) is str:
            return None
        collection, name, given, most = arguments[:4]
        index = self._index(collection, "vector", name)
        if index is None or not 0 <= most <= MOST_NEIGHBOURS:
            return None
        if not are_read:
            first = near if len(near) <= most else self._vectors.first(index, near, given, most)
            if first is not None:
                return Matches(collection, index, dict.fromkeys(first, 0.0))
        measured = self._measured(index, near, given)
        if measured is None:
            return None
        table, sign = self._catalogue.need(collection).table, -1 if index.spec.metric == "euclidean" else 1
        signed = {rowid: sign * score for rowid, score in measured.items()}
        ranked = best(self._connection, table, signed, most, descending=False)
        return Matches(collection, index, {rowid: measured[rowid] for _, _, rowid in ranked}, sign)

    def _measured(self, index: StoredIndex, rowids: Sequence[int], given: Json) -> dict[int, float] | None:
        """Return the scores of vectors as the language has them."""
        state = self._vectors.state(index)
        if state is None:
            return None
        asked = vector(given, "VECTOR_SEARCH", 3)
        measured = vector_measures.scores(state.rows(rowids), asked, index.spec.metric)
        return dict(zip(rowids, measured, strict=True))

    def _hybrid_scores(self, arguments: list[Json], narrowed: Narrowed) -> Matches | None:
        """Return the scores of HYBRID_SEARCH, ranked by both indexes."""
        if len(arguments) not in (5, 6) or not all(type(arguments[at]) is str for at in (0, 1, 2, 4)):
            return None
        collection, name, field, given, words = arguments[:5]
        settings = HybridSettings.of(arguments[5] if len(arguments) == 6 else None)
        index, vectors = self._fulltext_index(collection, field), self._index(collection, "vector", name)
        near = self._vector_search([collection, name, given, settings.pool], exact=True)
        if index is None or near is None or vectors is None or settings.text_weight <= 0:
            return None
        if settings.fusion != "weighted":
            return None
        table = self._catalogue.need(collection).table
        measured, metric = self._measured(vectors, near, given), vectors.spec.metric
        if measured is None:
            return None
        farther_is_worse = metric == "euclidean"
        signed = {rowid: -score for rowid, score in measured.items()} if farther_is_worse else measured
        pool = near
        if len(near) > settings.pool:
            ranked = best(self._connection, table, signed, settings.pool, descending=False)
            pool = [rowid for _, _, rowid in ranked]
        reader = self._reader(collection, field, narrowed)
        texts = self._words.scores(index, words, {"distance": 0, "phrase": None}, reader)
        by_vector = [(rowid, measured[rowid]) for rowid in pool]
        chosen = weighted(by_vector, texts, settings, farther_is_worse=farther_is_worse)
        first = best(self._connection, table, chosen, settings.limit, descending=False)
        return Matches(collection, index, {rowid: score for score, _, rowid in first})

    def _by_words(self, name: str, arguments: list[Json], narrowed: Narrowed) -> list[Json] | None:
        if name == "HYBRID_SEARCH":
            return self._hybrid(arguments, narrowed)
        if not 3 <= len(arguments) <= 4 or not all(type(one) is str for one in arguments[:3]):
            return None
        collection, field = arguments[:2]
        index = self._fulltext_index(collection, field)
        if index is None:
            return None
        run = self._words.fulltext if name == "FULLTEXT" else self._words.search_index
        return run(index, arguments, self._reader(collection, field, narrowed))

    def _hybrid(self, arguments: list[Json], narrowed: Narrowed) -> list[Json] | None:
        """Return the hits of HYBRID_SEARCH: ranked by both indexes, only the best are read."""
        if len(arguments) not in (5, 6) or not all(type(arguments[at]) is str for at in (0, 1, 2, 4)):
            return None
        collection, name, field, vector, words = arguments[:5]
        settings = HybridSettings.of(arguments[5] if len(arguments) == 6 else None)
        index = self._fulltext_index(collection, field)
        rows = self._vector_search([collection, name, vector, settings.pool], exact=True)
        if index is None or rows is None:
            return None
        context = Run(narrowed(collection, rows), {})
        vectors = context.index_of(collection, "vector", name)
        if vectors is None:
            return None
        near = nearest_vectors(context, collection, vectors, vector)[: settings.pool]
        reader = self._reader(collection, field, narrowed)
        ranked = self._words.ranked(index, words, 0)
        lexical = [
            (key, score) for rows in in_order(ranked, reader.keys, len(ranked)) for score, key, _ in rows
        ]
        by_vector = [(str(document["_key"]), score) for score, document in near]
        best = fused(by_vector, lexical, settings, farther_is_worse=vectors.metric == "euclidean")
        documents = {str(document["_key"]): document for _, document in near}
        missing = {hit.key for hit in best} - documents.keys()
        rowids = [row for row, key in reader.keys([row for _, row in ranked]).items() if key in missing]
        documents.update((str(document["_key"]), document) for document in reader.documents(rowids))
        return [hit.row(documents[hit.key]) for hit in best]

    def _reader(self, collection: str, field: str, narrowed: Narrowed) -> Reader:
        table = self._catalogue.need(collection).table

        def texts(rowids: Sequence[int]) -> list[tuple[int, str]]:
            sql = f"SELECT rowid, doc ->> {field_path(field)} FROM {table} WHERE rowid IN"
            given = (json_text.encode(list(rowids)),)
            return self._connection.execute(f"{sql} (SELECT value FROM json_each(?))", given).fetchall()

        return Reader(
            lambda rowids: list(narrowed(collection, rowids).scan(collection)),
            lambda rowids: keys_of(self._connection, table, rowids),
            texts,
        )

    def _fulltext_index(self, collection: str, field: str) -> StoredIndex | None:
        index = self._index(collection, "fulltext", field)
        return index if index is not None and field in index.spec.fields else None

    def near(self, arguments: list[Json]) -> Sequence[int] | None:
        """Return the rowids of the documents in the box around a circle."""
        if len(arguments) != 4:
            return None
        collection, center, radius, field = arguments
        index = self._index(collection, "geo", field)
        if index is None or not is_number(radius) or not is_object(center):
            return None
        lat, lon = center.get("lat"), center.get("lon")
        if not is_number(lat) or not is_number(lon):
            return None
        sql = f"SELECT rowid FROM {places_table(index.number)} WHERE {INSIDE.format(*'????')}"
        boxes = surroundings(lat, lon, radius)
        return [row[0] for box in boxes for row in self._connection.execute(sql, box).fetchall()]

    def vector_search(self, arguments: list[Json]) -> Sequence[int] | None:
        """Return the rowids of the nearest vectors, and of those as good as equally near."""
        return self._vector_search(arguments, exact=False)

    def _vector_search(self, arguments: list[Json], *, exact: bool) -> Sequence[int] | None:
        """Search; without an approximate index if ``exact``, or if the greatest ``ef`` is asked for."""
        options: Json = arguments[4] if len(arguments) == 5 else {}
        if len(arguments) not in (4, 5) or type(arguments[3]) is not int or not is_object(options):
            return None
        if not options.keys() <= {"ef"}:
            return None
        collection, name, vector, most = arguments[:4]
        breadth = options.get("ef")
        index = self._index(collection, "vector", name)
        if index is None or not is_array(vector) or len(vector) != index.spec.dimension:
            return None
        exact = exact or (is_number(breadth) and breadth >= MOST_NEIGHBOURS)
        return self._vectors.nearest(index, vector, most, exact=exact)

    def _index(self, collection: Json, kind: str, name_or_field: Json) -> StoredIndex | None:
        entry = self._catalogue.find(collection) if type(collection) is str else None
        for index in entry.indexes if entry is not None else ():
            if index.spec.kind == kind and name_or_field in (index.spec.name, *index.spec.fields):
                return index
        return None


_CANDIDATES: Final[dict[str, Callable[[Searcher, list[Json]], Sequence[int] | None]]] = {
    "NEAR": Searcher.near,
    "VECTOR_SEARCH": Searcher.vector_search,
}


def _constant(node: nodes.Expression, binds: Mapping[str, Any]) -> Json:
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.Bind) and node.name in binds:
        return interpreter.plain(binds[node.name])
    if isinstance(node, nodes.Object):
        return {name: _constant(value, binds) for name, value in node.pairs}
    return interpreter.compile_expression(node, ())((), binds, interpreter.MemorySource())
