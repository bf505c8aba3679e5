"""What stops a query, and what strict mode does not swallow."""

import pytest

from solidb_odm.errors import QueryError, QueryLimitError, QueryTimeout
from solidb_odm.language.interpreter import Limits, MemorySource, evaluate
from solidb_odm.language.parser import parse

_ENDLESS = "FOR a IN 1..9000000 FOR b IN 1..9000000 COLLECT WITH COUNT INTO n RETURN n"


def test_a_query_ends_when_its_time_is_over() -> None:
    with pytest.raises(QueryTimeout, match=r"longer than 0\.02 s"):
        evaluate(parse(_ENDLESS), MemorySource(), limits=Limits(seconds=0.02))


def test_a_query_can_be_cancelled() -> None:
    with pytest.raises(QueryTimeout, match="cancelled"):
        evaluate(parse(_ENDLESS), MemorySource(), limits=Limits(cancelled=lambda: True))


def test_a_query_makes_no_more_rows_than_it_may() -> None:
    with pytest.raises(QueryLimitError, match="5000 intermediate rows"):
        evaluate(parse(_ENDLESS), MemorySource(), limits=Limits(max_rows=5000))


def test_a_filter_does_not_swallow_a_limit() -> None:
    text = 'FOR x IN [1] FILTER @text =~ "(a|aa)+c|(a+a+)+c" RETURN x'
    with pytest.raises(QueryLimitError, match="regular expression"):
        evaluate(parse(text), MemorySource(), {"text": "a" * 60 + "b"})


def test_a_recursion_without_end_is_stopped() -> None:
    text = "WITH RECURSIVE t AS (RETURN 1 UNION ALL FOR x IN t RETURN x) FOR x IN t RETURN x"
    with pytest.raises(QueryLimitError, match="did not end within 50 rounds"):
        evaluate(parse(text), MemorySource(), limits=Limits(max_recursion_rounds=50))


def test_a_range_has_an_end() -> None:
    with pytest.raises(QueryLimitError, match="10000000 elements"):
        evaluate(parse("RETURN 1..99999999"), MemorySource())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FOR x IN [1] FILTER NOPE(x) RETURN x", "Unknown function: NOPE"),
        ("FOR x IN [1] FILTER nope == 1 RETURN x", "Variable 'nope' not found"),
        ("FOR x IN [1] FILTER x == @nope RETURN x", "Bind variable '@nope' not found"),
        ("FOR x IN [1] SORT ROW_NUMBER() OVER (ORDER BY x) RETURN x", "not allowed here"),
        ("FOR x IN [1] LIMIT @n RETURN x", "Bind variable '@n' not found"),
        ("FOR x IN [1] LIMIT 2.0 RETURN x", "LIMIT must be an integer"),
        ("FOR x IN [] COLLECT AGGREGATE s = NOPE(x) RETURN s", "Unknown aggregate function: NOPE"),
        ('FOR x IN [1] FILTER x & "a" RETURN x', "non-numbers"),
        ("FOR x IN [1, 2] SORT UPPER(x) RETURN x", "must be a string"),
    ],
)
def test_strict_raises_what_the_server_swallows(text: str, message: str) -> None:
    evaluate(parse(text.replace("NOPE(x) RETURN s", "SUM(x) RETURN s")), MemorySource())
    with pytest.raises(QueryError, match=message.replace("(", r"\(")):
        evaluate(parse(text), MemorySource(), strict=True)


def test_strict_lets_a_right_join_leave_the_left_unbound() -> None:
    source = MemorySource({"c": [{"_key": "a"}, {"_key": "b"}]})
    text = 'FOR x IN ["a"] RIGHT JOIN c ON c._key == x RETURN [c._key, TRY(x, "none")]'
    assert evaluate(parse(text), source, strict=True) == [["a", "a"], ["b", "none"]]


def test_a_value_nested_too_deep_is_an_error_of_the_query() -> None:
    deep: list[object] = []
    for _ in range(2_000):
        deep = [deep]
    with pytest.raises(QueryLimitError, match="nested too deep"):
        evaluate(parse("RETURN @deep == @deep"), MemorySource(), {"deep": deep})
