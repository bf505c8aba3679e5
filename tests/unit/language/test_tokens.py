from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import QuerySyntaxError
from solidb_odm.language.tokens import BIND, END, FLOAT, INTEGER, NAME, QUOTED, TEMPLATE, tokenize


def kinds(text: str) -> list[str]:
    return tokenize(text).kinds[:-1]


def values(text: str) -> list[object]:
    return list(tokenize(text).values[:-1])


def test_keywords_have_one_spelling() -> None:
    assert kinds("For fOR ORDER order Sort") == ["FOR", "FOR", "SORT", "SORT", "SORT"]


def test_contextual_words_are_names() -> None:
    assert set(kinds("count DISTINCT by offset options DELETE")) == {NAME}


def test_names_keep_their_case_and_take_any_alphabet() -> None:
    assert values("Größe _x1 имя") == ["Größe", "_x1", "имя"]


def test_backticks_make_names_of_keywords() -> None:
    assert kinds("`FOR` `a b`") == [QUOTED, QUOTED]
    assert values("`FOR` `a b`") == ["FOR", "a b"]


def test_comments_end_with_the_line() -> None:
    assert kinds("1 -- x\n2 --") == [INTEGER, INTEGER]
    assert kinds("5--3") == [INTEGER]


def test_any_white_space_separates() -> None:
    assert kinds("1\u00a02\u30003\r\n\t4") == [INTEGER] * 4


def test_dots_make_floats_or_ranges() -> None:
    assert kinds("1.5 1. 1..3 1.0..2") == [FLOAT, FLOAT, INTEGER, "..", INTEGER, FLOAT, "..", INTEGER]
    assert values("1. 2.50") == [1.0, 2.5]


def test_integers_fit_64_bits_with_a_sign() -> None:
    assert values("9223372036854775807") == [2**63 - 1]
    with pytest.raises(QuerySyntaxError, match="64 bits"):
        tokenize("9223372036854775808")


@pytest.mark.parametrize("digits", ["9" * 10_000, "9" * 400 + ".0"])
def test_endless_numbers_are_syntax_errors(digits: str) -> None:
    with pytest.raises(QuerySyntaxError):
        tokenize(digits)


def test_strings_know_six_escapes() -> None:
    assert values(r'"\n\t\r\\\"\'" "\u0041\0\x"') == ["\n\t\r\\\"'", "u00410x"]


def test_strings_hold_raw_newlines_and_other_quotes() -> None:
    assert values("""'a "b"\n' "it's" """) == ['a "b"\n', "it's"]


def test_bind_names_may_start_with_a_digit() -> None:
    assert kinds("@1 @a_b") == [BIND, BIND]
    assert values("@1 @a_b") == ["1", "a_b"]


def test_two_characters_make_one_operator_where_they_can() -> None:
    assert kinds("a?.b ?? c <=> d -> e |> f || g") == [
        *(NAME, "?.", NAME, "??", NAME, "<=>", NAME),
        *("->", NAME, "|>", NAME, "||", NAME),
    ]


def test_symbols_for_and_and_not_are_the_words() -> None:
    assert kinds("! a && b") == ["NOT", NAME, "AND", NAME]


def test_templates_hold_texts_and_places_of_holes() -> None:
    tokens = tokenize('$"a ${x} $$ \\$ \\"${ {a: 1} }"')
    assert tokens.kinds == [TEMPLATE, END]
    assert tokens.values[0] == ("a ", (6, 7), ' $ $ "', (19, 27))


def test_positions_point_into_the_text() -> None:
    tokens = tokenize("RETURN  `a` + 'b'")
    spellings = [tokens.text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    assert spellings == ["RETURN", "`a`", "+", "'b'", ""]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ('RETURN "a', 8, "string is not closed"),
        ("RETURN 'a", 8, "string is not closed"),
        ("RETURN `a", 8, "backticks"),
        ("RETURN ``", 8, "backticks"),
        ('RETURN $"a ${b"', 12, "'${' is not closed"),
        ('RETURN $"a', 8, "template string is not closed"),
        ("RETURN @", 8, "bind variable"),
        ("RETURN 1;", 9, "';'"),
        ("RETURN # x", 8, "'#'"),
        ("RETURN $x", 8, "unexpected character"),
    ],
)
def test_what_starts_no_token_is_an_error_at_its_place(text: str, column: int, message: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        tokenize(text)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (1, column)


def test_errors_count_lines() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        tokenize("RETURN 1 +\n  \\")
    assert (caught.value.line, caught.value.column) == (2, 3)


@given(st.text(st.sampled_from("ab1 .`'\"$@{}()<=>?|&-\n\\é")))
def test_tokens_stand_in_the_order_of_the_text(text: str) -> None:
    try:
        tokens = tokenize(text)
    except QuerySyntaxError:
        return
    assert tokens.starts == sorted(tokens.starts)
    assert all(start <= end for start, end in zip(tokens.starts, tokens.ends, strict=True))
    assert tokens.kinds[-1] == END


@given(st.text())
def test_any_text_is_tokens_or_a_syntax_error(text: str) -> None:
    with contextlib.suppress(QuerySyntaxError):
        tokenize(text)
