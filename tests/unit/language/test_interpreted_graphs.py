"""Traversals and path searches against networkx."""

from itertools import islice
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import QueryError
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse

_NODES = "ABCDE"
Links = list[tuple[str, str, int]]
links = st.lists(
    st.tuples(st.sampled_from(_NODES), st.sampled_from(_NODES), st.integers(1, 5)),
    max_size=10,
    unique_by=lambda link: link[:2],
).map(lambda found: [link for link in found if link[0] != link[1]])


def graph(items: Links) -> tuple[MemorySource, Any]:
    source = MemorySource({"nodes": [{"_key": name} for name in _NODES]}, edges=["links"])
    other = nx.DiGraph()
    other.add_nodes_from(_NODES)
    for place, (start, end, weight) in enumerate(items):
        source.insert(
            "links", {"_key": f"e{place}", "_from": f"nodes/{start}", "_to": f"nodes/{end}", "w": weight}
        )
        other.add_edge(start, end, w=weight)
    return source, other


def run(text: str, source: MemorySource, **binds: Any) -> list[Any]:
    return evaluate(parse(text), source, binds)


@given(links, st.integers(1, 4))
def test_a_traversal_reaches_what_is_near_enough(items: Links, depth: int) -> None:
    source, other = graph(items)
    found = run(
        f'FOR v, e, p IN 0..{depth} OUTBOUND "nodes/A" links RETURN [v._key, LENGTH(p.edges)]', source
    )
    assert dict(map(tuple, found)) == nx.single_source_shortest_path_length(other, "A", cutoff=depth)


@given(links)
def test_inbound_is_outbound_of_the_reversed_graph(items: Links) -> None:
    source, _ = graph(items)
    reverse, _ = graph([(end, start, weight) for start, end, weight in items])
    text = 'FOR v IN 1..3 {} "nodes/A" links RETURN v._key'
    assert run(text.format("INBOUND"), source) == run(text.format("OUTBOUND"), reverse)


@given(links)
def test_the_weighted_shortest_path_is_the_cheapest(items: Links) -> None:
    source, other = graph(items)
    text = (
        'FOR v, e, p IN SHORTEST_PATH "nodes/A" TO "nodes/E" OUTBOUND links '
        'OPTIONS {weight: "w"} RETURN p.weight'
    )
    wanted = [nx.dijkstra_path_length(other, "A", "E", "w")] if nx.has_path(other, "A", "E") else []
    assert run(text, source) == wanted


@given(links)
def test_all_shortest_paths_are_found_once(items: Links) -> None:
    source, other = graph(items)
    found = run(
        'FOR v, e, p IN ALL_SHORTEST_PATHS "nodes/A" TO "nodes/E" OUTBOUND links RETURN p.vertices', source
    )
    wanted = list(nx.all_shortest_paths(other, "A", "E")) if nx.has_path(other, "A", "E") else []
    assert sorted(found) == sorted([f"nodes/{name}" for name in path] for path in wanted)


@given(links, st.integers(1, 4))
def test_the_k_shortest_paths_are_the_k_cheapest(items: Links, k: int) -> None:
    source, other = graph(items)
    text = (
        'FOR v, e, p IN K_SHORTEST_PATHS "nodes/A" TO "nodes/E" OUTBOUND links '
        f'OPTIONS {{weight: "w", k: {k}}} RETURN p.weight'
    )
    has_path = nx.has_path(other, "A", "E")
    paths = islice(nx.shortest_simple_paths(other, "A", "E", "w"), k) if has_path else []
    assert run(text, source) == [nx.path_weight(other, path, "w") for path in paths]


@given(links)
def test_k_paths_are_all_simple_paths(items: Links) -> None:
    source, other = graph(items)
    found = run('FOR v, e, p IN K_PATHS "nodes/A" TO "nodes/E" OUTBOUND links RETURN p.vertices', source)
    wanted = [[f"nodes/{name}" for name in path] for path in nx.all_simple_paths(other, "A", "E", 5)]
    assert sorted(found) == sorted(wanted)


def test_a_missing_vertex_is_passed_but_not_returned() -> None:
    source = MemorySource({"nodes": [{"_key": "A"}, {"_key": "C"}]}, edges=["links"])
    for start, end in ("AB", "BC"):
        source.insert("links", {"_from": f"nodes/{start}", "_to": f"nodes/{end}"})
    assert run('FOR v IN 1..2 OUTBOUND "nodes/A" links RETURN v._key', source) == ["C"]


def test_a_true_prune_on_the_start_empties_the_traversal() -> None:
    source, _ = graph([("A", "B", 1)])
    assert run('FOR v IN 1..2 OUTBOUND "nodes/A" links PRUNE true RETURN v', source) == []


def test_a_prune_that_fails_at_the_last_depth_fails_the_query() -> None:
    source, _ = graph([("A", "B", 1)])
    with pytest.raises(QueryError, match="UPPER"):
        run('FOR v IN 1..1 OUTBOUND "nodes/A" links PRUNE v._key == "B" AND UPPER(1) RETURN v', source)


def test_a_match_without_an_arrow_points_to_its_target() -> None:
    source, _ = graph([("A", "B", 1), ("C", "A", 1)])
    assert run('MATCH (s:nodes {_key: "A"})-[:links]-(m) RETURN m._key', source) == ["B"]


def test_parallel_edges_are_one_of_the_k_shortest_but_two_of_all_shortest() -> None:
    source, _ = graph([("A", "E", 3)])
    source.insert("links", {"_key": "z", "_from": "nodes/A", "_to": "nodes/E", "w": 1})
    text = 'FOR v, e, p IN {} "nodes/A" TO "nodes/E" OUTBOUND links OPTIONS {{weight: "w"}} RETURN e._key'
    assert run(text.format("K_SHORTEST_PATHS"), source) == ["z"]
    assert run(text.format("ALL_SHORTEST_PATHS"), source) == ["e0", "z"]


@pytest.mark.parametrize("start", ["{_key: 'A'}", "null", "5"])
def test_a_start_is_a_text(start: str) -> None:
    source, _ = graph([])
    with pytest.raises(QueryError, match="Start vertex must be a string"):
        run(f"LET s = {start} FOR v IN OUTBOUND s links RETURN v", source)
