"""Expressions: operands and the operators between them, by one table of binding powers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..grammar import COMPARISON, LOOSEST, NEGATED, PIPEABLE, POWERS, QUANTIFIABLE, RANGE, UNARY
from ..nodes import ArrayCompare, Binary, Compare, Expression, Literal, Logical, Pipe, Range, Ternary, Unary
from ..tokens import FLOAT, INTEGER, NAME, QUOTED
from .operands import POSTFIX, OperandParser

if TYPE_CHECKING:
    from ..nodes import ArrayQuantifier, ComparisonOperator


class ExpressionParser(OperandParser):
    """Read expressions."""

    allow_in: bool = True
    """Off at the top level of a mutation's values, where IN names the collection."""

    def expression(self, *, allow_in: bool = True) -> Expression:
        """Read a whole expression."""
        outer, self.allow_in = self.allow_in, allow_in
        self.descend()
        result = self.ternary()
        self.depth -= 1
        self.allow_in = outer
        return result

    def ternary(self) -> Expression:
        """Read ``condition ? then : otherwise``; the last part may be another one, of any length."""
        condition = self.binary(LOOSEST)
        if self.kinds[self.at] != "?":
            return condition
        branches: list[tuple[Expression, Expression]] = []
        while self.accept("?"):
            self.descend()
            branches.append((condition, self.ternary()))
            self.depth -= 1
            self.expect(":")
            condition = self.binary(LOOSEST)
        for test, then in reversed(branches):
            condition = Ternary(test, then, condition)
        return condition

    def binary(self, least: int) -> Expression:
        """Read operands and the operators between them that bind at least this tightly."""
        left = self.unary()
        while (power := POWERS.get(kind := self.kinds[self.at], 0)) >= least:
            if power == COMPARISON:
                compared = self.comparison(left)
                if compared is None:
                    return left
                left = compared
                continue
            self.at += 1
            if kind in ("AND", "OR"):
                left = self.logical(left, kind, power)
            elif kind == "|>":
                left = self.pipe(left)
            elif kind == "..":
                left = Range(left, self.binary(power + 1))
                if self.kind == "..":
                    raise self.error("a range has two ends")
            else:
                left = Binary(left, cast("Any", kind), self.binary(power + 1))
        return left

    def logical(self, first: Expression, operator: str, power: int) -> Expression:
        """Read the other operands of AND or OR, as one flat list."""
        operands = [first, self.binary(power + 1)]
        while self.accept(operator):
            operands.append(self.binary(power + 1))
        return Logical(cast("Any", operator), tuple(operands))

    def pipe(self, value: Expression) -> Expression:
        """Read the call after ``|>``."""
        kind = self.kind
        if kind not in (NAME, QUOTED) and kind not in PIPEABLE:
            raise self.expected("a function")
        self.at += 1
        name = self.spelling(self.at - 1).strip("`").upper() if kind in (NAME, QUOTED) else kind
        return Pipe(value, name, self.arguments())

    def comparison(self, left: Expression) -> Expression | None:
        """Read an operator and its right side; None if what stands here is no comparison."""
        kind = self.kinds[self.at]
        if kind in ("ANY", NAME):
            return self.array_comparison(left)
        operator = self.comparison_operator()
        if operator is None:
            return None
        return Compare(left, operator, self.binary(RANGE))

    def comparison_operator(self) -> ComparisonOperator | None:
        """Take an operator, unless it is an IN that belongs to a mutation."""
        kind = self.kinds[self.at]
        plain = self.ahead() if kind == "NOT" else kind
        if plain == "IN" and not self.allow_in:
            return None
        if kind != "NOT":
            self.at += 1
            return cast("ComparisonOperator", kind)
        if plain not in NEGATED:
            return None
        self.at += 2
        return cast("ComparisonOperator", NEGATED[plain])

    def array_comparison(self, left: Expression) -> Expression | None:
        """Read ``ANY == right`` and its kin; None if no quantifier with an operator stands here."""
        quantifier = self.array_quantifier()
        if quantifier is None:
            return None
        start = self.at
        self.at += 2 if quantifier == "AT LEAST" else 1
        count = None
        if quantifier == "AT LEAST":
            self.expect("(")
            count = self.expression()
            self.expect(")")
        operator = self.comparison_operator() if self.kind in QUANTIFIABLE else None
        if operator is None:
            if count is not None:
                raise self.expected("a comparison operator")
            self.at = start
            return None
        return ArrayCompare(left, quantifier, operator, self.binary(RANGE), count)

    def array_quantifier(self) -> ArrayQuantifier | None:
        """Recognise a quantifier that stands before an operator."""
        if self.is_word("AT"):
            return "AT LEAST" if self.is_word("LEAST", 1) and self.ahead(2) == "(" else None
        if self.ahead() not in QUANTIFIABLE:
            return None
        if self.kind == "ANY":
            return "ANY"
        return "ALL" if self.is_word("ALL") else "NONE" if self.is_word("NONE") else None

    def unary(self) -> Expression:
        """Read unary operators and their operand; a minus before a number makes one literal."""
        kind = self.kinds[self.at]
        if kind not in UNARY:
            return self.postfix()
        operators: list[str] = []
        while (kind := self.kinds[self.at]) in UNARY:
            operators.append(kind)
            self.at += 1
            self.descend()
        levels = len(operators)
        if operators[-1] == "-" and self.is_plain_number():
            operators.pop()
            operand: Expression = Literal(-cast("int | float", self.values[self.at]))
            self.at += 1
        else:
            operand = self.postfix()
        self.depth -= levels
        for operator in reversed(operators):
            operand = Unary(cast("Any", operator), operand)
        return operand

    def is_plain_number(self) -> bool:
        """Return whether a number stands here that nothing is read from."""
        return self.kind in (INTEGER, FLOAT) and self.ahead() not in POSTFIX
