"""Numbers of more than 53 bits compare alike on every engine, as literal, bind or in a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm import Document, Engine, Index, Session, create_engine, sdbql
from solidb_odm.language.values import compare
from tests.sizes import examples

E = 2**53
EDGES = [
    E - 1,
    E,
    E + 1,
    E + 2,
    E + 3,
    10**17,
    10**17 + 1,
    2**62,
    2**62 + 1,
    2**63 - 1025,
    -E,
    -E - 1,
    1 - 2**63,
]
NUMBERS: list[int | float] = [
    *EDGES,
    *(2**63 - 1, 0, -1.5),
    *(float(E), float(E + 2), 1e17, 2.0**62, 2.0**63, 2.0**64, -float(E), -(2.0**63), 1e300),
]
"""Two integers, or two floats, compare exactly; an integer with a float as two floats."""

OPERATORS: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


class Plain(Document, collection="large_plain"):
    v: Any = None


class Indexed(Document, collection="large_indexed"):
    v: Annotated[Any, Index()] = None


def text_of(number: float) -> str:
    return f"{number:.1f}" if isinstance(number, float) else str(number)


def fill(engine: Engine, model: type[Plain | Indexed], numbers: list[int | float]) -> None:
    engine.create_all(model)
    with Session(engine) as session:
        session.add_all(model(key=f"k{place:03}", v=number) for place, number in enumerate(numbers))
        session.commit()


def expected(operator: str, constant: float, numbers: list[int | float]) -> list[str]:
    holds = OPERATORS[operator]
    return [f"k{place:03}" for place, number in enumerate(numbers) if holds(compare(number, constant))]


@pytest.mark.parametrize("operator", OPERATORS)
def test_fields_meet_constants_as_the_server_has_it(engine: Engine, operator: str) -> None:
    fill(engine, Plain, NUMBERS)
    with Session(engine) as session:
        for constant in NUMBERS:
            tests = {
                "bind": f"d.v {operator} @c",
                "literal": f"d.v {operator} {text_of(constant)}",
                "evaluated": f"FIRST([d.v]) {operator} @c",
            }
            for way, test in tests.items():
                query = sdbql(f"FOR d IN large_plain FILTER {test} SORT d._key RETURN d._key", c=constant)
                if way == "literal":
                    query = sdbql(f"FOR d IN large_plain FILTER {test} SORT d._key RETURN d._key")
                found = session.execute(query).all()
                assert found == expected(operator, constant, NUMBERS), (way, constant)


def test_fields_meet_constants_of_64_bits_without_a_sign(engine: Engine) -> None:
    fill(engine, Plain, NUMBERS)
    with Session(engine) as session:
        for constant in (2**63, 2**63 + 1, 2**64 - 1):
            for operator in OPERATORS:
                query = f"FOR d IN large_plain FILTER d.v {operator} @c SORT d._key RETURN d._key"
                found = session.execute(sdbql(query, c=constant)).all()
                assert found == expected(operator, constant, NUMBERS), (operator, constant)


def test_a_list_has_a_number_that_one_of_its_items_equals(engine: Engine) -> None:
    fill(engine, Plain, NUMBERS)
    with Session(engine) as session:
        for one, other in zip(NUMBERS, NUMBERS[5:] + NUMBERS[:5], strict=True):
            query = sdbql(
                "FOR d IN large_plain FILTER d.v IN @c SORT d._key RETURN d._key", c=[one, other, "x", None]
            )
            wanted = sorted({*expected("==", one, NUMBERS), *expected("==", other, NUMBERS)})
            assert session.execute(query).all() == wanted, (one, other)


def test_constants_meet_constants_as_the_server_has_it(engine: Engine) -> None:
    with Session(engine) as session:
        for constant in NUMBERS:
            parts = ", ".join(
                f"@n{place} {operator} @c" for place in range(len(NUMBERS)) for operator in OPERATORS
            )
            binds = {f"n{place}": number for place, number in enumerate(NUMBERS)}
            found = session.execute(sdbql(f"RETURN [{parts}]", c=constant, **binds)).all()[0]
            wanted = [holds(compare(number, constant)) for number in NUMBERS for holds in OPERATORS.values()]
            assert found == wanted, constant


_engine = create_engine("sqlite://")
fill(_engine, Indexed, [])
_wide = st.integers(-(2**63), 2**63 - 1) | st.integers(E - 4, E + 4) | st.integers(2**60 - 300, 2**60 + 300)
_numbers = _wide | _wide.map(float) | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=examples(200))
@given(st.lists(_numbers, max_size=8), _numbers, st.sampled_from(list(OPERATORS)))
def test_an_index_of_a_file_finds_the_same(
    numbers: list[int | float], constant: float, operator: str
) -> None:
    with Session(_engine) as session:
        session.add_all(Indexed(key=f"k{place:03}", v=number) for place, number in enumerate(numbers))
        query = f"FOR d IN large_indexed FILTER d.v {operator} @c SORT d._key RETURN d._key"
        assert session.execute(sdbql(query, c=constant)).all() == expected(operator, constant, numbers)
        among = sdbql("FOR d IN large_indexed FILTER d.v IN @c SORT d._key RETURN d._key", c=[constant])
        assert session.execute(among).all() == expected("==", constant, numbers)


def indexes(session: Session, query: str, constant: Any) -> Any:
    plan: Any = session.explain(query, {"c": constant}).plan
    return plan["indexes"]


@pytest.mark.parametrize("constant", [E + 1, 2**60 + 1, float(E), 1e17, 7])
@pytest.mark.parametrize("operator", ["==", "<", "<=", ">", ">="])
def test_an_index_serves_them(constant: float, operator: str) -> None:
    query = f"FOR d IN large_indexed FILTER d.v {operator} @c RETURN d"
    with Session(_engine) as session:
        assert indexes(session, query, constant) == ["large_indexed.v_idx"]
        if isinstance(constant, int):
            among = indexes(session, query.replace(operator, "IN"), [constant, 7])
            assert among == ["large_indexed.v_idx"]
