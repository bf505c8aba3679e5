"""Expressions to text: one method per node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ...errors import QueryError
from .. import nodes
from ..grammar import CALLABLE, PIPEABLE, POWERS, QUANTIFIABLE
from ..tokens import NAME
from .decimal_calls import written_out
from .quoting import quote_bind, quote_function, quote_name, quote_scalar, quote_string, quote_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..nodes import Expression, Query

_CHAINS = (nodes.Binary, nodes.Compare, nodes.ArrayCompare, nodes.Pipe)
_COMPOUND = (
    *_CHAINS,
    *(nodes.Unary, nodes.Logical, nodes.Range, nodes.Ternary, nodes.Lambda, nodes.Quantified, nodes.Window),
)


class ExpressionPrinter(ABC):
    """Write expressions; the layers above write the queries in them."""

    @abstractmethod
    def subquery(self, node: nodes.Subquery) -> str:
        """Write a query in parentheses."""

    @abstractmethod
    def query(self, query: Query) -> str:
        """Write a query."""

    def expression(self, node: Expression) -> str:
        """Write an expression where nothing around it could bind tighter."""
        write = _WRITERS.get(type(node))
        if write is None:
            raise QueryError(f"{type(node).__name__} is not an expression")
        return write(self, node)

    def operand(self, node: Expression) -> str:
        """Write an expression as part of another, in parentheses if it has parts of its own."""
        text = self.expression(node)
        return f"({text})" if is_compound(node) else text

    def expressions(self, listed: Iterable[Expression]) -> str:
        """Write expressions with commas between them."""
        return ", ".join(map(self.expression, listed))

    def base(self, node: Expression) -> str:
        """Write an operand that numbers would melt into: ``1.a`` starts with a float."""
        text = self.operand(node)
        number = isinstance(node, nodes.Literal) and isinstance(node.value, (int, float))
        return f"({text})" if number and text[0] != "(" else text

    def literal(self, node: nodes.Literal) -> str:
        """Write a constant."""
        return quote_scalar(node.value)

    def bind(self, node: nodes.Bind) -> str:
        """Write a bind variable."""
        return quote_bind(node.name)

    def name(self, node: nodes.Name) -> str:
        """Write a variable."""
        return quote_name(node.name)

    def postfix(self, node: Expression) -> str:
        """Write attributes and elements read one from another, from the inside out."""
        suffixes: list[str] = []
        base = node
        while True:
            if isinstance(base, nodes.Attribute):
                inner, suffix = base.base, self.attribute(base)
            elif isinstance(base, nodes.Subscript):
                inner, suffix = base.base, self.index(base)
            elif isinstance(base, nodes.Expansion):
                inner, suffix = base.base, self.expansion(base)
            else:
                break
            suffixes.append(suffix)
            if self.would_join(base, inner):
                suffixes.append(f"({self.expression(inner)})")
                return "".join(reversed(suffixes))
            base = inner
        suffixes.append(self.base(base))
        return "".join(reversed(suffixes))

    def would_join(self, node: Expression, inner: Expression) -> bool:
        """Return whether a plain attribute would be read as part of the path of an expansion."""
        return isinstance(inner, nodes.Expansion) and isinstance(node, nodes.Attribute) and not node.optional

    def attribute(self, node: nodes.Attribute) -> str:
        """Write what follows the base of an attribute. The brackets take names with backticks."""
        if "`" in node.name or not node.name or ("." in node.name and not node.optional):
            return f"[{quote_string(node.name)}]"
        return f"{'?.' if node.optional else '.'}{quote_name(node.name)}"

    def index(self, node: nodes.Subscript) -> str:
        """Write an index. A bare string literal in brackets would be an attribute."""
        text = self.expression(node.index)
        literal = isinstance(node.index, nodes.Literal) and isinstance(node.index.value, str)
        return f"[({text})]" if literal else f"[{text}]"

    def expansion(self, node: nodes.Expansion) -> str:
        """Write ``[* ..]`` and its path."""
        if node.depth < 1:
            raise QueryError("an expansion has at least one star")
        inside = "*" * node.depth
        if node.condition is not None:
            inside += f" FILTER {self.expression(node.condition)}"
        if node.limit is not None:
            offset = f"{self.expression(node.offset)}, " if node.offset is not None else ""
            inside += f" LIMIT {offset}{self.expression(node.limit)}"
        elif node.offset is not None:
            raise QueryError("an expansion with an offset needs a limit")
        if node.projection is not None:
            inside += f" RETURN {self.expression(node.projection)}"
        return f"[{inside}]" + "".join(f".{quote_name(name)}" for name in node.path)

    def array(self, node: nodes.Array) -> str:
        """Write an array."""
        return f"[{self.expressions(node.items)}]"

    def object(self, node: nodes.Object) -> str:
        """Write an object; its keys are strings, because many bare words are refused or changed."""
        pairs = (f"{quote_string(key)}: {self.expression(value)}" for key, value in node.pairs)
        return f"{{{', '.join(pairs)}}}"

    def unary(self, node: nodes.Unary) -> str:
        """Write an operator and its operand. ``- 5`` would be the literal, and ``--`` a comment."""
        operand = node.operand
        if isinstance(operand, nodes.Unary):
            return f"{node.operator} {self.unary(operand)}"
        return f"{node.operator} {self.base(operand)}"

    def chain(self, node: Expression) -> str:
        """Write operators of one precedence, which group from the left, without parentheses.

        The server allows 64 parentheses within each other, so a long sum must be flat.
        """
        power = _power(node)
        rest: list[str] = []
        left = node
        while isinstance(left, _CHAINS) and _power(left) == power:
            if isinstance(left, nodes.Pipe):
                rest.append(self.pipe_call(left))
                left = left.value
            else:
                rest.append(f"{self.operator(left)} {self.operand(left.right)}")
                left = left.left
        rest.append(self.operand(left))
        return " ".join(reversed(rest))

    def operator(self, node: nodes.Binary | nodes.Compare | nodes.ArrayCompare) -> str:
        """Write the operator of a chain, with its quantifier."""
        if not isinstance(node, nodes.ArrayCompare):
            return node.operator
        if node.operator not in QUANTIFIABLE and node.operator != "NOT IN":
            raise QueryError(f"{node.operator} has no form for arrays")
        if node.quantifier != "AT LEAST":
            return f"{node.quantifier} {node.operator}"
        if node.count is None:
            raise QueryError("AT LEAST needs a count")
        return f"AT LEAST ({self.expression(node.count)}) {node.operator}"

    def pipe_call(self, node: nodes.Pipe) -> str:
        """Write the call of a pipe."""
        return f"|> {quote_function(node.name, PIPEABLE)}({self.expressions(node.arguments)})"

    def logical(self, node: nodes.Logical) -> str:
        """Write AND or OR with all operands side by side."""
        if len(node.operands) < 2:
            raise QueryError(f"{node.operator} needs two operands or more")
        return f" {node.operator} ".join(map(self.operand, node.operands))

    def range(self, node: nodes.Range) -> str:
        """Write a range."""
        return f"{self.operand(node.low)}..{self.operand(node.high)}"

    def ternary(self, node: nodes.Ternary) -> str:
        """Write a choice; choices in its last part follow flat."""
        rest: list[str] = []
        last: Expression = node
        while isinstance(last, nodes.Ternary):
            rest.append(f"{self.operand(last.condition)} ? {self.operand(last.then)} : ")
            last = last.otherwise
        return "".join(rest) + self.operand(last)

    def case(self, node: nodes.Case) -> str:
        """Write CASE."""
        parts = ["CASE"]
        if node.subject is not None:
            parts.append(self.operand(node.subject))
        parts += [f"WHEN {self.operand(test)} THEN {self.operand(then)}" for test, then in node.branches]
        if node.otherwise is not None:
            parts.append(f"ELSE {self.operand(node.otherwise)}")
        return " ".join([*parts, "END"])

    def call(self, node: nodes.Call) -> str:
        """Write a call."""
        name = quote_function(node.name, CALLABLE)
        if node.name == "NONE" and node.arguments:
            # NONE(x IN array) would be a quantifier.
            first, *rest = node.arguments
            return f"{name}({', '.join([self.operand(first), *map(self.expression, rest)])})"
        return f"{name}({self.expressions(node.arguments)})"

    def decimal_call(self, node: nodes.DecimalCall) -> str:
        """Write out a computation of decimals, for which the language has no function."""
        return self.expression(written_out(node))

    def lambda_(self, node: nodes.Lambda) -> str:
        """Write a lambda."""
        if not node.parameters:
            raise QueryError("a lambda needs a parameter")
        names = ", ".join(map(quote_name, node.parameters))
        return f"{names if len(node.parameters) == 1 else f'({names})'} -> {self.expression(node.body)}"

    def quantified(self, node: nodes.Quantified) -> str:
        """Write a quantifier with its condition."""
        text = f"{node.quantifier} {quote_name(node.variable)} IN {self.operand(node.source)}"
        return text if node.condition is None else f"{text} SATISFIES {self.expression(node.condition)}"

    def template(self, node: nodes.Template) -> str:
        """Write a template string."""
        parts = (quote_template(part) if isinstance(part, str) else self.hole(part) for part in node.parts)
        return f'$"{"".join(parts)}"'

    def hole(self, node: Expression) -> str:
        """Write ``${expression}``; the server counts braces there, even those in strings and names."""
        text = self.expression(node)
        depth = 0
        for char in text:
            depth += (char == "{") - (char == "}")
            if depth < 0:
                break
        if depth:
            raise QueryError(
                "a template string can't hold an expression with a single brace in a text",
                hint="bind the text, or use CONCAT(..)",
            )
        return f"${{{text}}}"

    def sort_keys(self, keys: Iterable[nodes.SortKey]) -> str:
        """Write sort keys."""
        return ", ".join(self.expression(key.expression) + " DESC" * key.descending for key in keys)

    def window(self, node: nodes.Window) -> str:
        """Write a window function."""
        over: list[str] = []
        if node.partition_by:
            over.append(f"PARTITION BY {self.expressions(node.partition_by)}")
        if node.order_by:
            over.append(f"ORDER BY {self.sort_keys(node.order_by)}")
        name = quote_function(node.name, ())
        return f"{name}({self.expressions(node.arguments)}) OVER ({' '.join(over)})"

    def subquery_(self, node: nodes.Subquery) -> str:
        """Write a subquery."""
        return self.subquery(node)


def is_compound(node: Expression) -> bool:
    """Return whether an operand needs parentheses; a negative number has an operator too."""
    if isinstance(node, nodes.Literal):
        return isinstance(node.value, (int, float)) and quote_scalar(node.value)[0] == "-"
    return isinstance(node, _COMPOUND)


def _power(node: nodes.Binary | nodes.Compare | nodes.ArrayCompare | nodes.Pipe | Expression) -> int:
    if isinstance(node, nodes.Pipe):
        return POWERS["|>"]
    return POWERS[node.operator] if isinstance(node, nodes.Binary) else POWERS[NAME]


_WRITERS: dict[type[Expression], Callable[[ExpressionPrinter, Any], str]] = {
    nodes.Literal: ExpressionPrinter.literal,
    nodes.Bind: ExpressionPrinter.bind,
    nodes.Name: ExpressionPrinter.name,
    nodes.Attribute: ExpressionPrinter.postfix,
    nodes.Subscript: ExpressionPrinter.postfix,
    nodes.Expansion: ExpressionPrinter.postfix,
    nodes.Array: ExpressionPrinter.array,
    nodes.Object: ExpressionPrinter.object,
    nodes.Unary: ExpressionPrinter.unary,
    nodes.Binary: ExpressionPrinter.chain,
    nodes.Compare: ExpressionPrinter.chain,
    nodes.ArrayCompare: ExpressionPrinter.chain,
    nodes.Pipe: ExpressionPrinter.chain,
    nodes.Logical: ExpressionPrinter.logical,
    nodes.Range: ExpressionPrinter.range,
    nodes.Ternary: ExpressionPrinter.ternary,
    nodes.Case: ExpressionPrinter.case,
    nodes.Call: ExpressionPrinter.call,
    nodes.DecimalCall: ExpressionPrinter.decimal_call,
    nodes.Lambda: ExpressionPrinter.lambda_,
    nodes.Quantified: ExpressionPrinter.quantified,
    nodes.Template: ExpressionPrinter.template,
    nodes.Window: ExpressionPrinter.window,
    nodes.Subquery: ExpressionPrinter.subquery_,
}
