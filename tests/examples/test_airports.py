"""The demonstration: what it says is true of the data, and the same on a file and on a server."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from examples.airports import data, questions
from examples.airports.__main__ import load
from examples.airports.picture import draw
from solidb_odm import Engine, Session, create_engine
from tools.server import LocalServer


def answers(engine: Engine, folder: Path) -> dict[str, Any]:
    """Ask all questions, as the demonstration does."""
    counts = load(engine)
    with Session(engine) as session:
        found = {
            "counts": counts,
            "countries": questions.countries(session),
            "busiest": questions.busiest(session),
            "nearest": questions.nearest(session),
            "reach": questions.reach(session),
        }
    found["edit"] = asdict(questions.edit(engine))
    found["race"] = asdict(questions.race(engine))
    with Session(engine) as session:
        found["picture"] = draw(session, folder / "routes.svg").read_text()
    return found


@pytest.fixture(scope="module")
def on_a_file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("airports")
    with create_engine(f"sqlite:///{folder / 'airports.db'}") as engine:
        return answers(engine, folder)


def raw(name: str) -> list[dict[str, str]]:
    """Read a data file without the package under test."""
    content = (files("bokeh_sampledata") / "_data" / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    return list(csv.DictReader(text.splitlines()))


def test_all_airports_and_routes_are_loaded(on_a_file: dict[str, Any]) -> None:
    assert on_a_file["counts"] == (len(raw("airports.csv")), len(raw("routes.csv.gz")))


def test_the_counts_are_those_of_the_data(on_a_file: dict[str, Any]) -> None:
    countries = Counter(row["Country"] for row in raw("airports.csv"))
    starts = Counter(row["Source"] for row in raw("routes.csv.gz"))

    assert {country: count for country, count, _ in on_a_file["countries"]} == countries
    assert [count for _, count in on_a_file["busiest"]] == [count for _, count in starts.most_common(8)]


def test_two_hops_reach_what_the_data_says(on_a_file: dict[str, Any]) -> None:
    next_to: dict[str, set[str]] = {}
    for row in raw("routes.csv.gz"):
        next_to.setdefault(row["Source"], set()).add(row["Destination"])
    direct = next_to["ASE"]
    further = set().union(*(next_to[each] for each in direct)) - direct - {"ASE"}

    assert on_a_file["reach"] == (sorted(direct), sorted(further))


def test_the_nearest_airports_come_nearest_first(on_a_file: dict[str, Any]) -> None:
    distances = [away for _, _, away in on_a_file["nearest"]]
    assert distances == sorted(distances)
    assert len(distances) == 6


def test_an_edit_sends_what_changed_and_nothing_twice(on_a_file: dict[str, Any]) -> None:
    before = next(airport for airport in data.airports() if airport.iata == "DEN")
    edit = on_a_file["edit"]
    assert edit["patches"] == [{"altitude": before.altitude + 1, "notes": ["resurveyed"]}]
    assert edit["revision_moved"]
    assert edit["unchanged_writes"] == 0


def test_a_stale_session_is_told_and_can_try_again(on_a_file: dict[str, Any]) -> None:
    assert on_a_file["race"] == {
        "error": "StaleDocumentError",
        "documents": ["airports/JFK"],
        "won": "John F. Kennedy (first)",
        "after_retry": "John F. Kennedy (first) and second",
    }


def test_the_picture_has_every_airport_and_pair(on_a_file: dict[str, Any]) -> None:
    picture = ET.fromstring(on_a_file["picture"])
    kinds = Counter(element.tag.rpartition("}")[2] for element in picture.iter())
    pairs = {tuple(sorted((row["Source"], row["Destination"]))) for row in raw("routes.csv.gz")}
    assert (kinds["circle"], kinds["path"]) == (len(raw("airports.csv")), len(pairs))


@pytest.mark.server
def test_a_server_gives_the_same_answers(
    on_a_file: dict[str, Any], server: LocalServer, database: str, tmp_path: Path
) -> None:
    with create_engine(server.url(database)) as engine:
        assert answers(engine, tmp_path) == on_a_file
