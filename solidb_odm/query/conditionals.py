"""``case``, ``coalesce`` and ``exists``: values that depend on conditions, and on other statements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, cast

from ..errors import UsageError
from ..language import nodes as q
from ..model.expressions.base import Expression, Predicate, lift
from ..model.expressions.fields import FieldRef
from .conditions import condition, expression
from .scope import BuildScope
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

    def __operands__(self) -> tuple[Expression, ...]:
        return (*(part for branch in self.branches for part in branch), self.otherwise)

    def __build__(self, scope: Any) -> q.Expression:
        built = tuple((test.__build__(scope), value.__build__(scope)) for test, value in self.branches)
        return q.Case(None, built, self.otherwise.__build__(scope))

    @property
    def __nullable__(self) -> bool:
        return True


def case(*branches: tuple[Predicate | bool, T], else_: T) -> T:
    """Give the value of the first condition that is true, or else ``else_``.

    ``case((User.age < 18, "minor"), (User.age < 65, "adult"), else_="senior")``
    """
    if not branches:
        raise UsageError("case() needs at least one (condition, value)")
    like = next((value for _, value in branches if isinstance(value, FieldRef)), None)
    made = tuple((condition(test), lift(value, like)) for test, value in branches)
    return cast(T, Choice(made, lift(else_, like)))


class Fallback(Expression):
    """``first ?? second ?? ..``."""

    __slots__ = ("annotation", "parts")

    def __init__(self, parts: tuple[Expression, ...]) -> None:
        self.parts = parts
        self.annotation = _common_type(list(parts))

    def __operands__(self) -> tuple[Expression, ...]:
        return self.parts

    def __build__(self, scope: Any) -> q.Expression:
        first, *others = (part.__build__(scope) for part in self.parts)
        for other in others:
            first = q.Binary(first, "??", other)
        return first

    @property
    def __nullable__(self) -> bool:
        return self.parts[-1].__nullable__


def coalesce(first: T | None, *others: T) -> T:
    """Give the first of the values that is not null: ``coalesce(User.nickname, User.name)``."""
    start = expression(first, "coalesce()")
    return cast(T, Fallback((start, *(lift(other, start) for other in others))))


def _common_type(values: list[Expression]) -> Any:
    """Give the type of the one kind of field among the values; Any where they differ."""
    kinds = {value.__place__.annotation for value in values if isinstance(value, FieldRef)}
    return kinds.pop() if len(kinds) == 1 else Any


class Existence(Predicate):
    """Another statement has a row."""

    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __build__(self, scope: Any) -> q.Expression:
        query = cast(BuildScope, scope).statement(self.inner)
        if isinstance(query, q.Block) and query.limit is None and not _collects(query):
            query = replace(query, sort=(), limit=q.Literal(1))
        return q.Compare(q.Call("LENGTH", (q.Subquery(query),)), ">", q.Literal(0))


def _collects(query: q.Block) -> bool:
    return any(isinstance(clause, q.Collect) for clause in query.body)


def exists(statement: Statement[Any]) -> Predicate:
    """The statement has a row. Its conditions may speak of the documents of the outer statement."""
    if not hasattr(statement, "__statement__"):
        raise UsageError(f"exists() takes a select() or traverse(), not {statement!r}")
    return Existence(statement)
