"""FILTERs in SQL: conditions that must all hold, each in the form that an index can serve.

``DISTANCE(d.place.lat, d.place.lon, lat, lon) <= metres`` goes through a geo index, its bounding box first.

Conditions on the elements of a list: the index gives the documents that have an element, and the condition
itself tests them, since it knows arrays from objects, of which the index has the names.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from ....commands.schema import ELEMENTS
from ....language import nodes
from ....language.walk import conjuncts
from ..layout import rest_table, side_table
from ..order_key import NULL_KEY_SQL
from .calls import prefix_filter
from .conditions import joined, keys_text, truth_of
from .terms import Binds, Constant, Document, JsonPath, NotInSql, Term, Truth

if TYPE_CHECKING:
    from .compilation import Compilation, Scope

_METRES_A_DEGREE: Final = 111_000.0
_MARGIN: Final = 0.001
_NEAR_POLE: Final = 89.0


def surroundings(lat: float, lon: float, radius: float) -> tuple[float, float, float, float]:
    """Return south, north, west and east of a circle; all longitudes near a pole or the date line."""
    height = radius / _METRES_A_DEGREE + _MARGIN
    south, north = lat - height, lat + height
    if max(abs(south), abs(north)) > _NEAR_POLE:
        return south, north, -180.0, 180.0
    width = height / math.cos(math.radians(max(abs(south), abs(north))))
    if lon - width < -180 or lon + width > 180:
        return south, north, -180.0, 180.0
    return south, north, lon - width, lon + width


_EDGES = ("south", "north", "west", "east")


def distance_filter(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth | None:
    """Return the condition with the index's choice of documents before it; None if it isn't one.

    The index chooses the documents in the box around the circle, and those whose place is not a
    plain ``{lat, lon}``: of them the condition itself judges, for null is less than any distance.
    """
    if not isinstance(node, nodes.Compare) or node.operator not in ("<", "<="):
        return None
    call, limit = node.left, c.constant(node.right)
    if not isinstance(call, nodes.Call) or call.name != "DISTANCE" or len(call.arguments) != 4:
        return None
    center = [c.constant(argument) for argument in call.arguments[2:]]
    place = _place(c, call, scope)
    if limit is None or place is None or any(one is None for one in (limit, *center)):
        return None
    lat, lon, metres = (one for one in (*center, limit) if one is not None)
    if {lat.kind, lon.kind, metres.kind} != {"number"}:
        return None
    choice = _choice(c, place, (lat, lon, metres))
    if choice is None:
        return None
    try:
        exact = c.term(c, node, scope)
    except NotInSql:
        return Truth("bool", choice) if c.total else None
    return Truth("bool", f"({choice} AND {exact.where})") if isinstance(exact, Truth) else None


def _place(c: Compilation, call: nodes.Call, scope: Scope) -> tuple[Document, JsonPath] | None:
    """Return the document and the path of the place, if the first arguments are its lat and lon."""
    lat, lon = call.arguments[:2]
    if not isinstance(lat, nodes.Attribute) or not isinstance(lon, nodes.Attribute):
        return None
    if (lat.name, lon.name) != ("lat", "lon") or lat.base != lon.base:
        return None
    document, place = c.document_of(lat, scope), c.term(c, lat.base, scope)
    return (document, place) if document is not None and isinstance(place, JsonPath) else None


def _choice(
    c: Compilation, place: tuple[Document, JsonPath], circle: tuple[Constant, Constant, Constant]
) -> str | None:
    document, path = place
    for index in c.collection(document.collection).indexes:
        if index.spec.kind == "geo" and index.spec.fields == (".".join(path.path),):
            south, north, west, east = (_edge(c, circle, number) for number in range(len(_EDGES)))
            return (
                f"{document.alias}.rowid IN (SELECT rowid FROM {side_table(index)} WHERE north >= {south}"
                f" AND south <= {north} AND east >= {west} AND west <= {east}"
                f" UNION ALL SELECT rowid FROM {rest_table(index)})"
            )
    return None


def _edge(c: Compilation, circle: tuple[Constant, Constant, Constant], number: int) -> str:
    lat, lon, metres = (one.value for one in circle)

    def edge(binds: Binds) -> float:
        return surroundings(lat(binds), lon(binds), metres(binds))[number]

    return c.parameters.add(edge)


def where(conditions: list[Truth]) -> str:
    """Write conditions that must all hold; a null that one excludes need not be let in by another."""
    present = {one.present for one in conditions if one.present}
    return joined("AND", [one.bare if one.subject in present else one.where for one in conditions])


def truths(c: Compilation, node: nodes.Expression, scope: Scope) -> list[Truth]:
    """Return a FILTER's condition as the conditions that must all hold."""
    return [_condition(c, part, scope) for part in conjuncts(node)]


def _condition(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth:
    served = (
        prefix_filter(c, node, scope) or distance_filter(c, node, scope) or element_filter(c, node, scope)
    )
    return served or truth_of(c.term(c, node, scope))


def element_filter(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth | None:
    """Return a condition on elements in the form that an index over them serves; None if none does."""
    parts = _parts(node)
    if parts is None:
        return None
    listed, wanted, is_one = parts
    document = c.document_of(listed, scope)
    table = None if document is None else _index_table(c, document, c.term(c, listed, scope))
    if document is None or table is None:
        return None
    keys = _one(c, wanted, scope) if is_one else _several(c, wanted)
    if not keys:
        return None
    condition = truth_of(c.term(c, node, scope))
    chosen = f"{document.column('rowid')} IN (SELECT document FROM {table} WHERE key {keys})"
    return Truth("bool", condition.sql, f"({chosen} AND {condition.where})")


def _parts(node: nodes.Expression) -> tuple[nodes.Expression, nodes.Expression, bool] | None:
    """Return the list that a condition is about, and the element, or the elements, of which it has one."""
    if isinstance(node, nodes.Compare) and node.operator == "IN":
        return node.right, node.left, True
    if isinstance(node, nodes.ArrayCompare) and node.quantifier == "ANY":
        if node.operator == "==":
            return node.left, node.right, True
        if node.operator == "IN" and isinstance(node.right, nodes.Bind | nodes.Array):
            return node.left, node.right, False
    return None


def _index_table(c: Compilation, document: Document, listed: Term) -> str | None:
    """Return the table of the index over the elements of a list."""
    if type(document) is not Document or not isinstance(listed, JsonPath):
        return None
    path = f"{'.'.join(listed.path)}{ELEMENTS}"
    collection = c.collection(document.collection)
    for index in () if collection.irregular else collection.indexes:  # it has texts up to a NUL character
        if index.spec.is_of_elements and index.spec.fields == (path,):
            return side_table(index)
    return None


def _one(c: Compilation, wanted: nodes.Expression, scope: Scope) -> str:
    return f"= ifnull({c.term(c, wanted, scope).key}, {NULL_KEY_SQL})"


def _several(c: Compilation, wanted: nodes.Expression) -> str:
    """Return the SQL that tells the keys of a list of scalars, without null."""
    constant = c.constant(wanted)
    if constant is None or c.type_of(wanted) != "list":
        return ""
    values = constant.value
    return f"IN (SELECT value FROM json_each({c.parameters.add(lambda binds: keys_text(values(binds)))}))"
