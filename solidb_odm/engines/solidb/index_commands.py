"""Indexes on the wire: each family has its own commands, lists and spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from ..._types import JsonObject
from ...commands import IndexKind, IndexSpec, Metric
from ...errors import UsageError
from ...wire.names import path

LISTS = ("list_indexes", "list_geo_indexes", "list_vector_indexes", "list_ttl_indexes")
"""The commands that list indexes: one a family, persistent and fulltext ones share the first."""

DROP: dict[IndexKind, str] = {
    "persistent": "delete_index",
    "fulltext": "delete_index",
    "geo": "delete_geo_index",
    "vector": "delete_vector_index",
    "ttl": "delete_ttl_index",
}

# Any other spelling is taken for Cosine, without a word.
_METRICS: dict[Metric, str] = {"cosine": "Cosine", "euclidean": "Euclidean", "dot": "DotProduct"}
_METRIC_NAMES: dict[str, Metric] = {spelling: metric for metric, spelling in _METRICS.items()}
_AUTOMATIC = ("_edge_from_idx", "_edge_to_idx")


def _persistent(index: IndexSpec) -> JsonObject:
    if not index.fields:
        raise UsageError(f"the index {index.name!r} has no attributes")
    return {"cmd": "create_index", "name": index.name, "fields": list(index.fields), "unique": index.unique}


def _geo(index: IndexSpec) -> JsonObject:
    return {"cmd": "create_geo_index", "name": index.name, "field": _only(index)}


def _vector(index: IndexSpec) -> JsonObject:
    if index.dimension < 1:  # the server would leave a broken index behind
        raise UsageError(f"the vector index {index.name!r} needs a dimension of at least 1")
    return {
        "cmd": "create_vector_index",
        "name": index.name,
        "field": _only(index),
        "dimensions": index.dimension,
        "metric": _METRICS[index.metric],
    }


def _ttl(index: IndexSpec) -> JsonObject:
    if index.seconds < 0:  # the server would never let anything expire
        raise UsageError(f"the TTL index {index.name!r} can't have negative seconds")
    return {
        "cmd": "create_ttl_index",
        "name": index.name,
        "field": _only(index),
        "expire_after_seconds": index.seconds,
    }


CREATE: dict[IndexKind, Callable[[IndexSpec], JsonObject]] = {
    "persistent": _persistent,
    "geo": _geo,
    "vector": _vector,
    "ttl": _ttl,
}
"""The request that makes an index, for the kinds that the driver protocol can make."""


def _only(index: IndexSpec) -> str:
    if len(index.fields) != 1:
        raise UsageError(
            f"the {index.kind} index {index.name!r} covers one attribute, not {len(index.fields)}"
        )
    return index.fields[0]


def own_indexes(lists: Sequence[Sequence[JsonObject]]) -> tuple[IndexSpec, ...]:
    """Read the answers of the four lists; the ones that edge collections have anyway are left out."""
    specs = [
        index_spec(row, family)
        for rows, family in zip(lists, ("", "geo", "vector", "ttl"), strict=True)
        for row in rows
        if row["name"] not in _AUTOMATIC
    ]
    return tuple(sorted(specs, key=lambda index: (index.name, index.kind)))


def index_spec(row: JsonObject, family: str) -> IndexSpec:
    """Read one row of a list."""
    name = str(row["name"])
    fields = tuple(cast(list[str], row.get("fields") or [row["field"]]))
    if family == "geo":
        return IndexSpec(name, "geo", fields)
    if family == "vector":
        metric = _METRIC_NAMES.get(str(row.get("metric")), "cosine")
        return IndexSpec(name, "vector", fields, dimension=int(row["dimension"]), metric=metric)
    if family == "ttl":
        return IndexSpec(name, "ttl", fields, seconds=int(row["expire_after_seconds"]))
    if row["index_type"] == "Fulltext":
        return IndexSpec(name, "fulltext", fields, minimum_length=int(row.get("min_length") or 3))
    return IndexSpec(name, "persistent", fields, unique=bool(row.get("unique")))


def duplicates_query(index: IndexSpec, collection: str) -> str:
    """Return the query for values that more than one document holds; all null is no value."""
    paths = [path("d", field) for field in index.fields]
    present = " OR ".join(f"{item} != null" for item in paths)
    groups = ", ".join(f"k{number} = {item}" for number, item in enumerate(paths))
    values = ", ".join(f"k{number}" for number in range(len(paths)))
    # The groups stand in a subquery: LIMIT right after COLLECT would be applied before it.
    return (
        f"FOR g IN (FOR d IN {collection} FILTER {present} COLLECT {groups} WITH COUNT INTO n "
        f"RETURN {{values: [{values}], n: n}}) FILTER g.n > 1 LIMIT 1 RETURN g.values"
    )
