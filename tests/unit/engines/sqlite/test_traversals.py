"""Traversals as SQL: what they reach, when they stop, and where they hand over to Python."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    ExplainQuery,
    FetchDocuments,
    Inserts,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel
from solidb_odm.engines.sqlite.document_source import SqliteSource
from solidb_odm.engines.sqlite.sql import levels
from solidb_odm.errors import QueryError
from solidb_odm.language.parser import parse

LINKS = ["users/a users/b", "users/a teams/x", "users/b users/c", "teams/x users/d", "users/d users/gone"]


@pytest.fixture
def graph(channel: FileChannel) -> FileChannel:
    """Users and a team: a to b and x, b to c, x to d, d to a user who does not exist."""
    channel.perform(CreateCollection("teams"))
    channel.perform(CreateCollection("links", "edge"))
    users = [(key, {"_key": key, "boss": None if key == "d" else "users/a"}) for key in "abcd"]
    ends = [link.split() for link in LINKS]
    links = [(f"l{n}", {"_key": f"l{n}", "_from": one, "_to": two}) for n, (one, two) in enumerate(ends)]
    teams = [("x", {"_key": "x"})]
    channel.perform(Apply([Inserts("users", users), Inserts("teams", teams), Inserts("links", links)]))
    channel.perform(Commit())
    return channel


def _ask(channel: FileChannel, text: str, **binds: Any) -> list[Any]:
    return channel.perform(RunQuery(parse(text), binds))


def _explain(channel: FileChannel, text: str) -> Any:
    return channel.perform(ExplainQuery(parse(text), {}))


def test_vertices_of_several_collections_are_found_in_the_order_of_their_edges(
    graph: FileChannel,
) -> None:
    found = _ask(graph, "FOR v, e IN 0..3 OUTBOUND 'users/a' links RETURN [v._key, e._key]")
    assert found == [["a", None], ["b", "l0"], ["x", "l1"], ["c", "l2"], ["d", "l3"]]


def test_documents_that_are_reached_are_whole_and_as_they_are_stored(graph: FileChannel) -> None:
    query = "FOR v IN 1..2 OUTBOUND 'users/a' links RETURN v"
    assert [row["_id"].partition(":")[2] for row in _ask(graph, query)] == [
        "users/b",
        "teams/x",
        "users/c",
        "users/d",
    ]
    stored = graph.perform(FetchDocuments(parse(query)))
    assert [row and (row[0], len(row)) for row in stored] == [("b", 5), ("x", 5), ("c", 5), ("d", 5)]


def test_a_limit_ends_the_walk_and_nothing_is_sorted(graph: FileChannel) -> None:
    text = "FOR v IN 1..9 OUTBOUND 'users/a' links LIMIT 2 RETURN v._key"
    assert _ask(graph, text) == ["b", "x"]
    outer = _explain(graph, text)["sql"].rpartition("WHERE")[2]
    assert "LIMIT" in outer
    assert "ORDER BY" not in outer


def test_a_limit_of_walks_from_many_vertices_is_for_python(graph: FileChannel) -> None:
    text = "FOR u IN users FOR v IN OUTBOUND CONCAT('users/', u._key) links LIMIT 2 RETURN v._key"
    assert _ask(graph, text) == ["b", "x"]
    assert "LIMIT takes the first" in _explain(graph, text)["python"]["why"]


def test_a_start_that_is_no_text_is_an_error_wherever_it_is_found(graph: FileChannel) -> None:
    for start in ("5", "null", "u", "u.boss"):
        with pytest.raises(QueryError, match="Start vertex must be a string"):
            _ask(graph, f"FOR u IN users FOR v IN OUTBOUND {start} links FILTER v._key != 'b' RETURN v")
    with pytest.raises(QueryError, match="Start vertex must be a string"):
        _ask(graph, "FOR u IN users FOR v IN OUTBOUND u.boss links FILTER u._key != 'd' RETURN v")
    assert _ask(
        graph, "FOR u IN users FILTER u.boss != null FOR v IN OUTBOUND u.boss links RETURN v._key"
    ) == (["b", "x"] * 3)


def test_python_walks_where_paths_are_too_many_for_sql(
    graph: FileChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "_MOST_PATHS", 1)
    text = "FOR v IN 1..2 OUTBOUND 'users/a' links OPTIONS {uniqueVertices: 'path'} RETURN v._key"
    assert "WITH RECURSIVE" in _explain(graph, text)["sql"]
    assert _ask(graph, text) == ["b", "x", "c", "d"]
    assert "gave up" in _explain(graph, text)["python"]["why"]


def test_a_walk_sees_edges_of_its_transaction_and_those_made_since(graph: FileChannel) -> None:
    text = "FOR v IN INBOUND 'users/a' links RETURN v._key"
    assert _ask(graph, text) == []
    edge = {"_key": "l9", "_from": "users/c", "_to": "users/a"}
    graph.perform(Apply([Inserts("links", [("l9", edge)])]))
    assert _ask(graph, text) == ["c"]
    graph.perform(CreateCollection("rooms"))
    graph.perform(Apply([Inserts("rooms", [("r", {"_key": "r"})])]))
    graph.perform(Apply([Inserts("links", [("l8", {"_key": "l8", "_from": "rooms/r", "_to": "users/a"})])]))
    assert _ask(graph, text) == ["r", "c"]


def test_a_search_for_paths_reads_the_edges_at_a_vertex_once(
    channel: FileChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shortest reads those of a level together; the k shortest, which search again, keep them."""
    asked: list[str] = []
    read = SqliteSource.edges

    def edges(source: SqliteSource, collection: str, vertex: str, direction: Any) -> Any:
        asked.append(vertex)
        return read(source, collection, vertex, direction)

    monkeypatch.setattr(SqliteSource, "edges", edges)
    channel.perform(CreateCollection("stops"))
    channel.perform(CreateCollection("lines", "edge"))
    stops = [(f"s{n}", {"_key": f"s{n}"}) for n in range(12)]
    ends = [(n, m) for n in range(12) for m in (n + 1, n + 2, 2 * n) if n != m < 12]
    lines = [
        (f"l{at:02}", {"_key": f"l{at:02}", "_from": f"stops/s{n}", "_to": f"stops/s{m}"})
        for at, (n, m) in enumerate(ends)
    ]
    channel.perform(Apply([Inserts("stops", stops), Inserts("lines", lines)]))
    channel.perform(Commit())
    text = "FOR v, e, p IN {} 'stops/s1' TO 'stops/s11' OUTBOUND lines {} RETURN p.vertices"
    shortest: Any = channel.perform(RunQuery(parse(text.format("SHORTEST_PATH", ""))))
    assert len(shortest[0]) == 5
    assert not asked
    several: Any = channel.perform(RunQuery(parse(text.format("K_SHORTEST_PATHS", "OPTIONS {k: 4}"))))
    assert len(several) == 4
    assert len(asked) == len(set(asked)) <= 12
