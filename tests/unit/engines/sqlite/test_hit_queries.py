"""Queries that sort by the scores of a search have the rows, scores and order of the language."""

from __future__ import annotations

import itertools
import json
from random import Random
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    FetchDocuments,
    IndexSpec,
    Inserts,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel
from solidb_odm.engines.sqlite.hit_queries import hit_query
from solidb_odm.language.functions import IndexInfo
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse

WORDS = [
    "a",
    "of",
    "the",
    "word",
    "fox",
    "Fox!",
    "élan",
    "ÉLAN",
    "naïve",
    "ς",
    "Σ",
    "u8c3a9",
    "日本",
    "x-y",
    "1",
]
ASKED = [
    "fox",
    "word fox",
    "a word of the fox",
    "élan Σ",
    "the",
    "nothing",
    "日本 fox",
    "",
    "x y xy",
    "word, word",
]
HEADS = [
    'FULLTEXT("docs", "body", @q, {limit: 1000000000, distance: 0})',
    'FULLTEXT("docs", "body", @q, {limit: 1000000000, distance: 0, phrase: 0})',
    'FULLTEXT("docs", "body", @q, {limit: 1000000000, distance: 0, phrase: 2})',
    'FULLTEXT("docs", "body", @q, {limit: 5, distance: 0})',
    'FULLTEXT("docs", "body", @q, {limit: 9, distance: 1})',
    'FULLTEXT("docs", "body", @q)',
    'HYBRID_SEARCH("docs", "face", "body", [1, 2, 0], @q, {limit: 7, vector_weight: 0.3, text_weight: 0.7})',
    'HYBRID_SEARCH("docs", "face", "body", [0, -1, 1], @q, {limit: 3, fusion: "rrf"})',
    'HYBRID_SEARCH("docs", "face", "body", [0, -1, 1], @q)',
    'VECTOR_SEARCH("docs", "face", [0.5, -1, 1], LENGTH(@q) + 1)',
    'VECTOR_SEARCH("docs", "face", [1, 1, 0], 4)',
]
LETS = "LET hits = {} LET keys = hits[*].doc._key LET scores = ZIP_OBJECT(keys, hits[*].score)"
FOUND = "FOR d IN docs FILTER d._key IN keys"
TAILS = [
    f"{FOUND} SORT scores[d._key] DESC, d._key DESC LIMIT 4 RETURN [d._key, scores[d._key]]",
    f"{FOUND} SORT scores[d._key] DESC, d._key LIMIT 2, 5 RETURN [d._key, d.n]",
    f"{FOUND} SORT scores[d._key] DESC, d.n % 4, d._key LIMIT 6 RETURN [d._key, LENGTH(keys)]",
    f"{FOUND} SORT scores[d._key] DESC, d.n % 4, d._key LIMIT 6 RETURN [d._key, scores[d._key]]",
    f"{FOUND} SORT scores[d._key] DESC, d._key LIMIT 1, 3 RETURN [d._key, LENGTH(scores)]",
    f"{FOUND} AND d.n % 3 == 0 SORT scores[d._key] DESC, d._key LIMIT 4 RETURN d._key",
    f"{FOUND} AND UPPER(d.body) != 'FOX' SORT scores[d._key] DESC, d._key DESC LIMIT 4 RETURN d._key",
    f"{FOUND} AND d.n < 6 FILTER d.kind == 'rare' SORT scores[d._key] DESC LIMIT 3 RETURN d._key",
    f"{FOUND} SORT d._key RETURN [d._key, scores[d._key]]",
    f"{FOUND} SORT scores[d._key] LIMIT 3 RETURN scores[d._key]",
    *(f"{FOUND} {rest} RETURN d" for rest in ("SORT d._key", "SORT d._key DESC", "AND d.n > 5 SORT d._key")),
    "FOR k IN keys RETURN [k, scores[k]]",
    f"{FOUND} FOR e IN docs FILTER e.n == d.n + 1 SORT d._key RETURN [d._key, e._key]",
]


SECOND = [
    'FULLTEXT("docs", "title", @t, {limit: 1000000000, distance: 0})',
    'FULLTEXT("docs", "body", @t, {limit: 6, distance: 0})',
    'VECTOR_SEARCH("docs", "face", [0.5, -1, 1], 20)',
    'FULLTEXT("others", "title", @t, {limit: 1000000000, distance: 0})',
]
TWO = "LET more = {} LET others = more[*].doc._key LET ranks = ZIP_OBJECT(others, more[*].score)"
BOTH = f"{FOUND} AND d._key IN others"
SCORED = "[d._key, scores[d._key], ranks[d._key]]"
TAILS_OF_TWO = [
    f"{BOTH} SORT scores[d._key] DESC, d._key LIMIT 3 RETURN d",
    f"{BOTH} SORT ranks[d._key] DESC, d._key DESC LIMIT 1, 3 RETURN d",
    f"{BOTH} AND d.n > 4 SORT ranks[d._key] DESC, d._key LIMIT 4 RETURN {SCORED}",
    f"{BOTH} SORT scores[d._key] DESC, d.n % 4, d._key LIMIT 5 RETURN {SCORED}",
    f"{BOTH} SORT scores[d._key] + 2 * ranks[d._key] DESC, d._key LIMIT 5 RETURN {SCORED}",
    f"{FOUND} AND d._key NOT IN others SORT scores[d._key] DESC, d._key LIMIT 4 RETURN d",
    f"{FOUND} AND (d._key IN others OR d.n > 6) SORT scores[d._key] DESC, d._key LIMIT 4 RETURN {SCORED}",
    f"{BOTH} SORT scores[d._key] DESC, d._key LIMIT 3 RETURN [d._key, LENGTH(others)]",
    "FOR d IN docs FILTER d._key IN keys OR d._key IN others SORT d._key RETURN d",
    "FOR d IN docs FILTER d._key IN others SORT d._key LIMIT 6 RETURN d",
]


def document(random: Random, key: str) -> dict[str, Any]:
    body: Any = " ".join(
        random.choices(WORDS, [1 / (n + 1) for n in range(len(WORDS))], k=random.randrange(9))
    )
    if random.random() < 0.1:
        body = random.choice([None, 3, ["fox"], {"a": "fox"}])
    face = [random.choice([-1.0, 0.0, 0.5, 1.0]) for _ in range(3)] if random.random() < 0.9 else None
    return {"_key": key, "n": random.randrange(12), "kind": random.choice(["rare", "some", "some"]),
            "body": body, "face": face, "title": random.choice(WORDS)}  # fmt: skip


INDEXES = [
    IndexSpec("body", "fulltext", ("body",), minimum_length=2),
    IndexSpec("face", "vector", ("face",), dimension=3),
    IndexSpec("title", "fulltext", ("title",), minimum_length=2),
    IndexSpec("kind", "persistent", ("kind",)),
]


def written(channel: FileChannel, random: Random, documents: dict[str, dict[str, Any]]) -> None:
    """Insert, change and remove documents, in the collection and in the dictionary."""
    fresh = [document(random, f"{random.randrange(10**6):06}") for _ in range(random.choice([1, 30, 60]))]
    fresh = [each for each in fresh if each["_key"] not in documents]
    channel.perform(Apply([Inserts("docs", [(each["_key"], each) for each in fresh])]))
    documents |= {each["_key"]: each for each in fresh}
    for key in random.sample(sorted(documents), len(documents) // 6):
        if random.random() < 0.5:
            del documents[key]
            channel.perform(RunQuery(parse(f"REMOVE '{key}' IN docs")))
        else:
            documents[key] = document(random, key)
            change = {"k": key, "d": documents[key]}
            channel.perform(RunQuery(parse("REPLACE @k WITH @d IN docs"), change))


@pytest.mark.parametrize("seed", range(4))
def test_the_best_hits_are_those_of_the_language(channel: FileChannel, seed: int) -> None:
    """The law: whatever was written, the indexes' answer is that of the language alone, to the last bit."""
    pytest.importorskip("numpy")
    random, documents = Random(seed), dict[str, dict[str, Any]]()
    channel.perform(CreateCollection("docs"))
    for spec in INDEXES[:3] if seed % 2 else INDEXES:
        channel.perform(CreateIndex("docs", spec))
    rows_of_others = [{"_key": key, "title": random.choice(WORDS)} for key in ("a", "b", "c", "000001")]
    channel.perform(CreateCollection("others"))
    channel.perform(CreateIndex("others", INDEXES[2]))
    channel.perform(Apply([Inserts("others", [(str(row["_key"]), row) for row in rows_of_others])]))
    for _ in range(4):
        written(channel, random, documents)
        if random.random() < 0.7:
            channel.perform(Commit())
        source = MemorySource({"docs": list(documents.values()), "others": rows_of_others})
        source.declare_index("docs", IndexInfo("body", "fulltext", ("body",), minimum_length=2))
        source.declare_index("docs", IndexInfo("title", "fulltext", ("title",), minimum_length=2))
        source.declare_index("others", IndexInfo("title", "fulltext", ("title",), minimum_length=2))
        source.declare_index("docs", IndexInfo("face", "vector", ("face",), 3, "cosine"))
        for text in questions(random):
            query, binds = parse(text), {"q": random.choice(ASKED), "t": random.choice(ASKED)}
            assert hit_query(query) is not None
            rows: Any = channel.perform(RunQuery(query, binds))
            expected: Any = evaluate(query, source, binds)
            if text.endswith("RETURN d"):
                read = channel.perform(FetchDocuments(query, binds))
                assert [row and row[0] for row in read] == [row["_key"] for row in rows], (text, binds)
                rows, expected = ([row["_key"] for row in answer] for answer in (rows, expected))
            assert rows == expected, (text, binds)


def questions(random: Random) -> list[str]:
    """Return some queries on one search, and on two, whose clauses stand in any order that can be."""
    one = [f"{LETS.format(head)} {tail}" for head in HEADS for tail in random.sample(TAILS, 5)]
    two: list[str] = []
    for head, tail in itertools.product(random.sample(HEADS, 1), TAILS_OF_TWO):
        first, second = LETS.format(head), TWO.format(random.choice(SECOND))
        lets = [*first.split(" LET keys"), *second.split(" LET others")]
        early = f"{lets[0]} {lets[2]} LET others{lets[3]} LET keys{lets[1]}"
        two.append(f"{random.choice([f'{first} {second}', f'{second} {first}', early])} {tail}")
    return [*one, *two]


def test_documents_are_read_for_the_answer_alone(channel: FileChannel) -> None:
    random = Random(1)
    documents = [document(random, f"{number:04}") for number in range(400)]
    channel.perform(CreateCollection("docs"))
    for spec in INDEXES:
        channel.perform(CreateIndex("docs", spec))
    channel.perform(Apply([Inserts("docs", [(each["_key"], each) for each in documents])]))
    channel.perform(Commit())
    query = parse(f"{LETS.format(HEADS[0])} {FOUND} SORT scores[d._key] DESC, d._key DESC LIMIT 4 RETURN d")
    read: list[str] = []
    channel._connection.set_trace_callback(read.append)
    rows = channel.perform(FetchDocuments(query, {"q": "fox"}))
    channel._connection.set_trace_callback(None)
    expected = channel.perform(RunQuery(query, {"q": "fox"}))
    assert [row and row[0] for row in rows] == [each["_key"] for each in expected]
    whole = [sql for sql in read if "doc FROM" in sql and "stories" not in sql]
    assert len(whole) == 1
    assert len(json.loads(whole[0].partition("json_each('")[2].partition("'")[0])) == 4


@pytest.mark.parametrize("distance", [0, 2])
def test_what_was_rolled_back_leaves_no_trace_in_scores(channel: FileChannel, distance: int) -> None:
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", INDEXES[0]))
    rows = [(f"k{n}", {"_key": f"k{n}", "body": "fox fix word " * (n + 1)}) for n in range(4)]
    channel.perform(Apply([Inserts("docs", rows)]))
    channel.perform(Commit())
    text = f'FOR h IN FULLTEXT("docs", "body", "fox", {{distance: {distance}}}) RETURN [h.doc._key, h.score]'
    before = channel.perform(RunQuery(parse(text)))
    channel.perform(RunQuery(parse("UPDATE 'k0' WITH {body: 'fox fax'} IN docs")))
    assert channel.perform(RunQuery(parse(text))) != before
    channel.perform(Rollback())
    assert channel.perform(RunQuery(parse(text))) == before


@pytest.mark.parametrize(
    "query",
    [
        'LET hits = FULLTEXT("docs", "body", "fox") LET keys = hits[*].doc._key RETURN [keys, hits]',
        'LET hits = FULLTEXT("docs", "body", "fox") LET keys = hits[*].doc.n FOR k IN keys RETURN k',
        'LET hits = FULLTEXT("docs", "body", "fox") LET keys = hits[*].doc._key FOR keys IN keys RETURN keys',
        'LET hits = FULLTEXT("docs", "body", "fox") FOR h IN hits RETURN h',
    ],
)
def test_what_asks_for_the_hits_themselves_gets_them(query: str) -> None:
    assert hit_query(parse(query)) is None


def test_explain_names_the_index_that_ranks(channel: FileChannel) -> None:
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", INDEXES[0]))
    query = parse(f"{LETS.format(HEADS[0])} {TAILS[0]}")
    explained: Any = channel.perform(ExplainQuery(query, {"q": "fox"}))
    assert explained["indexes"] == ["docs.body"]


def test_two_searches_are_ranked_by_their_indexes() -> None:
    for ranked, tail in enumerate(TAILS_OF_TWO[:2]):
        query = hit_query(parse(f"{LETS.format(HEADS[0])} {TWO.format(SECOND[0])} {tail}"))
        assert query is not None
        assert query.best is not None
        assert query.ranked == ranked
        assert query.also == {1 - ranked}
        assert query.best.conditions == ()


def test_a_variable_of_a_lambda_is_not_the_document_at_hand() -> None:
    best = f"{LETS.format(HEADS[0])} {FOUND} SORT scores[d._key] DESC LIMIT 1 RETURN"
    for returned, is_ranked in (("[d._key IN keys]", True), ("MAP_VALUES(d.m, d -> d._key IN keys)", False)):
        query = hit_query(parse(f"{best} {returned}"))
        assert query is not None
        assert (query.best is not None) == is_ranked
