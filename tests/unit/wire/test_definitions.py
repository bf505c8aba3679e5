"""Indexes and names on the wire."""

import pytest

from solidb_odm.commands import IndexSpec
from solidb_odm.engines.solidb.definitions import CREATE, duplicates_query, own_indexes
from solidb_odm.errors import UsageError
from solidb_odm.language.parser import parse
from solidb_odm.wire.names import quoted


@pytest.mark.parametrize(
    ("metric", "spelling"), [("cosine", "Cosine"), ("euclidean", "Euclidean"), ("dot", "DotProduct")]
)
def test_metrics_are_spelled_as_the_server_wants_them(metric: str, spelling: str) -> None:
    index = IndexSpec("v", "vector", ("face",), dimension=3, metric=metric)  # type: ignore[arg-type]

    assert CREATE["vector"](index)["metric"] == spelling


def test_the_indexes_that_edges_have_anyway_are_left_out() -> None:
    rows = [
        {"name": name, "fields": [field], "index_type": "Persistent", "unique": False}
        for name, field in (("_edge_from_idx", "_from"), ("_edge_to_idx", "_to"), ("own", "since"))
    ]

    assert own_indexes([rows, [], [], []]) == (IndexSpec("own", "persistent", ("since",)),)


def test_the_query_for_duplicates_is_sdbql() -> None:
    index = IndexSpec("u", "persistent", ("a", "b.c"), unique=True)

    parse(duplicates_query(index, quoted("users")))


@pytest.mark.parametrize("name", ["", "a`b", "a b", "a/b", "a:b", "a\nb", "x" * 300])
def test_a_name_that_cannot_be_quoted_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="name of a collection"):
        quoted(name)
