"""The keys that place a row in the order of pages: the sort keys of its statement, and what is unique.

A cursor holds the keys of one row as text.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any, cast

from .._dataclasses import dataclass
from .._types import Json
from ..errors import UsageError
from ..language import nodes as q
from ..model.declaration.registry import Registry
from ..model.expressions.build_scope import Scope
from ..model.expressions.column_methods import Ordering, absent
from ..model.expressions.expression import Comparison, Expression, Predicate, Value
from ..model.expressions.fields import FieldRef
from ..query.columns import Entity, Labelled, Scalar, SortColumn, Table
from ..query.compiled import Compiled
from ..query.compiler import sources_of
from ..query.select import Select
from ..query.select_block import conjunction, has_aggregate
from ..query.select_forms import Form, Step, Values, form_of, tell_form
from ..query.sources import collection_of
from ..query.statement import Statement
from ..query.windows import has_window

_INCLUDED = "="


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins or ends: after or before a row with these sort keys, None for the very start."""

    cursor: str | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Keyset:
    """A select that can be paged, sorted by the keys that place a row: its sort keys, and what is unique.

    ``is_grouped`` says that its rows are groups, which a condition can only choose afterwards.
    """

    statement: Select[Any]
    sources: tuple[Any, ...]
    keys: tuple[Expression, ...]
    downwards: tuple[bool, ...]
    is_grouped: bool
    kept: dict[str, Any] = field(default_factory=dict[str, Any])
    """What was found out about the order, once for all statements of one form."""

    @property
    def mark(self) -> str:
        """What tells the cursors of this order from those of others."""
        mark: str | None = self.kept.get("mark")
        if mark is None:
            sort = getattr(self.statement.compile().query, "sort", ())
            names = tuple(_name_of(source) for source in self.sources)
            mark = hashlib.blake2s(repr((names, sort)).encode(), digest_size=6).hexdigest()
            self.kept["mark"] = mark
        return mark

    @property
    def program(self) -> Compiled:
        """What evaluates the keys of a document."""
        program: Compiled | None = self.kept.get("program")
        if program is None:
            keys: Select[Any] = Select(self.columns(), single=False, is_with_deleted=True)
            program = self.kept["program"] = keys.compile()
        return program

    def of(self, statement: Select[Any]) -> Keyset:
        """Return that of another statement of the same form."""
        orderings = self.statement.orderings[len(statement.orderings) :]
        return replace(self, statement=statement.order_by(*orderings))

    def columns(self) -> tuple[Scalar, ...]:
        """Return the keys as columns of undecoded values."""
        return tuple(Scalar(SortColumn(key), "", None) for key in self.keys)

    def part(self, place: Place, size: int, *, is_file: bool) -> Select[Any]:
        """Return the statement of one page, and one row more, which tells whether there are others.

        A file is told where an index may begin; a server takes fewer rows from an index then than match.
        """
        wanted = self._ordered(place, size)
        if place.cursor is None:
            return wanted
        condition = self._beyond(*self._read(place.cursor), place.backwards, is_file)
        return wanted.having(condition) if self.is_grouped else wanted.where(condition)

    def _ordered(self, place: Place, size: int) -> Select[Any]:
        wanted = self.statement.limit(size + 1)
        if not place.backwards:
            return wanted
        turned = (Ordering(key, not down) for key, down in zip(self.keys, self.downwards, strict=True))
        return replace(wanted, orderings=tuple(turned))

    def parts(self, place: Place, size: int, *, is_file: bool) -> tuple[Select[Any], ...]:
        """Return the statements that have the rows of one page, and one more, one after the other.

        In descending order nulls come last: an index begins only where there are none, so they are apart.
        """
        whole, first = self.part(place, size, is_file=is_file), self.keys[0]
        is_indexed = is_file and isinstance(first, FieldRef) and len(self.keys) > 1
        is_down = self.downwards[0] is not place.backwards
        are_models = not (self.is_grouped or any(isinstance(source, Table) for source in self.sources))
        if place.cursor is None or not (is_indexed and is_down and are_models):
            return (whole,)
        if self._read(place.cursor)[0][0] is None:
            return (whole,)
        present = Comparison(first, "!=", Value(None))
        return whole.where(present), self._ordered(place, size).where(absent(first))

    def _beyond(self, values: list[Json], is_included: bool, backwards: bool, with_bound: bool) -> Predicate:
        downwards = tuple(down is not backwards for down in self.downwards)
        return Beyond(self.keys, tuple(map(Value, values)), downwards, is_included, with_bound)

    def cursor(self, values: Sequence[Json]) -> str:
        """Return the cursor of a place as text that is safe in a URL."""
        text = json.dumps([self.mark, *values], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def including(self, cursor: str) -> str:
        """Return the cursor of the same place, that lets the row there be part of the page."""
        values, _ = self._read(cursor)
        return self.cursor([*values, _INCLUDED])

    def _read(self, cursor: str) -> tuple[list[Json], bool]:
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            parts: list[Json] = json.loads(text)
            mark, values = parts[0], parts[1:]
        except (binascii.Error, ValueError, TypeError, LookupError) as error:
            raise UsageError(
                f"{cursor!r} is not a cursor", hint="pass page.next or page.previous as it is"
            ) from error
        is_included = len(values) == len(self.keys) + 1 and values[-1] == _INCLUDED
        if mark != self.mark or len(values) - is_included != len(self.keys):
            raise UsageError(
                "the cursor was made for a statement with another order",
                hint="use the statement that the cursor came from",
            )
        return values[: len(self.keys)], is_included


@dataclass(frozen=True, slots=True, eq=False)
class Beyond(Predicate):
    """The condition that a row comes later in an order, where null is least, or is the row of the values."""

    keys: tuple[Expression, ...]
    values: tuple[Value, ...]
    downwards: tuple[bool, ...]
    is_included: bool
    with_bound: bool

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (*self.keys, *self.values)

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        left = [key.__solidb_build__(scope) for key in self.keys]
        right = [value.__solidb_build__(scope) for value in self.values]
        same: list[q.Expression] = [
            q.Compare(one, "==", other) for one, other in zip(left, right, strict=True)
        ]
        ways: list[q.Expression] = []
        for place, down in enumerate(self.downwards):
            later = q.Compare(left[place], "<" if down else ">", right[place])
            ways.append(conjunction([*same[:place], later]))
        if self.is_included:
            ways.append(conjunction(same))
        whole = ways[0] if len(ways) == 1 else q.Logical("OR", tuple(ways))
        if len(ways) == 1 or not self.with_bound:
            return whole
        return conjunction([q.Compare(left[0], "<=" if self.downwards[0] else ">=", right[0]), whole])


def _form_of_beyond(part: Beyond, values: Values) -> Form:
    own = part.downwards, part.is_included, part.with_bound
    return Beyond, own, *(form_of(operand, values) for operand in (*part.keys, *part.values))


tell_form(Beyond, _form_of_beyond)


def _name_of(source: Any) -> str:
    return repr(source) if isinstance(source, Table) else collection_of(source)


def keyset(statement: Statement[Any]) -> Keyset:
    """Take a statement as one that can be paged; UsageError if it can't."""
    if not isinstance(statement, Select):
        raise UsageError(
            "only a select can be paged",
            hint="for other statements select their rows: select(statement.cte('rows'))",
        )
    step: Step | None = statement.__dict__["_way"][0]
    known = None if step is None else step.page_order
    if known is not None and known[0] == Registry.generation:
        return cast(Keyset, known[1]).of(statement)
    if statement.limit_count is not None or statement.offset_count is not None:
        raise UsageError("page() sets its own limit", hint="leave limit() and offset() out")
    if statement.is_distinct:
        raise UsageError("a distinct() select has no pages", hint="group_by() the columns, which is the same")
    expressions = [column.expression for column in statement.columns if isinstance(column, Scalar)]
    ordered = [ordering.expression for ordering in statement.orderings]
    if any(map(has_window, [*expressions, *ordered])):
        raise UsageError(
            "a select of values over a window has no pages: each would be computed of its own rows",
            hint='name the rows with their key, and page those: r = select(Order.key, ..).cte("r")',
        )
    sources = _sources(statement, [*expressions, *statement.conditions, *ordered])
    is_grouped = bool(statement.groups)
    if not is_grouped and any(map(has_aggregate, expressions)):
        raise UsageError("a select of aggregates alone has one row", hint="run it with session.execute()")
    unique = statement.groups if is_grouped else tuple(key for source in sources for key in _unique(source))
    downwards = [ordering.descending for ordering in statement.orderings]
    last = bool(downwards) and downwards[-1]
    orderings = (*statement.orderings, *(Ordering(key, last) for key in unique))
    whole = replace(statement, orderings=orderings)
    keys = tuple(ordering.expression for ordering in orderings)
    made = Keyset(whole, sources, keys, tuple(ordering.descending for ordering in orderings), is_grouped)
    if step is not None:
        step.page_order = Registry.generation, made
    return made


def _sources(statement: Select[Any], expressions: list[Expression]) -> tuple[Any, ...]:
    named = [column.source for column in statement.columns if isinstance(column, Entity)]
    return tuple(dict.fromkeys([*named, *statement.starts, *statement.joins, *sources_of(expressions)]))


def _unique(source: Any) -> tuple[Expression, ...]:
    """Return what tells the rows of a source apart; UsageError where nothing is known to."""
    if not isinstance(source, Table) or source.__solidb_model__ is not None:
        return (source.key,)
    statement = cast(Any, source.__solidb_statement__)
    labels = [column.label for column in statement.columns]
    shown = [column.expression for column in statement.columns]
    if isinstance(statement, Select):
        shown = [
            expression.expression if isinstance(expression, Labelled) else expression for expression in shown
        ]
        if statement.is_distinct or (statement.groups and all(map(_among(shown), statement.groups))):
            return tuple(getattr(source, label) for label in labels)
        read = _sources(statement, [*shown, *statement.conditions])  # pyright: ignore[reportUnknownArgumentType]
        keys = [place for place, expression in enumerate(shown) if _among([expression])(read[0].key)]
        if len(read) == 1 and keys and not isinstance(read[0], Table) and not statement.groups:
            return (getattr(source, labels[keys[0]]),)
    raise UsageError(
        f"a page can't be made of the rows of {source!r}, of which several may be the same",
        hint="select the key of the documents in it too, or make it distinct()",
    )


def _among(shown: list[Expression]) -> Callable[[Expression], bool]:
    """Return whether an expression is one of those that are shown: the same, or the same field."""
    places = [
        (expression.__solidb_place__.source, expression.__solidb_place__.path)
        for expression in shown
        if isinstance(expression, FieldRef)
    ]

    def is_shown(wanted: Expression) -> bool:
        if isinstance(wanted, FieldRef):
            return (wanted.__solidb_place__.source, wanted.__solidb_place__.path) in places
        return any(expression is wanted for expression in shown)

    return is_shown
