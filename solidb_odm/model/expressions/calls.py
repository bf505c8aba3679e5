"""Calls of the language's functions, and expressions whose nodes are made by functions of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import decimals
from ...language import nodes as q
from .. import type_inspection
from .build_scope import Scope
from .expression import Expression, Predicate, Value, constant
from .literals import check_pair


@dataclass(frozen=True, slots=True, eq=False)
class FunctionCall(Expression):
    """``NAME(arguments)``; ``annotation`` is the type of its values.

    With ``is_strict`` it is null where an argument is, for which the language has an error.
    """

    name: str
    arguments: tuple[Expression, ...]
    annotation: Any = Any
    is_strict: bool = False

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.arguments

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        called = self._called(scope)
        return decimals.key(called) if self.__solidb_kind__ == "decimal" else called

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        return self._called(scope)

    def _called(self, scope: Scope) -> q.Expression:
        nodes = tuple(
            each.__solidb_digits__(scope)
            if each.__solidb_kind__ == "decimal"
            else each.__solidb_build__(scope)
            for each in self.arguments
        )
        gaps = tuple(
            q.Compare(node, "==", q.Literal(None))
            for node, argument in zip(nodes, self.arguments, strict=True)
            if self.is_strict and argument.__solidb_nullable__
        )
        called = q.Call(self.name, nodes)
        if not gaps:
            return called
        return q.Ternary(gaps[0] if len(gaps) == 1 else q.Logical("OR", gaps), q.Literal(None), called)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(repr(argument) for argument in self.arguments)})"

    @property
    def __solidb_nullable__(self) -> bool:
        return True

    def __getitem__(self, position: Any) -> Expression:
        is_list = self.__solidb_kind__ in ("list", "any")
        if not is_list or type(position) is not int or position < 0:
            raise UsageError(
                f"{self!r}[{position!r}]: a query takes an element of a list by its number from 0 on",
                hint="func.last(list) is the last one",
            )
        inner = type_inspection.item(self.annotation, position)
        return FunctionCall("NTH", (self, Value(position, int)), inner, True)


@dataclass(frozen=True, slots=True, eq=False)
class Test(FunctionCall, Predicate):
    """A function call that is true or false."""

    @property
    def __solidb_type__(self) -> Any:
        return bool


@dataclass(frozen=True, slots=True, eq=False)
class Built(Expression):
    """An expression whose node is made by a function of its operands' nodes."""

    parts: tuple[Expression, ...]
    make: Callable[..., q.Expression]

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.parts

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        return self.make(*(part.__solidb_build__(scope) for part in self.parts))

    @property
    def __solidb_nullable__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, eq=False)
class BuiltPredicate(Built, Predicate):
    """A condition whose node is made by a function of its operands' nodes."""


def lift(value: Any, like: Expression | None = None, *, checked: bool = False) -> Expression:
    """Make an expression of a value, as ``like`` stores and compares it; expressions stay as they are.

    UsageError where it is ``checked`` and can't stand beside ``like``.
    """
    if isinstance(value, Expression):
        if checked and like is not None:
            check_pair(like.__solidb_kind__, value.__solidb_kind__, "this", like, value)
        return value
    if like is None:
        return constant(value)
    if checked:
        like.__solidb_check__(value, "==")
    return like.__solidb_value__(value)
