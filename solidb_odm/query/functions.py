"""``func``: SDBQL's functions by name, and aggregates over groups.

``func.upper(User.name)`` calls ``UPPER``; the catalogue of the language knows all names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, reduce
from keyword import iskeyword
from typing import Any, TypeVar, cast, overload

from .._dataclasses import dataclass
from .._types import shown
from ..errors import UsageError
from ..language import decimals
from ..language import functions as language
from ..language import nodes as q
from ..language.functions.built_in import REFUSE
from ..model import type_inspection
from ..model.document import Document
from ..model.expressions import instants
from ..model.expressions.arithmetic import EXTREMES
from ..model.expressions.calls import FunctionCall, Test, lift
from ..model.expressions.expression import Arithmetic, Expression, Predicate, Value
from ..model.expressions.kinds import NAMES, Kind
from ..model.expressions.literals import alike, check_list_order, check_order
from .columns import Labelled, Table, check_distinct
from .conditions import expression
from .elements import check_no_elements
from .sources import Alias
from .windows import WindowFunctions

T = TypeVar("T")
Number = TypeVar("Number", int, float, Decimal, timedelta)
Mean = TypeVar("Mean", float, Decimal, timedelta)


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Expression):
    """A value of a whole group: ``COUNT``, ``SUM`` .."""

    function: str
    argument: Expression | None
    annotation: Any = Any
    source: Any = None
    """What it counts, where that is a whole model."""

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return () if self.argument is None else (self.argument,)

    @property
    def __solidb_source__(self) -> Any:
        return self.source

    @property
    def __solidb_is_aggregate__(self) -> bool:
        return True

    def __solidb_build__(self, scope: Any) -> q.Expression:
        if self.__solidb_kind__ != "decimal":
            function = q.INTEGER_SUM if self._sums_ints else self.function
            return self._rounded(scope.aggregate(function, self._argument(scope)))
        if self.function in ("SUM", "AVG"):
            return decimals.key(self.__solidb_digits__(scope))
        return decimals.key_in(scope.aggregate(self.function, decimals.pair(self._digits(scope))))

    @property
    def _sums_ints(self) -> bool:
        return self.function == "SUM" and self.annotation is int

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        if self.function == "SUM":
            return decimals.total_of(scope.aggregate("PUSH", self._digits(scope)))
        if self.function == "AVG":
            total = decimals.total_of(scope.aggregate("PUSH", self._digits(scope)))
            count = scope.aggregate("COUNT", self._digits(scope))
            return decimals.combined(total, "/", q.Call("TO_STRING", (count,)))
        if self.function in ("MIN", "MAX"):
            return decimals.digits_in(scope.aggregate(self.function, decimals.pair(self._digits(scope))))
        return Expression.__solidb_digits__(self, scope)

    def _digits(self, scope: Any) -> q.Expression:
        assert self.argument is not None
        return self.argument.__solidb_digits__(scope)

    def _argument(self, scope: Any) -> q.Expression | None:
        if self.source in scope.partners:  # which may be missing from a row
            return q.Attribute(q.Name(scope.variable(self.source)), "_key")
        if self.argument is None:
            return None
        is_whole = self.function == "PUSH" and self.argument.__solidb_kind__ == "decimal"
        if is_whole:
            return self._digits(scope)
        built = self.argument.__solidb_build__(scope)
        return built if self.function == "PUSH" else alike(self.argument, built)

    def _rounded(self, node: q.Expression) -> q.Expression:
        """Take the noise of binary fractions away from a sum of durations."""
        if self.__solidb_kind__ != "duration" or self.function not in ("SUM", "AVG"):
            return node
        return (
            instants.duration_of(instants.micros_of(node))
            if self.function == "SUM"
            else q.Ternary(
                instants.is_null(node), q.Literal(None), instants.duration_of(instants.micros_of(node))
            )
        )

    def __repr__(self) -> str:
        shown = self.argument if self.argument is not None else getattr(self.source, "__name__", "")
        return (
            f"func.{self.function.lower()}({shown!r})"
            if self.argument is not None
            else f"func.{self.function.lower()}({shown})"
        )

    @property
    def __solidb_nullable__(self) -> bool:
        return self.function not in ("COUNT", "SUM", "COUNT_DISTINCT")


class Functions(WindowFunctions):
    """The namespace of functions: aggregates, which are typed, and all functions of SDBQL by their names."""

    def __repr__(self) -> str:
        return "func"

    def count(self, target: Any = None) -> int:
        """Count the rows of a group; of a field, the rows where it is not null."""
        if type(target) in (str, int):  # COUNT(*) and COUNT(1), as SQL has it
            raise UsageError(
                f"func.count() counts rows, or a field, not {target!r}", hint="write func.count()"
            )
        if target is None or isinstance(target, (Alias, Table)) or _is_document(target):
            return cast(int, Aggregate("COUNT", None, int, target))
        return cast(int, Aggregate("COUNT", _argument(target, "func.count()"), int))

    def count_distinct(self, target: Any) -> int:
        """Count the different values; null is one of them."""
        counted = _argument(target, "func.count_distinct()")
        check_distinct(counted, "func.count_distinct()")
        return cast(int, Aggregate("COUNT_DISTINCT", counted, int))

    def sum(self, target: Number | None) -> Number:
        """Add the numbers of a group, nulls left out; 0 if there are none.

        Of integers an int, past 64 bits a float; of decimals a Decimal and exact, of durations a timedelta.
        """
        return cast(Number, _total("SUM", target))

    def avg(self, target: Mean | None) -> Mean:
        """Return the mean of the numbers of a group; None without any.

        A float, also of integers; of decimals a Decimal, of durations a timedelta.
        """
        return cast(Mean, _total("AVG", target))

    def min(self, target: T, *others: T) -> T:
        """Return the least value of a group that is not null; of several arguments, the least of them."""
        return cast(T, self._extreme("MIN", target, others))

    def max(self, target: T, *others: T) -> T:
        """Return the greatest value of a group; of several arguments, the greatest of them."""
        return cast(T, self._extreme("MAX", target, others))

    def collect(self, target: T) -> list[T]:
        """Return the values of a group as a list."""
        operand = _argument(target, "func.collect()")
        inner: Any = operand.__solidb_type__
        annotation: Any = Any if inner is Any else list[inner]
        return cast("list[T]", Aggregate("PUSH", operand, annotation))

    def length(self, target: Any) -> int:
        """Return the number of elements of a list, or of characters of a text; 0 of null."""
        measured = expression(target, "func.length()")
        if measured.__solidb_kind__ not in ("list", "text", "dict", "any", "mixed", "other", "model"):
            raise UsageError(
                f"func.length() takes a list or a text, and {measured!r} is "
                + NAMES[measured.__solidb_kind__]
            )
        return cast(int, FunctionCall("LENGTH", (measured,), int))

    def first(self, target: Iterable[T] | None) -> T | None:
        """Return the first element of a list; None of an empty one."""
        return cast("T | None", _element("FIRST", target))

    def last(self, target: Iterable[T] | None) -> T | None:
        """Return the last element of a list; None of an empty one."""
        return cast("T | None", _element("LAST", target))

    def nth(self, target: Iterable[T] | None, position: int) -> T | None:
        """Return the element of a list at a position, from 0; None past its end."""
        return cast("T | None", _element("NTH", target, lift(position)))

    def reverse(self, target: T) -> T:
        """Turn a list, or a text, around."""
        return cast(T, _same("REVERSE", target))

    def slice(self, target: T, start: int, count: int) -> T:
        """Return ``count`` elements of a list from a position on; a negative one counts from the end."""
        return cast(T, _same("SLICE", target, lift(start), lift(count)))

    def _extreme(self, name: str, target: Any, others: tuple[Any, ...]) -> Expression:
        first = expression(target, f"func.{name.lower()}()")
        kind = first.__solidb_kind__
        if others:
            if kind not in ("int", "float", "any"):
                raise UsageError(
                    f"func.{name.lower()}() of several values takes numbers, and {first!r} is {NAMES[kind]}",
                    hint="case((a < b, a), else_=b)",
                )
            parts = (first, *(lift(argument, first, checked=True) for argument in others))
            if all(part.__solidb_kind__ == "int" and not _is_float(part) for part in parts):
                return reduce(lambda one, other: Arithmetic(one, name, other, EXTREMES[name]), parts)
            return FunctionCall(name, parts, float, True)
        check_order(kind, f"func.{name.lower()}()", first)
        check_list_order(first.__solidb_type__, kind, f"func.{name.lower()}()", first)
        return Aggregate(name, _argument(first, f"func.{name.lower()}()"), first.__solidb_type__)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return _function(name)

    def __dir__(self) -> list[str]:
        names = {function.name.lower() for function in language.catalogue()} | set(
            map(str.lower, _AGGREGATES)
        )
        return sorted({*super().__dir__(), *(name for name in names if not iskeyword(name))})


@cache
def _function(name: str) -> Callable[..., Any]:
    """Return the function of the language that has this name, as ``func`` calls it."""
    known = language.lookup(name)
    is_aggregate = name.upper() in _AGGREGATES
    if known is None and not is_aggregate:
        raise _unknown(name)

    def call(*arguments: Any) -> Any:
        of_rows = is_aggregate and len(arguments) == 1
        if known is None or (of_rows and not _has_aggregate(arguments[0])):
            return _statistic(name.upper(), arguments)
        return _call(known, arguments)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{name.upper()} of the values of a group."
    if known is not None:
        call.__doc__ = (
            f"{known.name}({known.parameters}): {known.summary}\n\nResult: {known.returns}; {known.nulls}."
        )
    return call


def _unknown(name: str) -> AttributeError:
    """Return the error of a function that the language does not have; it says what to write."""
    way = f"; write {_WAYS[name]}" if name in _WAYS else ""
    if not way:
        close = get_close_matches(
            name.lower(), [function.name.lower() for function in language.catalogue()], 1
        )
        way = f"; did you mean func.{close[0]}?" if close else ""
    return AttributeError(f"SDBQL has no function {name.upper()}{way}")


_AGGREGATES = frozenset({
    "VARIANCE", "VARIANCE_SAMPLE", "STDDEV", "STDDEV_SAMPLE", "MEDIAN", "UNIQUE", "SORTED_UNIQUE",
})  # fmt: skip


_NOW = "datetime.now(UTC), as a value"
_LENGTH = "func.length(list)"
_FIND = "func.find_first(text, part), or contains(field, part)"
_FORMAT = "func.date_format(time, format)"
_JOINED = 'func.join(func.collect(value), ", ")'
_WAYS = {
    "any_value": "func.min(value)",
    "array_agg": "func.collect(value)",
    "array_length": _LENGTH,
    "bool_and": "func.min(case((condition, 1), else_=0)) == 1",
    "bool_or": "func.max(case((condition, 1), else_=0)) == 1",
    "cardinality": _LENGTH,
    "cast": "func.to_number(value) or func.to_string(value)",
    "charindex": _FIND,
    "current_date": "date.today(), as a value",
    "current_time": _NOW,
    "current_timestamp": _NOW,
    "datediff": "func.date_diff(start, end, unit)",
    "day": "func.date_day(time)",
    "exists": "exists(select(..))",
    "getdate": _NOW,
    "greatest": "func.max(a, b)",
    "group_concat": _JOINED,
    "hour": "func.date_hour(time)",
    "ifnull": "coalesce(value, other)",
    "iif": "case((condition, value), else_=other)",
    "instr": _FIND,
    "isnull": "is_null(value), or coalesce(value, other)",
    "json_array_length": _LENGTH,
    "json_extract": "the field itself: User.address.city, or User.data['key']",
    "least": "func.min(a, b)",
    "len": "func.length(value)",
    "listagg": _JOINED,
    "localtimestamp": _NOW,
    "month": "func.date_month(time)",
    "nvl": "coalesce(value, other)",
    "regexp_replace": "func.regex_replace(text, regex, replacement)",
    "strftime": _FORMAT,
    "string_agg": _JOINED,
    "strpos": _FIND,
    "sysdate": _NOW,
    "to_char": _FORMAT,
    "to_date": "a date or a datetime, as a value",
    "total": "func.sum(value)",
    "unnest": "unnest(list), for a row of each element",
    "utcnow": _NOW,
    "year": "func.date_year(time)",
}
"""What SQL has as functions, by what to write here."""


def _is_float(part: Expression) -> bool:
    return isinstance(part, Value) and type(part.value) is float


def _is_document(target: Any) -> bool:
    if isinstance(target, type) and not issubclass(target, Document):
        raise UsageError(f"func.count() counts documents or values, not {target.__name__}")
    return isinstance(target, type)


def _has_aggregate(wanted: Any) -> bool:
    if isinstance(wanted, Aggregate):
        return True
    return isinstance(wanted, Expression) and any(map(_has_aggregate, wanted.__solidb_operands__()))


def _argument(target: Any, what: str) -> Expression:
    """Take what an aggregate is computed of; UsageError for another aggregate, or an element of a list."""
    wanted = check_no_elements(expression(target, what), what)
    if _has_aggregate(wanted):
        raise UsageError(
            f"{what} can't be computed of {wanted!r}, which is an aggregate already",
            hint='name the rows and aggregate those: rows = select(label("n", func.count())).cte("rows"), '
            "then select(func.sum(rows.n))",
        )
    return wanted


_SUMMED: dict[tuple[str, Kind], Any] = {
    **{(name, "decimal"): Decimal for name in ("SUM", "AVG")},
    **{(name, "duration"): timedelta for name in ("SUM", "AVG")},
    ("SUM", "int"): int,
}


def _total(name: str, target: Any) -> Expression:
    wanted = _argument(target, f"func.{name.lower()}()")
    kind = wanted.__solidb_kind__
    if kind not in ("int", "float", "decimal", "duration", "any"):
        raise UsageError(
            f"func.{name.lower()}() takes numbers, and {wanted!r} is {NAMES[kind]}",
            hint="func.count(x), or func.sum(case((condition, 1), else_=0)) counts",
        )
    return Aggregate(name, wanted, _SUMMED.get((name, kind), float))


def _statistic(name: str, arguments: tuple[Any, ...]) -> Expression:
    wanted = _argument(arguments[0], f"func.{name.lower()}()")
    kind = wanted.__solidb_kind__
    if "UNIQUE" in name:
        inner: Any = wanted.__solidb_type__
        if kind == "decimal":
            raise UsageError(
                f"func.{name.lower()}() can't tell equal decimals apart from others", hint="group_by() can"
            )
        check_distinct(wanted, f"func.{name.lower()}()")
        return Aggregate(name, wanted, Any if inner is Any else list[inner])
    if kind not in ("int", "float", "any"):
        raise UsageError(f"func.{name.lower()}() takes ints and floats, and {wanted!r} is {NAMES[kind]}")
    return Aggregate(name, wanted, float)


def _element(name: str, target: Any, *more: Expression) -> Expression:
    """Call a function that gives an element of a list."""
    items = _list(target, f"func.{name.lower()}()")
    return FunctionCall(name, (items, *more), type_inspection.element(items.__solidb_type__), True)


def _list(target: Any, what: str, *others: Kind) -> Expression:
    items = expression(target, what)
    if items.__solidb_kind__ not in ("list", "any", "mixed", "other", *others):
        raise UsageError(f"{what} takes a list, and {items!r} is {NAMES[items.__solidb_kind__]}")
    return items


def _same(name: str, target: Any, *more: Expression) -> Expression:
    """Call a function that gives a value of the type of its first argument."""
    value = _list(target, f"func.{name.lower()}()", *(("text",) if name == "REVERSE" else ()))
    return FunctionCall(name, (value, *more), value.__solidb_type__, True)


_TAKES: dict[str, tuple[Kind, ...]] = {
    "s": ("text",),
    "t": ("text",),
    "n": ("int", "float"),
    "i": ("int", "float"),
    "a": ("list",),
    "o": ("dict", "model"),
    "d": ("datetime", "date"),
    "d1": ("datetime", "date"),
    "d2": ("datetime", "date"),
    "unit": ("text",),
}
"""The kinds of values that parameters of these names take."""
_PAIRS: dict[str, tuple[Kind, ...]] = {"Numeric": ("int", "float"), "Text": ("text",)}
"""The kinds of what ``a`` and ``b`` are in families whose functions take no lists."""
_TAKES_ANYTHING = ("Geo", "Type")
_GIVES: dict[str, Any] = {
    "string": str,
    "string or null": str,
    "int": int,
    "int or null": int,
    "float": float,
    "float or null": float,
    "bool": bool,
}


def _call(known: language.Function, arguments: tuple[Any, ...]) -> Expression:
    count = len(arguments)
    if count < known.min_args or (known.max_args is not None and count > known.max_args):
        raise UsageError(f"func.{known.name.lower()}({known.parameters}) was given {count} arguments")
    lifted = tuple(map(lift, arguments))
    for parameter, argument in zip(_parameters(known), lifted, strict=False):
        _check_argument(known, parameter, argument)
    if known.returns == "bool":
        return Test(known.name, lifted, bool, known.nulls.startswith(REFUSE))
    given: Any = _GIVES.get(known.returns, Any)
    if given is str and known.family == "Date":
        given = Any  # in another form than times are stored in
    return FunctionCall(known.name, lifted, given, known.nulls.startswith(REFUSE))


def _parameters(known: language.Function) -> list[str]:
    return [parameter.strip() for parameter in known.parameters.replace("[", "").replace("]", "").split(",")]


def _taken(known: language.Function, parameter: str) -> tuple[Kind, ...]:
    """Return the kinds of values that a parameter takes; none where it takes anything."""
    if parameter in ("a", "b") and (known.family in _PAIRS or known.family in _TAKES_ANYTHING):
        return _PAIRS.get(known.family, ())
    names = parameter.split("|")
    if not all(name in _TAKES for name in names):
        return ()
    return tuple(kind for name in names for kind in _TAKES[name])


def _check_argument(known: language.Function, parameter: str, argument: Expression) -> None:
    taken = _taken(known, parameter)
    if not taken:
        return
    kind = argument.__solidb_kind__
    if kind not in (*taken, "any", "mixed", "other") and not (isinstance(argument, Value) and kind == "text"):
        raise UsageError(
            f"func.{known.name.lower()}({known.parameters}) can't take {argument!r}, which is {NAMES[kind]}",
            hint="func.to_string(value) and func.to_number(text) convert",
        )


@overload
def label(name: str, value: Predicate) -> bool: ...
@overload
def label(name: str, value: T) -> T: ...
def label(name: str, value: Any) -> Any:
    """Return a column with a name in the result: ``label("n", func.count())``, ``label("depth", 1)``."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"label() takes a name first, not {shown(name)}", hint='label("n", User.age)')
    is_plain = value is None or isinstance(value, (str, int, float))
    wanted = lift(value) if is_plain else check_no_elements(expression(value, "label()"), "label()")
    return Labelled(name, wanted)


func = Functions()
