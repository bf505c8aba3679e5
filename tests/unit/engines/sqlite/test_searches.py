"""Searches through an index find what a search without one finds."""

import random
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    IndexSpec,
    Inserts,
    Patch,
    Patches,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel
from solidb_odm.language.functions import IndexInfo
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse

_NEAR = parse('FOR p IN NEAR("places", @c, @r, "loc") FILTER p.n > 10 RETURN p._key')
_NEAREST = parse('FOR h IN VECTOR_SEARCH("places", "face", @v, 7) RETURN [h.doc._key, h.score]')


def _documents() -> list[dict[str, Any]]:
    chance = random.Random(5)
    documents: list[dict[str, Any]] = []
    for n in range(300):
        lat, lon = chance.uniform(-90, 90), chance.uniform(-180, 180)
        if n % 2:
            lat, lon = chance.uniform(48, 49), chance.uniform(2, 3)
        forms = [
            {"lat": lat, "lon": lon},
            {"latitude": lat, "longitude": lon},
            {"type": "Point", "coordinates": [lon, lat]},
            [lat, lon],
            None,
            {"lat": 99, "lon": 0},
        ]
        face: Any = [chance.choice([-1.0, 0.0, 0.5, 1.0]) for _ in range(4)]
        documents.append({"_key": f"{n:03}", "n": n, "loc": forms[n % 6], "face": face if n % 7 else [1]})
    return documents


@pytest.fixture
def places(channel: FileChannel) -> FileChannel:
    channel.perform(CreateCollection("places"))
    documents = _documents()
    half = [(document["_key"], document) for document in documents[:150]]
    channel.perform(Apply([Inserts("places", half)]))
    channel.perform(CreateIndex("places", IndexSpec("loc", "geo", ("loc",))))
    channel.perform(CreateIndex("places", IndexSpec("face", "vector", ("face",), dimension=4)))
    channel.perform(Apply([Inserts("places", [(d["_key"], d) for d in documents[150:]])]))
    channel.perform(Commit())
    return channel


def _memory(metric: str = "cosine") -> MemorySource:
    source = MemorySource({"places": _documents()})
    source.declare_index("places", IndexInfo("loc", "geo", ("loc",)))
    source.declare_index("places", IndexInfo("face", "vector", ("face",), 4, metric))
    return source


@pytest.mark.parametrize("radius", [0, 10_000, 50_000, 3_000_000, 30_000_000])
@pytest.mark.parametrize("center", [(48.5, 2.5), (89.9, 0), (0, 179.9), (-45, -180)])
def test_near_finds_the_same_places(places: FileChannel, center: tuple[float, float], radius: int) -> None:
    binds = {"c": {"lat": center[0], "lon": center[1]}, "r": radius}
    assert places.perform(RunQuery(_NEAR, binds)) == evaluate(_NEAR, _memory(), binds)


@pytest.mark.parametrize(
    "condition",
    [
        "p.loc != null AND DISTANCE(p.loc.lat, p.loc.lon, @lat, @lon) <= @r",
        "DISTANCE(p.loc.lat, p.loc.lon, @lat, @lon) < @r",
        "WORD_COUNT(p._key) == 1 AND DISTANCE(p.loc.lat, p.loc.lon, @lat, @lon) < @r",
    ],
)
@pytest.mark.parametrize("radius", [0, 10_000, 50_000, 3_000_000])
@pytest.mark.parametrize("center", [(48.5, 2.5), (89.9, 0), (0, 179.9)])
def test_a_distance_filter_finds_the_same_places(
    places: FileChannel, condition: str, center: tuple[float, float], radius: int
) -> None:
    query = parse(f"FOR p IN places FILTER {condition} RETURN p._key")
    binds = {"lat": center[0], "lon": center[1], "r": radius}
    assert places.perform(RunQuery(query, binds)) == evaluate(query, _memory(), binds)
    steps = places.perform(ExplainQuery(query, binds))["steps"]
    assert any("USING INTEGER PRIMARY KEY" in step for step in steps)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_a_vector_search_finds_the_same_documents(places: FileChannel, metric: Any) -> None:
    places.perform(
        CreateIndex("places", IndexSpec("second", "vector", ("face",), dimension=4, metric=metric))
    )
    query = parse('FOR h IN VECTOR_SEARCH("places", "second", @v, @k) RETURN [h.doc._key, h.score]')
    source = _memory(metric)
    source.declare_index("places", IndexInfo("second", "vector", ("face",), 4, metric))
    for k in (0, 1, 7, 400):
        binds = {"v": [0.5, -1, 0.25, 0], "k": k}
        assert places.perform(RunQuery(query, binds)) == evaluate(query, source, binds)


def test_a_search_sees_the_session_s_own_writes(places: FileChannel) -> None:
    binds = {"v": [9.0, 0.0, 0.0, 0.5]}
    places.perform(RunQuery(_NEAREST, binds))
    stored = places.perform(RunQuery(parse('FOR p IN places FILTER p._key == "001" RETURN p._rev')))
    places.perform(Apply([Patches("places", [Patch("001", stored[0], {"face": [9.0, 0.0, 0.0, 0.5]})])]))
    assert places.perform(RunQuery(_NEAREST, binds))[0][0] == "001"


def test_a_missing_index_is_an_error_as_without_a_file(places: FileChannel) -> None:
    with pytest.raises(Exception, match="no geo index"):
        places.perform(RunQuery(parse('RETURN NEAR("places", {lat: 1, lon: 1}, 5, "other")')))


_TEXTS = [
    "the quick brown fox",
    "Quick! quick, don't quack",
    "Élan vital, ÉLAN",
    "",
    "naïve fox's den",
    "brow brown browns",
    "٣ ς Σ",
]


@pytest.mark.parametrize(
    "call",
    [
        'FULLTEXT("docs", "text.body", @q)',
        'FULLTEXT("docs", "text.body", @q, {distance: 1, limit: 2})',
        'FULLTEXT("docs", "text.body", @q, 0)',
        'SEARCH_INDEX("docs", "text.body", @q)',
        'FULLTEXT("docs", "text.body", @q, {phrase: 1})',
        'FULLTEXT("docs", "text.body", @q, {phrase: 0, distance: 0})',
    ],
)
@pytest.mark.parametrize("words", ["quick fox", "élan", "don't", "brown", "the", "nothing", "", "ς den"])
def test_a_fulltext_search_finds_and_scores_the_same(channel: FileChannel, call: str, words: str) -> None:
    documents: list[dict[str, Any]] = [
        {"_key": str(n), "text": {"body": text}} for n, text in enumerate(_TEXTS)
    ]
    documents += [{"_key": "x", "text": {"body": 5}}, {"_key": "y"}]
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", IndexSpec("body", "fulltext", ("text.body",))))
    channel.perform(
        Apply([Inserts("docs", [(d["_key"], {**d, "text": {"body": "quick old text"}}) for d in documents])])
    )
    channel.perform(RunQuery(parse("FOR d IN docs REMOVE d IN docs")))
    channel.perform(Apply([Inserts("docs", [(d["_key"], d) for d in documents])]))
    source = MemorySource({"docs": documents})
    source.declare_index("docs", IndexInfo("body", "fulltext", ("text.body",)))
    query = parse(f"FOR h IN {call} RETURN [h.doc._key, h.score, h.matched, h.terms, h.spans]")
    assert channel.perform(RunQuery(query, {"q": words})) == evaluate(query, source, {"q": words})


_WORDS = [
    "rust",
    "trust",
    "dust",
    "bust",
    "river",
    "rivers",
    "stone",
    "stones",
    "élan",
    "elan",
    "u8c3a9",
    "a",
]


def _stories() -> list[dict[str, Any]]:
    chance = random.Random(9)
    return [
        {
            "_key": f"{n:03}",
            "body": " ".join(chance.choices(_WORDS, k=chance.randrange(0, 30))),
            "face": [chance.choice([-1.0, 0.0, 0.5, 1.0]) for _ in range(3)],
        }
        for n in range(250)
    ]


@pytest.mark.parametrize(
    "call",
    [
        'FULLTEXT("stories", "body", @q)',
        'FULLTEXT("stories", "body", @q, {limit: 7})',
        'FULLTEXT("stories", "body", @q, {phrase: 0, limit: 5})',
        'FULLTEXT("stories", "body", @q, {phrase: 2, distance: 0})',
        'SEARCH_INDEX("stories", "body", @q, 12)',
        'HYBRID_SEARCH("stories", "face", "body", [1, 0.5, 0], @q)',
        'HYBRID_SEARCH("stories", "face", "body", [1, 0.5, 0], @q, {fusion: "rrf", limit: 70})',
        'HYBRID_SEARCH("stories", "face", "body", [1, 0.5, 0], @q, {text_weight: 0.9, vector_weight: 0.1})',
    ],
)
@pytest.mark.parametrize("words", ["rust", "river stone", "stone river stone", "élan", "u8c3a9 a", "nowhere"])
def test_texts_are_ranked_without_being_read_as_they_are_with(
    channel: FileChannel, call: str, words: str
) -> None:
    documents = _stories()
    channel.perform(CreateCollection("stories"))
    channel.perform(CreateIndex("stories", IndexSpec("body", "fulltext", ("body",))))
    channel.perform(CreateIndex("stories", IndexSpec("face", "vector", ("face",), dimension=3)))
    channel.perform(Apply([Inserts("stories", [(d["_key"], d) for d in documents])]))
    source = MemorySource({"stories": documents})
    source.declare_index("stories", IndexInfo("body", "fulltext", ("body",)))
    source.declare_index("stories", IndexInfo("face", "vector", ("face",), 3, "cosine"))
    query = parse(f"FOR h IN {call} RETURN UNSET(MERGE(h, {{key: h.doc._key}}), 'doc')")
    assert channel.perform(RunQuery(query, {"q": words})) == evaluate(query, source, {"q": words})


def test_words_that_are_alike_are_looked_up_anew_after_a_write(channel: FileChannel) -> None:
    channel.perform(CreateCollection("notes"))
    channel.perform(CreateIndex("notes", IndexSpec("text", "fulltext", ("text",))))
    channel.perform(Apply([Inserts("notes", [("a", {"_key": "a", "text": "house garden"})])]))
    query = parse('FOR h IN FULLTEXT("notes", "text", "house") RETURN h.score')
    (before,) = channel.perform(RunQuery(query, {}))
    channel.perform(Apply([Inserts("notes", [("b", {"_key": "b", "text": "house mouse"})])]))
    better, worse = channel.perform(RunQuery(query, {}))
    assert better != before != worse


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
def test_sorting_by_nearness_is_one_statement(places: FileChannel, metric: str) -> None:
    measure = "LENGTH(p.face) == 4 ? VECTOR_DISTANCE(p.face, @v, @metric) : 1000000000"
    query = parse(f"FOR p IN places SORT {measure}, p._key LIMIT 20 RETURN [p._key, {measure}]")
    binds = {"v": [0.5, -1, 0.25, 0], "metric": metric}
    assert places.perform(ExplainQuery(query, binds))["python"] is None
    assert places.perform(RunQuery(query, binds)) == evaluate(query, _memory(), binds)


def test_a_polygon_is_one_statement(places: FileChannel) -> None:
    query = parse("FOR p IN places FILTER p.loc != null AND GEO_WITHIN(p.loc, @area) == true RETURN p._key")
    ring = [[2.2, 48.2], [2.8, 48.2], [2.8, 48.9], [2.2, 48.2]]
    binds = {"area": {"type": "Polygon", "coordinates": [ring]}}
    assert places.perform(ExplainQuery(query, binds))["python"] is None
    assert places.perform(RunQuery(query, binds)) == evaluate(query, _memory(), binds)
