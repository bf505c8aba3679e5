"""Opening a file: what it must be, how SQLite is set up, and the functions SQL gets from us.

SQLite's errors as ours.
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ...errors import CollectionNotFound as _CollectionNotFound
from ...errors import (
    ConfigurationError,
    DatabaseError,
    QueryTimeout,
    SolidbError,
    StorageError,
    StoreCorrupt,
    StoreLocked,
    StoreUnavailable,
    WrongKey,
)
from . import catalogue, library
from .analysis import forget_unsafe
from .cipher import Cipher, refuse_encrypted
from .file_url import StoreOptions
from .forks import check_openable
from .sql_functions import register

_UNAVAILABLE = {
    sqlite3.SQLITE_PERM: "may not be opened",
    sqlite3.SQLITE_READONLY: "can't be written",
    sqlite3.SQLITE_IOERR: "can't be read or written",
    sqlite3.SQLITE_FULL: "can't grow: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "can't be opened",
}
_NO_TABLE = "no such table: "


def translate(
    error: sqlite3.Error | UnicodeDecodeError, path: str, cipher: Cipher | None = None
) -> DatabaseError:
    """Return our error for one of SQLite's, or for one whose text is damaged; raise it from the original."""
    code = library.code_of(error) & 0xFF
    where = path or "the database in memory"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _locked(where, path)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or isinstance(error, UnicodeDecodeError):
        if cipher is not None and (cipher.is_outdated() or cipher.is_one_of_two()):
            return WrongKey(f"{where} has another key now", path=path, hint="open it again, with the new key")
        return StoreCorrupt(
            f"{where} is not a database, or is damaged: {error}",
            path=path,
            hint="check the path; restore the file from a copy",
        )
    if code == sqlite3.SQLITE_CANTOPEN and path and not Path(path).exists():
        return StoreUnavailable(
            f"there is no database file {path}, and it can't be created: {error}",
            path=path,
            hint="check the path; commands that only read, and create=False, create no file",
        )
    if code in _UNAVAILABLE:
        return StoreUnavailable(
            f"{where} {_UNAVAILABLE[code]}: {error}",
            path=path,
            hint="check the path, its permissions and the disk",
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryTimeout("the statement was interrupted", hint="raise query_timeout, or add an index")
    if str(error).startswith(_NO_TABLE):
        name = str(error).removeprefix(_NO_TABLE)
        return _CollectionNotFound(f"Collection '{name}' not found", name=name, hint="create it first")
    return StorageError(f"SQLite refused: {error}", path=path)


def _locked(where: str, path: str) -> StoreLocked:
    return StoreLocked(
        f"{where} is locked by another session or process",
        path=path,
        hint="commit or roll back the other session; raise ?timeout= to wait longer",
    )


APPLICATION_ID: Final = 0x534F4442
FORMAT: Final = 1
STATEMENTS: Final = 256


def open_connection(
    options: StoreOptions,
    memory_name: str,
    factory: type[sqlite3.Connection] | None = None,
    cipher: Cipher | None = None,
    *,
    is_laid_out: bool = False,
) -> sqlite3.Connection:
    """Open the file, made and laid out if it is new; StoreCorrupt if it is somebody else's.

    A database in memory that ``is_laid_out`` is not looked at, which would have to wait for its writer.
    """
    check_sqlite()
    check_openable(options.path)
    try:
        if cipher is None and options.path:
            refuse_encrypted(options.path)
        connection = _connect(options, memory_name, factory, cipher)
    except library.errors() as exc:
        raise translate(exc, options.path, cipher) from exc
    except OSError as exc:  # a name that is too long, or leads through what is no folder
        if isinstance(exc, SolidbError):
            raise
        raise StoreUnavailable(f"{options.path} can't be opened: {exc}", path=options.path) from exc
    try:
        if cipher is not None:
            cipher.unlock(connection)
        if options.in_memory:
            _prepare_memory(connection, options, is_laid_out=is_laid_out)
        else:
            _prepare(connection, options, is_encrypted=cipher is not None)
    except library.errors_of_reading() as exc:
        connection.close()
        raise translate(exc, options.path, cipher) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def closed_with(owner: object, connections: Iterable[sqlite3.Connection]) -> weakref.finalize[..., object]:
    """Close the connections that are in the list when their owner is gone; Python 3.13 warns of open ones.

    In a child process nothing is done: closing would drop the locks of its parent.
    """
    finalizer = weakref.finalize(owner, _close_all, connections, os.getpid())
    finalizer.atexit = False
    return finalizer


def _close_all(connections: Iterable[sqlite3.Connection], process: int) -> None:
    if process == os.getpid():
        for connection in connections:
            connection.close()


@lru_cache(maxsize=1)
def check_sqlite() -> None:
    """Raise ConfigurationError if this Python's SQLite lacks a part that the engine stands on."""
    if sqlite3.sqlite_version_info < (3, 38):
        raise ConfigurationError(
            f"SQLite {sqlite3.sqlite_version} is too old for the file engine",
            hint="3.38 or newer is needed",
        )
    connection = sqlite3.connect(":memory:")
    try:
        for module in ("fts5", "rtree"):
            if not connection.execute(
                "SELECT 1 FROM pragma_module_list WHERE name = ?", (module,)
            ).fetchone():
                raise ConfigurationError(
                    f"this Python's SQLite was built without {module}",
                    hint="use a Python from python.org or your system, or install pysqlite3-binary",
                )
    finally:
        connection.close()


def _connect(
    options: StoreOptions,
    memory_name: str,
    factory: type[sqlite3.Connection] | None,
    cipher: Cipher | None,
) -> sqlite3.Connection:
    module = library.PLAIN if cipher is None else cipher.module
    if options.in_memory:
        target = f"file:/{memory_name}?vfs=memdb"
    else:
        target = f"file:{quote(os.fsencode(Path(options.path).absolute()))}?{_mode(options)}"
    connection: sqlite3.Connection = module.connect(
        target,
        timeout=0 if options.in_memory else options.timeout,  # in memory who must wait does it here
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
        factory=catalogue.counting(factory or module.Connection),
        uri=True,
    )
    catalogue.count_compilations(connection)
    return connection


def _mode(options: StoreOptions) -> str:
    """Return how the file is opened: one in a directory that can't be written is only read.

    SQLite makes a file beside it for all who read, unless it is told that nobody writes.
    """
    if not _is_read_only(options.path):
        return "mode=rwc" if options.create else "mode=rw"
    log = Path(f"{options.path}-wal")
    return "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"


def _is_read_only(path: str) -> bool:
    return Path(path).exists() and not os.access(Path(path).absolute().parent, os.W_OK)


def _prepare(connection: sqlite3.Connection, options: StoreOptions, *, is_encrypted: bool) -> None:
    register(connection)
    _check_format(connection, options)
    if not _is_read_only(options.path):
        _use_wal(connection, options)
    level = "FULL" if options.durability == "full" else "NORMAL"
    connection.execute(f"PRAGMA synchronous = {level}")
    connection.execute("PRAGMA trusted_schema = ON")
    # In memory SQLite walks all that a savepoint keeps, after each statement: changes would be quadratic.
    # But a temporary file would show what an encrypted file hides.
    connection.execute(f"PRAGMA temp_store = {'MEMORY' if is_encrypted else 'FILE'}")
    forget_unsafe(connection)


def _prepare_memory(connection: sqlite3.Connection, options: StoreOptions, *, is_laid_out: bool) -> None:
    register(connection)
    if not is_laid_out:
        _check_format(connection, options)
    connection.execute("PRAGMA trusted_schema = ON")
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA cache_spill = OFF")  # what a transaction changes is its own until the commit


def _use_wal(connection: sqlite3.Connection, options: StoreOptions) -> None:
    """Turn on write-ahead logging; SQLite does not wait for a lock here, so we do."""
    deadline = time.monotonic() + options.timeout
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except library.operational_errors():
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def _check_format(connection: sqlite3.Connection, options: StoreOptions) -> None:
    with _one_state(connection, "BEGIN"):
        if _is_ours(connection, options):
            return
    if not options.create:
        raise StoreUnavailable(
            f"{options.path or 'the database in memory'} holds no data yet",
            path=options.path,
            hint="leave out create=false, so that its tables are created",
        )
    with _one_state(connection, "BEGIN IMMEDIATE"):
        if not _is_ours(connection, options):
            catalogue.lay_out(connection)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


@contextmanager
def _one_state(connection: sqlite3.Connection, begin: str) -> Generator[None]:
    """Read one state of the file in a block: another process may be laying it out just now."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_ours(connection: sqlite3.Connection, options: StoreOptions) -> bool:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID:
        if version > FORMAT:
            raise StoreUnavailable(
                f"{options.path} was written by a newer version of solidb_odm"
                f" (format {version}; this one knows {FORMAT})",
                path=options.path,
                hint="upgrade solidb_odm",
            )
        return True
    if application or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise StoreCorrupt(
            f"{options.path} is a SQLite database, but not one of solidb_odm",
            path=options.path,
            hint="choose another path: this file belongs to another program",
        )
    return False
