"""What ``echo=True`` prints: each query in SDBQL with its bind values, then what the engine made of it.

Values that look like secrets by the names around them are not printed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from ..commands import (
    Apply,
    Begin,
    Command,
    Commit,
    CommitBatches,
    FetchDocuments,
    Release,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
)
from .events import describe

logger = logging.getLogger("solidb_odm.engine")

_SECRET: Final = re.compile(r"passw|passphrase|secret|token|api_?key|credential|\bpin\b", re.IGNORECASE)
_SILENT: Final = ("PRAGMA", "SAVEPOINT solidb_", "RELEASE solidb_", "ROLLBACK TO solidb_")
_LONGEST: Final = 120
_CONTROL: frozenset[type[Any]] = frozenset({Begin, Commit, Release, Rollback, RollbackTo, Savepoint})


def announce(command: Command[Any]) -> None:
    """Log what is asked of an engine, before it is."""
    match command:
        case RunQuery(_, binds) | FetchDocuments(_, binds):
            text = describe(command)
            logger.info("%s  -- %s", text, shown(text, binds))
        case Apply() | CommitBatches():
            logger.info("%s", describe(command))
        case _:
            if type(command) not in _CONTROL:
                logger.info("%s", describe(command))


def shown(text: str, binds: Mapping[str, Any]) -> str:
    """Return bind values as a log may show them: short, and no secrets."""
    if not binds:
        return "no binds"
    return ", ".join(f"@{name} = {_value(text, name, value)}" for name, value in binds.items())


def _value(text: str, name: str, value: Any) -> str:
    """Return a value, or stars if its name, or what it is compared with, is that of a secret."""
    around = re.findall(rf"([\w.`\[\]]+)[^\w@]{{1,8}}@{re.escape(name)}\b", text)
    after = re.findall(rf"@{re.escape(name)}\b[^\w@]{{1,8}}([\w.`\[\]]+)", text)
    if any(map(_SECRET.search, (name, *around, *after))):
        return "***"
    written = repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}…"


def log_statement(sql: str, parameters: int, milliseconds: float, rows: int) -> None:
    """Log one SQL statement on one line; not those by which the engine looks after itself."""
    if not sql.startswith(_SILENT):
        line = " ".join(sql.split())
        logger.info("    %s  -- %d parameters, %d rows, %.2f ms", line, parameters, rows, milliseconds)


def log_request(event: Any) -> None:
    """Log one round trip to a server."""
    logger.info("    %s  -- %d requests, %.2f ms", event.command, event.requests, event.milliseconds)
