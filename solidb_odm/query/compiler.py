"""Turns expressions into nodes: variables for sources, bind variables for values, aggregates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol, cast

from .._types import is_tuple
from ..errors import UsageError
from ..language import nodes as q
from ..model.expiry import CLOCK, Clock
from ..model.expressions.build_scope import Source
from ..model.expressions.expression import Expression
from ..model.stored.field_values import inexact
from .sources import are_one, types_with


class Compiles(Protocol):
    """A statement that can stand in another one."""

    def __solidb_query__(self, scope: BuildScope) -> q.Query: ...


class BuildScope:
    """The names of one statement: its variables and its bind values.

    Variables are called ``_v0``, ``_v1`` ..: a collection of a variable's name would hide it on the
    server (a known defect), and no collection of ours starts with an underscore.
    """

    def __init__(self, parent: BuildScope | None = None) -> None:
        self.parent = parent
        self.values: dict[str, Any] = parent.values if parent else {}
        self.by_value: dict[tuple[type, Any], str] = parent.by_value if parent else {}
        self.variables: dict[Source, str] = {}
        self.partners: set[Source] = set()
        """The sources that rows may have no document of."""
        self.aggregates: list[q.Aggregate] = []
        self.lets: list[q.Let] = []
        self.windows: list[q.Let] = []
        self.windowing = False
        self.shows_deleted = False
        self.is_distinct = False
        self.tables: dict[str, tuple[Any, q.CommonTable]] = parent.tables if parent else {}
        self.building: dict[str, Any] = parent.building if parent else {}
        self._once: dict[int, q.Name] = {}
        self.collecting = False
        self.counter: list[int] = parent.counter if parent else [0]

    def fresh(self, prefix: str = "_v") -> str:
        """Return a variable name that nothing else has."""
        name = f"{prefix}{self.counter[0]}"
        self.counter[0] += 1
        return name

    def declare(self, source: Source, name: str | None = None) -> str:
        """Return a source a variable in this scope."""
        made = name or self.fresh()
        self.variables[source] = made
        return made

    def all_variables(self) -> list[str]:
        """Return the variables of this scope's own sources."""
        return list(self.variables.values())

    def knows(self, source: Source) -> bool:
        """Return whether a source has a variable here or further out."""
        return self.own(source) is not None or (self.parent is not None and self.parent.knows(source))

    def own(self, source: Source) -> str | None:
        """Return the variable of a source, or of a class of its hierarchy, which is the same one."""
        variable = self.variables.get(source)
        if variable is not None or not isinstance(source, type):
            return variable
        return next((name for other, name in self.variables.items() if are_one(source, other)), None)

    def variable(self, source: Source) -> str:
        """Return the variable of a source; UsageError if the statement does not read it."""
        scope: BuildScope | None = self
        while scope is not None:
            name = scope.own(source)
            if name is not None:
                return name
            scope = scope.parent
        raise not_read(source)

    def may_lack(self, part: Expression) -> bool:
        """Return whether an expression reads what rows may have no document of, as after an outer join.

        Or only documents of another class, as where one condition on a subclass is asked of its parent.
        """
        sources = list(sources_of([part]))
        scope: BuildScope | None = self
        while scope is not None:
            if scope.partners and any(are_one(s, partner) for s in sources for partner in scope.partners):
                return True
            scope = scope.parent
        return any(map(self._is_narrower, sources))

    def _is_narrower(self, source: Source) -> bool:
        """Return whether a class is read as a part of what another one reads."""
        scope: BuildScope | None = self
        while scope is not None and scope.own(source) is None:
            scope = scope.parent
        if scope is None or source in scope.variables or not isinstance(source, type):
            return False
        read = next(other for other in scope.variables if are_one(source, other))
        return not (isinstance(read, type) and issubclass(read, source))

    def types_with(self, source: Source, stored: str) -> q.Expression | None:
        """Return the types a field of a subclass speaks of, where documents of its parent are read."""
        scope: BuildScope | None = self
        while scope is not None and scope.own(source) is None:
            scope = scope.parent
        if scope is None or source in scope.variables:
            return None
        read = next(other for other in scope.variables if are_one(source, other))
        names = types_with(source, read, stored)
        return None if names is None else self.bind(names)

    def bind_time(self, seconds: int, *, as_text: bool) -> q.Bind:
        """Return the bind variable of the moment so many seconds before a run, as text or in Unix seconds."""
        name = f"{'time' if as_text else 'seconds'}_{seconds}"
        clock: Clock = self.values.setdefault(CLOCK, {})
        clock[name] = (seconds, as_text)
        return q.Bind(name)

    def bind(self, value: Any) -> q.Bind:
        """Return the bind variable of a value; equal values share one. UsageError if JSON can't hold it."""
        if problem := inexact(value):
            raise UsageError(f"a value of the statement can't be sent: {problem}")
        mark = _mark(value)
        name = self.by_value.get(mark)
        if name is not None and (mark[0] is not float or repr(self.values[name]) == repr(value)):
            return q.Bind(name)
        name = f"p{len(self.values)}"
        self.values[name] = value
        self.by_value[mark] = name
        return q.Bind(name)

    def aggregate(self, function: str, argument: q.Expression | None) -> q.Expression:
        """Return the variable of an aggregate of this statement's groups."""
        if not self.collecting:
            raise UsageError(
                f"{function} over groups can't stand here",
                hint="aggregates go into select(), having() and order_by()",
            )
        for known in self.aggregates:
            if known.function == function and known.argument == argument:
                return q.Name(known.name)
        name = self.fresh("_a")
        self.aggregates.append(q.Aggregate(name, function, argument))
        return q.Name(name)

    def let(self, value: q.Expression) -> q.Name:
        """Return a variable that is computed once, before the first FOR."""
        for known in self.lets:
            if known.value == value:
                return q.Name(known.name)
        name = self.fresh("_l")
        self.lets.append(q.Let(name, value))
        return q.Name(name)

    def let_once(self, owner: object, make: Callable[[], q.Expression]) -> q.Name:
        """Return the variable of what an expression computes once, however often it is built."""
        name = self._once.get(id(owner))
        if name is None:
            name = self._once[id(owner)] = self.let(make())
        return name

    def window(self, value: q.Expression) -> q.Name:
        """Return the variable of a value over a window, which is computed after all conditions."""
        if not self.windowing:
            raise UsageError(
                "a value over a window can't stand in a condition, which decides what the window holds",
                hint='name the rows and filter those: r = select(.., label("n", over(..))).cte("r"), '
                "then select(r.n).where(r.n == 1)",
            )
        for known in self.windows:
            if known.value == value:
                return q.Name(known.name)
        name = self.fresh("_w")
        self.windows.append(q.Let(name, value))
        return q.Name(name)

    def table(self, source: Any) -> q.Name:
        """Return the name of a statement's rows, which are computed before all others."""
        name: str = source.__solidb_name__
        building = self.building.get(name)
        known: Any = building or self.tables.get(name, (None,))[0]
        if known is not None and not known.__solidb_stands_for__(source):
            raise same_name(source)
        if known is None:
            apart = BuildScope()  # it sees no document of the statements around it
            apart.values, apart.by_value, apart.counter = self.values, self.by_value, self.counter
            apart.tables = self.tables
            apart.building = {**self.building, name: source}
            self.tables[name] = source, source.__solidb_table__(apart)
        return q.Name(f"_t_{name}")  # the underscore keeps the name apart from those of collections

    def statement(self, statement: Any) -> q.Query:
        """Build a statement inside this one, sharing its values."""
        return cast(Compiles, statement).__solidb_query__(BuildScope(self))


_FEW = 100
"""How many elements of a list are compared, so that two equal ones share a bind variable."""


def _mark(value: Any) -> tuple[type, Any]:
    """Return what tells a value from others: long lists and maps by their identity."""
    kind = cast(Any, type(value))
    if kind in (str, int, float, bool):
        return kind, value
    return kind, repr(value) if kind is not dict and (value is None or len(value) <= _FEW) else id(value)


def not_read(source: Source, *, can_join: bool = True) -> UsageError:
    """Return the error of a source that a statement uses and does not read."""
    name = getattr(source, "__name__", None) or repr(source)
    joined = f"add .join({name}, condition) to the statement, or " if can_join else ""
    return UsageError(
        f"the statement uses {name}, but does not read it",
        hint=f"{joined}ask for it in a subquery: "
        f"in_(field, select({name}.key).where(..)), exists(select({name}).where(..))",
    )


def same_name(table: Any) -> UsageError:
    """Return the error of two named statements with one name."""
    return UsageError(
        f"two statements are called {table.__solidb_name__!r}", hint="give one another name in cte()"
    )


def with_tables(query: q.Query, scope: BuildScope) -> q.Query:
    """Put the named statements that a whole query reads before it."""
    if not scope.tables:
        return query
    if not isinstance(query, q.Block):
        row = scope.fresh()
        query = q.Block(body=(q.For(row, q.Subquery(query)),), returns=q.Return(q.Name(row)))
    recursive = [source for source, _ in scope.tables.values() if source.__solidb_recursive__]
    if recursive and len(recursive) < len(scope.tables):
        raise UsageError(
            f"the language has no place for {recursive[0]!r}, which is recursive, beside named statements "
            "that are not",
            hint="write the others as subqueries, or in the statements themselves",
        )
    return replace(query, tables=q.With(tuple(table for _, table in scope.tables.values()), bool(recursive)))


def sources_of(expressions: Iterable[Expression]) -> list[Source]:
    """Return the sources that expressions read, in order of appearance, each once."""
    sources: dict[Source, None] = {}
    waiting = list(expressions)[::-1]
    while waiting:
        expression = waiting.pop()
        source: Source = expression.__solidb_source__
        if source is not None:
            sources[source] = None
        waiting.extend(reversed(expression.__solidb_operands__()))
    return list(sources)


def substitute(node: q.Expression, replacements: dict[q.Expression, q.Expression]) -> q.Expression:
    """Put replacements in the place of equal sub-expressions."""
    if node in replacements:
        return replacements[node]
    return cast(q.Expression, _rebuild(node, replacements))


def _rebuild(node: Any, replacements: dict[q.Expression, q.Expression]) -> Any:
    if isinstance(node, q.Expression) and node in replacements:
        return replacements[node]
    if is_tuple(node):
        return tuple(_rebuild(part, replacements) for part in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {
        field.name: new
        for field in fields(node)
        if (new := _rebuild(old := getattr(node, field.name), replacements)) is not old
    }
    return replace(node, **changed) if changed else node


def names_in(node: Any) -> set[str]:
    """Return the variables a node mentions."""
    if isinstance(node, q.Name):
        return {node.name}
    if is_tuple(node):
        return set[str]().union(*(names_in(part) for part in node))
    if is_dataclass(node) and not isinstance(node, type):
        return set[str]().union(*(names_in(getattr(node, field.name)) for field in fields(node)))
    return set()
