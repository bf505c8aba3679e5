"""What a query is made of on the Python side: expressions over fields, values and functions.

An expression builds an SDBQL node in a scope, which knows the variable of each source and turns
values into bind variables. ``User.age`` is a ``FieldRef``; to type checkers it is an ``int``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import nodes as q
from .constants import plain

Source: TypeAlias = Any
"""What a statement ranges over: a model class, or an alias of one.

Not ``Hashable``: checkers hold a class to be as unhashable as its instances.
"""


class Scope(Protocol):
    """Where expressions become nodes."""

    def variable(self, source: Source) -> str:
        """Give the SDBQL variable that ranges over a source."""
        ...

    def bind(self, value: Any) -> q.Bind:
        """Give a bind variable that carries an encoded value."""
        ...

    def statement(self, statement: Any) -> q.Query:
        """Build a statement as a subquery of this scope."""
        ...


OPERATORS: dict[str, Callable[[Any], Any]] = {}
"""What expressions have by name besides fields; ``operators`` fills it."""


class Expression(ABC):
    """Something with a value in a query. Python's operators make new expressions."""

    __slots__ = ()

    @abstractmethod
    def __build__(self, scope: Scope) -> q.Expression:
        """Make the SDBQL node."""

    def __operands__(self) -> tuple[Expression, ...]:
        """Give the expressions this one is made of."""
        return ()

    def __encode__(self, value: Any) -> Any:
        """Give the stored form of a Python value that is compared with this expression."""
        return plain(value)

    @property
    def __nullable__(self) -> bool:
        """Say whether the value can be null."""
        return False

    def __compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        """Make a comparison with a value or another expression."""
        return Comparison(self, operator, lift(other, self))

    def __eq__(self, other: object) -> Predicate:  # type: ignore[override]
        return self.__compare__("==", other)

    def __ne__(self, other: object) -> Predicate:  # type: ignore[override]
        return self.__compare__("!=", other)

    def __lt__(self, other: Any) -> Predicate:
        return self.__compare__("<", other)

    def __le__(self, other: Any) -> Predicate:
        return self.__compare__("<=", other)

    def __gt__(self, other: Any) -> Predicate:
        return self.__compare__(">", other)

    def __ge__(self, other: Any) -> Predicate:
        return self.__compare__(">=", other)

    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Expression:
        return Arithmetic(self, "+", lift(other, self))

    def __radd__(self, other: Any) -> Expression:
        return Arithmetic(lift(other, self), "+", self)

    def __sub__(self, other: Any) -> Expression:
        return Arithmetic(self, "-", lift(other, self))

    def __rsub__(self, other: Any) -> Expression:
        return Arithmetic(lift(other, self), "-", self)

    def __mul__(self, other: Any) -> Expression:
        return Arithmetic(self, "*", lift(other, self))

    def __rmul__(self, other: Any) -> Expression:
        return Arithmetic(lift(other, self), "*", self)

    def __truediv__(self, other: Any) -> Expression:
        return Arithmetic(self, "/", lift(other, self))

    def __rtruediv__(self, other: Any) -> Expression:
        return Arithmetic(lift(other, self), "/", self)

    def __mod__(self, other: Any) -> Expression:
        return Arithmetic(self, "%", lift(other, self))

    def __neg__(self) -> Expression:
        return Negative(self)

    def __and__(self, other: Any) -> Predicate:
        return Combined("AND", (self, lift(other, self)))

    def __or__(self, other: Any) -> Predicate:
        return Combined("OR", (self, lift(other, self)))

    def __invert__(self) -> Predicate:
        return Negation(self)

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            operator = OPERATORS.get(name)
            if operator is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return operator(self)

    def __bool__(self) -> bool:
        raise UsageError(
            f"{self!r} is a part of a query and has no truth value in Python",
            hint="use and_(), or_(), not_() instead of and, or, not; in_() instead of in; "
            "two conditions instead of a < b < c",
        )

    def __contains__(self, item: object) -> bool:
        raise UsageError(
            "'in' can't be used with a field, because Python turns its answer into a bool",
            hint="use contains(field, value), or in_(field, values)",
        )

    def __iter__(self) -> Iterator[Any]:
        raise UsageError(f"{self!r} is a part of a query and can't be iterated")


class Predicate(Expression):
    """An expression that is true or false: what ``where`` takes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Value(Expression):
    """A Python value, encoded; it becomes a bind variable."""

    value: Any

    def __build__(self, scope: Scope) -> q.Expression:
        return scope.bind(self.value)

    @property
    def __nullable__(self) -> bool:
        return self.value is None

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Predicate):
    """``left op right``.

    In SDBQL null is less than everything; ``<`` and ``<=`` on something that can be null leave
    null out, as Python and SQL users expect.
    """

    left: Expression
    operator: q.ComparisonOperator
    right: Expression

    def __operands__(self) -> tuple[Expression, ...]:
        return (self.left, self.right)

    def __build__(self, scope: Scope) -> q.Expression:
        left, right = self.left.__build__(scope), self.right.__build__(scope)
        compared = _compared(left, self.operator, right, self._size())
        smaller = self.left if self.operator in ("<", "<=") else self.right
        if self.operator not in ("<", "<=", ">", ">=") or not smaller.__nullable__:
            return compared
        guarded = left if smaller is self.left else right
        return q.Logical("AND", (q.Compare(guarded, "!=", q.Literal(None)), compared))

    def _size(self) -> Size:
        """Say how large the number is that is compared with, if there is one."""
        value = next((each.value for each in (self.right, self.left) if isinstance(each, Value)), None)
        return size_of(value)

    def __repr__(self) -> str:
        return f"{self.left!r} {self.operator} {self.right!r}"


Size: TypeAlias = Literal["", "large", "huge"]

_LARGE = 1 << 53
_HUGE = 2.0**63
_WIDER: dict[str, q.ComparisonOperator] = {"<": "<=", ">": ">="}


def size_of(value: Any) -> Size:
    """Say whether a value is a number that the server's indexes find neighbours of, or don't find.

    They take integers beyond 2**53 for their neighbours, and floats beyond 64 bits for the largest of 64.
    """
    if isinstance(value, float):
        return "huge" if abs(value) >= _HUGE else ""
    return "large" if isinstance(value, int) and abs(value) >= _LARGE else ""


def _compared(
    left: q.Expression, operator: q.ComparisonOperator, right: q.Expression, size: Size
) -> q.Expression:
    """Make a comparison that is exact where the server's index is not."""
    compared = q.Compare(left, operator, right)
    if size == "huge":
        return q.Unary("NOT", q.Unary("NOT", compared))  # which no index serves
    wider = _WIDER.get(operator)
    if size == "large" and wider is not None:  # the index finds the neighbours too, and then they go
        return q.Logical("AND", (q.Compare(left, wider, right), compared))
    return compared


@dataclass(frozen=True, slots=True, eq=False)
class Combined(Predicate):
    """Conditions joined by AND or OR."""

    operator: q.LogicalOperator
    conditions: tuple[Expression, ...]

    def __operands__(self) -> tuple[Expression, ...]:
        return self.conditions

    def __build__(self, scope: Scope) -> q.Expression:
        built = tuple(condition.__build__(scope) for condition in self.conditions)
        return built[0] if len(built) == 1 else q.Logical(self.operator, built)

    def __repr__(self) -> str:
        return "(" + f" {self.operator} ".join(repr(condition) for condition in self.conditions) + ")"


@dataclass(frozen=True, slots=True, eq=False)
class Negation(Predicate):
    """``NOT condition``."""

    condition: Expression

    def __operands__(self) -> tuple[Expression, ...]:
        return (self.condition,)

    def __build__(self, scope: Scope) -> q.Expression:
        return q.Unary("NOT", self.condition.__build__(scope))

    def __repr__(self) -> str:
        return f"NOT ({self.condition!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Arithmetic(Expression):
    """``left op right`` on numbers, or ``+`` on texts."""

    left: Expression
    operator: q.BinaryOperator
    right: Expression

    def __operands__(self) -> tuple[Expression, ...]:
        return (self.left, self.right)

    def __build__(self, scope: Scope) -> q.Expression:
        return q.Binary(self.left.__build__(scope), self.operator, self.right.__build__(scope))

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Negative(Expression):
    """``-operand``."""

    operand: Expression

    def __operands__(self) -> tuple[Expression, ...]:
        return (self.operand,)

    def __build__(self, scope: Scope) -> q.Expression:
        return q.Unary("-", self.operand.__build__(scope))


@dataclass(frozen=True, slots=True, eq=False)
class FunctionCall(Expression):
    """``NAME(arguments)``."""

    name: str
    arguments: tuple[Expression, ...]

    def __operands__(self) -> tuple[Expression, ...]:
        return self.arguments

    def __build__(self, scope: Scope) -> q.Expression:
        return q.Call(self.name, tuple(argument.__build__(scope) for argument in self.arguments))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(repr(argument) for argument in self.arguments)})"

    @property
    def __nullable__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, eq=False)
class Test(FunctionCall, Predicate):
    """A function call that is true or false."""


@dataclass(frozen=True, slots=True, eq=False)
class Built(Expression):
    """An expression whose node is made by a function of its operands' nodes."""

    parts: tuple[Expression, ...]
    make: Callable[..., q.Expression]

    def __operands__(self) -> tuple[Expression, ...]:
        return self.parts

    def __build__(self, scope: Scope) -> q.Expression:
        return self.make(*(part.__build__(scope) for part in self.parts))

    @property
    def __nullable__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, eq=False)
class BuiltPredicate(Built, Predicate):
    """A condition whose node is made by a function of its operands' nodes."""


def lift(value: Any, like: Expression | None = None) -> Expression:
    """Make an expression of a value, encoded as ``like`` stores it; expressions stay as they are."""
    if isinstance(value, Expression):
        return value
    return Value(plain(value) if like is None else like.__encode__(value))
