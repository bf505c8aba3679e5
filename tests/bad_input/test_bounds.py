"""What would take all time or memory ends with an error within a few seconds."""

from __future__ import annotations

import pytest

from solidb_odm.errors import QueryError, QueryLimitError, QuerySyntaxError, QueryTimeout

from .asking import DOCUMENTS, Ask

pytestmark = pytest.mark.timeout(60)

BOUNDS = QueryLimitError, QueryTimeout

ENDLESS = {
    "recursion": "WITH RECURSIVE t AS (FOR i IN [1] RETURN i UNION ALL FOR x IN t RETURN x) RETURN t",
    "recursion that grows": (
        "WITH RECURSIVE t AS (FOR i IN [1] RETURN i UNION ALL FOR x IN t FOR y IN [1, 2] RETURN x)"
        " FOR x IN t RETURN x"
    ),
    "product of ranges": "FOR a IN 1..4000 FOR b IN 1..4000 RETURN a * b",
    "counted product": "FOR a IN 1..4000 FOR b IN 1..4000 COLLECT WITH COUNT INTO n RETURN n",
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
    "regular expression": 'FOR d IN docs RETURN d.s =~ "^(a|a)*$"',
    "distance of long texts": 'RETURN LEVENSHTEIN(REPEAT("a", 100000), REPEAT("b", 100000))',
}


@pytest.mark.parametrize("query", ENDLESS.values(), ids=list(ENDLESS))
def test_a_bound_ends_what_has_no_end(ask: Ask, query: str) -> None:
    with pytest.raises(BOUNDS):
        ask(query)
    assert ask("RETURN 1") == [1]


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


def test_a_giant_list_is_searched(ask: Ask) -> None:
    found = ask("FOR d IN docs FILTER d.n IN @wanted RETURN d._key", wanted=list(range(100, 200_000)))
    assert len(found) == len(DOCUMENTS) - 100


def test_a_giant_list_in_the_text_is_read(ask: Ask) -> None:
    numbers = ", ".join(map(str, range(10_000)))
    assert ask(f"FOR d IN docs FILTER d.n NOT IN [{numbers}] RETURN d") == []


def test_a_long_chain_of_conditions_is_read(ask: Ask) -> None:
    conditions = " AND ".join(f"d.n != {i}" for i in range(2000))
    assert ask(f"FOR d IN docs FILTER {conditions} RETURN d") == []
