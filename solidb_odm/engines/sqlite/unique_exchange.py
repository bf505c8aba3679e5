"""Moving values of unique indexes between documents that are written together.

SQLite holds each row to its unique indexes as it is written, so a swap fails at its first half. Where
a write fails so, it is undone and made again in two steps: first the values that are to be replaced
give way to ones nobody else has, then everything is written as it was to be.

What it takes to undo it, a savepoint, doubles the time of a write: SQLite keeps a copy of each page. So there
is one only where a unique value changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from ..._types import JsonObject, Receipt
from ...commands import Batch, Patch, Patches
from ...errors import UniqueViolation
from . import json_text
from .catalogue import Catalogue, Collection
from .sql_names import path_sql

_SAVEPOINT = "solidb_exchange"


def write_exchanging(
    connection: sqlite3.Connection,
    catalogue: Catalogue,
    batches: Sequence[Batch],
    write: Callable[[Batch], list[Receipt]],
) -> list[list[Receipt]]:
    """Write batches in order, whichever of their documents gives a unique value to which other."""
    if not any(isinstance(batch, Patches) and _moves_values(catalogue, batch) for batch in batches):
        return list(map(write, batches))
    connection.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        receipts = list(map(write, batches))
    except UniqueViolation:
        connection.execute(f"ROLLBACK TO {_SAVEPOINT}")
        for batch in batches:
            if isinstance(batch, Patches):
                _clear(connection, catalogue.need(batch.collection), batch)
        receipts = list(map(write, batches))
    connection.execute(f"RELEASE {_SAVEPOINT}")
    return receipts


def _moves_values(catalogue: Catalogue, batch: Patches) -> bool:
    """Return whether changes touch what decides whether a value of a unique index is taken."""
    indexes = [index.spec for index in catalogue.need(batch.collection).indexes if index.spec.unique]
    paths = [path for spec in indexes for path in (*spec.fields, *(path for path, _ in spec.where))]
    names = {path.partition(".")[0] for path in paths}
    return any(not names.isdisjoint((*patch.changes, *patch.removed)) for patch in batch.rows)


def _clear(connection: sqlite3.Connection, collection: Collection, batch: Patches) -> None:
    """Put values nobody else has in the place of unique ones that the batch replaces."""
    fields = {field for index in collection.indexes if index.spec.unique for field in index.spec.fields}
    for patch in batch.rows:
        for name, value in _placeholders(fields, patch).items():
            connection.execute(
                f"UPDATE {collection.table} SET doc = json_set(doc, {path_sql((name,))}, json(?))"
                " WHERE key = ? AND rev = ?",
                (json_text.encode(value), patch.key, patch.revision),
            )


def _placeholders(fields: set[str], patch: Patch) -> JsonObject:
    """Give, by top-level attribute, what stands there until the patch is written."""
    placeholders: JsonObject = {}
    for field in sorted(fields):
        first, *steps = field.split(".")
        if patch.whole is None and first not in patch.changes and first not in patch.removed:
            continue
        if not steps:
            placeholders[first] = f"moving {patch.revision}"
            continue
        at = placeholders.setdefault(first, {})
        for step in steps[:-1]:
            at = at.setdefault(step, {})
        at[steps[-1]] = f"moving {patch.revision}"
    return placeholders
