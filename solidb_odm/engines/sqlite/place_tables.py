"""The tables of a geo index, as SQL: the boxes of places, and the documents that need another look.

A place stands as a box in an R*Tree, in 32-bit floats. ``rest`` has the documents whose place is no plain
``{lat, lon}`` on the globe, by kind: without a place at all; odd, so that the language must measure or refuse
them; without a distance for another reason.
"""

from __future__ import annotations

from typing import Final

from .sql_names import PREFIX

NO_PLACE, ODD, NO_DISTANCE = 0, 1, 2
_EVENTS: Final = ("insert", "update", "delete")
_NUMBERS: Final = "IN ('integer', 'real')"


def places_table(number: int) -> str:
    """Return the name of the R*Tree of an index."""
    return f"{PREFIX}geo_{number}"


def rest_of_places(number: int) -> str:
    """Return the name of the table of the documents whose place is not a plain ``{lat, lon}``."""
    return f"{PREFIX}rest_{number}"


def create_places(number: int, table: str, path: str) -> list[str]:
    """Return the statements that make the tables, fill them, and keep them in step with the documents."""
    places, rest = places_table(number), rest_of_places(number)
    forget = f"DELETE FROM {places} WHERE rowid = old.rowid; DELETE FROM {rest} WHERE rowid = old.rowid"
    add = "; ".join(_rows(number, path, "(SELECT new.rowid AS rowid, new.doc AS doc)"))
    changed = f"{forget}; {add}"
    is_other = f"WHEN old.doc -> {path} IS NOT new.doc -> {path}"
    return [
        f"CREATE VIRTUAL TABLE {places} USING rtree(rowid, south, north, west, east)",
        f"CREATE TABLE {rest} (rowid INTEGER PRIMARY KEY, kind INTEGER NOT NULL)",
        f"CREATE INDEX {rest}_kind ON {rest} (kind) WHERE kind > {NO_PLACE}",
        *_rows(number, path, table),
        f"CREATE TRIGGER {places}_insert AFTER INSERT ON {table} BEGIN {add}; END",
        f"CREATE TRIGGER {places}_update AFTER UPDATE OF doc ON {table} {is_other} BEGIN {changed}; END",
        f"CREATE TRIGGER {places}_delete AFTER DELETE ON {table} BEGIN {forget}; END",
    ]


def drop_places(number: int) -> list[str]:
    """Return the statements that delete the tables of an index, also of one that an earlier version made."""
    tables = (places_table(number), rest_of_places(number))
    return [
        *(f"DROP TRIGGER IF EXISTS {table}_{event}" for table in tables for event in _EVENTS),
        *(f"DROP TABLE IF EXISTS {table}" for table in tables),
    ]


def _rows(number: int, path: str, source: str) -> list[str]:
    """Return the statements that take documents up.

    The LIMIT keeps SQLite from merging the inner query into the outer one, which would make each value
    several times.
    """
    lat, lon = _coordinates(path)
    place = f"SELECT d.rowid AS place, {lat} AS lat, {lon} AS lon FROM {source} AS d LIMIT -1"
    kind = f"SELECT d.rowid AS place, {_kind(path)} AS kind FROM {source} AS d LIMIT -1"
    globe = "lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180"
    boxes = f"SELECT place, lat, lat, lon, lon FROM ({place}) WHERE {globe}"
    others = f"SELECT place, kind FROM ({kind}) WHERE kind IS NOT NULL"
    return [
        f"INSERT INTO {places_table(number)} (rowid, south, north, west, east) {boxes}",
        f"INSERT INTO {rest_of_places(number)} (rowid, kind) {others}",
    ]


def _coordinates(path: str) -> tuple[str, str]:
    """Return the SQL of a place of ``{lat, lon}``, ``{latitude, longitude}``, GeoJSON or ``[lat, lon]``."""
    field = path[1:-1]

    def number(part: str) -> str:
        place = f"d.doc, '{field}{part}'"
        return f"CASE WHEN json_type({place}) {_NUMBERS} THEN json_extract({place}) END"

    def coordinate(names: tuple[str, ...], in_geojson: str, in_array: str) -> str:
        named = ", ".join(number(f'."{name}"') for name in names)
        return (
            f"CASE json_type(d.doc, '{field}') WHEN 'array' THEN {number(in_array)} WHEN 'object' THEN"
            f" CASE WHEN d.doc ->> '{field}.type' IS 'Point' THEN {number(in_geojson)}"
            f" ELSE coalesce({named}) END END"
        )

    lat = coordinate(("lat", "latitude"), ".coordinates[1]", "[0]")
    return lat, coordinate(("lon", "lng", "longitude"), ".coordinates[0]", "[1]")


def _kind(path: str) -> str:
    """Return the SQL of the kind of a document: NULL of one with a plain place.

    A number just outside the globe is odd: where it ends, SQLite and the language may read a text apart.
    """
    field = path[1:-1]
    lat, lon = (f"d.doc, '{field}.{name}'" for name in ("lat", "lon"))
    numbers = " AND ".join(f"json_type({place}) {_NUMBERS}" for place in (lat, lon))
    a, b = (f"json_extract({place})" for place in (lat, lon))
    return (
        f"CASE WHEN ifnull(json_type(d.doc, '{field}'), 'null') = 'null' THEN {NO_PLACE}"
        f" WHEN {numbers} THEN CASE"
        f" WHEN {a} BETWEEN -90 AND 90 AND {b} BETWEEN -180 AND 180"
        f" THEN CASE WHEN d.doc ->> '{field}.type' IS 'Point' THEN {ODD} END"
        f" WHEN abs({a}) > 90.1 OR abs({b}) > 180.1 THEN {NO_DISTANCE} ELSE {ODD} END"
        f" WHEN 'null' IN (ifnull(json_type({lat}), 'null'), ifnull(json_type({lon}), 'null'))"
        f" THEN {NO_DISTANCE} ELSE {ODD} END"
    )
