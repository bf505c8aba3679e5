"""Whether a database is kept by migrations: then nobody else makes its collections."""

from __future__ import annotations

from typing import Final

from ..commands import FetchDocuments, Operation, call
from ..errors import CollectionNotFound
from ..language.parser import parse

LEDGER: Final = "_migrations"
"""The collection in which a database remembers the revisions that have run."""

_RUN = f"FOR d IN `{LEDGER}` FILTER d.checksum != null LIMIT 1 RETURN d"


def has_history() -> Operation[bool]:
    """Return whether revisions have run on the database."""
    try:
        rows = yield from call(FetchDocuments(parse(_RUN)))
    except CollectionNotFound:
        return False
    return bool(rows)
