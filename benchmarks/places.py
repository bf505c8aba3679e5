"""The nearest places, beside an R*Tree by hand."""

from __future__ import annotations

import itertools
import json
import math
import random
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from solidb_odm import Document, GeoIndex, GeoPoint, Session, create_engine, nearest, select
from solidb_odm.commands import Apply, Commit, Inserts

from .area import OURS, Aim, Area, Row, Setting, Steps
from .documents import ordered_key
from .timing import Side, contest

RTREE, WANTED = "an R*Tree by hand", 10
TEXT = f"""
The {WANTED} nearest of many places all over the earth. By hand a box around the place grows until it holds
enough; the distances are those of a plane, and nobody looks at the poles or the date line.
"""


class Place(Document, collection="places"):
    name: str
    at: Annotated[GeoPoint, GeoIndex()]


def measure(setting: Setting) -> Steps:
    """Time the search around places that are asked for in turn."""
    chance = random.Random(8)
    points = [(chance.uniform(-80, 80), chance.uniform(-180, 180)) for _ in range(setting.size)]
    with TemporaryDirectory() as folder, create_engine(f"sqlite:///{Path(folder) / 'ours.db'}") as engine:
        engine.create_all(Place)
        channel = engine.driver.channel()
        for start in range(0, len(points), 50_000):
            rows = [
                (
                    key := ordered_key(),
                    json.dumps({"_key": key, "name": "here", "at": {"lat": lat, "lon": lon}}),
                )
                for lat, lon in points[start : start + 50_000]
            ]
            channel.perform(Apply([Inserts("places", rows)]))
            channel.perform(Commit())
        channel.close()
        file = sqlite3.connect(Path(folder) / "hand.db")
        file.execute("CREATE VIRTUAL TABLE boxes USING rtree(id, south, north, west, east)")
        file.executemany(
            "INSERT INTO boxes VALUES (?, ?, ?, ?, ?)",
            [(at, lat, lat, lon, lon) for at, (lat, lon) in enumerate(points)],
        )
        file.commit()
        asked = itertools.cycle([(chance.uniform(-60, 60), chance.uniform(-170, 170)) for _ in range(50)])
        with Session(engine) as session:
            sides = {
                OURS: Side(lambda: _ask(session, *next(asked))),
                RTREE: Side(lambda: _by_hand(file, *next(asked))),
            }
            contests = {"nearest": contest(sides, 10 * setting.repetitions)}
        file.close()
    return contests


def _ask(session: Session, lat: float, lon: float) -> object:
    here = GeoPoint(lat=lat, lon=lon)
    return session.scalars(select(Place).order_by(nearest(Place.at, here)).limit(WANTED)).all()


def _by_hand(file: sqlite3.Connection, lat: float, lon: float) -> list[int]:
    reach = 0.5
    while True:
        box = (lat - reach, lat + reach, lon - reach, lon + reach)
        sql = "SELECT id, south, west FROM boxes WHERE south >= ? AND north <= ? AND west >= ? AND east <= ?"
        rows = file.execute(sql, box).fetchall()
        if len(rows) >= 2 * WANTED or reach > 90:
            return [
                row[0]
                for row in sorted(rows, key=lambda row: math.hypot(row[1] - lat, row[2] - lon))[:WANTED]
            ]
        reach *= 2


AREA = Area(
    "places",
    "The nearest places",
    TEXT,
    (1_000, 10_000, 1_000_000),
    measure,
    (
        Row(
            "nearest",
            f"`order_by(nearest(..)).limit({WANTED})`",
            RTREE,
            (Aim("absolute", 1), Aim("growth", 10)),
        ),
    ),
    of="places",
)
