"""``client.vector`` on the real server."""

from __future__ import annotations

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import (
    IndexExists,
    IndexNotFound,
    InvalidDocument,
    NotSupportedByServerError,
    UsageError,
)
from solidb_odm.wire.round_trips import RequestEvent
from tools.server import LocalServer

pytestmark = pytest.mark.server


@pytest.fixture
def products(client: Client, database: str) -> Client:
    client.create_collection(database, "products")
    client.vector.create_index("products", "near", "place", 2, "euclidean")
    for key, place in {"a": [0, 0], "b": [1, 0], "c": [5, 5]}.items():
        client.insert(database, "products", {"place": place, "kind": key}, key)
    return client


@pytest.mark.parametrize(
    "metric", ["euclidean", "Euclidean", "EUCLIDEAN", "dot_product", "DotProduct", "dot"]
)
def test_metrics_are_understood_in_any_spelling(client: Client, database: str, metric: str) -> None:
    client.create_collection(database, "products")

    index = client.vector.create_index("products", "near", "place", 2, metric)

    assert index["metric"] == index.metric == ("euclidean" if "e" in metric.lower()[:2] else "dot_product")


def test_a_search_gives_documents_and_scores_nearest_first(products: Client) -> None:
    hits = products.vector.search("products", [0.9, 0.0], 2)

    assert [hit["doc"]["_key"] for hit in hits] == ["b", "a"]
    assert hits[0]["score"] == hits[0].score == pytest.approx(0.1, abs=1e-6)
    assert hits[0].doc.key == hits[0].key == "b"


def test_a_filter_keeps_documents_with_its_values(products: Client) -> None:
    hits = products.vector.search("products", [0.9, 0.0], 10, {"kind": "c"})

    assert [hit.key for hit in hits] == ["c"]


def test_a_search_by_document_leaves_it_out(products: Client) -> None:
    hits = products.vector.search_by_document("products", "a", "place", 1)

    assert [hit.key for hit in hits] == ["b"]


def test_a_search_by_a_document_without_a_vector_says_so(products: Client, database: str) -> None:
    products.insert(database, "products", {}, "bare")

    with pytest.raises(InvalidDocument, match="products/bare has no vector in place"):
        products.vector.search_by_document("products", "bare", "place")


def test_vectors_are_quantized_and_back(products: Client) -> None:
    assert products.vector.quantize("products", "near").quantization == "scalar"
    assert products.vector.dequantize("products", "near").quantization == "none"


def test_binary_quantization_is_refused_with_what_there_is(products: Client) -> None:
    with pytest.raises(NotSupportedByServerError, match="scalar"):
        products.vector.quantize("products", "near", "binary")


def test_indexes_are_listed_and_dropped(products: Client) -> None:
    assert [index.name for index in products.vector.list_indexes("products")] == ["near"]

    products.vector.delete_index("products", "near")

    assert products.vector.list_indexes("products") == []


def test_a_missing_index_is_named(products: Client) -> None:
    with pytest.raises(IndexNotFound, match="'far'"):
        products.vector.delete_index("products", "far")


def test_a_search_of_a_named_index_is_one_request(
    products: Client, server: LocalServer, database: str
) -> None:
    asked: list[RequestEvent] = []
    with Client(server.url(database), on_request=asked.append) as client:
        client.ping()
        asked.clear()
        by_name = client.vector.search("products", [0, 0], index="near", filter={})
        named, asked[:] = [each.command for each in asked], []
        found = client.vector.search("products", [0, 0])

        assert found == by_name != []
        assert len(asked) == len(named) + 1
        with pytest.raises(IndexNotFound, match="'far'"):
            client.vector.search("products", [0, 0], index="far")


def test_an_index_of_this_name_is_not_made_twice(products: Client) -> None:
    with pytest.raises(IndexExists, match="'near'"):
        products.vector.create_index("products", "near", "place", 2)


def test_a_choice_is_asked_for_among_several_indexes(products: Client) -> None:
    products.vector.create_index("products", "other", "else", 2)

    with pytest.raises(UsageError, match="near, other"):
        products.vector.search("products", [0, 0])


def test_a_metric_that_there_is_not_is_refused(client: Client) -> None:
    with pytest.raises(UsageError, match="manhattan"):
        client.vector.create_index("products", "near", "place", 2, "manhattan")
