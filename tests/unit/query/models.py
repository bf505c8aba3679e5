"""Models that the tests of the query builder share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from solidb_odm import (
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Registry,
    Vector,
    VectorIndex,
)

MODELS = Registry()


class Address(BaseModel):
    city: str
    country: str = "FR"


class Line(BaseModel):
    sku: str
    price: float = Field(default=0.0, alias="cost")


class Member(Document, collection="members", registry=MODELS):
    name: str
    age: int = 0
    nickname: str | None = None
    tags: list[str] = []
    address: Address | None = None
    lines: list[Line] = []
    active: bool = True
    born: datetime | None = None
    home: Annotated[GeoPoint | None, GeoIndex()] = None
    bio: Annotated[str, FulltextIndex()] = ""
    face: Annotated[Vector | None, VectorIndex(dimension=2, metric="cosine")] = None
    shape: Annotated[Vector | None, VectorIndex(dimension=2, metric="euclidean")] = None
    taste: Annotated[Vector | None, VectorIndex(dimension=2, metric="dot")] = None
    meta: dict[str, Any] = {}


class Team(Document, collection="teams", registry=MODELS):
    title: str
    lead: str = ""


class Knows(Edge[Member, Member], collection="knows", registry=MODELS):
    since: int = 0


class Belongs(Edge[Member, Team], collection="belongs", registry=MODELS):
    role: str = ""
