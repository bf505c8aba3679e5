"""The rows of a select, batch by batch, for as many as there are.

A batch is a page. That sorts again for each where no index has the order; so on a file, after the first page
of a sorted select of one model, the keys of the many rows that follow are read in order, and each batch is
asked for by keys. Its rows are as they are stored by then: what no longer matches is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ..commands import Operation
from ..query.columns import Table
from ..query.conditions import in_
from ..query.statement import Statement
from .context import Context
from .operations.loads import execute
from .paging import Place, keyset, page
from .rows import without_unreadable

WINDOW: Final = 100_000
"""How many keys are read at once, at most: some ten megabytes."""


class RowStream:
    """Reads the batches of one select in turn; ``is_over`` after the last."""

    def __init__(
        self, statement: Statement[Any], size: int, read: str | None, *, window: int = WINDOW
    ) -> None:
        self._statement = statement
        self._size = size
        self._read = read
        self._window = window
        self._after: str | None = None
        self._keys: list[str] = []
        self.is_over = False

    def batch(self, context: Context) -> Operation[list[Any]]:
        """Return the rows of the next batch."""
        rows = yield from (self._of_keys(context) if self._keys else self._page(context))
        if self._after is not None and not self._keys and context.interactive and self._is_sorted():
            yield from self._read_keys(context)  # before the rows are changed, and with them their order
        self.is_over = self._after is None and not self._keys
        return rows

    def _page(self, context: Context) -> Operation[list[Any]]:
        rows = yield from page(context, self._statement, self._size, self._after, None, self._read)
        self._after = rows.next
        return list(rows)

    def _is_sorted(self) -> bool:
        """Return whether rows of one model are sorted by more than their key, and told apart by it."""
        wanted = keyset(self._statement)
        is_plain = len(wanted.sources) == 1 and not isinstance(wanted.sources[0], Table)
        return is_plain and not wanted.is_grouped and len(wanted.keys) > 1

    def _read_keys(self, context: Context) -> Operation[None]:
        wanted = keyset(self._statement)
        narrow = wanted.part(Place(self._after), self._window)
        columns = replace(narrow, columns=wanted.columns(), single=False, reader=None, loads=())
        rows = yield from execute(context, columns.compile(), self._read)
        last = rows[self._window - 1] if len(rows) > self._window else None
        self._after = None if last is None else wanted.cursor(list(last))
        self._keys = [row[-1] for row in reversed(rows[: self._window])]

    def _of_keys(self, context: Context) -> Operation[list[Any]]:
        wanted = keyset(self._statement)
        keys = self._keys[: -self._size - 1 : -1]
        chosen = wanted.statement.where(in_(wanted.sources[0].key, keys))
        rows = yield from execute(context, chosen.compile(), self._read)
        del self._keys[-self._size :]
        return without_unreadable(rows)
