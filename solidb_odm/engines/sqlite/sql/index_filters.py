"""FILTERs in SQL: conditions that must all hold, each in the form that an index can serve.

``DISTANCE(d.place.lat, d.place.lon, lat, lon) <= metres`` and ``GEO_WITHIN`` go through a geo index, which
knows the places in a box.

Conditions on the elements of a list: the index gives the documents that have an element, and the condition
itself tests them, since it knows arrays from objects, of which the index has the names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ....commands.schema import ELEMENTS
from ....language import nodes
from ....language.functions.shapes import read_shape
from ....language.walk import conjuncts
from ..layout import side_table
from ..order_key import NULL_KEY_SQL
from ..place_tables import NO_PLACE, places_table, rest_of_places
from .calls import prefix_filter
from .conditions import joined, keys_text, truth_of
from .terms import Binds, Document, JsonPath, NotInSql, Truth

if TYPE_CHECKING:
    from ...._types import Json
    from ..catalogue import StoredIndex
    from .compilation import Compilation, Scope

_METRES_A_DEGREE: Final = 111_000.0
_MARGIN: Final = 0.001
_NEAR_POLE: Final = 89.999
_WIDE: Final = 179.0
Box = tuple[float, float, float, float]
"""South, north, west and east of a part of the globe."""
NOWHERE: Final[Box] = (999.0, -999.0, 999.0, -999.0)
EVERYWHERE: Final[Box] = (-90.0, 90.0, -180.0, 180.0)
INSIDE: Final = "north >= {} AND south <= {} AND east >= {} AND west <= {}"


def surroundings(lat: float, lon: float, radius: float) -> tuple[Box, Box]:
    """Return two boxes that hold a circle: the second is what lies beyond the date line, if anything."""
    if abs(lat) > 90 or abs(lon) > 180:  # from there every place is at no distance
        return EVERYWHERE, NOWHERE
    height = radius / _METRES_A_DEGREE + _MARGIN
    south, north = lat - height, lat + height
    if max(abs(south), abs(north)) > _NEAR_POLE:
        return (south, north, -180.0, 180.0), NOWHERE
    width = height / math.cos(math.radians(max(abs(south), abs(north))))
    west, east = lon - width, lon + width
    if width >= _WIDE:
        return (south, north, -180.0, 180.0), NOWHERE
    if west < -180:
        return (south, north, -180.0, east), (south, north, west + 360 - _MARGIN, 180.0)
    if east > 180:
        return (south, north, west, 180.0), (south, north, -180.0, east - 360 + _MARGIN)
    return (south, north, west, east), NOWHERE


def distance_filter(
    c: Compilation, node: nodes.Expression, scope: Scope, given: Collection[nodes.Expression]
) -> Truth | None:
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
    circle = (lat, lon, metres)
    choice = _choice(
        c,
        place,
        lambda binds: surroundings(*(one.value(binds) for one in circle)),
        has_place=any(
            _is_given(c, argument.base, given)
            for argument in call.arguments
            if isinstance(argument, nodes.Attribute)
        ),
    )
    return None if choice is None else _narrowed(c, node, scope, choice)


def polygon_filter(
    c: Compilation, node: nodes.Expression, scope: Scope, given: Collection[nodes.Expression]
) -> Truth | None:
    """Return ``GEO_WITHIN(d.place, polygon) == true`` with the index's choice of documents before it."""
    if not isinstance(node, nodes.Compare) or node.operator != "==" or node.right != nodes.Literal(True):
        return None
    call = node.left
    if not isinstance(call, nodes.Call) or call.name != "GEO_WITHIN" or len(call.arguments) != 2:
        return None
    where, polygon = call.arguments
    document = c.document_of(where, scope) if isinstance(where, nodes.Attribute) else None
    area = c.constant(polygon)
    if document is None or area is None:
        return None
    place, getter = c.term(c, where, scope), area.value
    if not isinstance(place, JsonPath):
        return None
    choice = _choice(
        c,
        (document, place),
        lambda binds: (_bounds(getter(binds)), NOWHERE),
        has_place=_is_given(c, where, given),
    )
    return None if choice is None else _narrowed(c, node, scope, choice)


def _bounds(polygon: Json) -> Box:
    """Return the box around a polygon; all places for what is none, which is an error for each of them."""
    shape = read_shape(polygon)
    points = [] if shape is None else [point for rings in shape.polygons for point in rings[0]]
    if not points:
        return EVERYWHERE
    lons, lats = zip(*points, strict=True)
    return min(lats) - _MARGIN, max(lats) + _MARGIN, min(lons) - _MARGIN, max(lons) + _MARGIN


def _narrowed(c: Compilation, node: nodes.Expression, scope: Scope, choice: str) -> Truth | None:
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


def place_filter(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth | None:
    """Return ``d.place != null`` of a geo index, without making a key of the object."""
    if not isinstance(node, nodes.Compare) or not isinstance(node.left, nodes.Attribute):
        return None
    where = node.left
    if not _is_given(c, where, (node,)):
        return None
    document, place = c.document_of(where, scope), c.term(c, where, scope)
    if document is None or not isinstance(place, JsonPath):
        return None
    if not any(_is_of(index, place) for index in c.collection(document.collection).indexes):
        return None
    return Truth("bool", f"(ifnull({place.json_type}, 'null') != 'null')", present=place.key)


def _is_of(index: StoredIndex, place: JsonPath) -> bool:
    return index.spec.kind == "geo" and index.spec.fields == (".".join(place.path),)


def _is_given(c: Compilation, place: nodes.Expression, given: Collection[nodes.Expression]) -> bool:
    """Return whether another condition leaves out documents without a place."""
    for condition in given:
        if isinstance(condition, nodes.Compare) and condition.operator == "!=" and condition.left == place:
            other = c.constant(condition.right)
            if other is not None and other.kind == "null":
                return True
    return False


def _choice(
    c: Compilation,
    place: tuple[Document, JsonPath],
    boxes: Callable[[Binds], tuple[Box, Box]],
    *,
    has_place: bool,
) -> str | None:
    """Write that a document is in one of two boxes, or one whose place is no plain ``{lat, lon}``."""
    document, path = place
    for index in c.collection(document.collection).indexes:
        if _is_of(index, path):
            inside = [INSIDE.format(*(_edge(c, boxes, *at) for at in sides)) for sides in _SIDES]
            choices = [f"SELECT rowid FROM {places_table(index.number)} WHERE {box}" for box in inside]
            others = f"SELECT rowid FROM {rest_of_places(index.number)}"
            choices.append(
                f"{others} WHERE kind > {NO_PLACE}" if has_place and not index.is_outdated else others
            )
            return f"{document.alias}.rowid IN ({' UNION ALL '.join(choices)})"
    return None


_SIDES: Final = tuple(tuple((box, side) for side in range(4)) for box in range(2))


def _edge(c: Compilation, boxes: Callable[[Binds], tuple[Box, Box]], box: int, side: int) -> str:
    return c.parameters.add(lambda binds: boxes(binds)[box][side])


Links: TypeAlias = Literal["", "by_key", "by_path"]
_RARE: Final = 0.02
"""The part of the rows for which one value is taken to hold. SQLite says a quarter, and begins elsewhere."""


def where(
    conditions: list[Truth],
    *,
    is_join: bool = False,
    links: Links = "",
    outer: Collection[str] = (),
) -> str:
    """Write conditions that must all hold; a null that one excludes need not be let in by another.

    ``is_join``: SQLite chooses where to begin, for which it is told what holds for few rows. ``links`` is how
    it goes along links, where that is known; ``outer`` are the documents that it comes from in any case.
    """
    present = {one.present for one in conditions if one.present}
    if links:
        return joined("AND", [getattr(one, links) for one in conditions])
    return joined("AND", [_written(one, present, outer, is_join=is_join) for one in conditions])


def _written(one: Truth, present: set[str], outer: Collection[str], *, is_join: bool) -> str:
    if one.by_key and (one.key_of in outer or one.path_of in outer):
        return one.by_path if one.key_of in outer else one.by_key
    written = one.bare if one.subject in present else one.where
    if is_join and one.is_rare:
        written = f"likelihood({one.where}, {_RARE})"
    return f"{one.before} AND {written}" if one.before else written


def truths(
    c: Compilation, node: nodes.Expression, scope: Scope, given: Sequence[nodes.Expression] = ()
) -> list[Truth]:
    """Return a FILTER's condition as the conditions that must all hold; with those that hold besides."""
    parts = tuple(conjuncts(node))
    return [_condition(c, part, scope, (*parts, *given)) for part in parts]


def _condition(
    c: Compilation, node: nodes.Expression, scope: Scope, given: Collection[nodes.Expression]
) -> Truth:
    served = (
        prefix_filter(c, node, scope)
        or distance_filter(c, node, scope, given)
        or polygon_filter(c, node, scope, given)
        or place_filter(c, node, scope)
        or element_filter(c, node, scope)
    )
    return served or _before_reading(c, node, scope, truth_of(c.term(c, node, scope)))


_LONGEST_PART: Final = 100
_AS_WRITTEN: Final = re.compile(r"[A-Za-z0-9 _.,:;@+=!()-]*")
"""Characters that JSON text has as they are, whoever wrote it, and that GLOB takes for themselves."""


def _before_reading(c: Compilation, node: nodes.Expression, scope: Scope, whole: Truth) -> Truth:
    """Put a search for a text in the whole of a document before the reading of its JSON, which takes longer.

    That is for an attribute without an index, which all documents are read for.
    """
    if not isinstance(node, nodes.Compare) or node.operator != "==":
        return whole
    left, right = (node.left, node.right) if c.constant(node.left) is None else (node.right, node.left)
    text, document = c.constant(right), c.document_of(left, scope)
    if text is None or text.kind != "string" or type(document) is not Document:
        return whole
    attribute = c.term(c, left, scope)
    if not isinstance(attribute, JsonPath) or attribute.document != document.column("doc"):
        return whole
    collection, path = c.collection(document.collection), ".".join(attribute.path)
    if (collection.kind == "edge" and path in ("_from", "_to")) or any(
        path in index.spec.fields for index in collection.indexes
    ):
        return whole
    pattern = text.parameter_of(_pattern)
    return replace(whole, before=f"{attribute.document} GLOB +{pattern}")


def _pattern(text: str) -> str:
    """Return a pattern for GLOB that the JSON of whatever holds a text matches."""
    longest = max(_AS_WRITTEN.findall(text), key=len)
    if len(longest) == len(text) <= _LONGEST_PART:
        return f'*"{text}"*'
    return f"*{longest[:_LONGEST_PART]}*"


def element_filter(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth | None:
    """Return a condition on elements in the form that an index over them serves; None if none does."""
    chosen = _chosen(c, node, scope)
    if chosen is None:
        return None
    document, rows = chosen
    choice = f"{document.column('rowid')} IN ({rows})"
    try:
        condition = truth_of(c.term(c, node, scope))
    except NotInSql:
        return Truth("bool", choice) if c.total else None
    tested = condition.where
    if (listed := _said_of_arrays(c, node, scope)) is not None:
        tested = f"({listed.json_type} = 'array' OR {tested})"
    return Truth("bool", condition.sql, f"({choice} AND {tested})")


def _said_of_arrays(c: Compilation, node: nodes.Expression, scope: Scope) -> JsonPath | None:
    """Return the attribute that has one of some plain values, as the index says rightly of all arrays."""
    if isinstance(node, nodes.Logical):
        lists = [_said_of_arrays(c, part, scope) for part in node.operands] if node.operator == "OR" else []
        return lists[0] if lists and all(part == lists[0] for part in lists) else None
    parts = _parts(node)
    if parts is None or isinstance(parts[0], nodes.Expansion):
        return None
    listed, wanted, is_one = c.term(c, parts[0], scope), c.constant(parts[1]), parts[2]
    if wanted is None or not isinstance(listed, JsonPath):
        return None
    is_plain = wanted.kind in ("string", "number") and not wanted.precision
    return listed if (is_plain if is_one else c.type_of(parts[1]) == "list") else None


def _chosen(c: Compilation, node: nodes.Expression, scope: Scope) -> tuple[Document, str] | None:
    """Return the query for the documents that an index over elements gives for a condition."""
    if isinstance(node, nodes.Logical):
        return _chosen_by_parts(c, node, scope)
    parts = _parts(node)
    if parts is None:
        return None
    listed, wanted, is_one = parts
    table = _index_table(c, listed, scope)
    document = c.document_of(_base(listed), scope)
    if document is None or table is None:
        return None
    keys = _one(c, wanted, scope) if is_one else _several(c, wanted)
    return (document, f"SELECT document FROM {table} WHERE key {keys}") if keys else None


def _chosen_by_parts(c: Compilation, node: nodes.Logical, scope: Scope) -> tuple[Document, str] | None:
    """Return the documents of one part that all must meet, or those of all where one will do."""
    choices = [_chosen(c, part, scope) for part in node.operands]
    if node.operator == "AND":
        return next((choice for choice in choices if choice is not None), None)
    served = [choice for choice in choices if choice is not None]
    if len(served) < len(choices) or len({document.alias for document, _ in served}) != 1:
        return None
    return served[0][0], " UNION ".join(rows for _, rows in served)


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


def _base(listed: nodes.Expression) -> nodes.Expression:
    return listed.base if isinstance(listed, nodes.Expansion) else listed


def _index_table(c: Compilation, listed: nodes.Expression, scope: Scope) -> str | None:
    """Return the table of the index over the elements of a list, or over a part of them."""
    document, inner = c.document_of(_base(listed), scope), ""
    if type(document) is not Document:
        return None
    if isinstance(listed, nodes.Expansion):
        if listed.depth > 1 or not listed.path:
            return None
        if not listed.condition is listed.projection is listed.offset is listed.limit is None:
            return None
        inner = f".{'.'.join(listed.path)}"
    base = c.term(c, _base(listed), scope)
    if not isinstance(base, JsonPath):
        return None
    path = f"{'.'.join(base.path)}{ELEMENTS}{inner}"
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
