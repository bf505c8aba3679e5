from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import QuerySyntaxError
from solidb_odm.language import nodes
from solidb_odm.language.nodes import (
    Attribute,
    Binary,
    Block,
    Call,
    Compare,
    For,
    Insert,
    Lambda,
    Let,
    Literal,
    Logical,
    Name,
    Object,
    Quantified,
    Remove,
    Return,
    SetOperation,
    Subscript,
    Ternary,
    Unary,
    Update,
)
from solidb_odm.language.parser import parse, parse_expression

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES: list[dict[str, Any]] = json.loads((FIXTURES / "sdbql-cases.json").read_text("utf-8"))["cases"]
A, B, C, X = Name("a"), Name("b"), Name("c"), Name("x")


def error_cases() -> list[Any]:
    text = (FIXTURES / "parse_errors.txt").read_text("utf-8")
    entries = [entry.splitlines() for entry in text.strip().split("\n\n")]
    return [pytest.param(query, [line.strip() for line in rest], id=query) for query, *rest in entries]


ERRORS = error_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_parser_takes_what_the_server_takes(case: dict[str, Any]) -> None:
    if case["expect"].get("kind") == "ParseError":
        with pytest.raises(QuerySyntaxError):
            parse(case["query"])
    else:
        parse(case["query"])


@pytest.mark.parametrize(("query", "lines"), ERRORS)
def test_errors_say_what_is_wrong_and_what_to_do(query: str, lines: list[str]) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.message.startswith(lines[0])
    hint = f"hint: {caught.value.hint}" if caught.value.hint else ""
    assert hint.startswith(lines[1] if len(lines) > 1 else "")
    assert bool(hint) == (len(lines) > 1)


def test_an_error_points_at_its_place() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse("FOR u IN users\nFILTER u.age >= RETURN u")
    assert str(caught.value) == (
        "line 2, column 17: expected an expression after '>='\n"
        "FILTER u.age >= RETURN u\n"
        "                ^^^^^^"
    )


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("-5", Literal(-5)),
        ("- 1.5", Literal(-1.5)),
        ("-(5)", Unary("-", Literal(5))),
        ("- -5", Unary("-", Literal(-5))),
        ("-5[0]", Unary("-", Subscript(Literal(5), Literal(0)))),
        ("1 - -2", Binary(Literal(1), "-", Literal(-2))),
        ("NOT a == b", Compare(Unary("NOT", A), "==", B)),
        ("!a", Unary("NOT", A)),
        ("a & b == c", Binary(A, "&", Compare(B, "==", C))),
        ("a - b - c", Binary(Binary(A, "-", B), "-", C)),
        ("a + b * c", Binary(A, "+", Binary(B, "*", C))),
        ("a && b AND c", Logical("AND", (A, B, C))),
        ("a OR b AND c", Logical("OR", (A, Logical("AND", (B, C))))),
        ("a || b OR c", Binary(A, "||", Logical("OR", (B, C)))),
        ("1 < 2 < 3", Compare(Compare(Literal(1), "<", Literal(2)), "<", Literal(3))),
        ("a NOT =~ b", Compare(A, "!~", B)),
        ("a ? b : c ? x : a", Ternary(A, B, Ternary(C, X, A))),
        ("a ? b?.x : c", Ternary(A, Attribute(B, "x", optional=True), C)),
        ("1..3", nodes.Range(Literal(1), Literal(3))),
        ("1 IN 1..3", Compare(Literal(1), "IN", nodes.Range(Literal(1), Literal(3)))),
        ("5--3", Literal(5)),
        ("{a}", Object((("a", A),))),
        (
            "{Sort: 1, Order: 2, As: 3}",
            Object((("order", Literal(1)), ("order", Literal(2)), ("as", Literal(3)))),
        ),
        ("{'to': 1, `Sort`: 2,}", Object((("to", Literal(1)), ("Sort", Literal(2))))),
        ("a.Size", Attribute(A, "size")),
        ("a.ORDER", Attribute(A, "sort")),
        ("a.`Size`", Attribute(A, "Size")),
        ("a.Count", Attribute(A, "Count")),
        ("a?.In", Attribute(A, "in", optional=True)),
        ("a['x.y']", Attribute(A, "x.y")),
        ("a['x' + b]", Subscript(A, Binary(Literal("x"), "+", B))),
        ("upper(a,)", Call("UPPER", (A,))),
        ("Filter(a, x -> x)", Call("FILTER", (A, Lambda(("x",), X)))),
        ("(a, b) -> a", Lambda(("a", "b"), A)),
        ("a |> sort() |> Any(x -> x)", nodes.Pipe(nodes.Pipe(A, "SORT"), "ANY", (Lambda(("x",), X),))),
        ("NONE(x IN a SATISFIES x)", Quantified("NONE", "x", A, X)),
        ("NONE(a, x -> x)", Call("NONE", (A, Lambda(("x",), X)))),
        ("none ANY == 1", nodes.ArrayCompare(Name("none"), "ANY", "==", Literal(1))),
        ("a at least (2) > 1", nodes.ArrayCompare(A, "AT LEAST", ">", Literal(1), Literal(2))),
        ("$'a${b}'", nodes.Template(("a", B))),
        ("$'${a ignored}'", nodes.Template((A,))),
        ("$'${$\"${a}\"}'", nodes.Template((nodes.Template((A,)),))),
        ("a[* LIMIT 2].b.c", nodes.Expansion(A, limit=Literal(2), path=("b", "c"))),
        ("CASE WHEN a THEN 1 END", nodes.Case(None, ((A, Literal(1)),), None)),
        ("TRUE", Literal(value=True)),
        ("Null", Literal(None)),
    ],
)
def test_expressions_have_the_shape_the_server_gives_them(text: str, node: nodes.Expression) -> None:
    assert parse_expression(text) == node


def test_in_belongs_to_the_clause_at_the_top_of_a_mutation() -> None:
    assert parse("REMOVE a IN b") == Block((Remove(A, "b"),))
    assert parse("UPDATE a WITH b IN c") == Block((Update(A, B, "c"),))


def test_in_is_an_operator_inside_brackets_of_a_mutation() -> None:
    inside = Compare(A, "IN", B)
    query = parse("UPDATE (a IN b) WITH {k: a IN b} IN c INSERT [a IN b] INTO c")
    assert query == Block(
        (Update(inside, Object((("k", inside),)), "c"), Insert(nodes.Array((inside,)), "c"))
    )


def test_let_binds_one_variable_a_node() -> None:
    query = parse("LET a = 1, b = a RETURN b")
    assert query == Block((Let("a", Literal(1)), Let("b", A)), returns=Return(B))


def test_a_name_after_in_is_a_source_unless_an_expression_goes_on() -> None:
    assert parse("FOR x IN a RETURN x") == Block((For("x", A),), returns=Return(X))
    source = Attribute(A, "b")
    assert parse("FOR x IN a.b RETURN x") == Block((For("x", source),), returns=Return(X))
    with pytest.raises(QuerySyntaxError):
        parse("FOR x IN a == b RETURN x")


def test_an_offset_after_a_limit_replaces_the_first_one() -> None:
    query = parse("FOR x IN a LIMIT 1, 2 OFFSET 3 RETURN x")
    assert isinstance(query, Block)
    assert (query.offset, query.limit) == (Literal(3), Literal(2))


def test_lets_after_limit_stay_there() -> None:
    query = parse("FOR x IN a LET b = 1 LIMIT 2 LET c = 3 RETURN c")
    assert isinstance(query, Block)
    assert query.late_lets == (Let("c", Literal(3)),)


def test_intersect_binds_tighter_than_union() -> None:
    one, two, three = (Block(returns=Return(Literal(i))) for i in (1, 2, 3))
    tight = SetOperation(one, "UNION", SetOperation(two, "INTERSECT", three))
    assert parse("RETURN 1 UNION RETURN 2 INTERSECT RETURN 3") == tight
    loose = SetOperation(SetOperation(one, "UNION", two), "INTERSECT", three)
    assert parse("(RETURN 1 UNION RETURN 2) INTERSECT RETURN 3") == loose


def test_contextual_words_are_free_as_names() -> None:
    words = "count all none at least distinct offset options keep prune search match union by of from current"
    for word in words.split():
        assert parse(f"FOR {word} IN [1] LET x = {word} RETURN x")


def test_the_words_of_collect_come_in_any_order() -> None:
    parts = ["INTO g", "WITH COUNT INTO n", "AGGREGATE s = SUM(x)"]
    first = parse(f"FOR x IN a COLLECT k = x {' '.join(parts)} RETURN n")
    assert parse(f"FOR x IN a COLLECT k = x {' '.join(reversed(parts))} RETURN n") == first


@pytest.mark.parametrize(
    "text", ["(" * 64 + "1" + ")" * 64, "NOT " * 65 + "a", "[" * 70, "-(" * 40 + "1" + ")" * 40]
)
def test_nesting_has_the_limit_of_the_server(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="too deep"):
        parse_expression(text)


@pytest.mark.parametrize(
    "opening", ["(", "[", "{a:", "f(", "NOT ", "CASE ", "a ? ", "x -> ", "FOR x IN ", '$"${']
)
def test_endless_nesting_is_a_syntax_error(opening: str) -> None:
    with pytest.raises(QuerySyntaxError):
        parse_expression(opening * 50_000)


@pytest.mark.parametrize(
    "separator", [" AND ", " OR ", " + ", " == ", " ?? ", ".a[0].", " |> f() + ", " ? 1 : "]
)
def test_long_chains_are_read_without_recursion(separator: str) -> None:
    text = separator.join(["a"] * 10_000)
    assert parse_expression(text)


def test_sixty_levels_are_read() -> None:
    assert parse_expression("(" * 60 + "1" + ")" * 60) == Literal(1)


@given(st.text())
def test_any_text_is_a_query_or_a_syntax_error(text: str) -> None:
    _parses(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "FOR",
                "x",
                "IN",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                ",",
                ".",
                ":",
                "RETURN",
                "LET",
                "=",
                "@a",
                "1",
                "2.5",
                "'b'",
                "ANY",
                "NOT",
                "*",
                "AS",
                "WITH",
            ]
        )
    )
)
def test_any_words_are_a_query_or_a_syntax_error(words: list[str]) -> None:
    _parses(" ".join(words))


@given(st.data())
def test_a_damaged_query_is_a_query_or_a_syntax_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(CASES))["query"]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    other = data.draw(st.sampled_from(CASES))["query"]
    cut = data.draw(st.integers(0, len(other)))
    _parses(
        text[:start]
        + data.draw(st.sampled_from(["", other[cut : cut + 12], "`", '"', "(", "${"]))
        + text[end:]
    )


def _parses(text: str) -> bool:
    """Return whether a text is a query; anything but a syntax error passes through."""
    try:
        parse(text)
    except QuerySyntaxError as error:
        return not str(error)
    return True


def test_a_caller_deep_in_the_stack_gets_a_syntax_error() -> None:
    def parse_below(frames: int) -> object:
        return parse(f"RETURN {'(' * 60}1{')' * 60}") if frames == 0 else parse_below(frames - 1)

    spare = sys.getrecursionlimit() - len(inspect.stack())
    with pytest.raises(QuerySyntaxError, match="too deeply"):
        parse_below(spare - 150)


def test_half_of_a_character_is_told_in_text_that_can_be_printed() -> None:
    with pytest.raises(QuerySyntaxError, match=r"line 1, column 9: half of a surrogate pair") as caught:
        parse("RETURN '\ud800'")
    assert "RETURN '\\ud800'" in str(caught.value).encode().decode()
