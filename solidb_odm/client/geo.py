"""``client.geo``: geo indexes, what is near and what is within, in both colours."""

from __future__ import annotations

from collections.abc import Sequence

from .calls import AsyncCaller, Caller
from .operations import geo as operations
from .operations.geo import GeoHit, GeoIndexInfo


class Geo(Caller):
    """Geo indexes and searches, blocking."""

    def create_index(self, collection: str, name: str, field: str) -> GeoIndexInfo:
        """Make an index over an attribute that holds places.

        A place is ``{"lat": .., "lon": ..}`` (also ``latitude``, ``longitude``, ``lng``), a GeoJSON point,
        or ``[latitude, longitude]``.
        """
        return self._run(operations.create_index(self._database, collection, name, field))

    def near(
        self,
        collection: str,
        latitude: float,
        longitude: float,
        radius: float | None = None,
        limit: int | None = 10,
        *,
        index: str | None = None,
    ) -> list[GeoHit]:
        """Find the documents nearest to a point, nearest first, within ``radius`` metres if given.

        ``index`` chooses among several. Without a limit there are 10,000 at most.
        """
        return self._run(
            operations.near(self._database, collection, latitude, longitude, radius, limit, index=index)
        )

    def within(
        self,
        collection: str,
        polygon: Sequence[Sequence[float]],
        limit: int | None = None,
        *,
        index: str | None = None,
    ) -> list[GeoHit]:
        """Find the documents inside a polygon of ``[latitude, longitude]`` corners, by key."""
        return self._run(operations.within(self._database, collection, polygon, limit, index=index))

    def list_indexes(self, collection: str) -> list[GeoIndexInfo]:
        """List the geo indexes of a collection."""
        return self._run(operations.list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; IndexNotFound if there is none of this name."""
        self._run(operations.delete_index(self._database, collection, name))


class AsyncGeo(AsyncCaller):
    """Geo indexes and searches, awaited."""

    async def create_index(self, collection: str, name: str, field: str) -> GeoIndexInfo:
        """Make an index over an attribute that holds places.

        A place is ``{"lat": .., "lon": ..}`` (also ``latitude``, ``longitude``, ``lng``), a GeoJSON point,
        or ``[latitude, longitude]``.
        """
        return await self._run(operations.create_index(self._database, collection, name, field))

    async def near(
        self,
        collection: str,
        latitude: float,
        longitude: float,
        radius: float | None = None,
        limit: int | None = 10,
        *,
        index: str | None = None,
    ) -> list[GeoHit]:
        """Find the documents nearest to a point, nearest first, within ``radius`` metres if given.

        ``index`` chooses among several. Without a limit there are 10,000 at most.
        """
        return await self._run(
            operations.near(self._database, collection, latitude, longitude, radius, limit, index=index)
        )

    async def within(
        self,
        collection: str,
        polygon: Sequence[Sequence[float]],
        limit: int | None = None,
        *,
        index: str | None = None,
    ) -> list[GeoHit]:
        """Find the documents inside a polygon of ``[latitude, longitude]`` corners, by key."""
        return await self._run(operations.within(self._database, collection, polygon, limit, index=index))

    async def list_indexes(self, collection: str) -> list[GeoIndexInfo]:
        """List the geo indexes of a collection."""
        return await self._run(operations.list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; IndexNotFound if there is none of this name."""
        await self._run(operations.delete_index(self._database, collection, name))
