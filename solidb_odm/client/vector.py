"""``client.vector``: vector indexes and searches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, cast

from .._dataclasses import dataclass
from .._types import JsonObject, is_map
from ..engines.solidb.reads import read_by_keys
from ..errors import IndexExists, IndexNotFound, InvalidDocument, UsageError
from ..wire.exchange import Exchange, send
from ..wire.faults import Subject
from ..wire.names import quoted
from .calls import AsyncCaller, Caller
from .requests import send_whole, unsupported
from .results import ClientResult, DocumentResult

METRICS = {
    "cosine": "Cosine",
    "euclidean": "Euclidean",
    "l2": "Euclidean",
    "dot": "DotProduct",
    "dotproduct": "DotProduct",
}
"""The wire's metrics, by their names without case and punctuation; it takes any other for Cosine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorIndexInfo(ClientResult):
    """A vector index. ``metric`` is ``cosine``, ``euclidean`` or ``dot_product``."""

    name: str
    field: str = ""
    dimension: int = 0
    metric: str = "cosine"
    indexed_vectors: int = 0
    quantization: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorHit(ClientResult):
    """A document found near a vector.

    ``score`` is higher for nearer documents with the metrics cosine and dot product; with euclidean it is the
    distance.
    """

    key: str
    score: float
    doc: DocumentResult = field(default_factory=DocumentResult)


class Vector(Caller):
    """Calls for vector indexes and searches, blocking."""

    def create_index(
        self,
        collection: str,
        name: str,
        field: str,
        dimensions: int,
        metric: str | None = None,
        *,
        m: int | None = None,
        ef_construction: int | None = None,
    ) -> VectorIndexInfo:
        """Create an index over an attribute that holds arrays of numbers; ``metric`` in any spelling."""
        return self._run(
            create_index(
                self._database,
                collection,
                name,
                field,
                dimensions,
                metric,
                m=m,
                ef_construction=ef_construction,
            )
        )

    def search(
        self,
        collection: str,
        vector: Sequence[float],
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
        *,
        index: str | None = None,
        ef_search: int | None = None,
    ) -> list[VectorHit]:
        """Return the documents whose vectors are nearest to one, nearest first.

        ``filter`` maps attributes to the values that they must have.

        ``index`` names the index where a collection has several. The filter is applied to ``4 * limit``
        candidates.
        """
        return self._run(
            search(self._database, collection, vector, limit, filter=filter, index=index, ef_search=ef_search)
        )

    def search_by_document(
        self,
        collection: str,
        key: str,
        field: str,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
    ) -> list[VectorHit]:
        """Return the documents whose vectors are nearest to that of a document, which is left out."""
        return self._run(search_by_document(self._database, collection, key, field, limit, filter=filter))

    def quantize(self, collection: str, name: str, quantization: str = "scalar") -> VectorIndexInfo:
        """Store the vectors of an index with one byte for each number (scalar quantization)."""
        return self._run(quantize(self._database, collection, name, quantization))

    def dequantize(self, collection: str, name: str) -> VectorIndexInfo:
        """Store the vectors of an index in full precision again."""
        return self._run(dequantize(self._database, collection, name))

    def list_indexes(self, collection: str) -> list[VectorIndexInfo]:
        """Return the vector indexes of a collection."""
        return self._run(list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; raise IndexNotFound if there is none of this name."""
        self._run(delete_index(self._database, collection, name))


class AsyncVector(AsyncCaller):
    """Calls for vector indexes and searches, async."""

    async def create_index(
        self,
        collection: str,
        name: str,
        field: str,
        dimensions: int,
        metric: str | None = None,
        *,
        m: int | None = None,
        ef_construction: int | None = None,
    ) -> VectorIndexInfo:
        """Create an index over an attribute that holds arrays of numbers; ``metric`` in any spelling."""
        return await self._run(
            create_index(
                self._database,
                collection,
                name,
                field,
                dimensions,
                metric,
                m=m,
                ef_construction=ef_construction,
            )
        )

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
        *,
        index: str | None = None,
        ef_search: int | None = None,
    ) -> list[VectorHit]:
        """Return the documents whose vectors are nearest to one, nearest first.

        ``filter`` maps attributes to the values that they must have.

        ``index`` names the index where a collection has several. The filter is applied to ``4 * limit``
        candidates.
        """
        return await self._run(
            search(self._database, collection, vector, limit, filter=filter, index=index, ef_search=ef_search)
        )

    async def search_by_document(
        self,
        collection: str,
        key: str,
        field: str,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
    ) -> list[VectorHit]:
        """Return the documents whose vectors are nearest to that of a document, which is left out."""
        return await self._run(
            search_by_document(self._database, collection, key, field, limit, filter=filter)
        )

    async def quantize(self, collection: str, name: str, quantization: str = "scalar") -> VectorIndexInfo:
        """Store the vectors of an index with one byte for each number (scalar quantization)."""
        return await self._run(quantize(self._database, collection, name, quantization))

    async def dequantize(self, collection: str, name: str) -> VectorIndexInfo:
        """Store the vectors of an index in full precision again."""
        return await self._run(dequantize(self._database, collection, name))

    async def list_indexes(self, collection: str) -> list[VectorIndexInfo]:
        """Return the vector indexes of a collection."""
        return await self._run(list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; raise IndexNotFound if there is none of this name."""
        await self._run(delete_index(self._database, collection, name))


def create_index(
    database: str,
    collection: str,
    name: str,
    attribute: str,
    dimensions: int,
    metric: str | None = None,
    *,
    m: int | None = None,
    ef_construction: int | None = None,
) -> Exchange[VectorIndexInfo]:
    """Create an index over an attribute that holds arrays of numbers."""
    if dimensions < 1:  # the server would leave a broken index behind
        raise UsageError(f"the vector index {name!r} needs at least one dimension")
    wire_metric = metric_of(metric)
    if any(index.name == name for index in (yield from list_indexes(database, collection))):
        raise IndexExists(f"{collection} has a vector index {name!r} already", name=name)
    request: JsonObject = {
        "cmd": "create_vector_index",
        "database": database,
        "collection": collection,
        "name": name,
        "field": attribute,
        "dimensions": dimensions,
        "metric": wire_metric,
    }
    request |= {key: value for key, value in (("m", m), ("ef_construction", ef_construction)) if value}
    yield from send(request, Subject(database, collection), untimed=True)
    return (yield from _index(database, collection, name))


def list_indexes(database: str, collection: str) -> Exchange[list[VectorIndexInfo]]:
    """Return the vector indexes of a collection."""
    request = {"cmd": "list_vector_indexes", "database": database, "collection": collection}
    answer = yield from send(request, Subject(database, collection), repeatable=True)
    return [_info(row) for row in answer.data]


def delete_index(database: str, collection: str, name: str) -> Exchange[None]:
    """Drop an index; it is looked up first, because the server reports success for any name."""
    yield from _index(database, collection, name)
    yield from send(_about("delete_vector_index", database, collection, name=name))


def search(
    database: str,
    collection: str,
    vector: Sequence[float],
    limit: int = 10,
    *,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
    index: str | None = None,
    ef_search: int | None = None,
) -> Exchange[list[VectorHit]]:
    """Return the documents whose vectors are nearest to one, nearest first."""
    name = index or (yield from only_index(database, collection))
    hits = yield from _nearest(database, collection, name, vector, limit, filter, ef_search)
    return hits


def search_by_document(
    database: str,
    collection: str,
    key: str,
    attribute: str,
    limit: int = 10,
    *,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
) -> Exchange[list[VectorHit]]:
    """Return the documents whose vectors are nearest to that of a document, which is left out."""
    place = {"cmd": "get", "database": database, "collection": collection, "key": key}
    document: JsonObject = (yield from send(place, Subject(database, collection, key), repeatable=True)).data
    vector: Any = document
    for part in attribute.split("."):
        vector = vector.get(part) if is_map(vector) else None
    if not isinstance(vector, list):
        raise InvalidDocument(
            f"{collection}/{key} has no vector in {attribute}", collection=collection, key=key
        )
    indexes = yield from list_indexes(database, collection)
    target = next((item for item in indexes if item.field == attribute), None)
    if target is None:
        raise IndexNotFound(f"{collection} has no vector index on {attribute}", name=attribute)
    hits = yield from _nearest(
        database, collection, target.name, cast(list[float], vector), limit + 1, filter, None
    )
    return [hit for hit in hits if hit.key != key][:limit]


def quantize(database: str, collection: str, name: str, kind: str = "scalar") -> Exchange[VectorIndexInfo]:
    """Store the vectors of an index with one byte for each number."""
    if kind.lower() not in ("scalar", "int8", "u8", "sq8"):
        raise unsupported(
            f"{kind} quantization",
            "it knows scalar quantization only",
            "quantize(collection, name, 'scalar')",
        )
    yield from _index(database, collection, name)
    yield from send(_about("quantize_vector_index", database, collection, index_name=name), untimed=True)
    return (yield from _index(database, collection, name))


def dequantize(database: str, collection: str, name: str) -> Exchange[VectorIndexInfo]:
    """Store the vectors of an index in full precision again."""
    yield from _index(database, collection, name)
    yield from send(_about("dequantize_vector_index", database, collection, index_name=name), untimed=True)
    return (yield from _index(database, collection, name))


def metric_of(metric: str | None) -> str:
    """Return the server's name of a metric, given in any spelling."""
    if metric is None:
        return "Cosine"
    name = METRICS.get("".join(letter for letter in metric.lower() if letter.isalnum()))
    if name is None:
        raise UsageError(f"{metric!r} is not a metric", hint="cosine, euclidean or dot_product")
    return name


def _nearest(
    database: str,
    collection: str,
    index: str,
    vector: Sequence[float],
    limit: int,
    wanted: Mapping[str, Any] | None,
    ef_search: int | None,
) -> Exchange[list[VectorHit]]:
    request = _about("vector_search", database, collection, index_name=index)
    request |= {"vector": [float(number) for number in vector], "limit": limit}
    if wanted:
        request["filter"] = json.dumps(dict(wanted))
    if ef_search is not None:
        request["ef_search"] = ef_search
    hint = "use a smaller limit"
    rows = (yield from send_whole(request, Subject(database, collection), hint=hint)).data
    bodies = {row["doc_key"]: row["document"] for row in rows if row.get("document") is not None}
    missing = [row["doc_key"] for row in rows if row["doc_key"] not in bodies]
    if missing:  # without a filter the server gives keys only
        text = f"FOR d IN {quoted(collection)} FILTER d._key IN @keys RETURN d"
        bodies |= {row["_key"]: row for row in (yield from read_by_keys(text, missing, database))}
    return [
        VectorHit.of(row, key=row["doc_key"], score=row["score"], doc=DocumentResult(bodies[row["doc_key"]]))
        for row in rows
        if row["doc_key"] in bodies
    ]


def only_index(database: str, collection: str) -> Exchange[str]:
    """Return the name of the only vector index of a collection; raise an error if it has several or none."""
    indexes = yield from list_indexes(database, collection)
    if len(indexes) == 1:
        return indexes[0].name
    if not indexes:
        raise IndexNotFound(f"{collection} has no vector index", hint="make one with vector.create_index(..)")
    names = ", ".join(index.name for index in indexes)
    raise UsageError(f"{collection} has several vector indexes: {names}", hint="choose one with index=…")


def _index(database: str, collection: str, name: str) -> Exchange[VectorIndexInfo]:
    for index in (yield from list_indexes(database, collection)):
        if index.name == name:
            return index
    raise IndexNotFound(f"{collection} has no vector index {name!r}", name=name)


def _info(row: JsonObject) -> VectorIndexInfo:
    spellings = {"Cosine": "cosine", "Euclidean": "euclidean", "DotProduct": "dot_product"}
    metric = spellings.get(str(row.get("metric")), str(row.get("metric")))
    return VectorIndexInfo.of(row, metric=metric, quantization=str(row.get("quantization", "None")).lower())


def _about(cmd: str, database: str, collection: str, **others: Any) -> JsonObject:
    return {"cmd": cmd, "database": database, "collection": collection, **others}
