"""``client.vector``: vector indexes and searches, in both colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import AsyncCaller, Caller
from .operations import vector as operations
from .operations.vector import VectorHit, VectorIndexInfo


class Vector(Caller):
    """Vector indexes and searches, blocking."""

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
        """Make an index over an attribute that holds arrays of numbers; ``metric`` in any spelling."""
        return self._run(
            operations.create_index(
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
        """Find the documents whose vectors are nearest; ``filter`` holds attributes and their values.

        ``index`` chooses among several. The filter is applied to four times ``limit`` candidates.
        """
        return self._run(
            operations.search(
                self._database, collection, vector, limit, filter=filter, index=index, ef_search=ef_search
            )
        )

    def search_by_document(
        self,
        collection: str,
        key: str,
        field: str,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
    ) -> list[VectorHit]:
        """Find the documents that are nearest to one of them, which is left out."""
        return self._run(
            operations.search_by_document(self._database, collection, key, field, limit, filter=filter)
        )

    def quantize(self, collection: str, name: str, quantization: str = "scalar") -> VectorIndexInfo:
        """Keep an index's vectors in one byte a number; the server has scalar quantization only."""
        return self._run(operations.quantize(self._database, collection, name, quantization))

    def dequantize(self, collection: str, name: str) -> VectorIndexInfo:
        """Keep an index's vectors in full precision again."""
        return self._run(operations.dequantize(self._database, collection, name))

    def list_indexes(self, collection: str) -> list[VectorIndexInfo]:
        """List the vector indexes of a collection."""
        return self._run(operations.list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; IndexNotFound if there is none of this name."""
        self._run(operations.delete_index(self._database, collection, name))


class AsyncVector(AsyncCaller):
    """Vector indexes and searches, awaited."""

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
        """Make an index over an attribute that holds arrays of numbers; ``metric`` in any spelling."""
        return await self._run(
            operations.create_index(
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
        """Find the documents whose vectors are nearest; ``filter`` holds attributes and their values.

        ``index`` chooses among several. The filter is applied to four times ``limit`` candidates.
        """
        return await self._run(
            operations.search(
                self._database, collection, vector, limit, filter=filter, index=index, ef_search=ef_search
            )
        )

    async def search_by_document(
        self,
        collection: str,
        key: str,
        field: str,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the call's own word
    ) -> list[VectorHit]:
        """Find the documents that are nearest to one of them, which is left out."""
        return await self._run(
            operations.search_by_document(self._database, collection, key, field, limit, filter=filter)
        )

    async def quantize(self, collection: str, name: str, quantization: str = "scalar") -> VectorIndexInfo:
        """Keep an index's vectors in one byte a number; the server has scalar quantization only."""
        return await self._run(operations.quantize(self._database, collection, name, quantization))

    async def dequantize(self, collection: str, name: str) -> VectorIndexInfo:
        """Keep an index's vectors in full precision again."""
        return await self._run(operations.dequantize(self._database, collection, name))

    async def list_indexes(self, collection: str) -> list[VectorIndexInfo]:
        """List the vector indexes of a collection."""
        return await self._run(operations.list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; IndexNotFound if there is none of this name."""
        await self._run(operations.delete_index(self._database, collection, name))
