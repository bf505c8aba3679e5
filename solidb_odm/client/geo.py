"""``client.geo``: geo indexes, searches near a point and within a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from .._dataclasses import dataclass
from .._types import JsonObject
from ..errors import IndexExists, UsageError
from ..wire.exchange import Exchange, send
from ..wire.faults import Subject
from .calls import AsyncCaller, Caller
from .requests import about, chosen, named, send_whole
from .results import ClientResult, DocumentResult

MOST = 10_000
"""How many documents are asked for at once where a call gives no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoIndexInfo(ClientResult):
    """A geo index."""

    name: str
    field: str = ""
    indexed_documents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoHit(ClientResult):
    """A document found by its place. ``distance`` is in metres; None for searches without a point.

    ``hit["name"]`` reads the document too.
    """

    key: str
    doc: DocumentResult = field(default_factory=DocumentResult)
    distance: float | None = None


class Geo(Caller):
    """Calls for geo indexes and searches, blocking."""

    def create_index(self, collection: str, name: str, field: str) -> GeoIndexInfo:
        """Create an index over an attribute that holds places; existing documents are indexed too.

        A place is ``{"lat": .., "lon": ..}`` (also ``latitude``, ``longitude``, ``lng``), a GeoJSON point,
        or ``[latitude, longitude]``.
        """
        return self._run(create_index(self._database, collection, name, field))

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
        """Return the documents nearest to a point, nearest first, within ``radius`` metres if given.

        ``index`` names the index where a collection has several. Without a limit, 10,000 are returned at
        most.
        """
        return self._run(near(self._database, collection, latitude, longitude, radius, limit, index=index))

    def within(
        self,
        collection: str,
        polygon: Sequence[Sequence[float]],
        limit: int | None = None,
        *,
        index: str | None = None,
    ) -> list[GeoHit]:
        """Return the documents inside a polygon of ``[latitude, longitude]`` corners, in key order."""
        return self._run(within(self._database, collection, polygon, limit, index=index))

    def list_indexes(self, collection: str) -> list[GeoIndexInfo]:
        """Return the geo indexes of a collection."""
        return self._run(list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; raise IndexNotFound if there is none of this name."""
        self._run(delete_index(self._database, collection, name))


class AsyncGeo(AsyncCaller):
    """Calls for geo indexes and searches, async."""

    async def create_index(self, collection: str, name: str, field: str) -> GeoIndexInfo:
        """Create an index over an attribute that holds places; existing documents are indexed too.

        A place is ``{"lat": .., "lon": ..}`` (also ``latitude``, ``longitude``, ``lng``), a GeoJSON point,
        or ``[latitude, longitude]``.
        """
        return await self._run(create_index(self._database, collection, name, field))

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
        """Return the documents nearest to a point, nearest first, within ``radius`` metres if given.

        ``index`` names the index where a collection has several. Without a limit, 10,000 are returned at
        most.
        """
        return await self._run(
            near(self._database, collection, latitude, longitude, radius, limit, index=index)
        )

    async def within(
        self,
        collection: str,
        polygon: Sequence[Sequence[float]],
        limit: int | None = None,
        *,
        index: str | None = None,
    ) -> list[GeoHit]:
        """Return the documents inside a polygon of ``[latitude, longitude]`` corners, in key order."""
        return await self._run(within(self._database, collection, polygon, limit, index=index))

    async def list_indexes(self, collection: str) -> list[GeoIndexInfo]:
        """Return the geo indexes of a collection."""
        return await self._run(list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index; raise IndexNotFound if there is none of this name."""
        await self._run(delete_index(self._database, collection, name))


def create_index(database: str, collection: str, name: str, attribute: str) -> Exchange[GeoIndexInfo]:
    """Create an index over an attribute that holds places; existing documents are indexed too."""
    indexes = yield from list_indexes(database, collection)
    if any(index.name == name for index in indexes):
        raise IndexExists(f"{collection} has a geo index {name!r} already", name=name)
    request = about("create_geo_index", database, collection, name=name, field=attribute)
    yield from send(request, Subject(database, collection), untimed=True)
    return named((yield from list_indexes(database, collection)), name, collection, "geo")


def list_indexes(database: str, collection: str) -> Exchange[list[GeoIndexInfo]]:
    """Return the geo indexes of a collection."""
    request = about("list_geo_indexes", database, collection)
    answer = yield from send(request, Subject(database, collection), repeatable=True)
    return [GeoIndexInfo.of(row) for row in answer.data]


def delete_index(database: str, collection: str, name: str) -> Exchange[None]:
    """Drop an index."""
    request = about("delete_geo_index", database, collection, name=name)
    yield from send(request, Subject(database, collection))


def near(
    database: str,
    collection: str,
    latitude: float,
    longitude: float,
    radius: float | None,
    limit: int | None,
    *,
    index: str | None = None,
) -> Exchange[list[GeoHit]]:
    """Return the documents nearest to a point, nearest first.

    The request has no radius, which is applied here: with one the server returns the first by key.
    """
    _check_point(latitude, longitude)
    target = chosen((yield from list_indexes(database, collection)), index, collection, "geo")
    wanted = MOST if limit is None else limit
    if wanted < 1:
        return []
    request = about(
        "geo_near",
        database,
        collection,
        field=target.field,
        latitude=float(latitude),
        longitude=float(longitude),
        limit=wanted,
    )
    hint = "near(.., limit=1000) asks for fewer; the server gives whole documents"
    rows = (yield from send_whole(request, Subject(database, collection), hint=hint)).data
    hits = [_hit(document, distance) for document, distance in rows]
    return [hit for hit in hits if radius is None or (hit.distance or 0.0) <= radius]


def within(
    database: str,
    collection: str,
    polygon: Sequence[Sequence[float]],
    limit: int | None = None,
    *,
    index: str | None = None,
) -> Exchange[list[GeoHit]]:
    """Return the documents inside a polygon of ``[latitude, longitude]`` corners."""
    corners = [_corner(corner) for corner in polygon]
    if len({tuple(corner) for corner in corners}) < 3:
        raise UsageError(
            "a polygon needs at least three different corners", hint="[[latitude, longitude], …]"
        )
    target = chosen((yield from list_indexes(database, collection)), index, collection, "geo")
    request = about("geo_within", database, collection, field=target.field, polygon=corners)
    hint = "cut the polygon into smaller ones: the server gives whole documents, and all of them"
    rows = (yield from send_whole(request, Subject(database, collection), hint=hint)).data
    return [_hit(document) for document in rows][:limit]


def _corner(corner: Sequence[float]) -> list[float]:
    if len(corner) != 2:
        raise UsageError(f"{list(corner)!r} is not a corner", hint="[latitude, longitude]")
    latitude, longitude = corner
    _check_point(latitude, longitude)
    return [float(latitude), float(longitude)]


def _check_point(latitude: float, longitude: float) -> None:
    # The server computes a distance to points that are nowhere on earth.
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise UsageError(
            f"there is no place at latitude {latitude}, longitude {longitude}",
            hint="latitude is from -90 to 90 and comes first, longitude from -180 to 180",
        )


def _hit(document: JsonObject, distance: float | None = None) -> GeoHit:
    result = DocumentResult(document)
    return GeoHit(raw=result, key=result.key, doc=result, distance=distance)
