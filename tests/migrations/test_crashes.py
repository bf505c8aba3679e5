"""Runs that end at any command, up or down: the next one goes on, and nothing is done twice or left out."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Engine, Session, create_engine, sdbql
from solidb_odm.errors import CollectionNotFound
from solidb_odm.language.parser import parse
from solidb_odm.migrations import migrator, query_passes
from tools.server import LocalServer

from .conftest import Place

STEPS = """
op.create_index("things", "n", name="by_n")
op.add_field("things", "stars", "int", fill=3)
op.add_field("things", "parts[].size", "int", fill=1)
op.rename_field("things", "parts[].sku", "code")
op.for_each("things", raised, batch=3)
op.alter_field("things", "n", "str", convert="str", reverse="int")
op.drop_field("things", "old")
op.rename_field("things", "stars", "points")
op.rename_collection("others", "mates")
op.drop_collection("rest")
op.create_collection("more", indexes=["x"])
op.set_schema("things", {"extra": "allow"}, validation="lenient")
"""
HEAD = 'def raised(d):\n    return {**d, "n": d["n"] + 1, "seen": d.get("seen", 0) + 1}\n'
FIRST = """
parts = {"items": {"fields": {"sku": "str"}}, "type": "array"}
op.create_collection("things", {"fields": {"n": "int", "old": "any = null", "parts": parts}})
op.create_collection("others")
op.create_collection("rest")
op.create_collection("ties", {"fields": {"_from": "link[things]", "_to": "link[others]"}}, kind="edge")
"""
NAMES = ("things", "others", "mates", "rest", "ties")


class Ended(BaseException):
    """Ends a run as a killed process does: nothing of it is caught."""


@contextmanager
def ending(monkeypatch: pytest.MonkeyPatch, number: int) -> Generator[list[int]]:
    """End the run at a command, before or after it is performed in turns; yield how many there were."""
    count = [0]
    perform, release = migrator._Patient.perform, migrator.release
    is_over: list[bool] = []

    def released(work: Any) -> Any:
        is_over.append(True)  # a lease that a dead process holds has tests of its own
        return release(work)

    def counted(self: Any, command: Any, /) -> Any:
        if is_over:
            return perform(self, command)
        count[0] += 1
        if count[0] == number and number % 2:
            raise Ended
        reply = perform(self, command)
        if count[0] == number:
            raise Ended
        return reply

    with monkeypatch.context() as patch:
        patch.setattr(migrator._Patient, "perform", counted)
        patch.setattr(migrator, "release", released)
        yield count


def prepared(engine: Engine, folder: Path) -> Place:
    place = Place(engine, folder)
    place.write("aaaa", None, FIRST)
    place.write("bbbb", "aaaa", STEPS, head=HEAD)
    place.migrator().upgrade("aaaa")
    parts = [{"sku": "s"}, {"sku": "t"}]
    place.put("things", *({"_key": f"k{at}", "n": at, "old": [at], "parts": parts} for at in range(7)))
    place.put("others", {"_key": "o"})
    place.put("rest", {"_key": "r", "a": 1})
    place.put("ties", {"_key": "t", "_from": "things/k1", "_to": "others/o"})
    return place


def everything(place: Place) -> dict[str, Any]:
    with Session(place.engine) as session:
        there = {name for name in NAMES if _is_there(session, name)}
    return {name: place.stored(name) for name in sorted(there)}


def _is_there(session: Session, name: str) -> bool:
    try:
        session.scalars(sdbql(f"FOR d IN {name} LIMIT 1 RETURN 1")).all()
    except CollectionNotFound:
        return False
    return True


def run(work: Any, monkeypatch: pytest.MonkeyPatch, number: int) -> int:
    """Run with an end at a command, and again if it came to that; return how many commands there were."""
    with ending(monkeypatch, number) as count, suppress(Ended):
        work()
    if count[0] >= number > 0:
        work()
    return count[0]


def hold(place: Place, monkeypatch: pytest.MonkeyPatch, numbers: list[int], expected: dict[str, Any]) -> None:
    """Go up and down again and again, each time with an end at another command."""
    before = everything(place)
    for number in numbers:
        run(lambda: place.migrator().upgrade(), monkeypatch, number)
        assert everything(place) == expected, number
        assert place.migrator().check().ok
        run(lambda: place.migrator().downgrade("aaaa"), monkeypatch, number)
        assert everything(place) == before, number


def expected_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], int]:
    """Return what a run makes that nothing ends, and how many commands it has."""
    count = run(lambda: place.migrator().upgrade(), monkeypatch, -1)
    made = everything(place)
    assert [row["seen"] for row in made["things"]] == [1] * 7
    assert made["ties"][0]["_to"] == "mates/o"
    assert "rest" not in made
    place.migrator().downgrade("aaaa")
    return made, count


def test_runs_on_a_file_end_at_any_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'test.db'}") as engine:
        place = prepared(engine, tmp_path / "migrations")
        expected, count = expected_of(place, monkeypatch)
        hold(place, monkeypatch, list(range(1, count + 1, 5)), expected)


@pytest.mark.server
def test_runs_on_a_server_end_at_any_command(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"crash_{secrets.token_hex(4)}"
    server.create_database(name)
    with create_engine(server.url(name)) as engine:
        place = prepared(engine, tmp_path / "migrations")
        expected, count = expected_of(place, monkeypatch)
        hold(place, monkeypatch, list(range(2, count + 1, 31)), expected)
    server.drop_database(name)


QUERIES = {
    "update": "FOR d IN {0} FILTER d.n >= @least LET more = d.n + 1 "
    "UPDATE d WITH {{n: d.n + 10, more}} IN {0}",
    "remove": "FOR d IN {0} FILTER d.n >= @least REMOVE d IN {0}",
}
CHANGED = {
    "update": [{"n": 1}, *({"n": at + 10, "more": at + 1} for at in range(2, 6))],
    "remove": [{"n": 1}],
}


@pytest.mark.parametrize("kind", QUERIES)
def test_a_query_over_the_documents_of_a_collection_changes_each_once(
    place: Place, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the run ends: on a server a query is no part of a transaction."""
    monkeypatch.setattr(query_passes, "_PAGE", 2)
    numbers = (-1, *range(1, 200, 3))
    down: str | None = None
    for turn, number in enumerate(numbers):
        name, made, changed = f"things{turn}", f"a{turn:03}", f"b{turn:03}"
        place.write(made, down, f'op.create_collection("{name}")')
        place.migrator().upgrade()
        place.put(name, *({"_key": f"k{at}", "n": at} for at in range(1, 6)))
        query = QUERIES[kind].format(name)
        place.write(changed, made, f'op.execute("{query}", least=2)')
        assert not place.migrator().plan().steps[0].may_repeat
        count = run(lambda: place.migrator().upgrade(), monkeypatch, number)
        stored = [{key: each for key, each in row.items() if key != "_key"} for row in place.stored(name)]
        assert stored == CHANGED[kind], number
        down = changed
        if 0 < count < number:
            return


@pytest.mark.parametrize(
    "query",
    [
        "FOR d IN things INSERT {n: d.n} INTO others",
        "FOR d IN things FOR e IN things UPDATE d WITH {n: e.n} IN things",
        "FOR d IN things UPDATE d WITH {n: LENGTH(FOR e IN things RETURN 1)} IN things",
        "FOR d IN things UPDATE d WITH {n: DOCUMENT('things/a').n} IN things",
        "FOR d IN (FOR e IN things LIMIT 3 RETURN e) UPDATE d WITH {n: 1} IN things",
        "FOR d IN things UPDATE d WITH {n: 1} IN others",
        "FOR d IN things REPLACE d WITH {n: 1} IN things",
        "FOR d IN things UPDATE d WITH {n: 1} IN things OPTIONS {keepNull: false}",
        "UPDATE 'a' WITH {n: 1} IN things",
    ],
)
def test_other_queries_are_no_passes(query: str) -> None:
    assert query_passes.query_pass(parse(query)) is None
