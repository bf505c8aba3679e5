"""``case``, ``coalesce`` and ``exists``: values that depend on conditions, and on other statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Never, TypeVar, Union, cast

from .._types import is_tuple, shown
from .._wrong_calls import refuse_more, refuse_options
from ..errors import UsageError
from ..language import nodes as q
from ..model.expressions.calls import lift
from ..model.expressions.expression import Expression, Predicate, Value
from ..model.expressions.fields import FieldRef
from ..model.expressions.kinds import NAMES, Kind, choices, kind_of, plain_type, takes, value_kind
from .compiler import BuildScope
from .conditions import condition, expression
from .elements import check_no_elements, closed
from .select_forms import form_of, tell_form
from .statement import Statement

T = TypeVar("T")


class Choice(Expression):
    """``CASE WHEN condition THEN value .. ELSE otherwise END``."""

    __slots__ = ("annotation", "branches", "otherwise")

    def __init__(self, branches: tuple[tuple[Expression, Expression], ...], otherwise: Expression) -> None:
        self.branches = branches
        self.otherwise = otherwise
        values = [value for _, value in branches]
        self.annotation = _common_type([*values, otherwise])

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (*(part for branch in self.branches for part in branch), self.otherwise)

    def __solidb_outcomes__(self) -> tuple[Expression, ...]:
        """Return the expressions of which one gives the value."""
        return (*(value for _, value in self.branches), self.otherwise)

    def __repr__(self) -> str:
        return f"case({', '.join(map(repr, self.branches))}, else_={self.otherwise!r})"

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return self._chosen(scope, lambda part: part.__solidb_build__(scope))

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        return self._chosen(scope, lambda part: part.__solidb_digits__(scope))

    def _chosen(self, scope: Any, build: Callable[[Expression], q.Expression]) -> q.Expression:
        built = tuple((test.__solidb_build__(scope), build(value)) for test, value in self.branches)
        return q.Case(None, built, build(self.otherwise))

    def __solidb_encode__(self, value: Any) -> Any:
        return _encoded([*(outcome for _, outcome in self.branches), self.otherwise], value)

    @property
    def __solidb_nullable__(self) -> bool:
        return (
            any(value.__solidb_nullable__ for _, value in self.branches) or self.otherwise.__solidb_nullable__
        )


def case(*branches: tuple[Predicate | bool, T], else_: T, **others: Never) -> T:
    """Return the value of the first condition that is true, or ``else_`` if none is.

    ``case((User.age < 18, "minor"), (User.age < 65, "adult"), else_="senior")``
    """
    refuse_options("case()", others, "case((User.kind == 1, 'one'), else_='other')")
    if not branches:
        raise UsageError("case() needs at least one (condition, value)")
    for branch in branches:
        if not is_pair(branch):
            raise UsageError(f"case() takes pairs of a condition and a value, not {branch!r}")
    values = _alike([*(value for _, value in branches), else_], "case()")
    tests = [closed(condition(test)) for test, _ in branches]
    return cast(T, Choice(tuple(zip(tests, values[:-1], strict=True)), values[-1]))


def is_pair(branch: Any) -> bool:
    """Return whether a branch of ``case`` is a condition and a value."""
    return is_tuple(branch) and sum(1 for _ in branch) == 2


def _alike(values: list[Any], what: str) -> list[Expression]:
    """Take values of which one is the result; UsageError if they are of different kinds."""
    like = next(
        (value for value in values if isinstance(value, Expression) and value.__solidb_kind__ != "any"), None
    )
    made = [check_no_elements(_taken(value, like), what) for value in values]
    kinds: set[Kind] = {expression.__solidb_kind__ for expression in made if not _is_null(expression)}
    kinds.discard("any")
    if len(kinds) > 1 and kinds != {"int", "float"}:
        shown = " or ".join(sorted(NAMES[kind] for kind in kinds))
        raise UsageError(
            f"{what} would be {shown}; its values need one type",
            hint="func.to_string(x), func.to_number(x) convert",
        )
    return made


def _taken(value: Any, like: Expression | None) -> Expression:
    """Take one of the values; a text or a number may be none of those that a ``Literal`` names."""
    kind = None if like is None or isinstance(value, Expression) else like.__solidb_kind__
    if like is not None and kind in ("text", "int") and value_kind(value) == kind:
        known = choices(like.__solidb_type__)
        if known is not None and not any(value == choice for choice in known):
            return lift(value)
    return lift(value, like, checked=True)


def _is_null(value: Expression) -> bool:
    return isinstance(value, Value) and value.value is None


def _encoded(parts: list[Expression], value: Any) -> Any:
    """Encode a value as the first of the parts that is a field does."""
    field = next((part for part in parts if isinstance(part, FieldRef)), None)
    return Value(None).__solidb_encode__(value) if field is None else field.__solidb_encode__(value)


class Fallback(Expression):
    """``first ?? second ?? ..``."""

    __slots__ = ("annotation", "parts")

    def __init__(self, parts: tuple[Expression, ...]) -> None:
        self.parts = parts
        self.annotation = _common_type(list(parts))

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.parts

    def __solidb_outcomes__(self) -> tuple[Expression, ...]:
        """Return the expressions of which one gives the value."""
        return self.parts

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return self._fallen([part.__solidb_build__(scope) for part in self.parts])

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        return self._fallen([part.__solidb_digits__(scope) for part in self.parts])

    def __solidb_encode__(self, value: Any) -> Any:
        return _encoded(list(self.parts), value)

    def _fallen(self, nodes: list[q.Expression]) -> q.Expression:
        first, *others = nodes
        for other in others:
            first = q.Binary(first, "??", other)
        return first

    @property
    def __solidb_nullable__(self) -> bool:
        return all(part.__solidb_nullable__ for part in self.parts)

    def __repr__(self) -> str:
        return f"coalesce({', '.join(map(repr, self.parts))})"


def coalesce(first: T | None, *others: T) -> T:
    """Return the first value that is not null: ``coalesce(User.nickname, User.name)``."""
    start = expression(first, "coalesce()")
    return cast(T, Fallback(tuple(_alike([start, *others], "coalesce()"))))


def _common_type(values: list[Expression]) -> Any:
    """Return the type that the values have in common; Any where they have none."""
    there = [value for value in values if not _is_null(value)]
    kinds = [value.__solidb_type__ for value in there]
    alike = {kind_of(kind) for kind in kinds}
    if alike == {"int", "float"}:
        return float
    if len(alike) != 1:
        return Any
    if (plain := plain_type(there)) is not None:
        return plain
    whole = next((kind for kind in kinds if all(takes(kind, other) for other in kinds)), None)
    return Union[tuple(kinds)] if whole is None else whole  # noqa: UP007  of types that are made here


_EXISTS = "write exists(select(Post).where(Post.author == User.id))"


class Existence(Predicate):
    """Another statement has a row."""

    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __solidb_held__(self) -> tuple[Any, ...]:
        return (self.inner,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        query = cast(BuildScope, scope).statement(self.inner)
        if isinstance(query, q.Block) and query.limit is None and not _collects(query):
            query = replace(query, sort=(), limit=q.Literal(1))
        return q.Compare(q.Call("LENGTH", (q.Subquery(query),)), ">", q.Literal(0))


tell_form(Existence, lambda part, values: (Existence, form_of(part.inner, values)))


def _collects(query: q.Block) -> bool:
    return any(isinstance(clause, q.Collect) for clause in query.body)


def exists(statement: Statement[Any], *others: Never) -> Predicate:
    """Return the condition that a statement has a row; it may use fields of the outer statement."""
    refuse_more("exists() takes one statement", others, _EXISTS)
    if not hasattr(statement, "__solidb_query__"):
        raise UsageError(f"exists() takes a select() or traverse(), not {shown(statement)}", hint=_EXISTS)
    return Existence(statement)
