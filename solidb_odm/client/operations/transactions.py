"""Transactions: their levels, beginning and end, and what it takes for a write to belong to one."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..._types import JsonObject
from ...engines.solidb.outcome import Seen, Witness, find_out, unknown_outcome
from ...errors import ConnectionLost, RequestTimeout, UsageError
from ...wire.faults import Context
from ...wire.requests import Exchange, ask

MOST_WITNESSES = 1000
"""How many documents are looked at to find out whether a commit happened."""

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


@dataclass(slots=True)
class Staging:
    """An open transaction, as writes join it: its identifier, and what they have staged.

    ``written`` holds for each document its revision and time after the commit, by database and place.
    """

    id: str
    written: dict[str, dict[tuple[str, str], Seen | None]] = field(
        default_factory=dict[str, dict[tuple[str, str], Seen | None]]
    )

    def note(self, database: str, collection: str, key: str, stored: JsonObject | None) -> None:
        """Keep what a write has staged; None: a removal."""
        seen = None if stored is None else Seen(stored["_rev"], stored["_updated_at"])
        self.written.setdefault(database, {})[collection, key] = seen


def begin(database: str, level: str) -> Exchange[str]:
    """Begin a transaction on the lane's connection; give its identifier."""
    request = {"cmd": "begin_transaction", "database": database, "isolation_level": level}
    return (yield from ask(request, Context(database), repeatable=True)).tx_id


def commit(tx: Staging) -> Exchange[None]:
    """Write what was staged, all or nothing; if the answer is lost, find out whether it happened."""
    try:
        yield from ask({"cmd": "commit_transaction", "tx_id": tx.id})
    except (ConnectionLost, RequestTimeout) as problem:
        committed = yield from _outcome(tx)
        if not committed:
            raise unknown_outcome(committed, problem) from problem


def _outcome(tx: Staging) -> Exchange[bool | None]:
    if not tx.written:
        return True  # there was nothing to write
    database, written = next(iter(tx.written.items()))
    witnesses = [
        Witness(collection, key, None, seen and seen.revision, seen.updated if seen else "")
        for (collection, key), seen in list(written.items())[:MOST_WITNESSES]
    ]
    return (yield from find_out(witnesses, database))


def rollback(tx: Staging) -> Exchange[None]:
    """Forget what was staged."""
    yield from ask({"cmd": "rollback_transaction", "tx_id": tx.id})


def staged(request: JsonObject, tx: Staging | None) -> JsonObject:
    """Give the request as it must be sent to belong to a transaction; without one, as it is.

    The server does not let a plain write join the transaction of its connection.
    """
    return request if tx is None else {"cmd": "transaction_command", "tx_id": tx.id, "command": request}
