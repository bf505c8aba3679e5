"""``distance`` and ``within``: places on the earth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, overload

from ..errors import UsageError
from ..language import nodes as q
from ..model import type_inspection
from ..model.expressions.build_scope import Scope
from ..model.expressions.calls import BuiltPredicate, fields_of, lift, records
from ..model.expressions.expression import Expression, Predicate, Value
from ..model.expressions.kinds import NAMES
from ..model.field_types import GeoPoint
from .conditions import expression


class Distance(Expression):
    """Metres between two places; null where one of them is."""

    __slots__ = ("ends", "field")

    def __init__(self, field: Expression, other: Expression | GeoPoint) -> None:
        self.field = field
        self.ends = _coordinates(field) + _coordinates(other)

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.ends

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        return q.Call("DISTANCE", tuple(end.__solidb_build__(scope) for end in self.ends))

    @property
    def __solidb_nullable__(self) -> bool:
        return True

    def __solidb_compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        compared = super().__solidb_compare__(operator, other)
        if operator not in ("<", "<="):
            return compared
        # The server reads its geo index only if another condition rejects documents without the place.
        return Combination((self.field, compared), _present)


class Combination(BuiltPredicate):
    """A condition with the guards it needs."""

    __slots__ = ()


def _present(place: q.Expression, compared: q.Expression) -> q.Expression:
    guard = q.Compare(place, "!=", q.Literal(None))
    return q.Logical("AND", (guard, *(compared.operands if isinstance(compared, q.Logical) else (compared,))))


class Coordinate(Expression):
    """The latitude or longitude of a place that is an expression."""

    __slots__ = ("name", "place")

    def __init__(self, place: Expression, name: str) -> None:
        self.place = place
        self.name = name

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.place,)

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        return q.Attribute(self.place.__solidb_build__(scope), self.name)


def _coordinates(place: Expression | GeoPoint) -> tuple[Expression, Expression]:
    if isinstance(place, Expression):
        _check_place(place)
        return Coordinate(place, "lat"), Coordinate(place, "lon")
    point = _point(place)
    return lift(point.lat), lift(point.lon)


def _check_place(place: Expression) -> None:
    """Refuse what holds no places: nothing is near it, and nothing within."""
    annotation = place.__solidb_type__
    members = type_inspection.alternatives(annotation)
    if Any in members or object in members:
        return
    stored = [{str(field.stored) for field in fields_of(record).values()} for record in records(annotation)]
    if not any(names >= {"lat", "lon"} for names in stored):
        raise UsageError(
            f"{place!r} is {NAMES[place.__solidb_kind__]}, and no place", hint="a field of the type GeoPoint"
        )


def _point(value: Any) -> GeoPoint:
    if isinstance(value, GeoPoint):
        return value
    raise UsageError(f"a place must be a GeoPoint, not {value!r}", hint="GeoPoint(lat=48.86, lon=2.35)")


def distance(field: GeoPoint | None, point: GeoPoint | None) -> float:
    """Return the distance from a field to a place in metres; null if the field is null.

    It is computed by the haversine formula, on a sphere with a radius of 6,371 km, as by the server.
    """
    measured = expression(field, "distance()")
    return cast(float, Distance(measured, cast("Expression | GeoPoint", point)))


@overload
def within(field: GeoPoint | None, area: GeoPoint, metres: float) -> Predicate: ...
@overload
def within(field: GeoPoint | None, area: Sequence[GeoPoint]) -> Predicate: ...
def within(
    field: GeoPoint | None, area: GeoPoint | Sequence[GeoPoint], metres: float | None = None
) -> Predicate:
    """Return the condition that a place is within ``metres`` of a centre, or inside a polygon of corners.

    The sides of the polygon are straight lines in degrees, and belong to it. For the distance see
    ``distance``.
    """
    place = expression(field, "within()")
    _check_place(place)
    if isinstance(area, Sequence):
        if metres is not None:
            raise UsageError("within() takes metres with a centre, not with the corners of a polygon")
        return Combination((place, Value(_polygon(area))), _inside)
    if not isinstance(metres, (int, float)) or not metres >= 0:
        raise UsageError(
            "within() needs metres of 0 or more around a centre",
            hint="within(User.home, GeoPoint(lat=48.86, lon=2.35), 5_000)",
        )
    return Distance(place, area).__solidb_compare__("<=", metres)


def _inside(place: q.Expression, polygon: q.Expression) -> q.Expression:
    test = q.Call("GEO_WITHIN", (place, polygon))
    return q.Logical("AND", (q.Compare(place, "!=", q.Literal(None)), q.Compare(test, "==", q.Literal(True))))


def _polygon(corners: Sequence[GeoPoint]) -> dict[str, Any]:
    ring = [[_point(corner).lon, corner.lat] for corner in corners]
    if len({tuple(corner) for corner in ring}) < 3:
        raise UsageError("within() needs a polygon of at least three corners")
    closed = ring if ring[0] == ring[-1] else [*ring, ring[0]]
    return {"type": "Polygon", "coordinates": [closed]}
