"""Search in a collection: by words, by vector, by both, by place. Reads the collection whole.

An engine with an index may answer sooner; what is found is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ..._types import Json, JsonObject
from ...errors import IndexNotFound, QueryError
from ..values import equal
from .arguments import integer, is_array, is_number, mapping, number, options, text
from .built_in import PROPAGATE, REFUSE, CallContext, Family, IndexInfo
from .fulltext import Corpus, HybridSettings, Word, excerpt, fused, has_phrase, mark, split_words, terms_of
from .objects import value_at
from .shapes import Point, metres, on_globe, position
from .vectors import cosine, dot, euclidean, vector

function = Family("Search")
MOST_NEIGHBOURS: Final = 10_000
NO_FILTER: Final[Mapping[str, Json]] = {}


def _texts(context: CallContext, collection: str, field: str) -> list[tuple[JsonObject, list[Word]]]:
    """Return the documents that have a text in the field, with its words."""
    texts: list[tuple[JsonObject, list[Word]]] = []
    for document in context.scan(collection):
        context.spend(1)
        value = value_at(document, field, "FULLTEXT")
        if isinstance(value, str):
            texts.append((document, split_words(value)))
    return texts


def _search_words(
    context: CallContext, index: IndexInfo, collection: str, field: str, query: str, fuzzy: int
) -> list[tuple[float, JsonObject, list[Word], list[str]]]:
    """Return score, document, matching words and terms of all documents with a word, best first."""
    terms = terms_of(query, index.minimum_length)
    texts = _texts(context, collection, field)
    corpus = Corpus.of([words for _, words in texts])
    hits: list[tuple[float, JsonObject, list[Word], list[str]]] = []
    for document, words in texts:
        matching = [w for w in words if w.term in terms]
        if matching:
            score = corpus.score(terms, words, fuzzy)
            hits.append((score, document, matching, [t for t in terms if any(w.term == t for w in matching)]))
    return sorted(hits, key=lambda hit: (-hit[0], str(hit[1].get("_key"))))


@function(
    "FULLTEXT",
    parameters="collection, field, query [, distance|options]",
    returns="array of {doc, score, matched, field, spans}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The documents with a word of the query, best first; [] without a fulltext index. "
    "Options distance 2, limit 100, phrase n (in this order, with at most n words between).",
)
def fulltext_search(
    context: CallContext, collection: Json, field: Json, query: Json, settings: Json = None
) -> Json:
    name, place = text(collection, "FULLTEXT", 1), text(field, "FULLTEXT", 2)
    given = {"distance": settings} if is_number(settings) else options(settings, "FULLTEXT", 4)
    index = context.index_of(name, "fulltext", place)
    if index is None:
        return []
    wanted = text(query, "FULLTEXT", 3)
    hits = _search_words(
        context, index, name, place, wanted, integer(given.get("distance", 2), "FULLTEXT", 4)
    )
    if (extra := given.get("phrase")) is not None and (terms := [w.term for w in split_words(wanted)]):
        allowed = integer(extra, "FULLTEXT", 4)
        hits = [h for h in hits if has_phrase(terms, split_words(value_at(h[1], place, "FULLTEXT")), allowed)]
    limit = integer(given.get("limit", 100), "FULLTEXT", 4)
    return [
        {"doc": d, "field": place, "matched": terms, "score": score, "spans": _spans(words)}
        for score, d, words, terms in hits[:limit]
    ]


def _spans(words: Iterable[Word]) -> list[list[int]]:
    return [[w.start, w.end] for w in words]


@function(
    "SEARCH_INDEX",
    parameters="collection, field, query [, n]",
    returns="array of {doc, score, terms, field, spans}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The n (20) best documents with exactly a word of the query; [] without a fulltext index.",
)
def search_index(context: CallContext, collection: Json, field: Json, query: Json, most: Json = 20) -> Json:
    name, place = text(collection, "SEARCH_INDEX", 1), text(field, "SEARCH_INDEX", 2)
    index = context.index_of(name, "fulltext", place)
    if index is None:
        return []
    hits = _search_words(context, index, name, place, text(query, "SEARCH_INDEX", 3), 0)
    return [
        {"doc": d, "field": place, "score": score, "spans": _spans(words), "terms": terms}
        for score, d, words, terms in hits[: integer(most, "SEARCH_INDEX", 4)]
    ]


@function(
    "BM25",
    parameters="s, query",
    returns="float",
    nulls="0 for a null text",
    summary="How well a text answers a query; as if among 1000 texts of 100 words, 100 with each word.",
)
def bm25(value: Json, query: Json) -> Json:
    if value is None:
        return 0
    words, asked = split_words(text(value, "BM25", 1)), split_words(text(query, "BM25", 2))
    assumed = Corpus(1000, 100.0, Counter({w.term: 100 for w in asked}))
    return assumed.score([w.term for w in asked], words)


def _vector_index(context: CallContext, collection: str, name: str) -> IndexInfo:
    index = context.index_of(collection, "vector", name)
    if index is None:
        raise IndexNotFound(
            f"Vector Index '{name}' not found", name=name, hint=f"declare a vector index on {collection}"
        )
    return index


def _fits(document: JsonObject, wanted: Mapping[str, Json]) -> bool:
    return all(equal(value_at(document, path, "VECTOR_SEARCH"), value) for path, value in wanted.items())


def measure(metric: str) -> Callable[[Sequence[float], Sequence[float]], float]:
    """Return what the scores of a metric are made by."""
    return {"euclidean": euclidean, "dot": dot, "dotproduct": dot}.get(metric, cosine)


def nearest_vectors(
    context: CallContext,
    collection: str,
    index: IndexInfo,
    query: Json,
    wanted: Mapping[str, Json] = NO_FILTER,
) -> list[tuple[float, JsonObject]]:
    """Return score and document of all that have a vector, nearest first."""
    asked = vector(query, "VECTOR_SEARCH", 3)
    dimension = index.dimension or len(asked)
    if len(asked) != dimension:
        raise QueryError(
            f"VECTOR_SEARCH: the index {index.name} has dimension {dimension}, the vector {len(asked)}"
        )
    measured = measure(index.metric)
    hits: list[tuple[float, JsonObject]] = []
    for document in context.scan(collection):
        context.spend(1)
        value = value_at(document, index.fields[0], "VECTOR_SEARCH")
        if is_array(value) and len(value) == dimension and _fits(document, wanted):
            hits.append((measured(asked, vector(value, "VECTOR_SEARCH")), document))
    farther = 1 if measured is euclidean else -1
    return sorted(hits, key=lambda hit: (farther * hit[0], str(hit[1].get("_key"))))


@function(
    "VECTOR_SEARCH",
    parameters="collection, index, vector, k [, options]",
    returns="array of {doc, score}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The k nearest documents; the score is similarity, dot product or euclidean distance. "
    "Option filter: attributes that must be equal.",
)
def vector_search(
    context: CallContext, collection: Json, index: Json, query: Json, most: Json, settings: Json = None
) -> Json:
    name, wanted = text(collection, "VECTOR_SEARCH", 1), integer(most, "VECTOR_SEARCH", 4)
    if not 0 <= wanted <= MOST_NEIGHBOURS:
        raise QueryError(f"VECTOR_SEARCH: k must be between 0 and {MOST_NEIGHBOURS}")
    given = options(settings, "VECTOR_SEARCH", 5, frozenset(("filter", "overfetch", "ef")))
    condition = mapping(given.get("filter") or {}, "VECTOR_SEARCH", 5)
    spec = _vector_index(context, name, text(index, "VECTOR_SEARCH", 2))
    hits = nearest_vectors(context, name, spec, query, condition)
    return [{"doc": document, "score": score} for score, document in hits[:wanted]]


@function(
    "HYBRID_SEARCH",
    parameters="collection, index, field, vector, query [, options]",
    returns="array of {doc, score, vector_score, text_score, sources}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The best documents by vector and words together. Options vector_weight, text_weight, limit, "
    'fusion "weighted" or "rrf". A euclidean index counts the near ones as good, which the server does not.',
)
def hybrid_search(
    context: CallContext,
    collection: Json,
    index: Json,
    field: Json,
    query: Json,
    words: Json,
    settings: Json = None,
) -> Json:
    name, given = text(collection, "HYBRID_SEARCH", 1), HybridSettings.of(settings)
    spec = _vector_index(context, name, text(index, "HYBRID_SEARCH", 2))
    near = nearest_vectors(context, name, spec, query)[: given.pool]
    lexical = _lexical(context, name, text(field, "HYBRID_SEARCH", 3), text(words, "HYBRID_SEARCH", 5))
    documents = {str(d["_key"]): d for _, d in (*near, *lexical)}
    by_vector, by_text = ([(str(d["_key"]), score) for score, d in hits] for hits in (near, lexical))
    best = fused(by_vector, by_text, given, farther_is_worse=spec.metric == "euclidean")
    return [hit.row(documents[hit.key]) for hit in best]


def _lexical(context: CallContext, collection: str, field: str, query: str) -> list[tuple[float, JsonObject]]:
    index = context.index_of(collection, "fulltext", field)
    if index is None:
        return []
    return [(score, d) for score, d, *_ in _search_words(context, index, collection, field, query, 0)]


def stored_place(value: Json) -> Point | None:
    """Return the place that the geo index reads: a stored array is ``[lat, lon]`` there."""
    place = position(value)
    return (place[1], place[0]) if place is not None and is_array(value) else place


@function(
    "NEAR",
    parameters="collection, center, radius, field",
    returns="array of documents",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The documents within a radius in metres, nearest first; needs a geo index on the field.",
)
def near_places(context: CallContext, collection: Json, center: Json, radius: Json, field: Json) -> Json:
    name, place = text(collection, "NEAR", 1), text(field, "NEAR", 4)
    if context.index_of(name, "geo", place) is None:
        raise QueryError(
            f"NEAR: no geo index on field '{place}' of collection '{name}'", hint="declare a geo index"
        )
    middle, most = position(center), float(number(radius, "NEAR", 3))
    if middle is None or not on_globe(middle):
        raise QueryError("NEAR: center must be {lat, lon}, a GeoJSON Point or [lon, lat]")
    hits: list[tuple[float, str, JsonObject]] = []
    for document in context.scan(name):
        context.spend(1)
        stored = stored_place(value_at(document, place, "NEAR"))
        if stored is not None and on_globe(stored) and (gap := metres(middle, stored)) <= most:
            hits.append((gap, str(document.get("_key")), document))
    return [document for _, _, document in sorted(hits, key=lambda hit: hit[:2])]


@function(
    "SNIPPET",
    parameters="hit, width",
    returns="string",
    nulls=PROPAGATE,
    summary="About ``width`` characters of a hit's text around what was found.",
)
def snippet(hit: Json, width: Json) -> Json:
    fields = mapping(hit, "SNIPPET", 1)
    if isinstance(width, bool) or not isinstance(width, int) or width < 0:
        raise QueryError("SNIPPET: width must be a non-negative integer")
    whole = value_at(fields.get("doc"), str(fields.get("field", "")), "SNIPPET")
    if not isinstance(whole, str):
        return None
    return excerpt(whole, _hit_spans(fields, whole), width) if width else ""


def _hit_spans(hit: JsonObject, whole: str) -> list[tuple[int, int]]:
    """Return where the hit matched: its spans, or its terms looked up in the text."""
    given: list[Json] = hit.get("spans") or []
    spans = [(int(s[0]), int(s[1])) for s in given if is_array(s) and len(s) == 2]
    if spans:
        return spans
    matched: list[Json] = hit.get("matched") or hit.get("terms") or []
    terms = {str(t).lower() for t in matched}
    return [(w.start, w.end) for w in split_words(whole) if w.term in terms]


@function(
    "HIGHLIGHT",
    parameters="s, terms",
    returns="string",
    nulls="null in, null out",
    summary="The text as HTML with the terms in <b>.",
)
def highlight(value: Json, terms: Json) -> Json:
    if not isinstance(value, str):
        return None
    given: list[Json] = terms if is_array(terms) else [terms]
    return mark(value, [t for t in given if isinstance(t, str)])
