"""Transactions: their levels, beginning and end, and what it takes for a write to belong to one."""

from __future__ import annotations

from ..._types import JsonObject
from ...engines.remote.faults import Context
from ...engines.remote.flights import Exchange, ask
from ...errors import UsageError

LEVELS = {
    "readuncommitted": "read_committed",  # the driver protocol has no name for it, and none gives less
    "readcommitted": "read_committed",
    "repeatableread": "repeatable_read",
    "serializable": "serializable",
}
"""Isolation levels, by their names without case, spaces, dashes and underscores."""


def level_of(isolation: str | None) -> str:
    """Give the wire's name of an isolation level, in whatever spelling it comes."""
    if isolation is None:
        return "read_committed"
    name = str(getattr(isolation, "value", isolation)).lower()
    level = LEVELS.get("".join(letter for letter in name if letter.isalpha()))
    if level is None:
        raise UsageError(
            f"{isolation!r} is not an isolation level",
            hint="read_uncommitted, read_committed, repeatable_read or serializable",
        )
    return level


def begin(database: str, level: str) -> Exchange[str]:
    """Begin a transaction on the lane's connection; give its identifier."""
    request = {"cmd": "begin_transaction", "database": database, "isolation_level": level}
    return (yield from ask(request, Context(database), repeatable=True)).tx_id


def commit(tx_id: str) -> Exchange[None]:
    """Write what was staged, all or nothing."""
    yield from ask({"cmd": "commit_transaction", "tx_id": tx_id})


def rollback(tx_id: str) -> Exchange[None]:
    """Forget what was staged."""
    yield from ask({"cmd": "rollback_transaction", "tx_id": tx_id})


def staged(request: JsonObject, tx_id: str) -> JsonObject:
    """Give the request as it must be sent to belong to a transaction; without one, as it is.

    The server does not let a plain write join the transaction of its connection.
    """
    return {"cmd": "transaction_command", "tx_id": tx_id, "command": request} if tx_id else request
