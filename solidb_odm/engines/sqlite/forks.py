"""Connections in a process that was forked: they are the parent's, and must be neither used nor closed there.

SQLite keeps, for each file, what this process has locked. A child inherits those notes but not the locks,
so what it opened next would believe in locks that nobody holds, and the parent could take the log of commits
away from under it. So the child closes what the parent was not using, which clears the notes and touches
nothing; where a transaction was open, or a statement running, even that would write, and the file can't be
opened there.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from pathlib import Path
from typing import Final, Protocol

from ...errors import ConcurrentUseError, StoreUnavailable


class Carried(Protocol):
    """What holds connections that a fork copies."""

    def after_fork(self) -> None:
        """Leave the connections to the parent process."""
        ...


_holders: list[weakref.ref[Carried]] = []  # no WeakSet, whose callbacks would swallow a Ctrl-C
_PRUNED_AT: Final = 256
_left_behind: list[sqlite3.Connection] = []
"""Connections with a transaction of the parent, never closed here."""
_closed_to_us: set[str] = set()


def watch(holder: Carried) -> None:
    """Have ``after_fork`` called in every child process, as long as the holder is alive."""
    if len(_holders) % _PRUNED_AT == _PRUNED_AT - 1:
        _holders[:] = [holder for holder in _holders if holder() is not None]
    _holders.append(weakref.ref(holder))


def leave(connection: sqlite3.Connection, path: str, *, in_use: bool) -> None:
    """Let go of a connection in a child process without harm to the parent's."""
    if not path:  # in memory, all of it was copied
        _left_behind.append(connection) if in_use else connection.close()
    elif in_use or connection.in_transaction:
        _left_behind.append(connection)
        _closed_to_us.add(_identity(path))
    else:
        connection.close()


def check_openable(path: str) -> None:
    """Raise StoreUnavailable for a file on which the parent had a transaction open when it forked."""
    if path and _closed_to_us and _identity(path) in _closed_to_us:
        raise StoreUnavailable(
            f"{path} can't be opened in this process: it was forked while a transaction was open on the file",
            path=path,
            hint="commit or roll back before the fork, or start processes by spawn",
        )


def refusal() -> ConcurrentUseError:
    """Make the error of a session that is used in a child of the process that opened it."""
    return ConcurrentUseError(
        "this session belongs to the process that this one was forked from",
        hint="make a session in the child process, after the fork: Session(engine)",
    )


def _identity(path: str) -> str:
    return str(Path(path).resolve())


def _after_fork_in_child() -> None:
    for reference in _holders:
        if (holder := reference()) is not None:
            holder.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
