"""Search finds documents by words, vectors and places, the best first."""

# ruff: noqa: E501  # a case is a line

from typing import Any

import pytest

from solidb_odm.language.functions import IndexInfo
from solidb_odm.language.interpreter import MemorySource
from tests.unit.language.functions.expressions import holds, lines, value_of

ARTICLES = [
    {"_key": "t1", "body": "A fast database engine written in Rust", "emb": [1.0, 0.0, 0.0], "kind": "db"},
    {"_key": "t2", "body": "An object mapper for a document database", "emb": [0.0, 1.0, 0.0], "kind": "orm"},
    {"_key": "t3", "body": "How to cook pasta with tomato", "emb": [0.0, 0.0, 1.0], "kind": "food"},
    {"_key": "t4", "body": "Graph traversal in a database, fast and simple", "emb": [0.7, 0.7, 0.0]},
    {"_key": "t5", "body": None},
]
PLACES = [
    {"_key": "eiffel", "loc": {"lat": 48.8584, "lon": 2.2945}},
    {"_key": "louvre", "loc": [48.8606, 2.3376]},
    {"_key": "london", "loc": {"type": "Point", "coordinates": [-0.1278, 51.5074]}},
    {"_key": "nowhere"},
]
CASES = lines(r"""
SORTED(FULLTEXT("articles", "body", "database")[*].doc._key) => ["t1", "t2", "t4"]
FULLTEXT("articles", "body", "database fast", {limit: 1})[0].matched => ["database", "fast"]
FULLTEXT("articles", "body", "fast simple", {phrase: 1})[*].doc._key => ["t4"]
FULLTEXT("articles", "body", "fast simple", {phrase: 0}) => []
FULLTEXT("articles", "body", "an in of") => []
FULLTEXT("articles", "title", "database") => []
SEARCH_INDEX("articles", "body", "rust")[*].spans => [[[34, 38]]]
SEARCH_INDEX("articles", "body", "pasta")[0].terms => ["pasta"]
[BM25("fast Rust", "slow"), BM25("fast Rust", "rust") > BM25("fast cars and rust", "rust"), BM25(null, "x")] => [0.0, true, 0]
VECTOR_SEARCH("articles", "v", [1, 0, 0], 2)[*].doc._key => ["t1", "t4"]
VECTOR_SEARCH("articles", "v", [1, 0, 0], 1)[0].score => 1.0
VECTOR_SEARCH("articles", "v", [1, 0, 0], 9, {filter: {kind: "orm"}})[*].doc._key => ["t2"]
VECTOR_SEARCH("articles", "w", [1, 0, 0], 2) !! Vector Index 'w' not found
VECTOR_SEARCH("articles", "v", [1, 0], 2) !! has dimension 3
HYBRID_SEARCH("articles", "v", "body", [1, 0, 0], "rust")[0].doc._key => "t1"
HYBRID_SEARCH("articles", "v", "body", [0, 0, 1], "mapper", {fusion: "rrf", limit: 2})[*].doc._key => ["t2", "t3"]
HYBRID_SEARCH("articles", "v", "body", [0, 0, 1], "x", {fusion: "y"}) !! unknown fusion 'y'
NEAR("places", {lat: 48.86, lon: 2.30}, 10000, "loc")[*]._key => ["eiffel", "louvre"]
NEAR("places", [2.30, 48.86], 1000000, "loc")[*]._key => ["eiffel", "louvre", "london"]
NEAR("places", {lat: 48.86, lon: 2.30}, 10000, "spot") !! no geo index
HIGHLIGHT("a <fast> Database", ["database", "fast"]) => "a &lt;<b>fast</b>&gt; <b>Database</b>"
SNIPPET({doc: {body: "short"}, field: "body", spans: []}, 99) => "short"
[SNIPPET(null, 9), SNIPPET({doc: {}, field: "body"}, 9)] => [null, null]
""")


@pytest.fixture
def source() -> MemorySource:
    source = MemorySource({"articles": ARTICLES, "places": PLACES})
    source.declare_index("articles", IndexInfo("ft", "fulltext", ("body",)))
    source.declare_index("articles", IndexInfo("v", "vector", ("emb",), dimension=3))
    source.declare_index("articles", IndexInfo("e", "vector", ("emb",), dimension=3, metric="euclidean"))
    source.declare_index("places", IndexInfo("g", "geo", ("loc",)))
    return source


@pytest.mark.parametrize("line", CASES, ids=str)
def test_search_finds_what_the_server_finds(line: str, source: MemorySource) -> None:
    assert holds(line, source)


@pytest.mark.parametrize("index", ["v", "e"])
def test_the_exact_vector_is_best_in_a_hybrid_search(index: str, source: MemorySource) -> None:
    found = value_of("HYBRID_SEARCH('articles', @i, 'body', [0, 0, 1], 'nothing')", source, i=index)
    assert found[0]["doc"]["_key"] == "t3"  # the server ranks it last with a euclidean index


def test_a_snippet_shows_the_words_that_were_found() -> None:
    text = "before " * 30 + "needle" + " after" * 30
    hit: dict[str, Any] = {"doc": {"body": text}, "field": "body", "spans": [[210, 216]]}
    snippet = value_of("SNIPPET(@h, 40)", h=hit)
    assert "needle" in snippet
    assert snippet[0] == snippet[-1] == "…"
    assert len(snippet) <= 42
