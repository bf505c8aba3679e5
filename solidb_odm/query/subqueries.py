"""Statements as values in other statements."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError
from ..language import nodes as q
from ..model.expressions.base import Expression, Predicate
from ..model.expressions.fields import FieldRef, Place, is_decimal
from .columns import Labelled, Scalar


class SingleValue(Expression):
    """The first row of a statement with one column; null if there is none."""

    __slots__ = ("annotation", "inner", "name", "place")

    def __init__(self, statement: Any) -> None:
        columns = statement.columns
        if len(columns) != 1 or not isinstance(columns[0], Scalar):
            raise UsageError(
                "a statement that is a value in another one needs exactly one column, a field or expression"
            )
        found = columns[0].expression
        found = found.expression if isinstance(found, Labelled) else found
        self.inner = statement
        self.name = columns[0].label
        self.annotation: Any = getattr(found, "annotation", Any)
        self.place: Place | None = (
            found.__place__ if isinstance(found, FieldRef) else getattr(found, "place", None)
        )
        if self.place is not None:
            self.annotation = self.place.annotation

    def __build__(self, scope: Any) -> q.Expression:
        return q.Call("FIRST", (self.__rows__(scope),))

    def __rows__(self, scope: Any) -> q.Expression:
        return q.Subquery(scope.statement(self.inner))

    def __compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        if is_decimal(self.annotation):
            raise UsageError(
                "the decimals of a subquery are stored as text, which does not compare as numbers do",
                hint="compare inside the subquery: exists(select(..).where(..))",
            )
        return super().__compare__(operator, other)

    def __encode__(self, value: Any) -> Any:
        if self.place is None:
            return super().__encode__(value)
        return FieldRef(self.place).__encode__(value)

    @property
    def __nullable__(self) -> bool:
        return True


class ListValue(SingleValue):
    """The rows of a statement with one column, as a list."""

    __slots__ = ()

    def __init__(self, statement: Any) -> None:
        super().__init__(statement)
        element: Any = self.annotation
        self.annotation = Any if element is Any else list.__class_getitem__(element)
        self.place = None

    def __build__(self, scope: Any) -> q.Expression:
        return self.__rows__(scope)
