"""What would take all time or memory ends with an error within a few seconds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from solidb_odm.errors import QueryError, QueryLimitError, QuerySyntaxError, QueryTimeout

from .asking import DOCUMENTS, Ask

pytestmark = pytest.mark.timeout(120)

BOUNDS = QueryLimitError, QueryTimeout

ENDLESS = {
    "recursion": "WITH RECURSIVE t AS (FOR i IN [1] RETURN i UNION ALL FOR x IN t RETURN x) RETURN t",
    "recursion that grows": (
        "WITH RECURSIVE t AS (FOR i IN [1] RETURN i UNION ALL FOR x IN t FOR y IN [1, 2] RETURN x)"
        " FOR x IN t RETURN x"
    ),
    "product of ranges": "FOR a IN 1..4000 FOR b IN 1..4000 RETURN a * b",
    "counted product": (
        "FOR a IN 1..4000 FOR b IN 1..4000 FOR c IN 1..4000 COLLECT WITH COUNT INTO n RETURN n"
    ),
    "product of which nothing is left": "FOR a IN 1..4000 FOR b IN 1..4000 FILTER a > b + 5000 RETURN a",
    "product of collections": (
        "FOR a IN docs FOR b IN docs FOR c IN docs FOR d IN docs FILTER a.n + b.n + c.n + d.n < 0 RETURN 1"
    ),
    "product in a subquery": (
        "RETURN LENGTH((FOR a IN docs FOR b IN docs FOR c IN docs FILTER a.n < b.n - c.n * 7 - 9000"
        " FOR d IN docs FOR e IN 1..1000 RETURN 1))"
    ),
    "product in lambdas": "RETURN LENGTH(MAP(1..9000, x -> LENGTH(MAP(1..9000, y -> x * y))))",
    "range": "FOR i IN 1..100000000 RETURN i",
    "text that doubles": "RETURN LENGTH(REDUCE(1..64, (text, x) -> CONCAT(text, text), 'ab'))",
    "text added to itself": "RETURN LENGTH(REDUCE(1..64, (text, x) -> text + text, 'ab'))",
    "array that doubles": "RETURN LENGTH(REDUCE(1..64, (list, x) -> APPEND(list, list), [1]))",
    "array of itself": "RETURN REDUCE(1..60, (a, x) -> [a, a], 1)",
    "array of itself, compared": (
        "LET one = REDUCE(1..60, (a, x) -> [a, a], 1) RETURN one == REDUCE(1..60, (a, x) -> [a, a], 1)"
    ),
    "object of itself": "RETURN LENGTH(JSON_STRINGIFY(REDUCE(1..60, (a, x) -> {p: a, q: a}, 1)))",
    "array of itself as a key": (
        "FOR i IN 1..2 COLLECT k = REDUCE(1..60, (a, x) -> [a, a], 1) WITH COUNT INTO n RETURN n"
    ),
    "array of itself in a CTE": (
        "WITH RECURSIVE t AS (FOR i IN [1] RETURN [i] UNION ALL FOR x IN t RETURN [x, x]) RETURN LENGTH(t)"
    ),
    "array of itself, by LETs": (
        "LET a0 = [1] " + " ".join(f"LET a{i} = [a{i - 1}, a{i - 1}]" for i in range(1, 60)) + " RETURN a59"
    ),
    "text of itself, by LETs": (
        "LET a0 = 'ab' "
        + " ".join(f"LET a{i} = CONCAT(a{i - 1}, a{i - 1})" for i in range(1, 60))
        + " RETURN LENGTH(a59)"
    ),
    "array that grows by one": "RETURN LENGTH(REDUCE(1..1000000, (list, x) -> PUSH(list, x), []))",
    "text that grows by one": "RETURN LENGTH(REDUCE(1..1000000, (text, x) -> CONCAT(text, 'xxxxx'), ''))",
    "work in lambdas": "RETURN LENGTH(MAP(1..1000000, x -> SHA512(REPEAT('a', 100000))))",
    "arrays in rows": "FOR i IN 1..100000 RETURN LENGTH(PAIRWISE(1..100000))",
    "long texts in rows": "FOR i IN 1..100000 RETURN REPEAT('abcdefghij', 100000)",
    "long texts in a lambda": "RETURN LENGTH(MAP(1..100000, x -> PAD_LEFT('', 1000000)))",
    "long arrays in a lambda": "RETURN LENGTH(MAP(1..1000, x -> 1..1000000))",
    "regular expression": 'FOR d IN docs RETURN d.s =~ "^(a|a)*$"',
    "distance of long texts": 'RETURN LEVENSHTEIN(REPEAT("a", 100000), REPEAT("b", 100000))',
}


@pytest.mark.parametrize("query", ENDLESS.values(), ids=list(ENDLESS))
def test_a_bound_ends_what_has_no_end(ask_in_a_moment: Ask, query: str) -> None:
    with pytest.raises(BOUNDS):
        ask_in_a_moment(query)
    for _ in range(50):
        with suppress(QueryTimeout):  # on a busy machine
            assert ask_in_a_moment("RETURN 1") == [1]
            return
    pytest.fail("no query is answered any more")


TOO_DEEP = {
    "parentheses": "RETURN " + "(" * 200 + "1" + ")" * 200,
    "arrays": "RETURN " + "[" * 200 + "]" * 200,
    "minus signs": "RETURN " + "- " * 200 + "1",
    "negations": "RETURN " + "NOT " * 5000 + "true",
    "subqueries": "RETURN " + "(FOR x IN " * 100 + "[1]" + " RETURN x)" * 100,
    "calls": "RETURN " + "LENGTH(" * 500 + "[]" + ")" * 500,
}


@pytest.mark.parametrize("query", TOO_DEEP.values(), ids=list(TOO_DEEP))
def test_deep_nesting_is_refused(ask: Ask, query: str) -> None:
    with pytest.raises(QuerySyntaxError, match="too deep"):
        ask(query)


def test_a_bind_value_nested_too_deep_is_refused(ask: Ask) -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(QueryError, match=r"levels|deep"):
        ask("RETURN @value", value=value)


def test_a_text_longer_than_functions_make_is_refused(ask: Ask) -> None:
    with pytest.raises(QueryError, match="1048576"):
        ask('RETURN REPEAT("a", 1000000000)')


def test_a_giant_list_is_searched(ask_within_a_minute: Ask) -> None:
    found = ask_within_a_minute(
        "FOR d IN docs FILTER d.n IN @wanted RETURN d._key", wanted=list(range(100, 100_000))
    )
    assert len(found) == len(DOCUMENTS) - 100


def test_a_giant_list_in_the_text_is_read(ask_within_a_minute: Ask) -> None:
    numbers = ", ".join(map(str, range(10_000)))
    assert ask_within_a_minute(f"FOR d IN docs FILTER d.n NOT IN [{numbers}] RETURN d") == []


@pytest.mark.parametrize("operator", ["+", "*", "||", "??"])
def test_a_chain_of_operators_is_not_planned_for_ever(ask_within_a_minute: Ask, operator: str) -> None:
    (row,) = ask_within_a_minute("FOR d IN docs FILTER d.n == 3 RETURN " + f" {operator} ".join(["d.n"] * 40))
    assert row == {"+": 120, "*": 3.0**40, "||": 3, "??": 3}[operator]


@pytest.mark.parametrize(
    "query", [" + ".join, " UNION ALL RETURN ".join, " ?? ".join], ids=["+", "UNION", "??"]
)
def test_a_chain_of_thousands_is_answered_or_refused(ask: Ask, query: Callable[[list[str]], str]) -> None:
    with suppress(QueryLimitError):
        assert ask("RETURN " + query(["1"] * 3000)) in ([3000], [1], [1] * 3000)
    assert ask("RETURN 1") == [1]


def test_a_long_chain_of_conditions_is_read(ask_within_a_minute: Ask) -> None:
    conditions = " AND ".join(f"d.n != {i}" for i in range(2000))
    assert ask_within_a_minute(f"FOR d IN docs FILTER {conditions} RETURN d") == []
