"""Statements as values in other statements."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError
from ..language import nodes as q
from ..model.expressions import decimals
from ..model.expressions.base import Expression
from ..model.expressions.fields import FieldRef, Place
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
        self.annotation: Any = found.__solidb_type__
        self.place: Place | None = (
            found.__place__ if isinstance(found, FieldRef) else getattr(found, "place", None)
        )

    def __build__(self, scope: Any) -> q.Expression:
        found = q.Call("FIRST", (self.__rows__(scope),))
        return decimals.sort_key(found) if self.__solidb_kind__ == "decimal" else found

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        return q.Call("FIRST", (self.__rows__(scope),))

    def __rows__(self, scope: Any) -> q.Expression:
        return q.Subquery(scope.statement(self.inner))

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
