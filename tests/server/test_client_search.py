"""``client.search`` on the real server."""

from __future__ import annotations

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import IndexExists, IndexNotFound, NotSupportedByServerError, UsageError

pytestmark = pytest.mark.server


@pytest.fixture
def stories(client: Client, database: str) -> Client:
    client.create_collection(database, "stories")
    client.search.create_index("stories", "words", "body", min_length=2, fold_accents=True)
    texts = {"x": "the quick brown fox", "y": "the lazy dog sleeps at the café", "z": "fox and dog"}
    places = {"x": [1.0, 0.0], "y": [0.0, 1.0], "z": [1.0, 1.0]}
    for key, text in texts.items():
        client.insert(database, "stories", {"body": text, "title": key, "place": places[key]}, key)
    return client


def test_a_search_gives_the_best_first_and_says_what_matched(stories: Client) -> None:
    hits = stories.search.fulltext("stories", "fox dog")

    assert (hits[0]["doc"]["_key"], hits[0].key) == ("z", "z")
    assert {hit.key for hit in hits} == {"x", "y", "z"}
    assert hits[0]["score"] > hits[1]["score"]
    assert (hits[0].matched, hits[0].spans, hits[0].field) == (("fox", "dog"), ((0, 3), (8, 11)), "body")


def test_a_search_is_cut_to_its_limit(stories: Client) -> None:
    assert [hit.key for hit in stories.search.fulltext("stories", "fox dog", 1)] == ["z"]
    assert stories.search.fulltext("stories", "fox dog", 0) == []


def test_a_phrase_has_its_words_in_order(stories: Client) -> None:
    assert [hit.key for hit in stories.search.fulltext("stories", "quick fox", phrase=1)] == ["x"]
    assert stories.search.fulltext("stories", "fox quick", phrase=1) == []


def test_accents_are_folded(stories: Client) -> None:
    assert [hit.key for hit in stories.search.fulltext("stories", "cafe", field="body")] == ["y"]


def test_an_index_is_described_listed_and_dropped(stories: Client) -> None:
    index = stories.search.create_index("stories", "both", ["title", "body"])

    assert (index["name"], index.fields, index.min_length) == ("both", ("title", "body"), 3)
    assert {known.name for known in stories.search.list_indexes("stories")} == {"words", "both"}
    stories.search.delete_index("stories", "both")
    assert [known.name for known in stories.search.list_indexes("stories")] == ["words"]


def test_an_attribute_without_an_index_is_refused_instead_of_empty(stories: Client) -> None:
    with pytest.raises(IndexNotFound, match="no fulltext index on title"):
        stories.search.fulltext("stories", "x", field="title")


def test_indexes_of_other_kinds_are_not_dropped(stories: Client) -> None:
    stories.vector.create_index("stories", "near", "place", 2)

    with pytest.raises(IndexNotFound, match="'near'"):
        stories.search.delete_index("stories", "near")
    with pytest.raises(IndexExists, match="'words'"):
        stories.search.create_index("stories", "words", "body")


def test_a_hybrid_search_joins_words_and_vectors(stories: Client) -> None:
    stories.vector.create_index("stories", "near", "place", 2, "cosine")

    hits = stories.search.hybrid("stories", [1, 0], "dog", 3)

    assert [hit["doc"]["_key"] for hit in hits] == ["z", "x", "y"]
    assert hits[0].sources == ("vector", "fulltext")
    assert hits[1].text_score is None
    assert hits[1].vector_score == pytest.approx(1.0)


def test_the_weights_of_a_hybrid_search_count(stories: Client) -> None:
    stories.vector.create_index("stories", "near", "place", 2, "cosine")

    hits = stories.search.hybrid("stories", [1, 0], "lazy", 1, vector_weight=0.1, text_weight=0.9)

    assert [hit.key for hit in hits] == ["y"]


def test_a_hybrid_search_by_distance_goes_by_ranks(stories: Client) -> None:
    stories.vector.create_index("stories", "far", "place", 2, "euclidean")

    assert stories.search.hybrid("stories", [1, 0], "quick brown")[0].key == "x"
    with pytest.raises(NotSupportedByServerError, match="larger distance"):
        stories.search.hybrid("stories", [1, 0], "quick", fusion="weighted")


def test_a_hybrid_search_needs_both_indexes(stories: Client) -> None:
    with pytest.raises(IndexNotFound, match="no vector index"):
        stories.search.hybrid("stories", [1, 0], "dog")
    with pytest.raises(UsageError, match="fusion"):
        stories.search.hybrid("stories", [1, 0], "dog", fusion="best")  # type: ignore[arg-type]
