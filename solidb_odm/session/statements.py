"""Held documents and the statements that write past the unit of work."""

from __future__ import annotations

from collections.abc import Iterable

from ..commands import GetMany, Operation
from ..model.state import state_of
from .context import Context
from .hydration import take_stored


def note_written(context: Context, collections: Iterable[str]) -> Operation[None]:
    """Set held documents of these collections to what a statement made of them."""
    if context.interactive:
        context.work.rewritten.update(collections)
    yield from _read_anew(context, collections)


def note_undone(context: Context) -> Operation[None]:
    """Restore on held documents what statements had changed, after these were undone."""
    yield from _read_anew(context, context.work.rewritten)


def _read_anew(context: Context, collections: Iterable[str]) -> Operation[None]:
    work = context.work
    for collection in sorted(collections):
        held = work.unchanged_of(collection)
        if not held:
            continue
        rows = yield from context.ask(GetMany(collection, list(held)))
        found = {row[0]: row for row in rows}
        for key, document in held.items():
            row = found.get(key)
            if row is None:
                work.vanished(document)
            elif row[1] != state_of(document).revision:
                take_stored(work, document, row)
