"""The SQLite that runs a file: Python's own, or SQLCipher's for an encrypted one.

Both have one interface, and errors of their own: who catches SQLite's errors catches those of ``errors()``.
"""

from __future__ import annotations

import sqlite3
import sys
from importlib import import_module
from types import ModuleType
from typing import Final, TypeVar, cast

from ...errors import ConfigurationError, SolidbError

E = TypeVar("E", bound=sqlite3.Error)

PLAIN: Final[ModuleType] = sqlite3
_CIPHER: Final = "sqlcipher3.dbapi2"


def sqlcipher() -> ModuleType:
    """Return SQLCipher's module; ConfigurationError if it is not installed."""
    try:
        return import_module(_CIPHER)
    except ImportError as problem:
        raise ConfigurationError(
            "this installation can't encrypt a store: SQLCipher is missing",
            hint='pip install "solidb-odm[encryption]"',
        ) from problem


def code_of(error: Exception) -> int:
    """Return SQLite's code of an error; 0 of one that Python raises for it, such as about damaged text."""
    return int(getattr(error, "sqlite_errorcode", 0))


def errors() -> tuple[type[sqlite3.Error], ...]:
    """Return the classes of all of SQLite's errors."""
    return _of_both(sqlite3.Error)


def errors_of_reading() -> tuple[type[sqlite3.Error], ...]:
    """Return the classes of SQLite's errors, and Python's for words of SQLite about a damaged file."""
    damaged = cast("type[sqlite3.Error]", UnicodeDecodeError)  # who catches it has one more of them
    return (*errors(), damaged)


def errors_of_chores() -> tuple[type[Exception], ...]:
    """Return the classes of what may go wrong in work that nobody asked for."""
    return (*errors_of_reading(), SolidbError)


def operational_errors() -> tuple[type[sqlite3.OperationalError], ...]:
    """Return the classes of errors of running, such as a lock or a full disk."""
    return _of_both(sqlite3.OperationalError)


def integrity_errors() -> tuple[type[sqlite3.IntegrityError], ...]:
    """Return the classes of errors about what a constraint forbids."""
    return _of_both(sqlite3.IntegrityError)


def is_reading(connection: sqlite3.Connection) -> bool:
    """Return whether a statement of a connection has begun to read and neither ended nor been closed.

    SQLite says so where a function is replaced, which it refuses meanwhile.
    """
    try:
        for _ in range(2):  # at first there is none to replace
            connection.create_function("solidb_nothing", 0, _nothing)
    except operational_errors():
        return True
    return False


def _nothing() -> None:
    """Return null to SQL."""


def _of_both(kind: type[E]) -> tuple[type[E], ...]:
    module = sys.modules.get(_CIPHER)
    return (kind,) if module is None else (kind, cast("type[E]", getattr(module, kind.__name__)))
