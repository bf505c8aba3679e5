"""The box around a circle on the earth, in degrees."""

from __future__ import annotations

import math
from typing import Final

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
