"""What is stored: airports, and the routes between them."""

from typing import Annotated

from solidb_odm import Document, Edge, GeoIndex, GeoPoint, Index


class Airport(Document, collection="airports"):
    """An airport; its key is its IATA code."""

    iata: Annotated[str, Index(unique=True)]
    name: str
    city: str
    country: Annotated[str, Index()]
    size: str
    altitude: int
    location: Annotated[GeoPoint, GeoIndex()]
    notes: list[str] = []


class Route(Edge[Airport, Airport], collection="routes"):
    """A flight of one airline from one airport to another."""

    airline: Annotated[str, Index()]
    stops: int = 0
