"""Pages of a select by keyset: each begins after the sort keys of the last row of the one before.

Unlike OFFSET, a page costs the same wherever it is, and rows that come or go do not shift the others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, overload

from .._types import Json, Stored
from ..commands import Operation
from ..errors import UsageError
from ..model.codec import body_value
from ..model.expressions import BuiltPredicate, Expression, Predicate, Value
from ..query.building import conjunction
from ..query.columns import Entity, Scalar
from ..query.scope import sources_of
from ..query.select import Select
from ..query.sources import collection_of
from ..query.statement import Statement
from ..query.tables import Table
from ..query.windows import has_window
from ..sdbql import nodes as q
from ..sdbql.evaluate import evaluate
from .context import Context
from .held import HeldDocuments
from .loading import load_documents
from .operations_loading import documents_in, execute, follow
from .operations_reading import is_entity, stored_rows

T_co = TypeVar("T_co", covariant=True)


class Page(Sequence[T_co], Generic[T_co]):
    """Some rows of a statement. ``next`` is the cursor of the page after this one; None at the end."""

    __slots__ = ("_rows", "next")

    def __init__(self, rows: list[T_co], following: str | None) -> None:
        self._rows = rows
        self.next = following

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

    def __repr__(self) -> str:
        return f"<Page of {len(self._rows)} rows{', and more' if self.next else ''}>"


@dataclass(frozen=True, slots=True)
class Keyset:
    """A select that can be paged, with the expressions that place a row: its sort keys and its key."""

    statement: Select[Any]
    source: Any
    keys: tuple[Expression, ...]
    downwards: tuple[bool, ...]

    @property
    def mark(self) -> str:
        """What tells the cursors of this order from those of others."""
        sort = getattr(self.statement.compile().query, "sort", ())
        return hashlib.blake2s(repr((collection_of(self.source), sort)).encode(), digest_size=6).hexdigest()

    def columns(self) -> tuple[Scalar, ...]:
        """Give the keys as columns of undecoded values."""
        return tuple(Scalar(key, "", None) for key in self.keys)

    def starting(self, cursor: str | None, size: int) -> Select[Any]:
        """Give the statement of one page, and one row more, which tells whether another follows."""
        wanted = self.statement.limit(size + 1)
        return wanted if cursor is None else wanted.where(self._after(self._read(cursor)))

    def _after(self, values: list[Json]) -> Predicate:
        """Make the condition that a row comes later in the order of the language, where null is least."""
        count = len(self.keys)

        def make(*nodes: q.Expression) -> q.Expression:
            left, right = nodes[:count], nodes[count:]
            ways: list[q.Expression] = []
            for place in range(count):
                same: list[q.Expression] = [q.Compare(left[i], "==", right[i]) for i in range(place)]
                step = q.Compare(left[place], "<" if self.downwards[place] else ">", right[place])
                ways.append(conjunction([*same, step]))
            return ways[0] if count == 1 else q.Logical("OR", tuple(ways))

        return BuiltPredicate((*self.keys, *map(Value, values)), make)

    def cursor(self, values: Sequence[Json]) -> str:
        """Give the cursor of a place as text that is safe in a URL."""
        text = json.dumps([self.mark, *values], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read(self, cursor: str) -> list[Json]:
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            parts: list[Json] = json.loads(text)
            mark, values = parts[0], parts[1:]
        except (binascii.Error, ValueError, TypeError, LookupError) as error:
            raise UsageError(f"{cursor!r} is not a cursor", hint="pass page.next as it is") from error
        if mark != self.mark or len(values) != len(self.keys):
            raise UsageError(
                "the cursor belongs to a statement of another order",
                hint="page on with the statement the cursor came from",
            )
        return values


def keyset(statement: Statement[Any]) -> Keyset:
    """Take a statement as one that can be paged; UsageError if it can't."""
    if not isinstance(statement, Select):
        raise UsageError("only a select can be paged", hint="session.execute() runs other statements")
    expressions = [each.expression for each in statement.columns if isinstance(each, Scalar)]
    ordered = [each.expression for each in statement.orderings]
    sources: list[Any] = [each.source for each in statement.columns if isinstance(each, Entity)]
    sources = list(dict.fromkeys([*sources, *sources_of([*expressions, *statement.conditions, *ordered])]))
    if len(sources) != 1 or statement.joins or statement.groups or statement.is_distinct:
        raise UsageError(
            "a page is cut from a select over one model, without join(), group_by() and distinct()",
            hint="use limit() and offset() for others",
        )
    if isinstance(sources[0], Table) or any(map(has_window, [*expressions, *ordered])):
        raise UsageError(
            "a page can't be cut from a named statement, nor from values over a window",
            hint="use limit() and offset()",
        )
    if statement.limit_count is not None or statement.offset_count is not None:
        raise UsageError("a page has its own size", hint="leave limit() and offset() out")
    downwards = [each.descending for each in statement.orderings]
    last = bool(downwards) and downwards[-1]
    return Keyset(statement, sources[0], (*ordered, sources[0].key), (*downwards, last))


def page(
    context: Context, statement: Statement[Any], size: int, after: str | None, read: str | None
) -> Operation[Page[Any]]:
    """Give one page of a select."""
    if size < 1:
        raise UsageError(f"a page has at least one row, not {size}")
    wanted = keyset(statement)
    if is_entity(wanted.statement.compile()):
        return (yield from _documents(context, wanted, size, after, read))
    return (yield from _rows(context, wanted, size, after, read))


def _documents(
    context: Context, wanted: Keyset, size: int, after: str | None, read: str | None
) -> Operation[Page[Any]]:
    program = wanted.starting(after, size).compile()
    rows = yield from stored_rows(context, program, read)
    following = wanted.cursor(_place(wanted, rows[size - 1])) if len(rows) > size else None
    entity = wanted.statement.entity
    assert entity is not None
    found = list(load_documents(context.work, entity.model, rows[:size]))
    if wanted.statement.loads:
        yield from follow(context, documents_in(found), wanted.statement.loads)
    return Page(found, following)


def _place(wanted: Keyset, row: Stored) -> list[Json]:
    """Give the sort keys of a stored document, as the language itself evaluates them."""
    key, revision, created, updated, body = row
    collection = collection_of(wanted.source)
    system = {"_id": f"{collection}/{key}", "_rev": revision, "_created_at": created, "_updated_at": updated}
    keys: Select[Any] = Select(wanted.columns(), single=False)
    program = keys.compile()
    source = HeldDocuments(collection, [{**body_value(body), **system}])
    (values,) = evaluate(program.query, source, program.bind_vars)
    return list(values)


def _rows(
    context: Context, wanted: Keyset, size: int, after: str | None, read: str | None
) -> Operation[Page[Any]]:
    own = len(wanted.statement.columns)
    narrow = wanted.starting(after, size)
    widened = replace(narrow, columns=(*narrow.columns, *wanted.columns()), single=False, _compiled=[])
    rows = yield from execute(context, widened.compile(), read)
    following = wanted.cursor(rows[size - 1][own:]) if len(rows) > size else None
    single = wanted.statement.single
    return Page([row[0] if single else row[:own] for row in rows[:size]], following)
