"""Places on the globe: distances, shapes, areas. Bare arrays are ``[lon, lat]``."""

from __future__ import annotations

import math
from typing import Final

from ..._types import Json, JsonObject, is_tuple
from ...errors import QueryError
from .arguments import finite, number, text
from .built_in import PROPAGATE_ANY, PROPAGATE_TWO, REFUSE, Family
from .shapes import (
    EARTH_RADIUS,
    GeoJsonShape,
    Point,
    covers,
    covers_point,
    intersect,
    metres,
    near,
    on_globe,
    read_shape,
    shape_of,
)

function = Family("Geo")
_AUTHALIC_RADIUS: Final = 6_371_007.2  # a ball with the surface of the WGS84 ellipsoid


@function(
    "DISTANCE",
    parameters="lat1, lon1, lat2, lon2",
    returns="float or null",
    nulls=PROPAGATE_ANY,
    summary="The metres between two places along a ball; null for impossible coordinates.",
)
def distance(lat1: Json, lon1: Json, lat2: Json, lon2: Json) -> Json:
    values = [number(v, "DISTANCE", i) for i, v in enumerate((lat1, lon1, lat2, lon2), 1)]
    a, b = (float(values[1]), float(values[0])), (float(values[3]), float(values[2]))
    return finite(metres(a, b)) if on_globe(a) and on_globe(b) else None


def middle(shape: GeoJsonShape) -> Point:
    """Return the mean of a shape's points; a polygon counts by its outer ring."""
    polygons = shape.polygons
    points = [p for polygon in polygons for p in polygon[0]] if polygons else shape.points
    return sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)


@function(
    "GEO_DISTANCE",
    parameters="geo1, geo2",
    returns="float or null",
    nulls=PROPAGATE_TWO,
    summary="The metres between two shapes' middles.",
)
def geo_distance(left: Json, right: Json) -> Json:
    a, b = (middle(shape_of(v, "GEO_DISTANCE")) for v in (left, right))
    return finite(metres(a, b)) if on_globe(a) and on_globe(b) else None


@function(
    "GEO_POINT",
    parameters="lat, lon",
    returns="GeoJSON",
    nulls=REFUSE,
    summary="A point; note the order lat, lon.",
)
def geo_point(lat: Json, lon: Json) -> Json:
    places = [float(number(lon, "GEO_POINT", 2)), float(number(lat, "GEO_POINT", 1))]
    return {"coordinates": places, "type": "Point"}


def _define(kind: str) -> None:
    name = f"GEO_{kind.upper()}"

    def construct(coordinates: Json) -> Json:
        made: JsonObject = {"coordinates": coordinates, "type": kind}
        if read_shape(made) is None:
            raise QueryError(f"{name}: invalid coordinates for a {kind}")
        return made

    summary = f"A {kind} of coordinates [lon, lat]."
    function(name, parameters="coordinates", returns="GeoJSON", nulls=REFUSE, summary=summary)(construct)


for _kind in ("LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"):
    _define(_kind)


@function(
    "GEO_CONTAINS", parameters="outer, inner", returns="bool", nulls=PROPAGATE_TWO,
    summary="Whether the first shape has all of the second, the boundary included.",
)  # fmt: skip
def geo_contains(outer: Json, inner: Json) -> Json:
    return covers(shape_of(outer, "GEO_CONTAINS"), shape_of(inner, "GEO_CONTAINS"))


@function(
    "GEO_INTERSECTS", parameters="a, b", returns="bool", nulls=PROPAGATE_TWO,
    summary="Whether two shapes have a point in common.",
)  # fmt: skip
def geo_intersects(left: Json, right: Json) -> Json:
    return intersect(shape_of(left, "GEO_INTERSECTS"), shape_of(right, "GEO_INTERSECTS"))


@function(
    "GEO_WITHIN", parameters="point, polygon", returns="bool", nulls=PROPAGATE_TWO,
    summary="Whether a point is in a polygon, or on its boundary.",
)  # fmt: skip
def geo_within(point: Json, polygon: Json) -> Json:
    place, area = shape_of(point, "GEO_WITHIN"), shape_of(polygon, "GEO_WITHIN")
    if place.kind != "Point":
        raise QueryError("GEO_WITHIN: first argument must be a geo point")
    if not area.polygons:
        raise QueryError("GEO_WITHIN: second argument must be a polygon")
    return any(covers_point(p, place.coordinates) for p in area.polygons)


@function(
    "GEO_EQUALS", parameters="a, b", returns="bool", nulls=PROPAGATE_TWO,
    summary="Whether two shapes are of one kind with the same points in the same order.",
)  # fmt: skip
def geo_equals(left: Json, right: Json) -> Json:
    a, b = shape_of(left, "GEO_EQUALS"), shape_of(right, "GEO_EQUALS")
    return a.kind == b.kind and _same(a.coordinates, b.coordinates)


def _same(a: Json, b: Json) -> bool:
    if is_tuple(a):
        return near(a, b)
    return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))


@function(
    "GEO_IN_RANGE",
    parameters="point, origin, low, high [, includeLow [, includeHigh]]",
    returns="bool",
    nulls=PROPAGATE_TWO,
    summary="Whether the distance in metres is between the bounds.",
)
def geo_in_range(
    point: Json, origin: Json, low: Json, high: Json, include_low: Json = True, include_high: Json = True
) -> Json:
    shapes = [shape_of(v, "GEO_IN_RANGE") for v in (point, origin)]
    if any(s.kind != "Point" for s in shapes):
        raise QueryError("GEO_IN_RANGE: both places must be points")
    a, b = shapes[0].coordinates, shapes[1].coordinates
    least, most = number(low, "GEO_IN_RANGE", 3), number(high, "GEO_IN_RANGE", 4)
    if not isinstance(include_low, bool | None) or not isinstance(include_high, bool | None):
        raise QueryError("GEO_IN_RANGE: includeLow and includeHigh must be booleans")
    if not (on_globe(a) and on_globe(b)):
        return None
    gap = metres(a, b)
    return (gap > least or (gap == least and include_low is not False)) and (
        gap < most or (gap == most and include_high is not False)
    )


@function(
    "GEO_AREA",
    parameters="polygon [, ellipsoid]",
    returns="float",
    summary='The square metres on a "sphere", or one of the size of "wgs84".',
)
def geo_area(polygon: Json, ellipsoid: Json = None) -> Json:
    name = "sphere" if ellipsoid is None else text(ellipsoid, "GEO_AREA", 2).lower()
    radius = {"sphere": EARTH_RADIUS, "wgs84": _AUTHALIC_RADIUS}.get(name)
    if radius is None:
        raise QueryError("GEO_AREA: ellipsoid must be 'sphere' or 'wgs84'")
    areas = (
        _ring_area(rings[0], radius) - sum(_ring_area(hole, radius) for hole in rings[1:])
        for rings in shape_of(polygon, "GEO_AREA").polygons
    )
    return finite(sum(max(0.0, a) for a in areas))


def _ring_area(ring: list[Point], radius: float) -> float:
    """Return the area on a ball, by the formula of Chamberlain and Duquette."""
    neighbours = zip(ring, [*ring[1:], ring[0]], [*ring[2:], *ring[:2]], strict=True)
    widths = (
        (math.radians(c[0]) - math.radians(a[0])) * math.sin(math.radians(b[1])) for a, b, c in neighbours
    )
    return abs(sum(widths) * radius * radius / 2)
