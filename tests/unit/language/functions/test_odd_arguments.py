"""What random arguments told of the server, and a file has to answer too."""

# ruff: noqa: E501  # a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
HASH({"a": 1, "b": [null, "é"]}) => 2257270279239086
[HASH(null), HASH(true), HASH(1), HASH(1.0), HASH(1.5), HASH("to be or not to be")] => [3938980842529221, 3090368176736162, 4276118858585779, 4276118858585779, 1211529955085780, 2412330658578127]
HASH(18446744073709551615) !! 18446744073709551615
MINHASH(["a", "b", 1.0, null], 2) => ["3dd6b3ec79067282", "677304cb2163bbcf"]
[MINHASH([], 1), MINHASH([1], 0), MINHASH([1], "x")] => [["ffffffffffffffff"], ["4b07c692cb636152"], ["4b07c692cb636152"]]
APPROX_COUNT_DISTINCT(1..5000) => 5007.0
APPROX_COUNT_DISTINCT(["a", 1, 1.0, [1], {"x": null}]) => 4.0
APPROX_COUNT_DISTINCT(SKETCH_MERGE(APPROX_COUNT_DISTINCT([1, 2], {sketch: true}), APPROX_COUNT_DISTINCT([2, 3], {sketch: true}))) => 3.0
UNSET(APPROX_COUNT_DISTINCT([1], {sketch: true}), "registers") => {"_type": "hll", "estimate": 1.0, "p": 14}
[APPROX_PERCENTILE([7, 6, "x"], 7), APPROX_PERCENTILE([4, 1, 2, 3], 50), APPROX_PERCENTILE([], 50)] => [6.0, 3.0, null]
[APPROX_TOP_K(["a", "b", "a"], 1.0), APPROX_TOP_K("x", 0), APPROX_TOP_K(["a"], "x")] => [[{"count": 2, "value": "a"}], [], []]
[MINHASH_COUNT(0.05), MINHASH_COUNT(2), MINHASH_COUNT("x"), MINHASH_ERROR(400), MINHASH_ERROR(0)] => [400, 1, 400, 0.05, 1.0]
[NGRAM_SIMILARITY("abcdef", "x", 1), NGRAM_SIMILARITY("ab", "abcd", 3), NGRAM_POSITIONAL_SIMILARITY("éz", "xzx.", 6)] => [0.0, 0.0, 0.25]
[SIMILARITY("abc", "a,b,c"), SIMILARITY("a.b", "ab")] => [1.0, 1.0]
[SPLIT_PART("abc", "", 1), SPLIT_PART("abc", "", 2), SPLIT_PART("abc", "b", null)] => ["abc", "", null]
[SPLIT("a", ["", "b"]), SPLIT("abc", [""]), SPLIT("a,b", ",", "x"), SPLIT("a,b,c", ",", -1)] => [["a"], ["a", "b", "c"], [], ["a", "b", "c"]]
[CONTAINS([null], null), CONTAINS([], 2, true), CONTAINS("abc", "c", true), CONTAINS("a", null)] => [true, false, 2, null]
[FIND_FIRST("back", "", 3, 0), FIND_FIRST("abc", "", 9), FIND_LAST("abcabc", "", 1, 3), FIND_LAST("abc", "b", 1, -9)] => [3, -1, 4, -1]
[SUBSTITUTE(10, 1), SUBSTITUTE("abc", null), SUBSTITUTE("aXbX", "X", "y", 1), SUBSTITUTE("ab", {"a": 1.0}, 1)] => ["0", null, "aybX", "1b"]
[TRIM("xax", ["x"]), TRIM(" a ", 1), TRIM("xax", "x"), TRIM(" a ", true)] => ["xax", "a ", "a", "a"]
[REPEAT("a", "x"), PAD_LEFT("a", 3, 5), MASK("secret", "x"), MASK("secret", 1, -1, 0), TRUNCATE_TEXT("long text", 6, 1)] => ["", "  a", "*****t", "s0000t", "long1"]
[CONCAT(1000000000000000.0), CONCAT(9007199254740992.0), TO_STRING(1000000000000000.0), SHA1(1000000000000000.0) == SHA1("1000000000000000")] => ["1000000000000000", "9007199254740992.0", "1000000000000000.0", true]
[CONCAT(), CONCAT_SEPARATOR("-"), HEX_DECODE(10)] => ["", "", "\u0010"]
[GCD(4, null, "x"), LCM(4, 6), GCD(-4, 6)] => [null, 12, 2]
[RANGE(0.0, 2), RANGE(0, 1, 0.5), RANGE(3.0, 1)] => [[0, 1, 2], [0.0, 0.5, 1.0], [3, 2, 1]]
[PARSE_IDENTIFIER("a"), PARSE_KEY("a"), PARSE_COLLECTION("a"), IS_SAME_COLLECTION("users", "users/a"), IS_SAME_COLLECTION(null, "a")] => [{"collection": null, "key": "a"}, "a", null, true, false]
PARSE_URL("HTTP://user:pw@Host.org/a/b?x=1&x=2&y=#f") => {"fragment": "f", "host": "host.org", "params": {"x": ["1", "2"], "y": ""}, "password": "pw", "path": "/a/b", "port": 80, "query": "x=1&x=2&y=", "scheme": "http", "username": "user"}
[PARSE_URL("http://h"), PARSE_URL("mailto:a@b.c")] => [{"fragment": null, "host": "h", "params": {}, "password": null, "path": "/", "port": 80, "query": null, "scheme": "http", "username": null}, {"fragment": null, "host": null, "params": {}, "password": null, "path": "a@b.c", "port": null, "query": null, "scheme": "mailto", "username": null}]
[JSON_POINTER(null, 5, 1), JSON_STRINGIFY_PRETTY({"b": [1, {}], "a": 0.0000001, "c": []})] => [1, "{\n  \"a\": 1e-7,\n  \"b\": [\n    1,\n    {}\n  ],\n  \"c\": []\n}"]
[REDUCE([1, 2], x -> x), IS_INTEGER(POW(10, 300)), ROUND(2.5, null)] => [2, true, 3.0]
[DATE_TIMESTAMP(2024, 2, 29), VECTOR_DISTANCE([0.0], [1.0], "cosine")] => [1709164800000, 0.0]
COUNT_BY([1000000000000000.0]) => {"1000000000000000": 1}
APPROX_PERCENTILE([1], 101) !! 0-100
SKETCH_MERGE({}, {}) !! sketches
EXISTS([1][0], "type", "int") !! unknown type
EXISTS([1][0], [], "int") !! expected EXISTS
SUBSTITUTE("a", {"a": 1}, "b", 1) !! map
""")


@pytest.mark.parametrize("line", CASES)
def test_odd_arguments_answer_as_on_the_server(line: str) -> None:
    assert holds(line)
