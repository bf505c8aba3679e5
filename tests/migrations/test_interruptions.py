"""Runs that are killed, stopped, or meet others: nothing is done twice and nothing is left out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Engine, Session, create_engine, sdbql
from solidb_odm.commands import Operation, RunQuery, SetSchema, run
from solidb_odm.errors import (
    ConnectionLost,
    IrreversibleMigration,
    MigrationFailed,
    MigrationLocked,
    RevisionChanged,
    SolidbError,
    StaleDocument,
    StaleDocumentError,
    StoreLocked,
    TransactionConflict,
)
from solidb_odm.language.parser import parse
from solidb_odm.migrations import Migrator, ledger, passes
from solidb_odm.migrations.ledger import LEASE_SECONDS, acquire

from .conftest import Place

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
from solidb_odm import create_engine
from solidb_odm.language.parser import parse
from solidb_odm.migrations import Migrator, passes
url, folder, way, batches = sys.argv[1:5]
seen = []
def progress(p):
    seen.append(p.done)
    if p.done and len([d for d in seen if d]) == int(batches):
        os.kill(os.getpid(), signal.SIGKILL)
with create_engine(url) as engine:
    m = Migrator(engine, folder)
    m.upgrade(on_progress=progress) if way == "up" else m.downgrade("-1", on_progress=progress)
"""
COUNTING = """
import os, signal
calls = []
def count(d):
    calls.append(1)
    if len(calls) == int(os.environ.get("KILL_AT_CALL", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    new = {**d, "n": d["n"] + 1}
    new.pop("old", None)
    return new
"""


@pytest.fixture(params=["sqlite-file", pytest.param("server", marks=pytest.mark.server)])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite-file":
        return f"sqlite:///{tmp_path / 'test.db'}"
    running: Any = request.getfixturevalue("server")
    return str(running.url(request.getfixturevalue("database")))


def child(url: str, folder: Path, *, way: str = "up", call: int = 0, batches: int = 0) -> int:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KILL_AT_CALL": str(call)}
    command = [sys.executable, "-c", PROGRAM, url, str(folder), way, str(batches)]
    return subprocess.run(command, env=environment, timeout=60).returncode


def counted(place: Place, count: int = 60) -> list[dict[str, Any]]:
    place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.for_each("things", count, batch=10)', head=COUNTING)
    place.migrator().upgrade("aaaa")
    documents = [{"_key": f"k{at:03d}", "n": at, "old": [at]} for at in range(count)]
    place.put("things", *documents)
    return documents


def test_a_killed_run_repeats_no_document_and_skips_none(place: Place, engine_url: str) -> None:
    documents, made = counted(place), place.times("things")

    assert child(engine_url, place.folder, call=15) == -signal.SIGKILL
    assert child(engine_url, place.folder, batches=2) == -signal.SIGKILL
    running = place.migrator().current().running
    assert running is not None
    assert (running.revision, running.done, running.total) == ("bbbb", 30, 60)
    assert child(engine_url, place.folder) == 0

    assert place.stored("things") == [{"_key": d["_key"], "n": d["n"] + 1} for d in documents]
    assert place.times("things") == made
    assert child(engine_url, place.folder, way="down", batches=3) == -signal.SIGKILL
    place.migrator().downgrade("-1")
    assert place.stored("things") == documents


def test_a_killed_runner_frees_the_lease_in_time(place: Place, engine_url: str) -> None:
    counted(place)
    assert child(engine_url, place.folder, call=15) == -signal.SIGKILL
    assert LEASE_SECONDS < 15
    place.migrator().upgrade(wait=60)


def test_a_second_runner_waits_or_says_that_it_may_not(place: Place) -> None:
    counted(place)
    other = place.migrator()
    channel = place.engine.channel()
    try:
        work = other._run(place.engine.capabilities)
        run(acquire(work), channel)
        with pytest.raises(MigrationLocked, match="another program is running"):
            place.migrator().upgrade(wait=0)
        threading.Timer(0.3, lambda: other._release(work)).start()
        assert [each.id for each in place.migrator().upgrade(wait=10)] == ["bbbb"]
    finally:
        channel.close()


def test_runners_side_by_side_run_each_revision_once(place: Place) -> None:
    documents = counted(place)
    done: list[str] = []

    def work(engine: Engine) -> None:
        done.extend(each.id for each in Migrator(engine, place.folder).upgrade(wait=30))

    threads = [threading.Thread(target=work, args=(place.engine,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == ["bbbb"]
    assert [row["n"] for row in place.stored("things")] == [d["n"] + 1 for d in documents]


def test_a_live_writer_loses_nothing(place: Place, engine_url: str) -> None:
    documents = counted(place, 200)
    over = threading.Event()
    written: dict[str, int] = {}

    def write() -> None:
        with create_engine(engine_url) as engine:
            at = 0
            while not over.is_set():
                key = f"k{at % 200:03d}"
                try:
                    with Session(engine) as session:
                        session.execute(
                            sdbql(
                                "FOR d IN things FILTER d._key == @k UPDATE d WITH {seen: @s} IN things",
                                k=key,
                                s=at,
                            )
                        )
                        session.commit()
                    written[key] = at
                except SolidbError:
                    pass
                at += 7

    thread = threading.Thread(target=write)
    thread.start()
    try:
        time.sleep(0.2)
        place.migrator().upgrade()
    finally:
        over.set()
        thread.join()

    rows = {row["_key"]: row for row in place.stored("things")}
    assert [rows[d["_key"]]["n"] for d in documents] == [d["n"] + 1 for d in documents]
    assert {key: rows[key]["seen"] for key in written} == written
    assert not any("old" in row for row in rows.values())


@pytest.mark.server
@pytest.mark.parametrize("engine_url", ["server"], indirect=True)
def test_a_live_writer_loses_nothing_to_removals(place: Place, engine_url: str) -> None:
    """Write attributes that are new each time, so that a write that is lost shows whatever comes after it."""
    names = [f"old{at}" for at in range(30)]
    place.write("aaaa", None, 'op.create_collection("things")')
    head = "def without(d):\n    return {n: d[n] for n in d if not n.startswith('old')}\n"
    place.write("bbbb", "aaaa", 'op.for_each("things", without, batch=1)', head=head)
    place.migrator().upgrade("aaaa")
    large = {f"p{at}": ["x" * 50] * 30 for at in range(60)}  # so that reading and writing take their time
    documents = [{"_key": f"k{at}", **large, **dict.fromkeys(names, 1)} for at in range(4)]
    place.put("things", *documents)
    over = threading.Event()
    written: set[tuple[str, str]] = set()

    def write() -> None:
        with create_engine(engine_url) as engine:
            channel = engine.channel()
            query = parse("FOR d IN things FILTER d._key == @k UPDATE d WITH @patch IN things")
            at = 0
            while not over.is_set():
                key, name = f"k{at % 4}", f"w{at}"
                channel.perform(RunQuery(query, {"k": key, "patch": {name: at}}))
                written.add((key, name))
                at += 1
                time.sleep(0.005)
            channel.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        place.migrator().upgrade()
    finally:
        over.set()
        thread.join()

    rows = place.stored("things")
    assert {(row["_key"], name) for row in rows for name in row if name[0] == "w"} == written
    assert all({name for name in row if name[0] != "w"} == {"_key", *large} for row in rows)


@pytest.mark.server
@pytest.mark.parametrize("engine_url", ["server"], indirect=True)
def test_a_run_that_stops_before_a_removal_makes_up_for_it(
    place: Place, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, made = counted(place, 30), place.times("things")

    def lose(*_: Any) -> Operation[bool]:
        yield from ()
        raise ConnectionLost("gone", address=engine_url)

    with monkeypatch.context() as patch:
        patch.setattr(passes, "_remove_nulls", lose)
        with pytest.raises(MigrationFailed, match="gone"):
            place.migrator().upgrade()
    assert [row for row in place.stored("things") if row.get("old", 0) is None] == [
        {"_key": d["_key"], "n": d["n"] + 1, "old": None} for d in documents[:10]
    ]
    with Session(place.engine) as session:
        session.execute(sdbql("UPDATE 'k003' WITH {old: 'new'} IN things"))
        session.execute(sdbql("REMOVE 'k004' IN things"))
        session.commit()
    place.migrator().upgrade()

    expected = [{"_key": d["_key"], "n": d["n"] + 1} for d in documents]
    expected[3]["old"] = "new"
    del expected[4], made["k004"]
    assert place.stored("things") == expected
    assert place.times("things") == made


@pytest.mark.server
@pytest.mark.parametrize("engine_url", ["server"], indirect=True)
def test_a_removal_that_a_schema_refuses_stops_the_run(place: Place, engine_url: str) -> None:
    documents = counted(place, 30)
    migrator = place.migrator()
    channel = place.engine.channel()
    try:
        channel.perform(SetSchema("things", {"type": "object", "required": ["old"]}, "strict"))
        with pytest.raises(MigrationFailed, match="does not remove attributes from things/k000") as caught:
            migrator.upgrade()
        assert (caught.value.revision, caught.value.key) == ("bbbb", "k000")
        channel.perform(SetSchema("things", None, "off"))
    finally:
        channel.close()
    migrator.upgrade()
    assert place.stored("things") == [{"_key": d["_key"], "n": d["n"] + 1} for d in documents]


def test_a_failed_step_names_its_document_and_goes_on_with_the_mended_file(place: Place) -> None:
    documents = counted(place)
    head = 'def count(d):\n    if d["n"] == 33:\n        raise ValueError("no")\n'
    head += '    return {**d, "n": d["n"] + 1}\n'
    place.write("bbbb", "aaaa", 'op.for_each("things", count, batch=10)', head=head)

    with pytest.raises(MigrationFailed, match="ValueError: no") as caught:
        place.migrator().upgrade()

    assert (caught.value.revision, caught.value.key) == ("bbbb", "k033")
    running = place.migrator().current().running
    assert running is not None
    assert running.done == 30
    place.write("bbbb", "aaaa", 'op.for_each("things", count, batch=10)', head=COUNTING)
    place.migrator().upgrade()
    assert [row["n"] for row in place.stored("things")] == [d["n"] + 1 for d in documents]


def test_steps_that_are_done_may_not_change_in_a_run_that_stopped(place: Place) -> None:
    counted(place)
    head = 'def fail(d):\n    raise ValueError("no")\n'
    place.write(
        "bbbb", "aaaa", 'op.add_field("things", "a", "int", fill=1)\nop.for_each("things", fail)', head=head
    )
    with pytest.raises(MigrationFailed):
        place.migrator().upgrade()
    place.write(
        "bbbb", "aaaa", 'op.add_field("things", "a", "int", fill=2)\nop.for_each("things", fail)', head=head
    )
    with pytest.raises(RevisionChanged, match="stopped at step 2"):
        place.migrator().upgrade()


def test_formatting_may_change_and_anything_else_is_noticed(place: Place) -> None:
    path = place.write("aaaa", None, 'op.create_collection("things")')
    place.migrator().upgrade()
    path.write_text(
        '"""Words."""\n' + path.read_text().replace('"things"', "\n        'things',  # here\n    ")
    )
    assert place.migrator().check().changed == []
    path.write_text(path.read_text().replace("things", "others"))
    migrator = place.migrator()
    assert migrator.check().changed == ["aaaa"]
    assert migrator.current().changed == ["aaaa"]
    with pytest.raises(RevisionChanged, match="aaaa"):
        migrator.upgrade()
    migrator.stamp("head")
    assert migrator.check().changed == []


def test_what_can_not_be_undone_stops_a_downgrade_before_it_begins(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things")', 'op.irreversible("for good")')
    place.write("bbbb", "aaaa", 'op.add_field("things", "a", "int", fill=1)')
    migrator = place.migrator()
    migrator.upgrade()
    with pytest.raises(IrreversibleMigration, match="for good"):
        migrator.downgrade("base")
    assert migrator.current().revisions == ["bbbb"]


def test_a_reverse_function_undoes_what_the_application_wrote_since(place: Place) -> None:
    head = (
        "def twice(d):\n    return {**d, 'n': d['n'] * 2}\ndef half(d):\n    return {**d, 'n': d['n'] // 2}\n"
    )
    place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.for_each("things", twice, reverse=half)', head=head)
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("things", {"_key": "a", "n": 1}, {"_key": "b", "n": 2})
    migrator.upgrade()
    place.put("things", {"_key": "c", "n": 10})
    migrator.downgrade("-1")
    assert [row["n"] for row in place.stored("things")] == [1, 2, 5]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, as in a terminal; a process in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_stops_between_batches(place: Place) -> None:
    documents = counted(place)
    migrator = place.migrator()

    def interrupt(progress: Any) -> None:
        if progress.done == 20:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        migrator.upgrade(on_progress=interrupt)
    running = migrator.current().running
    assert running is not None
    assert running.done == 20
    migrator.upgrade()
    assert [row["n"] for row in place.stored("things")] == [d["n"] + 1 for d in documents]


def test_a_run_that_was_interrupted_as_it_took_the_lease_leaves_none(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is stored, but it was told nothing of it."""
    counted(place)
    taken = ledger._patch_lease

    def interrupted(*arguments: Any) -> Operation[str]:
        yield from taken(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "_patch_lease", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place.migrator().upgrade()
    monkeypatch.undo()
    place.migrator().upgrade(wait=0)
    assert place.migrator().current().running is None


def test_what_others_keep_changing_is_written_again_until_it_is_given_up() -> None:
    """Whatever the conflict; the documents that were in the way are named where the engine tells them."""
    conflicts = [
        StoreLocked("locked"),
        TransactionConflict("conflict"),
        StaleDocumentError("stale", documents=(StaleDocument("things", "a", "1", "2"),)),
    ]
    attempts: list[int] = []

    def page(attempt: int, *, give_up: int) -> Operation[str]:
        attempts.append(attempt)
        if attempt < give_up:
            raise conflicts[attempt % 3]
        yield from ()
        return "written"

    checkpoint = ledger.Checkpoint(
        ledger.Run(create_engine("sqlite://").capabilities), {"revision": "r"}, "1"
    )
    work = checkpoint.until_alone("things", partial(page, give_up=4))
    assert _ended(work) == ("written", 4)
    assert attempts == [0, 1, 2, 3, 4]
    with pytest.raises(MigrationFailed, match="changed by other writers again and again") as failed:
        _ended(checkpoint.until_alone("things", partial(page, give_up=1_000)))
    assert (failed.value.revision, failed.value.key) == ("r", "a")


def _ended(work: Operation[str]) -> tuple[str, int]:
    """Return what an operation returns that only pauses, and how often it does."""
    pauses = 0
    while True:
        try:
            command: object = next(work)
        except StopIteration as stop:
            return stop.value, pauses
        assert isinstance(command, ledger.Pause)
        pauses += 1
