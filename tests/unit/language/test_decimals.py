"""Decimals in the language: what a file computes and what is written out for a server come to the same."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from solidb_odm.errors import QueryError, UsageError
from solidb_odm.language import decimals
from solidb_odm.language.nodes import Array, DecimalCall, Expression, Literal
from solidb_odm.language.printer import print_expression
from tests.sizes import examples
from tests.unit.language.functions.expressions import value_of


def _scaled(digits: int, exponent: int) -> Decimal:
    return Decimal(digits).scaleb(exponent)


NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
    st.integers(-(10**40), 10**40).map(Decimal),
    st.builds(_scaled, st.integers(-(10**24), 10**24), st.integers(-30, 12)),
    st.sampled_from([Decimal(text) for text in ("0", "-0", "0.00", "1E+2", "-1E-7", "999999", "1000000")]),
)
FEW = settings(max_examples=examples(60))


def written_out(node: Expression) -> object:
    """Answer what a server gets, as it would."""
    return value_of(print_expression(node))


def by_file(name: str, *arguments: object) -> object:
    """Answer what a file computes."""
    return decimals.FUNCTIONS[name](*arguments)  # type: ignore[index]


@FEW
@given(NUMBERS)
def test_a_key_is_the_same_everywhere_and_leads_back(value: Decimal) -> None:
    key = decimals.key_of(value)

    assert written_out(decimals.key(Literal(str(value)))) == by_file("KEY", str(value)) == key
    assert decimals.of_key(key) == value
    assert Decimal(str(written_out(decimals.digits_of_key(Literal(key))))) == value
    assert Decimal(str(by_file("DIGITS", key))) == value


@FEW
@given(NUMBERS, NUMBERS)
def test_keys_sort_as_the_numbers_do(one: Decimal, other: Decimal) -> None:
    keys = decimals.key_of(one), decimals.key_of(other)

    assert (keys[0] < keys[1]) == (one < other)
    assert (keys[0] == keys[1]) == (one == other)


@FEW
@given(NUMBERS, NUMBERS, st.sampled_from(["+", "-", "*"]))
@example(Decimal(99999999999999999), Decimal(99999999999999999), "*")
@example(Decimal("-0.000001"), Decimal(1000000), "+")
def test_sums_and_products_are_exact(one: Decimal, other: Decimal, operator: str) -> None:
    node = decimals.combined(Literal(str(one)), operator, Literal(str(other)))  # type: ignore[arg-type]
    with localcontext(prec=500):
        wanted = {"+": one + other, "-": one - other, "*": one * other}[operator]

    assert isinstance(node, DecimalCall)
    assert Decimal(str(by_file(node.name, str(one), str(other)))) == wanted
    assert Decimal(str(written_out(node))) == wanted


@FEW
@given(st.lists(st.none() | NUMBERS, max_size=8))
def test_totals_are_exact_and_leave_nulls_out(values: list[Decimal | None]) -> None:
    texts = [None if value is None else str(value) for value in values]
    with localcontext(prec=500):
        wanted = sum((value for value in values if value is not None), Decimal(0))

    assert Decimal(str(by_file("TOTAL", texts))) == wanted
    node = decimals.total_of(Array(tuple(map(Literal, texts))))
    assert Decimal(str(written_out(node))) == wanted


@FEW
@given(NUMBERS)
def test_a_decimal_has_an_opposite(value: Decimal) -> None:
    assert Decimal(str(by_file("NEGATIVE", str(value)))) == value.copy_negate()
    assert Decimal(str(written_out(decimals.negated(Literal(str(value)))))) == value.copy_negate()


def test_what_is_no_decimal_is_its_own_key() -> None:
    for value in (None, "x", "NaN", "Infinity", True):
        assert by_file("KEY", value) == value
    assert written_out(decimals.key(Literal(None))) is None
    with pytest.raises(UsageError, match="can't be used with decimals"):
        decimals.key_of(Decimal("NaN"))


@pytest.mark.parametrize("number", [5, 1.5, -0.25, 0, 2**53])
def test_numbers_that_others_stored_are_decimals_too(number: float) -> None:
    key, opposite = decimals.key_of(Decimal(str(number))), -Decimal(str(number))

    assert written_out(decimals.key(Literal(number))) == by_file("KEY", number) == key
    for answer in (by_file("NEGATIVE", number), written_out(decimals.negated(Literal(number)))):
        assert Decimal(str(answer)) == opposite
    for answer in (
        by_file("ADD", number, 1),
        written_out(decimals.combined(Literal(number), "+", Literal(1))),
    ):
        assert Decimal(str(answer)) == Decimal(str(number)) + 1
    listed = Array((Literal(number), Literal("1")))
    assert Decimal(str(written_out(decimals.total_of(listed)))) == Decimal(str(number)) + 1


def test_more_digits_than_are_computed_are_an_error() -> None:
    long = "9" * 700
    with pytest.raises(QueryError, match="more than 1,000 digits"):
        by_file("MULTIPLY", long, long)
    with pytest.raises(QueryError, match="more than 1,000 digits"):
        written_out(decimals.combined(Literal(long), "*", Literal(long)))
    with pytest.raises(QueryError, match="exactly"):
        by_file("ADD", "1E+9000", "1")
    with pytest.raises(QueryError, match="is not a decimal"):
        by_file("ADD", "x", "1")
