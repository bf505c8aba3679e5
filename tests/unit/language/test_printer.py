from __future__ import annotations

import json
import math
from dataclasses import is_dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import QueryError
from solidb_odm.language import nodes
from solidb_odm.language.nodes import (
    Array,
    Attribute,
    Binary,
    Bind,
    Block,
    Call,
    Compare,
    Expansion,
    Filter,
    For,
    Literal,
    Logical,
    Name,
    Return,
    SetOperation,
    Subquery,
    Subscript,
    Template,
    Ternary,
    Unary,
)
from solidb_odm.language.parser import parse, parse_expression
from solidb_odm.language.printer import print_expression, print_query
from solidb_odm.language.walk import walk
from tests.strategies.sdbql_nodes import expressions, queries

FIXTURES = Path(__file__).parents[2] / "fixtures"
ROUNDTRIP = [line for line in (FIXTURES / "roundtrip.sdbql").read_text("utf-8").splitlines() if line.strip()]
CASES: list[dict[str, Any]] = json.loads((FIXTURES / "sdbql-cases.json").read_text("utf-8"))["cases"]
READABLE = [case for case in CASES if case["expect"].get("kind") != "ParseError"]
X = Name("x")


@pytest.mark.parametrize("query", ROUNDTRIP, ids=ROUNDTRIP)
def test_a_printed_query_prints_as_it_was(query: str) -> None:
    assert print_query(parse(query)) == query


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case["name"])
def test_a_query_of_the_server_reads_back_as_the_same_one(case: dict[str, Any]) -> None:
    query = parse(case["query"])
    assert parse(print_query(query)) == query


@given(queries())
def test_what_is_printed_reads_back_as_the_same_query(query: nodes.Query) -> None:
    assert parse(print_query(query)) == query


@given(queries())
def test_what_is_printed_on_many_lines_reads_back_as_the_same_query(query: nodes.Query) -> None:
    assert parse(print_query(query, pretty=True)) == query


@given(expressions())
def test_a_printed_expression_reads_back_as_the_same_one(expression: nodes.Expression) -> None:
    assert parse_expression(print_expression(expression)) == expression


def test_the_round_trips_cover_every_class_of_nodes() -> None:
    classes = {
        value
        for value in vars(nodes).values()
        if isinstance(value, type) and issubclass(value, nodes.Node) and is_dataclass(value)
    }
    abstract = {nodes.Node, nodes.Expression, nodes.Clause, nodes.DecimalCall}  # which is written out
    covered = {type(node) for query in ROUNDTRIP for node in walk(parse(query))}
    assert covered == classes - abstract


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_have_a_dot_and_no_exponent(value: float) -> None:
    text = print_expression(Literal(value))
    assert "e" not in text
    assert "." in text
    assert float(text) == value


@pytest.mark.parametrize("value", [1e300, 5e-324, -0.0, 1.7976931348623157e308, 1e16, 123456789.125])
def test_extreme_floats_keep_every_bit(value: float) -> None:
    assert parse_expression(print_expression(Literal(value))) == Literal(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1])
def test_numbers_without_a_text_are_refused(value: float) -> None:
    with pytest.raises(QueryError, match="can't be written"):
        print_expression(Literal(value))


def test_the_smallest_integer_is_computed_because_its_digits_do_not_fit() -> None:
    assert print_expression(Array((Literal(-(2**63)),))) == "[-9223372036854775807 - 1]"
    assert print_expression(Binary(Literal(-(2**63)), "*", X)) == "(-9223372036854775807 - 1) * `x`"


class Rank(IntEnum):
    low = 1


class Color(StrEnum):
    red = "r"


def test_members_of_enums_are_written_as_their_values() -> None:
    assert print_expression(Array((Literal(Rank.low), Literal(Color.red)))) == '[1, "r"]'


@pytest.mark.parametrize("name", ["a`b", "", "\ud800"])
def test_names_that_cannot_be_quoted_are_refused(name: str) -> None:
    with pytest.raises(QueryError):
        print_expression(Name(name))


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Attribute(X, "a`b"), '`x`["a`b"]'),
        (Attribute(X, "a.b"), '`x`["a.b"]'),
        (Attribute(X, "a.b", optional=True), "`x`?.`a.b`"),
        (Subscript(X, Literal("a")), '`x`[("a")]'),
        (Attribute(Literal(1), "a"), "(1).`a`"),
        (Attribute(Expansion(X), "a"), "(`x`[*]).`a`"),
        (Expansion(X, path=("a",)), "`x`[*].`a`"),
        (Unary("-", Unary("-", X)), "- - `x`"),
        (Unary("-", Literal(5)), "- (5)"),
        (Literal(-5), "-5"),
        (Binary(X, "-", Literal(-5)), "`x` - (-5)"),
        (Binary(Binary(X, "-", X), "+", X), "`x` - `x` + `x`"),
        (Binary(X, "-", Binary(X, "+", X)), "`x` - (`x` + `x`)"),
        (Unary("NOT", Compare(X, "==", X)), "NOT (`x` == `x`)"),
        (Template(("cost: $", Bind("p"), "\n")), '$"cost: $$${@p}\\n"'),
        (Return(Name("distinct")), "RETURN (`distinct`)"),
    ],
    ids=str,
)
def test_operands_keep_their_meaning(node: nodes.Node, text: str) -> None:
    if isinstance(node, Return):
        assert print_query(Block(returns=node)) == text
    else:
        assert isinstance(node, nodes.Expression)
        assert print_expression(node) == text


@pytest.mark.parametrize(
    "node",
    [
        Logical("AND", (X,)),
        Call("SORT", (X,)),
        nodes.Window("LEFT", (X,)),
        Call("NO SUCH", ()),
        Bind("a b"),
        nodes.Lambda((), X),
        nodes.ArrayCompare(X, "ANY", "LIKE", X),
        nodes.ArrayCompare(X, "AT LEAST", "==", X),
        Expansion(X, offset=X),
        Expansion(X, depth=0),
        Template((Literal("}"),)),
        Subquery(Block(returns=Return(X))),
        nodes.Expression(),
    ],
    ids=lambda node: type(node).__name__,
)
def test_what_has_no_text_is_refused(node: nodes.Expression) -> None:
    with pytest.raises(QueryError):
        print_expression(node)


@pytest.mark.parametrize(
    "clause",
    [
        nodes.Insert(X, "c", (("nonsense", True),)),
        nodes.Insert(X, "c", (("overwriteMode", "maybe"),)),
        nodes.Update(X, X, "c", options=(("overwriteMode", "update"),)),
        For("x", Array(()), system_time=X),
        nodes.Traverse(("v",), "ANY", X, "e", options=(("order", "dfs"), ("uniqueVertices", "global"))),
        nodes.Traverse((), "ANY", X, "e"),
        nodes.Collect(keep=("x",)),
        nodes.Collect(into="g", into_expression=X, keep=("x",)),
        nodes.Join("ASOF", "c", X, left_time=X),
    ],
    ids=lambda clause: type(clause).__name__,
)
def test_clauses_that_the_server_would_refuse_are_refused(clause: nodes.Clause) -> None:
    with pytest.raises(QueryError):
        print_query(Block((clause,), returns=Return(X)))


def test_a_long_condition_is_printed_flat() -> None:
    terms = tuple(Compare(X, "==", Literal(i)) for i in range(10_000))
    query = Block((Filter(Logical("OR", terms)),), returns=Return(X))
    assert parse(print_query(query)) == query


def test_a_long_sum_is_printed_flat() -> None:
    text = " + ".join(["1"] * 10_000)
    assert print_expression(parse_expression(text)) == text


def test_a_long_choice_is_printed_flat() -> None:
    text = "`a` ? 1 : " * 5_000 + "2"
    assert print_expression(parse_expression(text)) == text


def test_a_long_path_is_printed_flat() -> None:
    text = "`a`" + ".`b`[0]" * 5_000
    assert print_expression(parse_expression(text)) == text


def test_endless_nesting_is_an_error_of_the_query() -> None:
    node: nodes.Expression = X
    for _ in range(20_000):
        node = Unary("NOT", node)
    with pytest.raises(QueryError, match="too deeply"):
        print_expression(node)


def test_intersect_of_a_union_keeps_its_parentheses() -> None:
    one, two, three = (Block(returns=Return(Literal(i))) for i in (1, 2, 3))
    query = SetOperation(SetOperation(one, "UNION", two), "INTERSECT", three)
    assert print_query(query) == "(RETURN 1 UNION RETURN 2) INTERSECT RETURN 3"
    assert parse(print_query(query)) == query


def test_pretty_puts_a_clause_on_a_line() -> None:
    query = parse("FOR u IN users LET n = (FOR o IN orders RETURN o) FILTER n SORT u.a LIMIT 3 RETURN u")
    assert print_query(query, pretty=True).splitlines() == [
        "FOR `u` IN `users`",
        "LET `n` = (",
        "  FOR `o` IN `orders`",
        "  RETURN `o`",
        ")",
        "FILTER `n`",
        "SORT `u`.`a`",
        "LIMIT 3",
        "RETURN `u`",
    ]


def test_a_choice_is_not_read_as_optional_access() -> None:
    text = print_expression(Ternary(X, Name("a"), Name("b")))
    assert parse_expression(text) == Ternary(X, Name("a"), Name("b"))
