"""Field types that an engine knows more about than JSON: points on the earth, and vectors."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class GeoPoint:
    """A place on the earth in degrees (WGS 84), stored as ``{"lat": .., "lon": ..}``.

    The one form of a point that the server's geo index and its geo functions read alike.
    """

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


Vector: TypeAlias = list[float]
"""Numbers for a ``VectorIndex``, all of one length."""
