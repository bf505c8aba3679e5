"""``client.graph`` on the real server."""

from __future__ import annotations

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import CollectionNotFound, IndexNotFound, UsageError

pytestmark = pytest.mark.server


@pytest.fixture
def roads(client: Client, database: str) -> Client:
    """Roads a -> b -> c -> d, and a long one from a to c."""
    client.create_collection(database, "towns")
    client.create_collection(database, "roads", "edge")
    client.insert_many(database, "towns", [{"_key": key} for key in "abcd"])
    for start, end, miles in (("a", "b", 1), ("b", "c", 1), ("c", "d", 1), ("a", "c", 5)):
        road = {"_from": f"towns/{start}", "_to": f"towns/{end}", "miles": miles}
        client.insert(database, "roads", road, f"{start}{end}")
    return client


def test_neighbours_have_scores_that_fade_with_the_hops(roads: Client) -> None:
    found = roads.graph.neighbours("roads", "towns/a", hops=2)

    assert [(item["id"], item.hops, item["score"]) for item in found] == [
        ("towns/b", 1, pytest.approx(0.6)),
        ("towns/c", 1, pytest.approx(0.6)),
        ("towns/d", 2, pytest.approx(0.36)),
    ]
    assert (found[0]["doc"]["_key"], found[0].via, found[2].via) == ("b", "towns/a", "towns/a")


def test_neighbours_are_found_against_the_edges_and_with_their_seeds(roads: Client) -> None:
    found = roads.graph.neighbours("roads", ["towns/d", "towns/b"], direction="inbound", include_seeds=True)

    assert {item.id: item.seed for item in found} == {
        "towns/d": True, "towns/b": True, "towns/c": False, "towns/a": False,
    }  # fmt: skip


def test_a_stored_document_can_be_where_a_walk_starts(roads: Client, database: str) -> None:
    start = roads.get(database, "towns", "c")

    assert [item.id for item in roads.graph.neighbours("roads", start)] == ["towns/d"]
    assert [step["doc"]["_key"] for step in roads.graph.traverse("roads", start)] == ["d"]


def test_a_traversal_tells_how_it_came_to_each_document(roads: Client) -> None:
    steps = roads.graph.traverse("roads", "towns/a", depth=3)

    assert [(step.doc.key, step["depth"]) for step in steps] == [("b", 1), ("c", 1), ("d", 2)]
    assert steps[2].path == ("towns/a", "towns/c", "towns/d")
    assert steps[2].edge is not None
    assert steps[2].edge.key == "cd"


def test_a_traversal_gives_every_path_if_asked(roads: Client) -> None:
    steps = roads.graph.traverse("roads", "towns/a", depth=(0, 3), unique="path")

    assert [step.doc.key for step in steps] == ["a", "b", "c", "c", "d", "d"]
    assert steps[0].edge is None


def test_a_traversal_stops_at_its_limit_and_goes_either_way(roads: Client) -> None:
    either = roads.graph.traverse("roads", "towns/c", direction="any", limit=2)
    inbound = roads.graph.traverse("roads", "towns/c", direction="inbound")

    assert len(either) == 2
    assert either[0].doc.key == "d"
    assert {step.doc.key for step in inbound} == {"a", "b"}


def test_the_shortest_path_has_the_fewest_edges_or_the_least_weight(roads: Client) -> None:
    short = roads.graph.shortest_path("roads", "towns/a", "towns/d")
    light = roads.graph.shortest_path("roads", "towns/a", "towns/d", weight="miles")

    assert short is not None
    assert light is not None
    assert short["path"] == ("towns/a", "towns/c", "towns/d")
    assert [vertex.key for vertex in light.vertices] == ["a", "b", "c", "d"]
    assert ([edge.key for edge in light.edges], light["weight"]) == (["ab", "bc", "cd"], 3.0)


def test_there_may_be_no_path(roads: Client) -> None:
    assert roads.graph.shortest_path("roads", "towns/d", "towns/a") is None
    assert roads.graph.shortest_path("roads", "towns/d", "towns/a", direction="inbound") is not None


def test_walks_that_make_no_sense_are_refused(roads: Client) -> None:
    for call in (
        lambda: roads.graph.neighbours("roads", "a"),
        lambda: roads.graph.neighbours("roads", "towns/a", hops=0),
        lambda: roads.graph.traverse("roads", "towns/a", depth=(3, 1)),
        lambda: roads.graph.traverse("roads", "towns/a", direction="up"),  # type: ignore[arg-type]
        lambda: roads.graph.shortest_path("roads", "towns/a", "towns/b", weight='x"'),
        lambda: roads.graph.traverse("roads` x", "towns/a"),
    ):
        with pytest.raises(UsageError):
            call()


def test_a_missing_edge_collection_is_named(roads: Client) -> None:
    with pytest.raises(CollectionNotFound, match="'rails'"):
        roads.graph.neighbours("rails", "towns/a")


def test_a_vector_finds_seeds_and_what_is_bound_to_them(roads: Client, database: str) -> None:
    roads.vector.create_index("towns", "by_place", "place", 2, "euclidean")
    for number, key in enumerate("abcd"):
        roads.update(database, "towns", key, {"place": [float(number), 0.0]})

    found = roads.graph.rag("towns", "roads", [2.0, 0.0], 5, seeds=1, hops=1)

    assert [(item.id, item.seed) for item in found] == [("towns/c", True), ("towns/d", False)]
    assert found[1]["doc"]["_key"] == "d"
    with pytest.raises(IndexNotFound):
        roads.graph.rag("roads", "roads", [1.0, 2.0])
    with pytest.raises(UsageError):
        roads.graph.rag("towns", "roads", [1.0, 2.0], hops=0)


def test_communities_are_built_and_listed(roads: Client) -> None:
    built = roads.graph.build_communities("roads")

    assert {key for community in built for key in community.members} == {f"towns/{key}" for key in "abcd"}
    assert sum(community["size"] for community in built) == 4
    assert roads.graph.communities("roads") == built
    assert roads.graph.communities("elsewhere") == []
    assert roads.graph.search_communities("anything") == []  # no summaries, nothing to search
