"""Regular expressions have the syntax of Rust."""

# a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
REGEX_TEST("abc", "^A", true) => true
REGEX_TEST("a", "(?=a)") !! Invalid regex pattern
REGEX_TEST(null, "a") => null
REGEX_REPLACE("a1b2", "[0-9]", "#") => "a#b#"
REGEX_REPLACE("John Smith", "(\\w+) (\\w+)", "$2 $1") => "Smith John"
REGEX_REPLACE("ab", "(?P<x>a)", "${x}${x}") => "aab"
REGEX_REPLACE("abc", "", "x") => "abc"
REGEX_MATCHES("a1b2", "[0-9]") => ["1", "2"]
REGEX_MATCHES("abc", "[0-9]") => []
REGEX_REPLACE(REPEAT("a", 9999), "a", REPEAT("b", 9999)) !! exceeds 1048576 bytes
REGEX_SPLIT("a1b2c", "[0-9]") => ["a", "b", "c"]
REGEX_SPLIT("a1b2c", "[0-9]", 2) => ["a", "b2c"]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_regular_expressions_answer_as_the_server(line: str) -> None:
    assert holds(line)
