"""What an interrupt or a cancelled task left open for a moment does not hold up whoever comes next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from solidb_odm.commands import Apply, Commit, CountDocuments, CreateCollection, Inserts, Rollback
from solidb_odm.commands.replica import BeginScan, EndScan, OpenReplica, Scanned
from solidb_odm.engines.sqlite import FileChannel, FileDriver, file_transaction
from solidb_odm.errors import StoreLocked

NAME = "left_notes"


def connection_of(channel: FileChannel) -> sqlite3.Connection:
    return channel._connection  # pyright: ignore[reportPrivateUsage]


def write(channel: FileChannel, key: str) -> None:
    channel.perform(Apply((Inserts(NAME, ((key, "{}"),)),)))


def count(channel: FileChannel) -> int:
    return channel.perform(CountDocuments(NAME))


# --- the scan of an offline store ----------------------------------------------------------------

STATEMENTS = (
    "SELECT key FROM temp.scanned",
    "SELECT key FROM temp.scanned AS a, sqlite_schema",
    "SELECT 1 FROM temp.sqlite_schema",
    "INSERT INTO temp.scanned VALUES ('x', 'x'), ('y', 'y') RETURNING key",
)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_scan_begins_where_a_statement_of_the_last_one_is_open(tmp_path: Path, sql: str) -> None:
    driver = FileDriver(f"sqlite:///{tmp_path}/store.db")
    channel = driver.channel()
    channel.perform(OpenReplica())
    channel.perform(CreateCollection(NAME))
    channel.perform(BeginScan())
    assert channel.perform(Scanned(NAME, (("a", "r1", ""), ("b", "r1", "")))) == [("a", False), ("b", False)]
    left = connection_of(channel).execute(sql)
    assert left.fetchone() is not None
    for _ in range(2):
        channel.perform(BeginScan())
        assert channel.perform(Scanned(NAME, (("c", "r2", ""),))) == [("c", False)]
        assert connection_of(channel).execute("SELECT key FROM temp.scanned").fetchall() == [("c",)]
        assert channel.perform(EndScan(NAME)) == []
    left.close()
    channel.close()
    driver.close()


# --- writers in memory ---------------------------------------------------------------------------


@pytest.fixture
def driver() -> Iterator[FileDriver]:
    opened = FileDriver("sqlite://?timeout=60")
    channel = opened.channel()
    channel.perform(CreateCollection(NAME))
    channel.close()
    yield opened
    opened.close()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], object]]]:
    """What happens each time that a transaction would sleep before it looks again, one after the other."""
    steps: list[Callable[[], object]] = []
    monkeypatch.setattr(file_transaction, "look_again", lambda: steps.pop(0)())
    yield steps
    assert not steps  # all that was to happen did


def cancelled_writer(driver: FileDriver, *, in_commit: bool = False) -> FileChannel:
    """Return a channel that has written, and gave its turn up before it rolled back."""
    channel = driver.channel()
    write(channel, "undone")
    transaction = channel._transaction  # pyright: ignore[reportPrivateUsage]
    if in_commit:
        assert transaction._memory is not None  # pyright: ignore[reportPrivateUsage]
        transaction._memory.end()  # pyright: ignore[reportPrivateUsage]
    driver.writers.leave(transaction.turn)
    return channel


@pytest.mark.parametrize("in_commit", [False, True])
def test_a_writer_in_memory_begins_once_a_cancelled_one_has_rolled_back(
    driver: FileDriver, looked: list[Callable[[], object]], in_commit: bool
) -> None:
    first = cancelled_writer(driver, in_commit=in_commit)
    second, reader = driver.channel(), driver.channel()
    looked += [bool, bool, lambda: first.perform(Rollback())]
    write(second, "kept")
    assert (count(second), count(reader)) == (1, 0)  # what is committed is read meanwhile
    second.perform(Commit())
    assert (count(second), count(reader), count(first)) == (1, 1, 1)
    for each in (first, second, reader):
        each.close()


def test_a_writer_in_memory_gives_up_once_it_is_cancelled_itself(
    driver: FileDriver, looked: list[Callable[[], object]]
) -> None:
    first, second = cancelled_writer(driver), driver.channel()
    looked.append(second.interrupt)
    with pytest.raises(StoreLocked):
        write(second, "kept")
    second.resume()
    first.perform(Rollback())
    write(second, "kept")
    second.perform(Commit())
    assert count(first) == 1
    first.close()
    second.close()


def test_a_commit_in_memory_waits_for_who_reads_its_last_row(
    driver: FileDriver, looked: list[Callable[[], object]]
) -> None:
    writer, reader = driver.channel(), driver.channel()
    write(writer, "one")
    writer.perform(Commit())
    table = f'"{NAME}"'
    reading = connection_of(reader).execute(f"SELECT key FROM {table}, (SELECT 1 UNION ALL SELECT 2)")
    assert reading.fetchone() is not None
    looked += [bool, reading.close]
    write(writer, "two")
    writer.perform(Commit())
    assert count(reader) == 2
    writer.close()
    reader.close()


def test_a_writer_in_memory_that_waited_in_vain_begins_like_any_other(
    driver: FileDriver, looked: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn before its own ends just after it gave up: what is committed can be read all the same."""
    second, reader = driver.channel(), driver.channel()
    monkeypatch.setattr(driver.writers, "take", lambda *_: False)
    write(second, "kept")
    assert count(reader) == 0
    second.perform(Commit())
    assert count(reader) == 1
    second.close()
    reader.close()


def test_a_writer_in_memory_whose_turn_does_not_come_is_told_so_at_once(
    driver: FileDriver, looked: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = driver.channel(), driver.channel()
    write(first, "one")
    monkeypatch.setattr(driver.writers, "take", lambda *_: False)
    with pytest.raises(StoreLocked):
        write(second, "two")
    first.perform(Commit())
    assert count(second) == 1
    first.close()
    second.close()
