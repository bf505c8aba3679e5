"""Places are measured along a ball, shapes compared on a flat map."""

# ruff: noqa: E501  # a case is a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
ROUND(DISTANCE(48.8584, 2.2945, 48.8606, 2.3376), -1) => 3160.0
[DISTANCE(null, 1, 2, 3), DISTANCE(91, 0, 0, 0)] => [null, null]
GEO_POINT(48.8, 2.3) => {"coordinates": [2.3, 48.8], "type": "Point"}
GEO_DISTANCE([2.3, 48.8], {lat: 48.8, lon: 2.3}) => 0.0
GEO_DISTANCE([2.3], [1, 2]) !! invalid geometry
GEO_WITHIN([0.5, 0.5], [[0, 0], [1, 0], [1, 1], [0, 1]]) => true
GEO_WITHIN([1, 0.5], [[0, 0], [1, 0], [1, 1], [0, 1]]) => true
GEO_CONTAINS(GEO_POLYGON([[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]), [0.5, 0.5]) => true
GEO_CONTAINS(GEO_POLYGON([[[0, 0], [9, 0], [9, 9], [0, 9]], [[1, 1], [2, 1], [2, 2], [1, 2]]]), [1.5, 1.5]) => false
GEO_POLYGON([[0, 0], [1, 0], [1, 1]]) !! GEO_POLYGON: invalid coordinates for a Polygon
GEO_INTERSECTS({type: "LineString", coordinates: [[0, 0], [2, 2]]}, [1, 1]) => true
GEO_EQUALS([1, 2], {lat: 2, lon: 1}) => true
GEO_IN_RANGE([2.3, 48.8], [2.3, 48.9], 0, 20000) => true
GEO_AREA({type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}) => 12363683990.261116
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_places_answer_as_the_server(line: str) -> None:
    assert holds(line)


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
LINE = {"type": "LineString", "coordinates": [[-1, 1], [1, 1]]}


def test_lines_and_polygons_are_compared_by_shapely() -> None:
    pytest.importorskip("shapely")
    assert value_of("GEO_INTERSECTS(@a, @b)", a=SQUARE, b=LINE) is True
    assert value_of("GEO_CONTAINS(@a, @b)", a=SQUARE, b=LINE) is False
    assert value_of("GEO_CONTAINS(@a, @a)", a=SQUARE) is True


_places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(_places, _places)
def test_the_way_back_is_as_long(a: tuple[float, float], b: tuple[float, float]) -> None:
    there = value_of("DISTANCE(@a, @b, @c, @d)", a=a[0], b=a[1], c=b[0], d=b[1])
    back = value_of("DISTANCE(@c, @d, @a, @b)", a=a[0], b=a[1], c=b[0], d=b[1])
    assert there == pytest.approx(back, abs=1e-3)
