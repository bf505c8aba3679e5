"""Strings are shortened, masked, escaped and read."""

# a case is a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
[CAPITALIZE("hELLO"), TITLE_CASE("hello wORLD")] => ["HELLO", "Hello World"]
TRUNCATE_TEXT("Hello World", 5) => "He..."
ELLIPSIS("Hello World", 7, "…") => "Hello…"
TRUNCATE_TEXT("abc", 3) => "abc"
MASK("12345", 1, -1) => "1***5"
UNACCENT("Crème Brûlée") => "Creme Brulee"
SLUGIFY("Crème Brûlée, s'il vous plaît!") => "creme-brulee-s-il-vous-plait"
ENCODE_URI("a b&é") => "a%20b%26%C3%A9"
DECODE_URI("a+b%20c") => "a+b c"
URL_DECODE("a+b") => "a b"
NUMBER_FORMAT(1234567.891, 2) => "1,234,567.89"
NUMBER_FORMAT(1234.5, 1, "de") => "1.234,5"
NUMBER_FORMAT(1234.5, 1, {decimal: ",", thousands: "'"}) => "1'234,5"
NUMBER_FORMAT(1, 0, "xx") !! unknown locale 'xx'
HUMAN_BYTES(1536000) => "1.5 MB"
HUMAN_BYTES(1048576, true) => "1 MiB"
HUMAN_BYTES(12) => "12 B"
IPV4_TO_NUMBER("127.0.0.1") => 2130706433
IPV4_TO_NUMBER("1.2.3.256") => null
IPV4_FROM_NUMBER(2130706433) => "127.0.0.1"
IPV4_FROM_NUMBER(4294967296) => null
JSON_PARSE("{\"a\":[1]}") => {"a": [1]}
JSON_PARSE("[1, 2.0]") => [1, 2.0]
JSON_PARSE("NaN") => null
JSON_STRINGIFY({b: 1, a: [null]}) => "{\"a\":[null],\"b\":1}"
JSON_POINTER({a: [1]}, "/a/0") => 1
JSON_POINTER({a: [1]}, "/a/7", "d") => "d"
JSON_POINTER({"a/b": 1}, "/a~1b") => 1
PARSE_URL("https://u@h.io:81/p?q=1#f").port => 81
PARSE_URL("/relative") => null
QUERY_STRING({q: "a b&c", tag: ["x", "y"], skip: null}) => "q=a+b%26c&tag=x&tag=y"
QUERY_STRING("?q=a+b%26c&tag=x&tag=y") => {"q": "a b&c", "tag": ["x", "y"]}
SANITIZE("  a  b ", ["normalize", "upper"]) => "A B"
SANITIZE("<b>bold</b> 1 < 2", "strip_html") => "bold 1 < 2"
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_formats_answer_as_the_server(line: str) -> None:
    assert holds(line)


@given(st.text())
def test_decoding_undoes_encoding(text: str) -> None:
    assert value_of("DECODE_URI(ENCODE_URI(@t))", t=text) == text
