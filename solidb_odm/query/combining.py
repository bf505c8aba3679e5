"""``union``, ``intersect`` and ``except_``: the rows of two statements as those of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import UsageError
from ..sdbql import nodes as q
from .columns import Column, Entity
from .hops import Hops
from .loading import Loading
from .scope import BuildScope, with_tables
from .statement import Compiled, Statement, T_co
from .tables import Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Combination(Loading[T_co]):
    """The rows of two statements. To sort, limit or filter them, read them by ``cte()``."""

    left: Any
    operator: q.SetOperator
    right: Any
    loads: tuple[Hops, ...] = ()
    _compiled: list[Compiled] = field(default_factory=list[Compiled], compare=False, repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the first statement."""
        columns: tuple[Column, ...] = self.left.columns
        return columns

    @property
    def single(self) -> bool:
        """Say whether a row is one column, not a tuple."""
        return bool(self.left.single)

    @property
    def entity(self) -> Entity | None:
        """The one model the statements give whole documents of, if they do."""
        found: Entity | None = self.left.entity
        return found

    def cte(self, name: str) -> Any:
        """Name the rows, to select from them: ``both = union(a, b).cte("both")``, ``select(both)``."""
        return Table(name, self)

    def compile(self) -> Compiled:
        if not self._compiled:
            scope = BuildScope()
            query = with_tables(self.__rows__(scope, None), scope)
            self._compiled.append(Compiled(query, scope.values, self.columns, self.single, loads=self.loads))
        return self._compiled[0]

    def __rows__(self, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Query:
        left, right = (each.__rows__(BuildScope(scope), labels) for each in (self.left, self.right))
        return q.SetOperation(left, self.operator, _operand(right, scope))

    def __statement__(self, scope: BuildScope) -> q.Query:
        if not self.single:
            raise UsageError("a statement inside another one needs exactly one column")
        return self.__rows__(scope, None)


def _operand(right: q.Query, scope: BuildScope) -> q.Query:
    """Make a block of a combination on the right, which the language would read from the left."""
    if isinstance(right, q.Block):
        return right
    row = scope.fresh()
    return q.Block(body=(q.For(row, q.Subquery(right)),), returns=q.Return(q.Name(row)))


def _combine(operator: q.SetOperator, statements: tuple[Any, ...], name: str) -> Combination[Any]:
    if len(statements) < 2 or not all(hasattr(each, "__rows__") for each in statements):
        raise UsageError(f"{name}() takes two or more select() statements")
    for other in statements[1:]:
        _check_alike(statements[0], other, name)
    found: Combination[Any] = Combination(statements[0], operator, statements[1])
    for other in statements[2:]:
        found = Combination(found, operator, other)
    return found


def _check_alike(one: Any, other: Any, name: str) -> None:
    models = [each.entity.model if each.entity else None for each in (one, other)]
    if len(one.columns) != len(other.columns) or models[0] is not models[1]:
        raise UsageError(f"the statements of {name}() need the same columns: one model, or as many fields")
    if getattr(one, "reader", None) or getattr(other, "reader", None):
        raise UsageError(f"{name}() takes statements without into()")


def union(*statements: Statement[T], all: bool = False) -> Combination[T]:  # noqa: A002  as the language says it
    """Give the rows of several selects; equal rows once, unless ``all``."""
    return _combine("UNION ALL" if all else "UNION", statements, "union")


def intersect(*statements: Statement[T]) -> Combination[T]:
    """Give the rows that all of the selects give, each once."""
    return _combine("INTERSECT", statements, "intersect")


def except_(*statements: Statement[T]) -> Combination[T]:
    """Give the rows of the first select that none of the others gives, each once."""
    return _combine("EXCEPT", statements, "except_")
