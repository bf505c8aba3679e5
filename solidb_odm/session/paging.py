"""Pages of a select by keyset: each begins after the sort keys of the last row of the one before, or ends
before those of the first row of the one after.

Unlike OFFSET, a page costs the same wherever it is, and rows that come or go do not shift the others.

Streams of rows: batch by batch, for as many as there are. A batch is a page. That sorts again for each where
no index has the order; so after the first page of a sorted select, or of a join, the keys of the many rows
that follow are read in order (of a file even before that page), and each batch is asked for by keys. Its rows
are as they are stored by then: what no longer matches is left out. Groups would be made again for each batch:
many are read at once, and of a file values of all kinds, as many as some megabytes hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, overload

from .._types import Json, Stored
from ..commands import Operation
from ..errors import UsageError, missing
from ..language import interpreter as evaluator
from ..model.expiry import EARLIEST, binds_now
from ..model.stored.codec import body_value
from ..query.columns import Scalar, Table, labels_of
from ..query.conditions import in_
from ..query.select import Select
from ..query.sources import collection_of
from ..query.statement import Statement
from .context import Context
from .hydration import load_documents
from .keysets import Keyset, Place, keyset
from .operations.loads import documents_in, execute, follow
from .operations.queries import is_entity, stored_rows
from .overlay import HeldDocuments
from .rows import names_of, read_rows, rows_of, told, without_unreadable

T_co = TypeVar("T_co", covariant=True)
Cursor: TypeAlias = "str | Callable[[], str] | None"
"""A cursor, or what makes it once it is asked for: that takes as long as to read some rows."""

_WAYS = {
    "all": "list(page)",
    "first": "page[0]",
    "has_next": "page.next is not None",
    "has_prev": "page.previous is not None",
    "has_previous": "page.previous is not None",
    "items": "list(page)",
    "next_cursor": "page.next",
    "next_page": "page.next",
    "page": "page.next and page.previous, the cursors of the pages beside it",
    "pages": "page.next, None on the last page",
    "total": "session.scalar(select(func.count(User)).where(..))",
}
"""What pages of other libraries have, by what to write here."""


class Page(Sequence[T_co], Generic[T_co]):
    """A page of the rows of a statement.

    ``next`` is the cursor of the next page (for ``after=``), None on the last one; ``previous`` that of the
    page before (for ``before=``), None on the first. ``unreadable`` lists the errors of rows that were left
    out, as in a Result.
    """

    __slots__ = ("_next", "_previous", "_rows", "unreadable")

    def __init__(self, rows: list[T_co], following: Cursor, preceding: Cursor = None) -> None:
        self._rows, self.unreadable = without_unreadable(rows), told(rows)
        self._next, self._previous = following, preceding

    @property
    def next(self) -> str | None:
        """The cursor of the next page, None on the last one."""
        cursor = self._next
        if cursor is not None and not isinstance(cursor, str):
            cursor = self._next = cursor()
        return cursor

    @property
    def previous(self) -> str | None:
        """The cursor of the page before, None on the first one."""
        cursor = self._previous
        if cursor is not None and not isinstance(cursor, str):
            cursor = self._previous = cursor()
        return cursor

    def __getstate__(self) -> tuple[Any, ...]:
        return self._rows, self.unreadable, self.next, self.previous

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._rows, self.unreadable, self._next, self._previous = state

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> list[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | list[T_co]:
        return self._rows[index]

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, _WAYS)

    def __repr__(self) -> str:
        return f"<Page of {len(self._rows)} rows{', and more' if self.next else ''}>"


_MOST_ROWS = 2**31


def page(
    context: Context,
    statement: Statement[Any],
    size: int,
    after: str | None,
    before: str | None,
    read: str | None,
) -> Operation[Page[Any]]:
    """Return one page of a select."""
    _check_size(size)
    if after is not None and before is not None:
        raise UsageError("a page begins after a cursor or ends before one, not both")
    wanted = keyset(statement)
    place = Place(after if before is None else before, before is not None)
    cut = _documents if _is_of_documents(wanted) else _rows
    rows, places = yield from cut(context, wanted, place, size, read)
    return _page(wanted, place, size, rows, places)


def _check_size(size: int) -> None:
    if type(size) is not int or not 1 <= size < _MOST_ROWS:
        raise UsageError(f"a page has a whole number of rows, at least one, not {size!r}")


def _is_of_documents(wanted: Keyset) -> bool:
    """Return whether rows are whole documents of one model; UsageError if others may be unreadable."""
    compiled = wanted.statement.compile()
    is_plain = len(wanted.sources) == 1 and not isinstance(wanted.sources[0], Table)
    if is_plain and not wanted.is_grouped and is_entity(compiled):
        return True
    if compiled.unreadable != "raise":
        raise UsageError(
            "pages with unreadable() are of whole documents of one model", hint="select(User).unreadable(..)"
        )
    return False


def _page(
    wanted: Keyset, place: Place, size: int, rows: list[Any], places: Callable[[int], Sequence[Json]]
) -> Page[Any]:
    """Make the page of rows as they were read, which of one that ends at a cursor is backwards."""
    is_more = len(rows) > size
    count = min(len(rows), size)
    if not count:
        back = None if place.cursor is None else wanted.including(place.cursor)
        return Page([], back, None) if place.backwards else Page([], None, back)

    def cursor_at(at: int) -> Callable[[], str]:
        return lambda: wanted.cursor(places(at))

    near, beyond = cursor_at(0), cursor_at(count - 1) if is_more else None
    if place.backwards:
        return Page(rows[:count][::-1], near, beyond)
    return Page(rows[:count], beyond, near if place.cursor is not None else None)


Cut: TypeAlias = tuple[list[Any], Callable[[int], Sequence[Json]]]


def _documents(context: Context, wanted: Keyset, place: Place, size: int, read: str | None) -> Operation[Cut]:
    stored: list[Stored] = []
    for narrow in wanted.parts(place, size, is_file=context.interactive):
        if len(stored) <= size:
            stored += yield from stored_rows(context, narrow.compile(), read)
    entity = wanted.statement.entity
    assert entity is not None
    load = partial(load_documents, context.work, entity.model)
    loaded = read_rows(load, stored[:size], wanted.statement.compile())
    if wanted.statement.loads:
        yield from follow(context, documents_in(loaded), wanted.statement.loads)
    return [*loaded, *stored[size : size + 1]], lambda at: _place(wanted, stored[at])


def _place(wanted: Keyset, row: Stored) -> list[Json]:
    """Return the sort keys of a stored document, as the language itself evaluates them."""
    key, revision, created, updated, body = row
    collection = collection_of(wanted.sources[0])
    system = {"_key": key, "_id": f"{collection}/{key}", "_rev": revision}
    system |= {"_created_at": created, "_updated_at": updated}
    program = wanted.program
    source = HeldDocuments(collection, [{**body_value(body), **system}])
    (values,) = evaluator.prepare_once(program.query).run(source, binds_now(program.values, EARLIEST))
    return list(values)


def _rows(context: Context, wanted: Keyset, place: Place, size: int, read: str | None) -> Operation[Cut]:
    rows: list[Any] = []
    places: list[Callable[[], Sequence[Json]]] = []
    for narrow in wanted.parts(place, size, is_file=context.interactive):
        if len(rows) <= size:
            more, keys_of = yield from _with_keys(context, narrow, wanted.columns(), read)
            rows += more
            places += [partial(keys_of, at) for at in range(len(more))]
    return rows[: size + 1], lambda at: places[at]()


def _with_keys(
    context: Context, narrow: Select[Any], keys: tuple[Scalar, ...], read: str | None
) -> Operation[Cut]:
    """Read the rows of a select, and beside each the values of these keys."""
    own, reader = len(narrow.columns), narrow.reader
    scalars = (column for column in narrow.columns if isinstance(column, Scalar))
    plain = (Scalar(column.expression, column.label, None) for column in scalars)
    shown = narrow.columns if reader is None else tuple(plain)
    widened = replace(narrow, columns=(*shown, *keys), single=False, reader=None)
    rows = yield from execute(context, widened.compile(), read)
    names = names_of(narrow.columns)
    if reader is not None and reader.decode is not None:
        labels = labels_of(narrow.columns)
        decode = reader.decode
        loaded = [decode(dict(zip(labels, row[:own], strict=True))) for row in rows]
    else:
        loaded = [row[0] for row in rows] if narrow.single else rows_of(names, (row[:own] for row in rows))
    return loaded, lambda at: rows[at][own:]


WINDOW: Final = 100_000
"""How many keys are read at once, at most: some ten megabytes."""
SERVER_WINDOW: Final = 20_000
"""The same of a server, whose answers are limited in size."""
_CHARACTERS: Final = 8_000_000
"""What the values that are read at once take, about."""
_MEASURED: Final = 100


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
        self._keys: list[tuple[Any, ...]] = []
        """What tells the rows that follow apart, the last row first."""
        self._rows: list[Any] = []
        """Rows that were read and not given yet, the last row first."""
        self._is_of_values = False
        self._is_new = True
        self.is_over = False

    def batch(self, context: Context) -> Operation[list[Any]]:
        """Return the rows of the next batch."""
        if self._is_new:
            yield from self._begin(context)
        if self.is_over:
            return []
        if self._rows:
            rows = _taken(self._rows, self._size)
        elif self._keys:
            rows = yield from self._of_keys(context)
        elif self._is_of_values:
            rows = yield from self._values(context)
        else:
            rows = yield from self._page(context)
        if self._after is not None and not self._keys and self._is_read_by_keys(context):
            yield from self._read_keys(context)  # before the rows are changed, and with them their order
        self.is_over = self._after is None and not self._keys and not self._rows
        return rows

    def _begin(self, context: Context) -> Operation[None]:
        """Read keys first from a file, as a page would sort all for itself; a server is asked once less."""
        self._is_new = False
        _check_size(self._size)
        if context.interactive and _are_values(keyset(self._statement)) and not self._is_computed():
            yield from self._measure(context)
        elif context.interactive and self._is_read_by_keys(context):
            _is_of_documents(keyset(self._statement))
            yield from self._read_keys(context)
            self.is_over = not self._keys

    def _measure(self, context: Context) -> Operation[None]:
        """Tell from some rows of values how many are read at once."""
        wanted = keyset(self._statement)
        _is_of_documents(wanted)
        some = yield from self._columns(context, replace(wanted.statement, orderings=()).limit(_MEASURED))
        width = sum(len(repr(row)) for row in some) // max(1, len(some))
        self._window = max(self._size, min(self._window, _CHARACTERS // max(1, width)))
        self._is_of_values = True
        self.is_over = not some

    def _values(self, context: Context) -> Operation[list[Any]]:
        """Read rows of values; where there are more, with the keys that the next ones come after."""
        wanted = keyset(self._statement)
        narrow = wanted.part(Place(self._after), self._window, is_file=context.interactive)
        rows = yield from execute(context, narrow.compile(), self._read)
        if len(rows) > self._window:
            return (yield from self._page(context))
        self._after = None
        self._rows = list(reversed(rows))
        return _taken(self._rows, self._size)

    def _page(self, context: Context) -> Operation[list[Any]]:
        size = self._size
        if self._is_of_values or (self._after is not None and self._is_computed()):
            size = max(size, self._most(context))
        rows = yield from page(context, self._statement, size, self._after, None, self._read)
        self._after = rows.next
        self._rows = list(reversed(rows))
        return _taken(self._rows, self._size)

    def _most(self, context: Context) -> int:
        return self._window if context.interactive else min(self._window, SERVER_WINDOW)

    def _is_read_by_keys(self, context: Context) -> bool:
        """Return whether rows of models are told apart by keys, which no index has in the order of pages.

        A file has the order of one key. A server reads all documents for each page after a key.
        """
        wanted = keyset(self._statement)
        are_models = not any(isinstance(source, Table) for source in wanted.sources)
        is_told = are_models and not wanted.is_grouped and (len(wanted.keys) > 1 or not context.interactive)
        return is_told and not self._is_of_values

    def _is_computed(self) -> bool:
        """Return whether each page is computed from all rows, and rows are values that don't change."""
        wanted = keyset(self._statement)
        is_computed = wanted.is_grouped or any(isinstance(source, Table) for source in wanted.sources)
        return is_computed and _are_values(wanted)

    def _read_keys(self, context: Context) -> Operation[None]:
        wanted, window = keyset(self._statement), self._most(context)
        count = len(wanted.sources)
        narrow = wanted.part(Place(self._after), window, is_file=context.interactive)
        rows: list[Any] = []
        if context.interactive:  # most have fewer rows, of which nothing else need be read
            rows = yield from self._columns(context, narrow, *wanted.columns()[-count:])
            self._after, self._keys = None, rows[::-1]
        if len(rows) > window or not context.interactive:
            rows = yield from self._columns(context, narrow, *wanted.columns())
            last = rows[window - 1] if len(rows) > window else None
            self._after = None if last is None else wanted.cursor(list(last))
            self._keys = [tuple(row[-count:]) for row in reversed(rows[:window])]

    def _columns(self, context: Context, narrow: Select[Any], *columns: Scalar) -> Operation[list[Any]]:
        """Read these columns of a select, or its own."""
        shown = columns or narrow.columns
        wanted = replace(narrow, columns=shown, single=False, reader=None, loads=())
        return execute(context, wanted.compile(), self._read)

    def _of_keys(self, context: Context) -> Operation[list[Any]]:
        wanted, keys = keyset(self._statement), _taken(self._keys, self._size)
        if not _is_of_documents(wanted):
            return (yield from self._values_of(context, wanted, keys))
        named = [key for (key,) in keys]
        chosen = replace(wanted.statement, orderings=()).where(in_(wanted.sources[0].key, named))
        rows = yield from execute(context, chosen.compile(), self._read)
        by_key = {document.key: document for document in without_unreadable(rows)}
        return [by_key[key] for key in named if key in by_key]

    def _values_of(
        self, context: Context, wanted: Keyset, keys: list[tuple[Any, ...]]
    ) -> Operation[list[Any]]:
        """Read the rows with these keys, of a join by those of the source that has most different ones."""
        places = {key: place for place, key in enumerate(keys)}
        narrow = replace(wanted.statement, orderings=())
        named = [{key[place] for key in keys} for place in range(len(wanted.sources))]
        whole = [place for place, some in enumerate(named) if None not in some]
        if whole:
            place = max(whole, key=lambda place: len(named[place]))
            narrow = narrow.where(in_(wanted.sources[place].key, sorted(named[place])))
        unique = wanted.columns()[-len(wanted.sources) :]
        rows, keys_of = yield from _with_keys(context, narrow, unique, self._read)
        placed = ((places.get(tuple(keys_of(at))), row) for at, row in enumerate(rows))
        kept = [(place, row) for place, row in placed if place is not None]
        return [row for _, row in sorted(kept, key=itemgetter(0))]


def _are_values(wanted: Keyset) -> bool:
    return all(isinstance(column, Scalar) for column in wanted.statement.columns)


def _taken(waiting: list[Any], count: int) -> list[Any]:
    """Take so many from the end of a list, the last one first."""
    taken = waiting[: -count - 1 : -1]
    del waiting[-count:]
    return taken
