"""Window functions: values of a row that look at the rows around it, without making them one group.

``over(func.rank(), partition_by=Order.customer, order_by=desc(Order.total))``. SDBQL has them in LET and
RETURN only, so a select computes them after its conditions and knows them by a name from then on.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from ..errors import UsageError
from ..language import decimals
from ..language import nodes as q
from ..model.expressions.calls import lift
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import Expression, Value
from ..model.expressions.fields import FieldRef, Place
from ..model.expressions.kinds import Kind, kind_of
from .compiler import BuildScope
from .conditions import expression

T = TypeVar("T")

_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")


class WindowCall(Expression):
    """A window function that was not yet told its window; without ``annotation`` it gives values of a row."""

    __slots__ = ("annotation", "arguments", "function", "like", "place")

    def __init__(self, function: str, arguments: tuple[Expression, ...], annotation: Any = None) -> None:
        self.function = function
        self.arguments = arguments
        self.like = arguments[0] if annotation is None else None
        self.annotation: Any = annotation if self.like is None else self.like.__solidb_type__
        self.place: Place | None = self.like.__solidb_place__ if isinstance(self.like, FieldRef) else None

    def __solidb_build__(self, scope: Any) -> q.Expression:
        name = self.function.lower()
        raise UsageError(
            f"func.{name}() looks at other rows, and needs to know which",
            hint=f"over(func.{name}(..), partition_by=.., order_by=..)",
        )

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.arguments

    def __solidb_encode__(self, value: Any) -> Any:
        return (
            self.like.__solidb_encode__(value) if self.like is not None else super().__solidb_encode__(value)
        )

    @property
    def __solidb_kind__(self) -> Kind:
        return kind_of(self.annotation) if self.like is None else self.like.__solidb_kind__

    @property
    def __solidb_nullable__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"func.{self.function.lower()}({', '.join(map(repr, self.arguments))})"


class Windowed(WindowCall):
    """``NAME(arguments) OVER (PARTITION BY .. ORDER BY ..)``."""

    __slots__ = ("orderings", "partition")

    def __init__(
        self, call: WindowCall, partition: tuple[Expression, ...], orderings: tuple[Ordering, ...]
    ) -> None:
        super().__init__(call.function, call.arguments, None if call.like is not None else call.annotation)
        self.partition = partition
        self.orderings = orderings

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (*self.arguments, *self.partition, *(key.expression for key in self.orderings))

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return self._window(scope, tuple(argument.__solidb_build__(scope) for argument in self.arguments))

    def _window(self, scope: Any, arguments: tuple[q.Expression, ...]) -> q.Expression:
        sums_ints = self.function == "SUM" and self.annotation is int
        window = q.Window(
            q.INTEGER_SUM if sums_ints else self.function,
            arguments,
            tuple(expression.__solidb_build__(scope) for expression in self.partition),
            tuple(
                q.SortKey(key.expression.__solidb_build__(scope), key.descending) for key in self.orderings
            ),
        )
        return cast(BuildScope, scope).window(window)

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        if self.like is None:
            return decimals.digits_of_key(self.__solidb_build__(scope))
        arguments = tuple(
            argument.__solidb_digits__(scope)
            if argument.__solidb_kind__ == "decimal"
            else argument.__solidb_build__(scope)
            for argument in self.arguments
        )
        return self._window(scope, arguments)

    def __repr__(self) -> str:
        return f"over({super().__repr__()}, ..)"


def over(value: T, *, partition_by: Any = (), order_by: Any = ()) -> T:
    """Return the value of a window function or an aggregate for each row, over the rows of its window.

    ``partition_by`` and ``order_by`` take one expression or a list. The window of a row is all rows with
    equal values of ``partition_by``. With ``order_by`` an aggregate such as ``func.sum`` is a running one: it
    covers the rows up to the current one.
    """
    orderings = tuple(_ordering(ordering) for ordering in _listed(order_by))
    partition = tuple(expression(part, "partition_by") for part in _listed(partition_by))
    return cast(T, Windowed(_call(value), partition, orderings))


def _call(value: Any) -> WindowCall:
    if isinstance(value, WindowCall) and not isinstance(value, Windowed):
        return value
    function = getattr(value, "function", None)
    if not isinstance(value, Windowed) and function in _AGGREGATES and hasattr(value, "argument"):
        if value.__solidb_kind__ == "decimal" and function in ("SUM", "AVG"):
            raise UsageError(
                f"over() can't {function.lower()} decimals exactly, as {value!r} would have it",
                hint="group_by() sums them exactly, and so does select(func.sum(other.total)).where(other.at "
                "<= Sale.at).scalar_subquery(), where other = aliased(Sale)",
            )
        argument = value.argument if value.argument is not None else Value(1)  # COUNT() counts nothing
        return WindowCall(function, (argument,), value.annotation)
    raise UsageError(
        f"over() can't compute {value!r} over a window",
        hint="it takes func.row_number(), rank(), lag() .. and func.sum(), count(), avg(), min(), max()",
    )


def _listed(given: Any) -> tuple[Any, ...]:
    return tuple(cast("list[Any]", given)) if isinstance(given, (list, tuple)) else (given,)


def _ordering(key: Any) -> Ordering:
    return key if isinstance(key, Ordering) else Ordering(expression(key, "order_by"))


def has_window(wanted: Expression) -> bool:
    """Return whether a part of the expression is computed over a window."""
    return isinstance(wanted, Windowed) or any(map(has_window, wanted.__solidb_operands__()))


class WindowFunctions:
    """The functions that only ``over`` makes sense of."""

    def row_number(self) -> int:
        """Number the rows of a window from 1, in its order."""
        return cast(int, WindowCall("ROW_NUMBER", (), int))

    def rank(self) -> int:
        """Return the place of the row; equal rows share one, and leave a gap behind them."""
        return cast(int, WindowCall("RANK", (), int))

    def dense_rank(self) -> int:
        """Return the place of the row; equal rows share one, without a gap."""
        return cast(int, WindowCall("DENSE_RANK", (), int))

    def percent_rank(self) -> float:
        """Return the rank from 0 to 1."""
        return cast(float, WindowCall("PERCENT_RANK", (), float))

    def cume_dist(self) -> float:
        """Return the share of the rows that are not after this one."""
        return cast(float, WindowCall("CUME_DIST", (), float))

    def ntile(self, count: int) -> int:
        """Return the number of the row's part, if the window is cut into so many parts."""
        return cast(int, WindowCall("NTILE", (lift(count),), int))

    def lag(self, target: T, offset: int = 1, default: T | None = None) -> T | None:
        """Return the value of the row that is ``offset`` rows before."""
        return cast(T, _offset("LAG", target, offset, default))

    def lead(self, target: T, offset: int = 1, default: T | None = None) -> T | None:
        """Return the value of the row that is ``offset`` rows after."""
        return cast(T, _offset("LEAD", target, offset, default))

    def first_value(self, target: T) -> T:
        """Return the value of the first row of the window."""
        return cast(T, WindowCall("FIRST_VALUE", (expression(target, "func.first_value()"),)))

    def last_value(self, target: T) -> T:
        """Return the value of the last row of the whole window, also with an order."""
        return cast(T, WindowCall("LAST_VALUE", (expression(target, "func.last_value()"),)))

    def nth_value(self, target: T, number: int) -> T | None:
        """Return the value of a row of the window by its number, from 1."""
        return cast(T, WindowCall("NTH_VALUE", (expression(target, "func.nth_value()"), lift(number))))


def _offset(function: str, target: Any, offset: int, default: Any) -> WindowCall:
    field = expression(target, f"func.{function.lower()}()")
    return WindowCall(function, (field, lift(offset), lift(default, field, checked=default is not None)))
