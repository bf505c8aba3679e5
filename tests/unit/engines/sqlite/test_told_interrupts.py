"""What comes up below SQLite is told above it: once, as it was, to the thread that asked, and then let go."""

from __future__ import annotations

import gc
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from solidb_odm.engines.sqlite import interrupts
from solidb_odm.engines.sqlite.file_transaction import Transaction
from solidb_odm.engines.sqlite.interrupts import Ticks, guarded, raise_interrupt

LONG = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT sum(n) FROM c"


class Stop(BaseException):
    """What a signal handler raises."""


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    yield opened
    opened.close()


def failed(connection: sqlite3.Connection, sql: str) -> sqlite3.Error:
    """Return what a statement fails with."""
    with pytest.raises(sqlite3.Error) as raised:
        connection.execute(sql).fetchall()
    return raised.value


def stop() -> None:
    raise Stop


def ticking(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Error:
    """Return what a query fails with whose count of time is interrupted."""
    connection.set_progress_handler(Ticks().handler(), 100)
    with monkeypatch.context() as patch:
        patch.setattr(interrupts, "time", SimpleNamespace(monotonic=stop))
        return failed(connection, LONG)


def calling(connection: sqlite3.Connection, _: pytest.MonkeyPatch) -> sqlite3.Error:
    """Return what a query fails with one of whose functions is interrupted."""
    connection.create_function("ours", 0, guarded(stop))
    return failed(connection, "SELECT ours()")


Interrupted = Callable[[sqlite3.Connection, pytest.MonkeyPatch], sqlite3.Error]


@pytest.mark.parametrize("interrupted", [ticking, calling])
def test_an_interrupt_is_raised_again_once_and_then_let_go(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, interrupted: Interrupted
) -> None:
    gc.disable()  # a cursor in a traceback would have SQLite stop the next statement until the collector came
    try:
        error = interrupted(connection, monkeypatch)
        with pytest.raises(Stop) as raised:
            raise_interrupt(error)
        assert raised.value.__cause__ is error
        told = weakref.ref(raised.value)
        del raised, error
        assert told() is None
    finally:
        gc.enable()
    raise_interrupt(failed(connection, "SELECT nothing"))
    connection.set_progress_handler(None, 0)
    assert connection.execute(LONG).fetchall() == [(5000050000,)]


@pytest.mark.parametrize("interrupted", [ticking, calling])
def test_an_interrupt_is_told_to_the_thread_that_asked(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, interrupted: Interrupted
) -> None:
    error, told = interrupted(connection, monkeypatch), list[BaseException]()

    def ask() -> None:
        try:
            raise_interrupt(sqlite3.OperationalError("another statement's"))
        except BaseException as problem:
            told.append(problem)

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    assert told == []
    with pytest.raises(Stop):
        raise_interrupt(error)


def test_a_function_that_fails_is_no_interrupt(connection: sqlite3.Connection) -> None:
    connection.create_function("ours", 0, guarded(lambda: 1 / 0))
    raise_interrupt(failed(connection, "SELECT ours()"))


def test_a_function_that_nobody_saw_fail_was_interrupted_before_its_first_line(
    connection: sqlite3.Connection,
) -> None:
    connection.create_function("ours", 0, stop)
    with pytest.raises(KeyboardInterrupt):
        raise_interrupt(failed(connection, "SELECT ours()"))


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
def test_a_query_that_is_stopped_by_us_is_not_interrupted(connection: sqlite3.Connection, how: str) -> None:
    ticks = Ticks()
    connection.set_progress_handler(ticks.handler(), 100)
    setattr(ticks, how, 0.0 if how == "deadline" else True)
    error = failed(connection, LONG)
    assert error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
    raise_interrupt(error)


def test_a_snapshot_that_an_interrupt_left_ends_in_silence_after_its_connection() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    transaction: Any = SimpleNamespace(_connection=connection)
    snapshot: Any = Transaction.snapshot(transaction)
    snapshot.__enter__()
    assert connection.in_transaction
    connection.close()
    snapshot.gen.close()  # as the collector does; nobody is there to hear an error


def test_a_snapshot_ends_what_it_began() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        transaction: Any = SimpleNamespace(_connection=connection)
        with pytest.raises(Stop), Transaction.snapshot(transaction):
            raise Stop
        assert not connection.in_transaction
