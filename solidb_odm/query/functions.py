"""``func``: SDBQL's functions by name, and aggregates over groups.

``func.upper(User.name)`` calls ``UPPER``; the catalogue of the language knows all names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from .._dataclasses import dataclass
from ..errors import UsageError
from ..language import functions as language
from ..language import nodes as q
from ..model import type_inspection
from ..model.expressions.base import Expression, FunctionCall, Predicate, lift
from ..model.expressions.fields import FieldRef
from .columns import Labelled
from .conditions import expression
from .ctes import Table
from .sources import Alias
from .windows import WindowFunctions

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Expression):
    """A value of a whole group: ``COUNT``, ``SUM`` .."""

    function: str
    argument: Expression | None
    annotation: Any = Any
    source: Any = None
    """What it counts, where that is a whole model."""

    def __operands__(self) -> tuple[Expression, ...]:
        return () if self.argument is None else (self.argument,)

    def __build__(self, scope: Any) -> q.Expression:
        argument = None if self.argument is None else self.argument.__build__(scope)
        if self.source in scope.partners:  # which may be missing from a row
            argument = q.Attribute(q.Name(scope.variable(self.source)), "_key")
        return cast(q.Expression, scope.aggregate(self.function, argument))

    @property
    def __nullable__(self) -> bool:
        return self.function not in ("COUNT", "SUM", "COUNT_DISTINCT")


@dataclass(frozen=True, slots=True, eq=False)
class Truth(FunctionCall, Predicate):
    """A call of a function whose result is true or false."""


@dataclass(frozen=True, slots=True, eq=False)
class TypedCall(FunctionCall):
    """A function call whose values are of a known type."""

    annotation: Any = Any


class Functions(WindowFunctions):
    """The namespace ``func``. Aggregates are typed; other functions are found by their name."""

    def count(self, target: Any = None) -> int:
        """Count the rows of a group; of a field, the rows where it is not null."""
        if target is None or isinstance(target, (type, Alias, Table)):
            return cast(int, Aggregate("COUNT", None, int, target))
        return cast(int, Aggregate("COUNT", expression(target, "func.count()"), int))

    def count_distinct(self, target: Any) -> int:
        """Count the different values; null is one of them."""
        return cast(int, Aggregate("COUNT_DISTINCT", expression(target, "func.count_distinct()"), int))

    def sum(self, target: Any) -> float:
        """Add the numbers of a group; others are left out. A float, also of integers."""
        return cast(float, Aggregate("SUM", expression(target, "func.sum()"), float))

    def avg(self, target: Any) -> float:
        """Give the mean of the numbers of a group; None if there are none."""
        return cast(float, Aggregate("AVG", expression(target, "func.avg()"), float))

    def min(self, target: T, *others: T) -> T:
        """Give the least value of a group that is not null; of several arguments, the least of them."""
        return cast(T, self._extreme("MIN", target, others))

    def max(self, target: T, *others: T) -> T:
        """Give the greatest value of a group; of several arguments, the greatest of them."""
        return cast(T, self._extreme("MAX", target, others))

    def collect(self, target: T) -> list[T]:
        """Give the values of a group as a list."""
        each = expression(target, "func.collect()")
        annotation: Any = list[each.__place__.annotation] if isinstance(each, FieldRef) else Any  # type: ignore[name-defined]
        return cast("list[T]", Aggregate("PUSH", each, annotation))

    def length(self, target: Any) -> int:
        """Give the number of elements of a list, or of characters of a text; 0 of null."""
        return cast(int, FunctionCall("LENGTH", (expression(target, "func.length()"),)))

    def first(self, target: Iterable[T] | None) -> T | None:
        """Give the first element of a list; None of an empty one."""
        return cast("T | None", _element("FIRST", target))

    def last(self, target: Iterable[T] | None) -> T | None:
        """Give the last element of a list; None of an empty one."""
        return cast("T | None", _element("LAST", target))

    def nth(self, target: Iterable[T] | None, position: int) -> T | None:
        """Give the element of a list at a position, from 0; None past its end."""
        return cast("T | None", _element("NTH", target, lift(position)))

    def reverse(self, target: T) -> T:
        """Turn a list, or a text, around."""
        return cast(T, _same("REVERSE", target))

    def slice(self, target: T, start: int, count: int) -> T:
        """Give ``count`` elements of a list from a position on; a negative one counts from the end."""
        return cast(T, _same("SLICE", target, lift(start), lift(count)))

    def _extreme(self, name: str, target: Any, others: tuple[Any, ...]) -> Expression:
        first = expression(target, f"func.{name.lower()}()")
        if others:
            return FunctionCall(name, (first, *(lift(other, first) for other in others)))
        return Aggregate(name, first, first.__place__.annotation if isinstance(first, FieldRef) else Any)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        known = language.lookup(name)
        aggregate = known is None and name.upper() in _AGGREGATES
        if known is None and not aggregate:
            names = [each.name.lower() for each in language.catalogue()]
            close = get_close_matches(name.lower(), names, 1)
            guess = f"; did you mean func.{close[0]}?" if close else ""
            raise AttributeError(f"SDBQL has no function {name.upper()}{guess}")

        def call(*arguments: Any) -> Any:
            if known is None or (len(arguments) == 1 and known.name in _AGGREGATES):
                return Aggregate(name.upper(), expression(arguments[0], f"func.{name}()"))
            return _call(known, arguments)

        return call


_AGGREGATES = frozenset({
    "VARIANCE", "VARIANCE_SAMPLE", "STDDEV", "STDDEV_SAMPLE", "MEDIAN", "UNIQUE", "SORTED_UNIQUE",
})  # fmt: skip


def _element(name: str, target: Any, *more: Expression) -> Expression:
    """Call a function that gives an element of a list."""
    items = expression(target, f"func.{name.lower()}()")
    kind = type_inspection.element(items.__place__.annotation) if isinstance(items, FieldRef) else Any
    return TypedCall(name, (items, *more), kind)


def _same(name: str, target: Any, *more: Expression) -> Expression:
    """Call a function that gives a value of the type of its first argument."""
    value = expression(target, f"func.{name.lower()}()")
    kind = value.__place__.annotation if isinstance(value, FieldRef) else Any
    return TypedCall(name, (value, *more), kind)


def _call(known: language.Function, arguments: tuple[Any, ...]) -> Expression:
    count = len(arguments)
    if count < known.min_args or (known.max_args is not None and count > known.max_args):
        raise UsageError(f"func.{known.name.lower()}({known.parameters}) was given {count} arguments")
    like = next((each for each in arguments if isinstance(each, Expression)), None)
    lifted = tuple(lift(each, like if isinstance(each, type(like)) else None) for each in arguments)
    return (Truth if known.returns == "bool" else FunctionCall)(known.name, lifted)


def label(name: str, value: T) -> T:
    """Give a column a name of its own in the result: ``label("n", func.count())``, ``label("depth", 1)``."""
    is_plain = value is None or isinstance(value, (str, int, float))
    return cast(T, Labelled(name, lift(value) if is_plain else expression(value, "label()")))


func = Functions()
