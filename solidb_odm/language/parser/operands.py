"""Operands: what expressions are made of, and what is read from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

from ..grammar import CALLABLE, KEYS
from ..nodes import (
    Array,
    Attribute,
    Bind,
    Call,
    Case,
    Expansion,
    Expression,
    Lambda,
    Literal,
    Name,
    Object,
    Quantified,
    SortKey,
    Subquery,
    Subscript,
    Template,
    Window,
)
from ..tokens import BIND, FLOAT, INTEGER, NAME, QUOTED, STRING, TEMPLATE, tokenize
from .cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..nodes import Query

POSTFIX = frozenset({".", "?.", "["})
"""What an operand may be read with."""


class OperandParser(Cursor, ABC):
    """Read operands; the layers above say what expressions and queries are."""

    @abstractmethod
    def query(self) -> Query:
        """Read a query, for subqueries."""

    @abstractmethod
    def expression(self, *, allow_in: bool = True) -> Expression:
        """Read a whole expression."""

    def expressions(self) -> tuple[Expression, ...]:
        """Read expressions separated by commas."""
        listed = [self.expression()]
        while self.accept(","):
            listed.append(self.expression())
        return tuple(listed)

    def postfix(self) -> Expression:
        """Read an operand with the attributes and elements that are read from it."""
        node = self.primary()
        while (kind := self.kinds[self.at]) in POSTFIX:
            if kind == "[":
                node = self.subscript(node)
            else:
                self.at += 1
                node = Attribute(node, self.attribute_name(), kind == "?.")
        return node

    def attribute_name(self) -> str:
        """Take the name after a dot. A keyword means its lower-case canonical spelling."""
        kind = self.kinds[self.at]
        if kind in (NAME, QUOTED):
            self.at += 1
            return cast("str", self.values[self.at - 1])
        if kind.isalpha() and kind.isupper() and self.spelling(self.at)[0].isalpha():
            self.at += 1
            return kind.lower()
        raise self.expected("an attribute name")

    def subscript(self, base: Expression) -> Expression:
        """Read ``[index]``, ``["name"]`` or an expansion."""
        self.at += 1
        kind = self.kind
        if kind == "*":
            return self.expansion(base)
        if kind == STRING and self.ahead() == "]":
            self.at += 2
            return Attribute(base, cast("str", self.values[self.at - 2]))
        index = self.expression()
        self.expect("]")
        return Subscript(base, index)

    def expansion(self, base: Expression) -> Expression:
        """Read ``[* ..]`` after the bracket, and the path behind it."""
        depth = 0
        while self.accept("*"):
            depth += 1
        condition = self.expression() if self.accept("FILTER") else None
        offset = limit = None
        if self.accept("LIMIT"):
            limit = self.expression()
            if self.accept(","):
                offset, limit = limit, self.expression()
        projection = self.expression() if self.accept("RETURN") else None
        self.expect("]")
        path: list[str] = []
        while self.accept("."):
            path.append(self.attribute_name())
        return Expansion(base, depth, condition, offset, limit, projection, tuple(path))

    def primary(self) -> Expression:
        """Read an operand."""
        kind = self.kinds[self.at]
        read = _PRIMARIES.get(kind)
        if read is None:
            if kind in CALLABLE and self.ahead() == "(":
                return self.call(kind)
            raise self.expected("an expression")
        return read(self)

    def named(self) -> Expression:
        """Read what starts with a name: a variable, a call, a lambda, a quantified NONE."""
        following = self.ahead()
        if following == "(":
            if self.is_word("NONE") and self.ahead(2) in (NAME, QUOTED) and self.ahead(3) == "IN":
                return self.quantified_in_parentheses()
            return self.call(cast("str", self.values[self.at]).upper())
        if following == "->":
            parameter = self.name("a parameter")
            return self.lambda_body((parameter,))
        if following in (NAME, QUOTED) and self.is_word("NONE") and self.ahead(2) == "IN":
            return self.quantified()
        self.at += 1
        return Name(cast("str", self.values[self.at - 1]))

    def call(self, name: str) -> Expression:
        """Read a call, or a window function if OVER follows."""
        self.at += 1
        arguments = self.arguments()
        if self.kinds[self.at] != "OVER" or name in CALLABLE:
            return Call(name, arguments)
        window = self.window(name, arguments)
        if self.kind in POSTFIX:
            raise self.error(f"{self.spelling(self.at)!r} can't follow OVER (..): use parentheses")
        return window

    def arguments(self) -> tuple[Expression, ...]:
        """Read the arguments of a call, with their parentheses."""
        self.expect("(")
        return self.items_until(")")

    def items_until(self, closing: str) -> tuple[Expression, ...]:
        """Read expressions up to a closing bracket; a comma may stand before it."""
        items: list[Expression] = []
        while not self.accept(closing):
            items.append(self.expression())
            if not self.accept(","):
                self.expect(closing, f"',' or {closing!r}")
                break
        return tuple(items)

    def window(self, name: str, arguments: tuple[Expression, ...]) -> Expression:
        """Read ``OVER (..)``."""
        self.expect("OVER")
        self.expect("(")
        partition: tuple[Expression, ...] = ()
        order: tuple[SortKey, ...] = ()
        if self.accept("PARTITION"):
            self.expect_word("BY")
            partition = self.expressions()
        if self.accept("SORT"):
            self.expect_word("BY")
            order = self.sort_keys()
        self.expect(")")
        return Window(name, arguments, partition, order)

    def sort_keys(self) -> tuple[SortKey, ...]:
        """Read sort keys with their directions."""
        keys: list[SortKey] = []
        while True:
            expression = self.expression()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
            keys.append(SortKey(expression, descending))
            if not self.accept(","):
                return tuple(keys)

    def lambda_body(self, parameters: tuple[str, ...]) -> Expression:
        """Read ``-> body``."""
        self.expect("->")
        return Lambda(parameters, self.expression())

    def parenthesis(self) -> Expression:
        """Read what is in parentheses: a subquery, a lambda's parameters, an expression."""
        self.at += 1
        if self.kind in ("FOR", "LET"):
            query = self.query()
            self.expect(")")
            return Subquery(query)
        if self.kind in (NAME, QUOTED) and self.is_lambda():
            parameters = self.names("a parameter")
            self.expect(")")
            return self.lambda_body(parameters)
        expression = self.expression()
        self.expect(")")
        return expression

    def is_lambda(self) -> bool:
        """Return whether ``name, name) ->`` stands here."""
        count = 1
        while self.ahead(count) == "," and self.ahead(count + 1) in (NAME, QUOTED):
            count += 2
        return self.ahead(count) == ")" and self.ahead(count + 1) == "->"

    def subquery(self) -> Expression:
        """Read a subquery without parentheses; it takes all it can."""
        return Subquery(self.query())

    def array(self) -> Expression:
        """Read ``[items]``."""
        self.at += 1
        return Array(self.items_until("]"))

    def object(self) -> Expression:
        """Read ``{key: value}``; a key alone is short for the variable of that name."""
        self.expect("{")
        pairs: list[tuple[str, Expression]] = []
        while not self.accept("}"):
            key = self.key()
            pairs.append((key, self.expression() if self.accept(":") else Name(key)))
            if not self.accept(","):
                self.expect("}", "',' or '}'")
                break
        return Object(tuple(pairs))

    def key(self) -> str:
        """Take a key. The server spells keywords in lower case, and both SORT and ORDER ``order``."""
        kind = self.kinds[self.at]
        self.at += 1
        if kind in (NAME, QUOTED, STRING):
            return cast("str", self.values[self.at - 1])
        if kind in KEYS:
            return "order" if kind == "SORT" else kind.lower()
        self.at -= 1
        raise self.expected("the key of an object")

    def literal(self) -> Expression:
        """Take a number or a string."""
        self.at += 1
        return Literal(cast("str | int | float", self.values[self.at - 1]))

    def constant(self) -> Expression:
        """Take ``true``, ``false`` or ``null``."""
        self.at += 1
        return Literal({"TRUE": True, "FALSE": False}.get(self.kinds[self.at - 1]))

    def bind(self) -> Expression:
        """Take ``@name``."""
        self.at += 1
        return Bind(cast("str", self.values[self.at - 1]))

    def template(self) -> Expression:
        """Read a template; each hole is a text of its own, of which one expression counts."""
        parts: list[str | Expression] = []
        for part in cast("tuple[str | tuple[int, int], ...]", self.values[self.at]):
            if isinstance(part, str):
                parts.append(part)
            else:
                hole = type(self)(tokenize(self.tokens.text, *part), self.depth)
                parts.append(hole.expression())
        self.at += 1
        return Template(tuple(parts))

    def case(self) -> Expression:
        """Read ``CASE .. END``."""
        self.at += 1
        subject = None if self.kind in ("WHEN", "ELSE", "END") else self.expression()
        branches: list[tuple[Expression, Expression]] = []
        if self.kind in ("ELSE", "END"):
            raise self.error("a CASE needs at least one WHEN")
        while self.accept("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            branches.append((condition, self.expression()))
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END", "'WHEN', 'ELSE' or 'END'")
        return Case(subject, tuple(branches), otherwise)

    def quantified(self) -> Expression:
        """Read ``ANY x IN source SATISFIES condition``."""
        quantifier = "ANY" if self.kind == "ANY" else "NONE"
        self.at += 1
        variable = self.name("a variable")
        self.expect("IN")
        source = self.expression()
        condition = self.expression() if self.accept("SATISFIES") else None
        return Quantified(cast("Any", quantifier), variable, source, condition)

    def quantified_in_parentheses(self) -> Expression:
        """Read ``NONE(x IN source SATISFIES condition)``."""
        self.at += 2
        variable = self.name("a variable")
        self.expect("IN")
        source = self.expression()
        condition = self.expression() if self.accept("SATISFIES") else None
        self.expect(")")
        return Quantified("NONE", variable, source, condition)


_PRIMARIES: dict[str, Callable[[OperandParser], Expression]] = {
    NAME: OperandParser.named,
    QUOTED: OperandParser.named,
    BIND: OperandParser.bind,
    INTEGER: OperandParser.literal,
    FLOAT: OperandParser.literal,
    STRING: OperandParser.literal,
    TEMPLATE: OperandParser.template,
    "TRUE": OperandParser.constant,
    "FALSE": OperandParser.constant,
    "NULL": OperandParser.constant,
    "(": OperandParser.parenthesis,
    "[": OperandParser.array,
    "{": OperandParser.object,
    "CASE": OperandParser.case,
    "ANY": OperandParser.quantified,
    "FOR": OperandParser.subquery,
    "LET": OperandParser.subquery,
}
