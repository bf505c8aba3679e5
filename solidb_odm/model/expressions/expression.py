"""What a query is made of on the Python side: expressions over fields, values and functions.

An expression builds an SDBQL node in a scope, which knows the variable of each source and turns
values into bind variables. ``User.age`` is a ``FieldRef``; to type checkers it is an ``int``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import decimals
from ...language import nodes as q
from ..stored.field_values import encode_as
from .arithmetic import Rule, Shown, is_zero, joint_list, rule_for
from .build_scope import Measured, Scope, Source, lengthened, measured
from .kinds import BY_TYPE, NUMBERS, Kind, awareness, kind_of, value_kind
from .literals import (
    Size,
    alike,
    as_number,
    check_awareness,
    check_list_order,
    check_literal,
    check_order,
    check_pair,
    check_times,
    check_types,
    check_whole,
    exactly_compared,
    size_of,
)

_STORED_AS_THEY_ARE: tuple[Kind, ...] = ("text", "int", "float", "bool")


class Expression(Measured):
    """Something with a value in a query. Python's operators make new expressions.

    It is no abstract class, which takes long to ask for. What names documents has ``__solidb_leads_to__``.
    """

    __slots__ = ()

    __solidb_orders__: tuple[Any, Any] | None = None  # the sort keys of a field, once they were asked for

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        """Make the SDBQL node."""
        raise TypeError(f"{type(self).__name__} has no node")

    @property
    def __solidb_type__(self) -> Any:
        """The type of its values, as an annotation; Any where it is not known."""
        return getattr(self, "annotation", Any)

    @property
    def __solidb_kind__(self) -> Kind:
        """What its values are to the operators."""
        return kind_of(self.__solidb_type__)

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        """Make the node of the text of a decimal, where ``__solidb_build__`` makes that of its sort key."""
        raise UsageError(
            f"{self!r} can't be part of a computation of decimals",
            hint="compute with fields, numbers and sums of fields",
        )

    def __solidb_column__(self, scope: Scope) -> q.Expression:
        """Make the node of what a row shows."""
        is_decimal = self.__solidb_kind__ == "decimal"
        return self.__solidb_digits__(scope) if is_decimal else self.__solidb_build__(scope)

    def __solidb_encode__(self, value: Any) -> Any:
        """Return the stored form of a Python value that is compared with this expression."""
        if type(value) in (str, int, float, bool) and self.__solidb_kind__ in _STORED_AS_THEY_ARE:
            return value
        return encode_as(None, "", self.__solidb_type__, value)

    def __solidb_value__(self, value: Any) -> Value:
        """Return a Python value as what this is compared with: its stored form, of a decimal its digits."""
        if value is not None and self.__solidb_kind__ == "decimal":
            return Value(str(Decimal(value)), Decimal)
        if self.__solidb_kind__ in ("int", "float"):
            value = as_number(value)
        return Value(self.__solidb_encode__(value), self.__solidb_type__)

    def __solidb_key__(self, value: Any) -> Any:
        """Return what a value is looked for as in a list: its stored form, of a decimal its sort key."""
        made = self.__solidb_value__(value)
        if made.annotation is not Decimal or made.value is None:
            return made.value
        return decimals.key_of(Decimal(str(made.value)))

    @property
    def __solidb_source__(self) -> Source | None:
        """What the statement has to read for it; None if its operands say it."""
        return None

    @property
    def __solidb_is_aggregate__(self) -> bool:
        """Return whether it is a value of a whole group."""
        return False

    @property
    def __solidb_nullable__(self) -> bool:
        """Return whether the value can be null."""
        return False

    @property
    def __solidb_aware__(self) -> bool | None:
        """Return whether its times have an offset; None if it has no times.

        Those of a plain ``datetime`` have one, unless its default says otherwise.
        """
        if self.__solidb_kind__ != "datetime":
            return None
        inner = (operand.__solidb_aware__ for operand in self.__solidb_operands__())
        return next((said for said in (awareness(self.__solidb_type__), *inner) if said is not None), True)

    def __solidb_check__(self, value: Any, operator: str) -> None:
        """Refuse a Python value that this can't be compared with; UsageError."""
        check_awareness(self.__solidb_aware__, value, self)
        check_literal(self.__solidb_type__, self.__solidb_kind__, value, operator, self)

    def __solidb_compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        """Make a comparison with a value or another expression; UsageError where they can't be compared."""
        for side in (self, other) if operator in ("<", "<=", ">", ">=") else ():
            if isinstance(side, Expression):
                check_order(side.__solidb_kind__, operator, side)
                check_list_order(side.__solidb_type__, side.__solidb_kind__, operator, side)
        if other is not None:
            check_whole(self.__solidb_type__, self.__solidb_kind__, self)
        if not isinstance(other, Expression):
            self.__solidb_check__(other, operator)
            return measured(Comparison(self, operator, self.__solidb_value__(other)))
        check_whole(other.__solidb_type__, other.__solidb_kind__, other)
        check_pair(self.__solidb_kind__, other.__solidb_kind__, operator, self, other)
        check_times(self.__solidb_aware__, other.__solidb_aware__, Shown(self, operator, other))
        check_types(self.__solidb_type__, other.__solidb_type__, operator, self, other)
        return measured(Comparison(as_decimal(self, other), operator, as_decimal(other, self)))

    def __eq__(self, other: object) -> Predicate:  # type: ignore[override]
        return self.__solidb_compare__("==", other)

    def __ne__(self, other: object) -> Predicate:  # type: ignore[override]
        return self.__solidb_compare__("!=", other)

    def __lt__(self, other: Any) -> Predicate:
        return self.__solidb_compare__("<", other)

    def __le__(self, other: Any) -> Predicate:
        return self.__solidb_compare__("<=", other)

    def __gt__(self, other: Any) -> Predicate:
        return self.__solidb_compare__(">", other)

    def __ge__(self, other: Any) -> Predicate:
        return self.__solidb_compare__(">=", other)

    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Expression:
        return computed(self, "+", other)

    def __radd__(self, other: Any) -> Expression:
        return computed(other, "+", self)

    def __sub__(self, other: Any) -> Expression:
        return computed(self, "-", other)

    def __rsub__(self, other: Any) -> Expression:
        return computed(other, "-", self)

    def __mul__(self, other: Any) -> Expression:
        return computed(self, "*", other)

    def __rmul__(self, other: Any) -> Expression:
        return computed(other, "*", self)

    def __truediv__(self, other: Any) -> Expression:
        return computed(self, "/", other)

    def __rtruediv__(self, other: Any) -> Expression:
        return computed(other, "/", self)

    def __floordiv__(self, other: Any) -> Expression:
        return computed(self, "//", other)

    def __rfloordiv__(self, other: Any) -> Expression:
        return computed(other, "//", self)

    def __mod__(self, other: Any) -> Expression:
        return computed(self, "%", other)

    def __rmod__(self, other: Any) -> Expression:
        return computed(other, "%", self)

    def __pow__(self, other: Any) -> Expression:
        return computed(self, "**", other)

    def __rpow__(self, other: Any) -> Expression:
        return computed(other, "**", self)

    def __lshift__(self, other: Any) -> Expression:
        return computed(self, "<<", other)

    def __rshift__(self, other: Any) -> Expression:
        return computed(self, ">>", other)

    def __xor__(self, other: Any) -> Expression:
        return computed(self, "^", other)

    def __rxor__(self, other: Any) -> Expression:
        return computed(other, "^", self)

    def __rlshift__(self, other: Any) -> Expression:
        return computed(other, "<<", self)

    def __rrshift__(self, other: Any) -> Expression:
        return computed(other, ">>", self)

    def __neg__(self) -> Expression:
        return negative(self)

    def __pos__(self) -> Expression:
        negative(self)  # which refuses what is no number
        return self

    def __abs__(self) -> Expression:
        return negative(self, is_absolute=True)

    def __and__(self, other: Any) -> Any:
        return _joined(self, "&", other)

    def __rand__(self, other: Any) -> Any:
        return _joined(other, "&", self)

    def __or__(self, other: Any) -> Any:
        return _joined(self, "|", other)

    def __ror__(self, other: Any) -> Any:
        return _joined(other, "|", self)

    def __invert__(self) -> Any:
        if is_condition(self):
            return Negation(self)
        return computed(negative(self), "-", 1) if self.__solidb_kind__ == "int" else _refuse(self, "~")

    def __getitem__(self, step: Any) -> Any:
        return _refuse(self, f"[{step!r}]", "func.nth(list, position), func.substring(text, start, length)")

    def __divmod__(self, other: Any) -> Any:
        return _refuse(self, "divmod()", "a // b, and a % b")

    def __round__(self, digits: int = 0) -> Any:
        return _refuse(self, "round()", "func.round(value, digits), which rounds halves away from zero")

    def __int__(self) -> int:
        _refuse(self, "int()", "func.trunc(value), func.to_number(text)")
        return 0

    def __float__(self) -> float:
        _refuse(self, "float()", "func.to_number(text)")
        return 0.0

    __index__ = __int__

    def __len__(self) -> int:
        _refuse(self, "len()", "func.length(value)")
        return 0

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__") or name == "annotation":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return BY_TYPE[0](self, name)

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
    """A condition: an expression that is true or false, for ``where`` and ``having``."""

    __slots__ = ()

    @property
    def __solidb_type__(self) -> Any:
        return bool


@dataclass(slots=True, eq=False)
class Value(Expression):
    """A Python value, encoded; it becomes a bind variable.

    As comparisons it is not frozen, which would take twice as long: every query makes some.
    """

    value: Any
    annotation: Any = Any

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        if self.annotation is Decimal and self.value is not None:
            return scope.bind(decimals.key_of(Decimal(self.value)))
        return scope.bind(self.value)

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        return scope.bind(None if self.value is None else str(self.value))

    @property
    def __solidb_nullable__(self) -> bool:
        return self.value is None

    @property
    def __solidb_aware__(self) -> bool | None:
        is_time = self.__solidb_kind__ == "datetime" and isinstance(self.value, str)
        return datetime.fromisoformat(self.value).tzinfo is not None if is_time else None

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(slots=True, eq=False)
class Comparison(Predicate):
    """``left op right``. Null, less than all in SDBQL, is left out of ``<``, ``<=``, as in Python and SQL."""

    left: Expression
    operator: q.ComparisonOperator
    right: Expression
    __solidb_is_small__ = True

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.left, self.right)

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        left = alike(self.left, self.left.__solidb_build__(scope))
        right = alike(self.right, self.right.__solidb_build__(scope), inside=self.operator.endswith("IN"))
        compared = exactly_compared(left, self.operator, right, self._size())
        smaller, node = (self.left, left) if self.operator in ("<", "<=") else (self.right, right)
        is_order = self.operator in ("<", "<=", ">", ">=")
        if not is_order or not (smaller.__solidb_nullable__ or scope.may_lack(smaller)):
            return compared
        return q.Logical("AND", (q.Compare(node, "!=", q.Literal(None)), compared))

    def _size(self) -> Size:
        """Return how large the number is that is compared with, if there is one."""
        value = next((side.value for side in (self.right, self.left) if isinstance(side, Value)), None)
        return size_of(value)

    def __repr__(self) -> str:
        return f"{self.left!r} {self.operator} {self.right!r}"


@dataclass(frozen=True, slots=True, eq=False)
class Combined(Predicate):
    """Conditions joined by AND or OR."""

    operator: q.LogicalOperator
    conditions: tuple[Expression, ...]
    __solidb_is_small__ = True

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.conditions

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        built = tuple(condition.__solidb_build__(scope) for condition in self.conditions)
        return built[0] if len(built) == 1 else q.Logical(self.operator, built)

    def __repr__(self) -> str:
        return "(" + f" {self.operator} ".join(repr(condition) for condition in self.conditions) + ")"


@dataclass(frozen=True, slots=True, eq=False)
class Negation(Predicate):
    """``NOT condition``."""

    condition: Expression

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.condition,)

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        return q.Unary("NOT", self.condition.__solidb_build__(scope))

    def __repr__(self) -> str:
        return f"NOT ({self.condition!r})"


class Computation(Expression):
    """A value that an operator computes: null where one of its parts is, or where it divides by 0.

    The parts that can be null are tested once for the whole of a chain of operators.
    """

    __slots__ = ()

    def __solidb_core__(self, scope: Scope) -> q.Expression:
        """Make the node that holds where no part is null; of a decimal that of its text."""
        raise TypeError(f"{type(self).__name__} has no node")

    def __solidb_gaps__(self, scope: Scope) -> tuple[q.Expression, ...]:
        """Make the conditions under which the value is null."""
        raise TypeError(f"{type(self).__name__} has no node")

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        is_decimal = self.__solidb_kind__ == "decimal"
        return decimals.key(self.__solidb_digits__(scope)) if is_decimal else self._guarded(scope)

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        return self._guarded(scope)

    def _guarded(self, scope: Scope) -> q.Expression:
        core, gaps = self.__solidb_core__(scope), tuple(dict.fromkeys(self.__solidb_gaps__(scope)))
        if not gaps:
            return core
        return q.Ternary(gaps[0] if len(gaps) == 1 else q.Logical("OR", gaps), q.Literal(None), core)


def _core(part: Expression, scope: Scope, whole: Expression) -> q.Expression:
    if isinstance(part, Computation):
        return part.__solidb_core__(scope)
    if whole.__solidb_kind__ != "decimal":
        return part.__solidb_build__(scope)
    if part.__solidb_kind__ == "int" and not isinstance(part, Value):
        return q.Call("TO_STRING", (part.__solidb_build__(scope),))
    return part.__solidb_digits__(scope)


def _gaps(part: Expression, scope: Scope) -> tuple[q.Expression, ...]:
    if isinstance(part, Computation):
        return part.__solidb_gaps__(scope)
    if not part.__solidb_nullable__ and not scope.may_lack(part):
        return ()
    is_decimal = part.__solidb_kind__ == "decimal"
    node = part.__solidb_digits__(scope) if is_decimal else part.__solidb_build__(scope)
    return (q.Compare(node, "==", q.Literal(None)),)


@dataclass(frozen=True, slots=True, eq=False)
class Arithmetic(Computation):
    """``left op right``."""

    left: Expression
    operator: str
    right: Expression
    rule: Rule

    @property
    def __solidb_type__(self) -> Any:
        return self.rule.annotation

    @property
    def can_divide_by_zero(self) -> bool:
        """Return whether it divides by what is not known to be another number than 0."""
        value = self.right.value if isinstance(self.right, Value) else None
        return self.rule.divides and (value is None or Decimal(value) == 0)

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.left, self.right)

    def __solidb_core__(self, scope: Scope) -> q.Expression:
        return self.rule.make(_core(self.left, scope, self), _core(self.right, scope, self))

    def __solidb_gaps__(self, scope: Scope) -> tuple[q.Expression, ...]:
        gaps = (*_gaps(self.left, scope), *_gaps(self.right, scope))
        if self.can_divide_by_zero:
            gaps = (*gaps, is_zero(self.__solidb_kind__, _core(self.right, scope, self)))
        return gaps

    @property
    def __solidb_nullable__(self) -> bool:
        return self.can_divide_by_zero or self.left.__solidb_nullable__ or self.right.__solidb_nullable__

    def __solidb_encode__(self, value: Any) -> Any:
        if self.__solidb_kind__ == "list":  # whose elements the list knows that was added to
            return (self.right if isinstance(self.left, Value) else self.left).__solidb_encode__(value)
        return Expression.__solidb_encode__(self, value)

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Negative(Computation):
    """``-operand``, or its absolute value."""

    operand: Expression
    is_absolute: bool = False

    @property
    def __solidb_type__(self) -> Any:
        return NUMBERS.get(self.operand.__solidb_kind__, Any)  # the opposite of an IntEnum's is none of its

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.operand,)

    def __solidb_core__(self, scope: Scope) -> q.Expression:
        node = _core(self.operand, scope, self)
        if self.__solidb_kind__ == "decimal":
            return q.Call("LTRIM", (node, q.Literal("-"))) if self.is_absolute else decimals.negated(node)
        if not self.is_absolute:
            return q.Unary("-", node)
        return q.Ternary(q.Compare(node, "<", q.Literal(0)), q.Unary("-", node), node)

    def __solidb_gaps__(self, scope: Scope) -> tuple[q.Expression, ...]:
        return _gaps(self.operand, scope)

    @property
    def __solidb_nullable__(self) -> bool:
        return self.operand.__solidb_nullable__

    def __repr__(self) -> str:
        return f"abs({self.operand!r})" if self.is_absolute else f"(-{self.operand!r})"


def computed(left: Any, operator: str, right: Any) -> Expression:
    """Make what an operator computes of two values, of which one is an expression; UsageError if it can't."""
    one, other = _part_of(left, right), _part_of(right, left)
    shown = Shown(left, operator, right)
    rule = rule_for(one.__solidb_kind__, operator, other.__solidb_kind__, shown)
    check_times(one.__solidb_aware__, other.__solidb_aware__, shown)
    if rule.annotation is list:
        rule = replace(rule, annotation=joint_list(one.__solidb_type__, other.__solidb_type__, shown))
    return Arithmetic(one, operator, other, rule)


def _part_of(value: Any, known: Expression) -> Expression:
    if isinstance(value, Expression):
        return value
    kind = value_kind(value)
    if kind == "list" and known.__solidb_kind__ == "list":
        check_literal(known.__solidb_type__, "list", value, "+", known)
        return Value(known.__solidb_encode__(value), known.__solidb_type__)
    return constant(value)


def constant(value: Any) -> Value:
    """Return a Python value as an expression, in the stored form of its own type."""
    kind: Any = cast(Any, type(value))
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        form = next((form for form in (dict, tuple) if isinstance(value, form)), list)
        return Value(encode_as(None, "", Any, value), form)
    if hasattr(value, "__solidb_reference__"):
        return Value(encode_as(None, "", Any, value), str)
    return Value(None) if value is None else Value(encode_as(None, "", kind, value), kind)


def negative(operand: Expression, *, is_absolute: bool = False) -> Expression:
    """Make ``-operand``, or its absolute value; UsageError if it is no number."""
    if type(operand) is Negative and not (operand.is_absolute or is_absolute):
        return operand.operand
    if operand.__solidb_kind__ not in NUMBERS:
        _refuse(operand, "abs()" if is_absolute else "-")
    return Negative(operand, is_absolute)


def is_condition(value: Any) -> bool:
    """Return whether an expression is true or false: a predicate, or a field of bools."""
    is_expression = isinstance(value, Expression)
    return isinstance(value, Predicate) or (is_expression and value.__solidb_kind__ in ("bool", "any"))


def _joined(left: Any, operator: str, right: Any) -> Expression:
    """Make ``&`` or ``|``: of conditions their logic, of integers their bits."""
    if is_condition(left) and is_condition(right):
        logical: q.LogicalOperator = "AND" if operator == "&" else "OR"
        if type(left) is Combined and left.operator == logical:  # of a chain, which stays flat
            return lengthened(Combined(logical, (*left.conditions, right)), left, right)
        return measured(Combined(logical, (left, right)))
    return computed(left, operator, right)


def _refuse(what: Expression, operator: str, way: str = "") -> Any:
    hint = way or "compute in Python, or with a function of func"
    raise UsageError(f"{operator} can't be asked of {what!r} in a query", hint=hint)


def as_decimal(value: Expression, other: Expression) -> Expression:
    """Make a decimal of an integer that is compared with one."""
    is_mixed = value.__solidb_kind__ == "int" and other.__solidb_kind__ == "decimal"
    return computed(value, "+", Decimal(0)) if is_mixed else value
