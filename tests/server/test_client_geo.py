"""``client.geo`` on the real server."""

from __future__ import annotations

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import IndexExists, IndexNotFound, UsageError

pytestmark = pytest.mark.server

PARIS = (48.8566, 2.3522)


@pytest.fixture
def stores(client: Client, database: str) -> Client:
    """Twelve stores; the higher the key, the nearer to Paris."""
    client.create_collection(database, "stores")
    client.geo.create_index("stores", "places", "place")
    for number in range(12):
        place = {"lat": PARIS[0] + (11 - number) * 0.01, "lon": PARIS[1]}
        client.insert(database, "stores", {"place": place, "name": f"store {number}"}, f"s{number:02}")
    return client


def test_near_gives_the_nearest_first_with_their_distance(stores: Client) -> None:
    hits = stores.geo.near("stores", *PARIS, 5000, 20)

    assert [hit["doc"]["_key"] for hit in hits] == ["s11", "s10", "s09", "s08", "s07"]
    assert hits[0]["distance"] == hits[0].distance == pytest.approx(0)
    assert hits[1]["distance"] == pytest.approx(1112, rel=0.01)


def test_near_is_cut_to_the_nearest_not_to_the_first_keys(stores: Client) -> None:
    hits = stores.geo.near("stores", *PARIS, 50_000, 2)

    assert [hit.key for hit in hits] == ["s11", "s10"]


def test_near_without_a_radius_reaches_everywhere(stores: Client) -> None:
    assert len(stores.geo.near("stores", -33.9, 151.2, limit=None)) == 12


def test_near_within_no_documents_gives_none(stores: Client) -> None:
    assert stores.geo.near("stores", *PARIS, 5000, 0) == []
    assert stores.geo.near("stores", -33.9, 151.2, 5000) == []


def test_within_gives_the_documents_inside_a_polygon(stores: Client) -> None:
    square = [[48.84, 2.3], [48.88, 2.3], [48.88, 2.4], [48.84, 2.4]]

    hits = stores.geo.within("stores", square)

    assert [hit["doc"]["_key"] for hit in hits] == [hit["_key"] for hit in hits] == ["s09", "s10", "s11"]
    assert [hit.key for hit in stores.geo.within("stores", square, 1)] == ["s09"]


@pytest.mark.parametrize("polygon", [[], [[48, 2], [49, 2]], [[48, 2], [49, 2], [48, 2]], [[48, 2, 1]] * 3])
def test_what_is_no_polygon_is_refused(client: Client, polygon: list[list[float]]) -> None:
    with pytest.raises(UsageError):
        client.geo.within("stores", polygon)


def test_a_place_that_is_nowhere_is_refused(client: Client) -> None:
    with pytest.raises(UsageError, match="latitude is from -90 to 90"):
        client.geo.near("stores", 190, 2.35)


def test_documents_from_before_the_index_are_found(client: Client, database: str) -> None:
    client.create_collection(database, "stores")
    client.insert(database, "stores", {"place": {"type": "Point", "coordinates": [2.3522, 48.8566]}}, "old")

    index = client.geo.create_index("stores", "places", "place")

    assert (index["name"], index["field"], index.indexed_documents) == ("places", "place", 1)
    assert [hit.key for hit in client.geo.near("stores", *PARIS, 10)] == ["old"]


def test_geo_indexes_are_listed_and_dropped(stores: Client) -> None:
    assert [index["name"] for index in stores.geo.list_indexes("stores")] == ["places"]

    stores.geo.delete_index("stores", "places")

    assert stores.geo.list_indexes("stores") == []


def test_geo_indexes_that_are_missing_doubled_or_not_chosen_are_named(stores: Client) -> None:
    with pytest.raises(IndexNotFound, match="'far'"):
        stores.geo.delete_index("stores", "far")
    with pytest.raises(IndexExists, match="'places'"):
        stores.geo.create_index("stores", "places", "place")
    stores.geo.create_index("stores", "others", "other")
    with pytest.raises(UsageError, match="several geo indexes"):
        stores.geo.near("stores", *PARIS)
    assert len(stores.geo.near("stores", *PARIS, index="places")) == 10
