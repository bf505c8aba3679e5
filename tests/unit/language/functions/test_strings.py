"""Strings are cut, joined and searched by code points."""

# ruff: noqa: E501  # a case is a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
upper("aé") => "AÉ"
UPPER(null) => null
UPPER(5) !! UPPER: argument must be a string
UPPER() !! UPPER requires 1 argument(s)
UPPER("a", "b") !! UPPER requires 1 argument(s)
TOLOWER("ÀB") => "àb"
CONCAT("a", null, 1, ["x", 2]) => "a1x2"
CONCAT(1.0, 2.5, true, {a: 1}) => "12.5true{\"a\":1}"
CONCAT_SEPARATOR("-", ["a", null, "b"], "c") => "a-b-c"
CONCAT_WS(null, "a") => null
JOIN(["a", null, "b"], "-") => "a--b"
JOIN([1, 2], null) => "1,2"
SUBSTRING("hello", -3, 2) => "ll"
SUBSTRING("abc", 5) => ""
SUBSTRING("abc", 1, -1) => ""
SUBSTRING("héllo", 1, 2) => "él"
SUBSTRING(5, null) => null
SUBSTRING_BYTES("é", 0, 1) => null
SUBSTRING_BYTES("éa", 2) => "a"
LEFT("abc", -1) => ""
LEFT("abc", 0) => ""
RIGHT("abc", 0) => "abc"
RIGHT("abc", -1) => "abc"
RIGHT("abc", 2) => "bc"
TRIM("  x ") => "x"
TRIM("--a--", "-") => "a"
TRIM(" a ", 1) => "a "
TRIM(" a ", 2) => " a"
LTRIM("xxa", "x") => "a"
RTRIM("axx", "x") => "a"
SPLIT("a,b,c", ",", 2) => ["a", "b"]
SPLIT("a,b,c", ",", 0) => []
SPLIT("abc", "") => ["a", "b", "c"]
SPLIT("", ",") => [""]
SPLIT("a,b;c", [",", ";"]) => ["a", "b", "c"]
SPLIT(null, ",") => null
SPLIT_PART("a,b,c", ",", -1) => "c"
SPLIT_PART("a,b", ",", 5) => ""
SPLIT_PART("a,b", ",", 0) !! must not be zero
CONTAINS("abc", "") => true
CONTAINS("abc", "z", true) => -1
CONTAINS([1, 2], 1.0) => true
FIND_FIRST("abcabc", "b", 2) => 4
FIND_FIRST("", "") => 0
FIND("foobarbaz", "ba", 0, 3) => -1
FIND("foobarbaz", "ba", 0, 4) => 3
FIND_LAST("abcabc", "b") => 4
RFIND("foobarbaz", "ba", 0, 5) => 3
STARTS_WITH("abc", "ab") => true
STARTS_WITH("abc", ["a"]) !! STARTS_WITH: argument 2 must be a string
ENDS_WITH("abc", "bc") => true
LIKE("ABC", "a%", true) => true
LIKE(12, "1_") => true
LIKE(null, "%") => null
REPLACE("aaa", "a", "b") => "bbb"
REPLACE("aaa", "", "b") => "aaa"
SUBSTITUTE("aXbX", "X", "-", 1) => "a-bX"
SUBSTITUTE("abc", {a: "1", c: "3"}) => "1b3"
SUBSTITUTE("abc", ["a", "b"], ["x"]) => "xc"
REPEAT("a", 3, "-") => "a-a-a"
REPEAT("a", 2000000) !! exceeds 1048576 bytes
SUBSTITUTE(REPEAT("a", 9999), "a", REPEAT("b", 9999)) !! exceeds 1048576 bytes
REPEAT("a", null) => null
PAD_LEFT("1", 3, "0") => "001"
RPAD("1", 4, "ab") => "1aba"
REVERSE("héllo") => "olléh"
REVERSE([1, 2]) => [2, 1]
REVERSE(null) !! Unknown function: REVERSE
[LENGTH("café"), LENGTH([1, 2]), LENGTH({a: 1}), LENGTH(null), LENGTH(true), LENGTH(12.5)] => [4, 2, 1, 0, 1, 4]
LENGTH() !! LENGTH requires 1 argument(s)
[CHAR_LENGTH("é"), BYTE_LENGTH("é"), WORD_COUNT(" a  b ")] => [1, 2, 2]
[TO_STRING(null), TO_STRING(1.0), TO_STRING([1, null, "a"])] => ["", "1", "[1,null,\"a\"]"]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_strings_answer_as_the_server(line: str) -> None:
    assert holds(line)


@given(st.text())
def test_reversing_twice_changes_nothing(text: str) -> None:
    assert value_of("REVERSE(REVERSE(@t))", t=text) == text


@given(st.text(min_size=1), st.text(min_size=1, max_size=2))
def test_joining_what_was_split_gives_the_text_back(text: str, separator: str) -> None:
    assert value_of("JOIN(SPLIT(@t, @s), @s)", t=text, s=separator) == text
