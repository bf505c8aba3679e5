"""Graph functions see a graph as a whole."""

# ruff: noqa: E501  # a case is a line

import pytest

from solidb_odm.language.interpreter import MemorySource
from tests.unit.language.functions.expressions import holds, lines, value_of

EDGES = ["AB", "AC", "BD", "CD", "DE", "EA", "BC", "FA"]
CASES = lines(r"""
SORTED(NEIGHBORS("links", ["nodes/A"], {hops: 1, include_seeds: false})[*].id) => ["nodes/B", "nodes/C"]
NEIGHBORS("links", ["nodes/A"], {limit: 1})[0].id => "nodes/A"
NEIGHBORS("links", ["A"], {seed_collection: "nodes", hops: 1})[1].score => 0.6
NEIGHBORS("links", [{id: "nodes/D", score: 0.5}], {direction: "inbound", hops: 1})[*].id => ["nodes/D", "nodes/B", "nodes/C"]
NEIGHBORS("links", ["nodes/A"], {combine: "sum", decay: 0.5, include_seeds: false})[0].id => "nodes/C"
NEIGHBORS("links", ["nodes/A"], {hop: 1}) !! unknown option 'hop'
NEIGHBORS("links", ["nodes/A"], {direction: "up"}) !! unknown direction 'up'
DEGREE_CENTRALITY("links")[0] => {"node": "nodes/A", "degree": 4.0}
LENGTH(PAGERANK("links")) => 6
PAGERANK("links", {limit: 9})[5].node => "nodes/F"
PAGERANK("links", {damping: 2}) !! damping must be in (0, 1]
""")


@pytest.fixture
def graph() -> MemorySource:
    links = [{"_key": f"e{i}", "_from": f"nodes/{a}", "_to": f"nodes/{b}"} for i, (a, b) in enumerate(EDGES)]
    return MemorySource({"nodes": [{"_key": k} for k in "ABCDEF"], "links": links}, edges=["links"])


@pytest.mark.parametrize("line", CASES, ids=str)
def test_graphs_are_measured_as_on_the_server(line: str, graph: MemorySource) -> None:
    assert holds(line, graph)


def test_the_ranks_of_all_pages_sum_to_one(graph: MemorySource) -> None:
    assert value_of("SUM(PAGERANK('links')[*].score)", graph) == pytest.approx(1.0)
