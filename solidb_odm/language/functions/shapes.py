"""Shapes on the map: reading GeoJSON and its short forms, and comparing shapes.

Shapes are compared as if drawn flat, with the boundary counted as part of them. Points and polygons are
told apart here; for lines, and polygons in polygons, Shapely is asked (the ``geo`` extra).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ..._types import Json, JsonObject
from ...errors import QueryError, UnsupportedQueryError
from .arguments import is_array, is_number, is_object

Point = tuple[float, float]
"""Longitude and latitude."""

EARTH_RADIUS: Final = 6_371_000.0
_TINY: Final = 1e-12
_SAME: Final = 1e-9
_DEPTHS: Final = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip


class GeoJsonShape(NamedTuple):
    """A GeoJSON type with its coordinates as nested lists of points; rings are not closed."""

    kind: str
    coordinates: Any

    @property
    def polygons(self) -> list[list[list[Point]]]:
        """The polygons, each an outer ring and its holes."""
        if self.kind == "Polygon":
            return [self.coordinates]
        return list(self.coordinates) if self.kind == "MultiPolygon" else []

    @property
    def points(self) -> list[Point]:
        """All points, of rings and lines too."""
        return list(_flat(self.coordinates))


def _flat(coordinates: Any) -> Iterator[Point]:
    if isinstance(coordinates, tuple):
        yield coordinates
    else:
        for part in coordinates:
            yield from _flat(part)


def position(value: Json) -> Point | None:
    """Read a place: ``[lon, lat]``, ``{lat, lon}`` or a GeoJSON Point."""
    if is_array(value):
        numbers: list[Json] = value[:2]
        if len(numbers) == 2 and all(is_number(n) and math.isfinite(n) for n in numbers):
            return float(numbers[0]), float(numbers[1])
        return None
    if not is_object(value):
        return None
    fields: JsonObject = value
    if fields.get("type") == "Point":
        return position(fields.get("coordinates"))
    lat = next((fields[k] for k in ("lat", "latitude") if k in fields), None)
    lon = next((fields[k] for k in ("lon", "lng", "longitude") if k in fields), None)
    return (float(lon), float(lat)) if is_number(lat) and is_number(lon) else None


def _nested(value: Json, depth: int) -> Any:
    """Read nested arrays of places; None if one is wrong."""
    if depth == 0:
        return position(value)
    if not is_array(value) or not value:
        return None
    items: list[Json] = value
    parts = [_nested(item, depth - 1) for item in items]
    return None if any(p is None for p in parts) else parts


def _ring(points: list[Point]) -> list[Point] | None:
    if len(points) >= 2 and near(points[0], points[-1]):
        points = points[:-1]
    return points if len(points) >= 3 else None


def _checked(kind: str, coordinates: Any) -> GeoJsonShape | None:
    """Return the shape if its lines have two points and its rings three."""
    if coordinates is None:
        return None
    lines = {"LineString": [coordinates], "MultiLineString": coordinates}.get(kind, [])
    if any(len(line) < 2 for line in lines):
        return None
    if kind == "Polygon":
        coordinates = [_ring(ring) for ring in coordinates]
        return None if None in coordinates else GeoJsonShape(kind, coordinates)
    if kind == "MultiPolygon":
        parts = [_checked("Polygon", polygon) for polygon in coordinates]
        return None if None in parts else GeoJsonShape(kind, [p.coordinates for p in parts if p])
    return GeoJsonShape(kind, coordinates)


def _array_shape(value: list[Json]) -> GeoJsonShape | None:
    """Read a bare array: a point, a segment, a ring, a polygon, or polygons."""
    place = position(value)
    if place is not None and all(is_number(n) for n in value):
        return GeoJsonShape("Point", place)
    places = _nested(value, 1)
    if places is not None:
        kind = {1: "Point", 2: "LineString"}.get(len(places), "Polygon")
        return _checked(kind, {"Point": places[0], "LineString": places}.get(kind, [places]))
    for kind, depth in (("Polygon", 2), ("MultiPolygon", 3)):
        nested = _nested(value, depth)
        if nested is not None:
            return _checked(kind, nested)
    return None


def read_shape(value: Json) -> GeoJsonShape | None:
    """Read a shape in any accepted form; None if it is none."""
    if is_array(value):
        return _array_shape(value)
    if not is_object(value):
        return None
    fields: JsonObject = value
    kind = fields.get("type")
    if kind == "Feature":
        return read_shape(fields.get("geometry"))
    if isinstance(kind, str):
        depth = _DEPTHS.get(kind)
        return None if depth is None else _checked(kind, _nested(fields.get("coordinates"), depth))
    place = position(fields)
    return place and GeoJsonShape("Point", place)


def shape_of(value: Json, name: str) -> GeoJsonShape:
    """Return the shape of an argument."""
    shape = read_shape(value)
    if shape is None:
        raise QueryError(
            f"{name}: invalid geometry", hint="[lon, lat], {lat, lon}, an array of points, or GeoJSON"
        )
    return shape


def near(a: Point, b: Point) -> bool:
    """Return whether two points are the same place."""
    return abs(a[0] - b[0]) < _SAME and abs(a[1] - b[1]) < _SAME


def on_globe(place: Point) -> bool:
    """Return whether a place has a possible longitude and latitude."""
    return -180 <= place[0] <= 180 and -90 <= place[1] <= 90


def metres(a: Point, b: Point) -> float:
    """Return the distance of two places along the globe."""
    lat1, lat2 = math.radians(a[1]), math.radians(b[1])
    dlat, dlon = math.radians(b[1] - a[1]), math.radians(b[0] - a[0])
    h = math.sin(dlat / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(dlon / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, max(0.0, h))))


def edges(ring: list[Point]) -> Iterator[tuple[Point, Point]]:
    """Return the sides of a ring, the closing one too."""
    return zip(ring, [*ring[1:], ring[0]], strict=True)


def _on_side(p: Point, a: Point, b: Point) -> bool:
    turn = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    between = all(min(a[i], b[i]) - _TINY <= p[i] <= max(a[i], b[i]) + _TINY for i in (0, 1))
    return abs(turn) <= _TINY and between


def _place_in_ring(p: Point, ring: list[Point]) -> int:
    """Return 1 for inside, 0 for on the boundary, -1 for outside."""
    inside = False
    for a, b in edges(ring):
        if _on_side(p, a, b):
            return 0
        if (a[1] > p[1]) != (b[1] > p[1]) and p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0]:
            inside = not inside
    return 1 if inside else -1


def covers_point(polygon: list[list[Point]], p: Point) -> bool:
    """Return whether a point is in a polygon or on its boundary, and not in a hole."""
    outer, *holes = polygon
    return _place_in_ring(p, outer) >= 0 and all(_place_in_ring(p, hole) <= 0 for hole in holes)


def covers(outer: GeoJsonShape, inner: GeoJsonShape) -> bool:
    """Return whether the first shape has every point of the second."""
    if inner.kind in ("Point", "MultiPoint") and outer.polygons:
        return all(any(covers_point(p, point) for p in outer.polygons) for point in inner.points)
    if outer.kind in ("Point", "MultiPoint"):
        points = outer.points
        only_points = inner.kind in ("Point", "MultiPoint") or outer.kind == "Point"
        return only_points and all(any(near(p, q) for q in points) for p in inner.points)
    return bool(
        _planar(outer, "GEO_CONTAINS")
        .buffer(0 if outer.polygons else _SAME)
        .covers(_planar(inner, "GEO_CONTAINS"))
    )


def intersect(a: GeoJsonShape, b: GeoJsonShape) -> bool:
    """Return whether two shapes have a point in common."""
    for one, other in ((a, b), (b, a)):
        if one.kind in ("Point", "MultiPoint"):
            return any(_has(other, p) for p in one.points)
    return bool(_planar(a, "GEO_INTERSECTS").intersects(_planar(b, "GEO_INTERSECTS")))


def _has(shape: GeoJsonShape, p: Point) -> bool:
    if shape.polygons:
        return any(covers_point(polygon, p) for polygon in shape.polygons)
    if shape.kind in ("Point", "MultiPoint"):
        return any(near(p, q) for q in shape.points)
    lines: list[list[Point]] = [shape.coordinates] if shape.kind == "LineString" else shape.coordinates
    return any(_on_side(p, a, b) for line in lines for a, b in pairwise(line))


def _planar(shape: GeoJsonShape, name: str) -> Any:
    """Return the shape as Shapely's."""
    try:
        geometry = importlib.import_module("shapely.geometry")
    except ImportError as exc:
        raise UnsupportedQueryError(
            f"{name} of these shapes needs Shapely", construct=name, hint="pip install shapely"
        ) from exc
    make: Callable[[JsonObject], Any] = geometry.shape
    coordinates = shape.coordinates
    if shape.kind == "Polygon":
        coordinates = [[*ring, ring[0]] for ring in coordinates]
    if shape.kind == "MultiPolygon":
        coordinates = [[[*ring, ring[0]] for ring in polygon] for polygon in coordinates]
    return make({"type": shape.kind, "coordinates": coordinates})
