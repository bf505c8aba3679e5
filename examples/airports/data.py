"""The data that the package ``bokeh_sampledata`` ships: airports, and flights of US carriers."""

import csv
import gzip
from collections.abc import Iterator
from importlib.resources import files

from solidb_odm import GeoPoint

from .models import Airport, Route


def _rows(name: str) -> Iterator[dict[str, str]]:
    raw = (files("bokeh_sampledata") / "_data" / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
    yield from csv.DictReader(text.splitlines())


def airports() -> list[Airport]:
    """Read the airports."""
    return [
        Airport(
            key=row["IATA"],
            iata=row["IATA"],
            name=row["Name"],
            city=row["City"],
            country=row["Country"],
            size=row["Type"].removesuffix("_airport"),
            altitude=int(row["Altitude"] or 0),
            location=GeoPoint(float(row["Latitude"]), float(row["Longitude"])),
        )
        for row in _rows("airports.csv")
    ]


def routes(known: list[Airport]) -> list[Route]:
    """Read the routes between known airports."""
    by_code = {airport.iata: airport for airport in known}
    return [
        Route(
            by_code[row["Source"]],
            by_code[row["Destination"]],
            key=f"{row['Airline']}-{row['Source']}-{row['Destination']}",
            airline=row["Airline"],
            stops=int(row["Stops"]),
        )
        for row in _rows("routes.csv.gz")
        if row["Source"] in by_code and row["Destination"] in by_code
    ]
