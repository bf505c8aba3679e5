"""Types are told apart, values converted and chosen."""

# ruff: noqa: E501  # a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
[IS_NULL(null), IS_BOOL(0), IS_NUMBER(true), IS_STRING(""), IS_ARRAY([]), IS_OBJECT({})] => [true, false, false, true, true, true]
[IS_INTEGER(2.0), IS_INTEGER("2"), IS_DATE("2025-01-01"), IS_DATE(5), IS_DATE("2025-02-30")] => [true, false, true, false, false]
[IS_KEY("a b"), IS_EMPTY(""), IS_EMPTY(0), IS_BLANK(" "), IS_EMAIL("a@b.co"), IS_URL("http://ab")] => [false, true, false, true, true, true]
[IS_IPV4("1.2.3.04"), IS_IPV4("1.2.3.4"), IS_UUID(UUID()), LUHN("79927398713")] => [false, true, true, true]
[IS_IBAN("GB82 WEST 1234 5698 7654 32"), IS_SIREN("732829320"), IS_SIRET("73282932000074")] => [true, true, true]
[TYPENAME(1), TYPENAME(null), TYPENAME([]), TYPENAME(1.0)] => ["number", "null", "array", "number"]
[TO_NUMBER("12x"), TO_NUMBER(" 12 "), TO_NUMBER("1e3"), TO_NUMBER([5])] => [0, 12, 1000.0, 5]
[TO_BOOL(""), TO_BOOL([]), TO_ARRAY(null), TO_ARRAY({b: 1, a: 2}), TO_ARRAY("a")] => [false, true, [], [2, 1], ["a"]]
[NOT_NULL(null, 3), COALESCE(null, null), NULLIF(1, 1.0), IF("", 1, 2)] => [3, null, null, 2]
[ASSERT(0), TRY(ASSERT(false, "m")), TRY(NOPE(), 1)] => [true, null, 1]
ASSERT(false, "no way") !! no way
[IN_RANGE(5, 1, 5), IN_RANGE(5, 1, 5, true, false)] => [true, false]
[APPLY("UPPER", ["a"]), CALL("CONCAT", "a", "b")] => ["A", "ab"]
NOPE(1) !! Unknown function: NOPE
SLEEP(1) !! Unknown function: SLEEP
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_types_answer_as_the_server(line: str) -> None:
    assert holds(line)
