"""Texts are compared by letters, words and sound."""

# ruff: noqa: E501  # a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
[LEVENSHTEIN("kitten", "sitting"), SIMILARITY("foo", "foo"), NGRAM_SIMILARITY("abc", "abd", 2)] => [3, 1.0, 0.5]
[LEVENSHTEIN_MATCH("abc", "abd", 1), LEVENSHTEIN_MATCH(5, "abd", 1), FUZZY_MATCH("abc", "axc")] => [true, false, true]
LEVENSHTEIN_MATCH("a", "b", 5) !! from 0 to 4
NGRAM_MATCH("quick fox", "quick foxx") => true
[TOKENS("The Quick fox"), TOKENS("A b", "identity"), PHRASE("the quick brown fox", "quick", "brown")] => [["quick", "fox"], ["A b"], true]
[BOOST(true, 2), BOOST("x", 2)] => [2.0, 0.0]
[SOUNDEX("Robert"), SOUNDEX("Tymczak"), SOUNDEX("Pfister"), SOUNDEX(5)] => ["R163", "T522", "P236", null]
[COLOGNE("Müller-Lüdenscheidt"), COLOGNE_PHONETIC("Wikipedia")] => ["6050750206802", "30401020"]
LEVENSHTEIN(REPEAT("a", 9000), REPEAT("b", 9000)) !! too long to compare
SOUNDEX_FR("Robert") !! needs a SoliDB server
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_texts_answer_as_the_server(line: str) -> None:
    assert holds(line)


def test_metaphone_and_nysiis_come_from_jellyfish() -> None:
    pytest.importorskip("jellyfish")
    assert value_of("METAPHONE('Smith')") == "SM0"
    assert value_of("NYSIIS('Robert')") == "RABAD"
