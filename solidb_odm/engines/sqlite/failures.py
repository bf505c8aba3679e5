"""SQLite's errors as ours."""

from __future__ import annotations

import sqlite3

from ...errors import CollectionNotFound as _CollectionNotFound
from ...errors import (
    DatabaseError,
    QueryTimeout,
    StorageError,
    StoreCorrupt,
    StoreLocked,
    StoreUnavailable,
)

_UNAVAILABLE = {
    sqlite3.SQLITE_PERM: "may not be opened",
    sqlite3.SQLITE_READONLY: "can't be written",
    sqlite3.SQLITE_IOERR: "can't be read or written",
    sqlite3.SQLITE_FULL: "can't grow: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "can't be opened",
}
_NO_TABLE = "no such table: "


def translate(error: sqlite3.Error | UnicodeDecodeError, path: str) -> DatabaseError:
    """Return our error for one of SQLite's, or for one whose text is damaged; raise it from the original."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    where = path or "the database in memory"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _locked(where, path)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or isinstance(error, UnicodeDecodeError):
        return StoreCorrupt(
            f"{where} is not a database, or is damaged: {error}",
            path=path,
            hint="check the path; restore the file from a copy",
        )
    if code in _UNAVAILABLE:
        return StoreUnavailable(
            f"{where} {_UNAVAILABLE[code]}: {error}",
            path=path,
            hint="check the path, its rights and the disk",
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryTimeout("the statement was interrupted", hint="raise query_timeout, or add an index")
    if str(error).startswith(_NO_TABLE):
        name = str(error).removeprefix(_NO_TABLE)
        return _CollectionNotFound(f"Collection '{name}' not found", name=name, hint="create it first")
    return StorageError(f"SQLite refused: {error}", path=path)


def _locked(where: str, path: str) -> StoreLocked:
    hint = (
        "commit or roll back the other session; raise ?timeout= to wait longer"
        if path
        else "commit or roll back the other session: in memory its changes block readers too; a file does not"
    )
    return StoreLocked(f"{where} is locked by another session or process", path=path, hint=hint)
