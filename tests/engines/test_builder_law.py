"""The law of the builder: what it accepts it answers as Python does, null where a value is missing.

Every operator, over every pair of kinds of fields, with a field or a literal beside it, at the top, in an
embedded model, null or not, and in an element of a list; Python judges. What Python can't compute is refused
where it is written, and what else is refused says how to write it.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from solidb_odm import Document, Engine, Session, all_, any_, func, in_, is_null, not_, select, unnest
from solidb_odm.errors import UsageError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Word(StrEnum):
    A = "a"
    B = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


def _moment(day: int, micros: int = 0) -> datetime:
    return datetime(2024, 2, day, 23, 59, 58, micros, tzinfo=UTC)


VALUES: dict[str, tuple[Any, list[Any]]] = {
    "flag": (bool, [True, False]),
    "count": (int, [0, 1, -5, 3, 7, -2]),
    "ratio": (float, [0.0, 1.5, -2.25, 3.0, 0.1]),
    "money": (Decimal, [Decimal(x) for x in ("0", "0.1", "0.10", "60.10", "-7.25", "3", "1E+2", "-0.001")]),
    "name": (str, ["", "a", "ab", "B", "é", "a%"]),
    "at": (datetime, [_moment(1), _moment(28), _moment(29, 5), _moment(1, 999_999)]),
    "day": (date, [date(2024, 2, 28), date(2024, 3, 1), date(2023, 12, 31)]),
    "clock": (time, [time(1, 2, 3), time(1, 2, 3, 500), time(23, 59)]),
    "took": (timedelta, [timedelta(0), timedelta(1, 0, 3), timedelta(seconds=-0.1), timedelta(hours=36)]),
    "mark": (UUID, [UUID(int=1), UUID(int=2**127), UUID(int=255 << 64)]),
    "blob": (bytes, [b"", b"\xff", b"a\x00"]),
    "colour": (Colour, list(Colour)),
    "word": (Word, list(Word)),
    "level": (Level, list(Level)),
    "tags": (list[str], [[], ["a"], ["a", "b"], ["b"]]),
    "sizes": (list[int], [[], [1], [1, 2], [-5]]),
}  # fmt: skip


def _fields(prefix: str, *, optional: bool = False) -> dict[str, Any]:
    return {f"{prefix}{name}": (kind | None) if optional else kind for name, (kind, _) in VALUES.items()}


def _class(base: Any, name: str, annotations: dict[str, Any], **options: Any) -> Any:
    return type(base)(name, (base,), {"__module__": __name__, "__annotations__": annotations}, **options)


Part = _class(BaseModel, "LawPart", {**_fields("p_"), **_fields("q_", optional=True)})
Row = _class(
    Document,
    "LawRow",
    {**_fields("a_"), **_fields("b_"), **_fields("n_", optional=True), "part": Part, "parts": list[Part]},
    collection="law_rows",
)


def _values(source: random.Random, prefix: str, *, optional: bool = False) -> dict[str, Any]:
    made = {f"{prefix}{name}": source.choice(values) for name, (_, values) in VALUES.items()}
    return {name: None if optional and source.random() < 0.4 else value for name, value in made.items()}


def _part(source: random.Random) -> Any:
    return Part(**_values(source, "p_"), **_values(source, "q_", optional=True))


def _rows(count: int) -> list[Any]:
    source = random.Random(7)
    return [
        Row(
            key=f"r{number:02}",
            **_values(source, "a_"),
            **_values(source, "b_"),
            **_values(source, "n_", optional=True),
            part=_part(source),
            parts=[_part(source) for _ in range(source.randint(0, 3))],
        )
        for number in range(count)
    ]


ROWS = _rows(14)
Getter = Callable[[Any], Any]
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
ORDERS = (operator.lt, operator.le, operator.gt, operator.ge)
COMPUTATIONS = (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift,
)  # fmt: skip


class Refused(Exception):
    """What Python can't compute of two values."""


def judged(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Return what Python makes of two values, of which one may be missing."""
    if operation in (operator.eq, operator.ne):
        return operation(left, right)
    if left is None or right is None:
        return False if operation in ORDERS else None
    try:
        return operation(left, right)
    except ZeroDivisionError:
        return None
    except TypeError as error:
        raise Refused from error


def _sides(left: str, right: str) -> Iterator[tuple[str, Any, Any, Getter, Getter]]:
    """Yield the places of a pair: a name, the two sides in a query, and what gives them in Python."""
    literal = VALUES[right][1][-1]
    yield (
        "field",
        getattr(Row, f"a_{left}"),
        getattr(Row, f"b_{right}"),
        _get(f"a_{left}"),
        _get(f"b_{right}"),
    )
    yield "literal", getattr(Row, f"a_{left}"), literal, _get(f"a_{left}"), lambda _: literal
    yield "null", getattr(Row, f"n_{left}"), getattr(Row, f"n_{right}"), _get(f"n_{left}"), _get(f"n_{right}")
    inner = Row.part
    yield (
        "part",
        getattr(inner, f"p_{left}"),
        literal,
        lambda row: getattr(row.part, f"p_{left}"),
        lambda _: literal,
    )


def _get(name: str) -> Getter:
    return lambda row: getattr(row, name)


def _built(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Return the expression; None if it is refused, which has to be an error of ours that says something."""
    try:
        return operation(left, right)
    except UsageError as error:
        assert len(str(error)) > 20  # noqa: PT017  the message is what is looked at
        return None


def _python_can(operation: Callable[[Any, Any], Any], left: str, right: str) -> bool:
    """Return whether Python computes all pairs of the values, and an answer of a plain type comes out."""
    try:
        for one in VALUES[left][1]:
            for other in VALUES[right][1]:
                judged(operation, one, other)
    except (Refused, OverflowError):
        return False
    except ValueError:  # a negative shift
        return True
    return True


def _cases(operations: Any) -> Iterator[tuple[str, Any, Getter]]:
    for operation in operations:
        for left in VALUES:
            for right in VALUES:
                for place, one, other, first, second in _sides(left, right):
                    made = _built(operation, one, other)
                    if made is None:
                        continue
                    assert _python_can(operation, left, right), (operation.__name__, left, right, place)
                    yield (
                        f"{left} {operation.__name__} {right} ({place})",
                        made,
                        _judge(operation, first, second, left),
                    )


def _judge(operation: Any, first: Getter, second: Getter, kind: str) -> Getter:
    if kind == "flag" and operation in (operator.and_, operator.or_):  # in conditions null is not true
        return lambda row: operation(first(row) or False, second(row) or False)
    return lambda row: judged(operation, first(row), second(row))


@pytest.fixture
def filled(engine: Engine) -> Engine:
    engine.create_all(Row)
    with Session(engine) as session:
        session.add_all([row.model_copy(deep=True) for row in ROWS])
        session.commit()
    return engine


def _batches(cases: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def _differences(engine: Engine, cases: list[tuple[str, Any, Getter]]) -> list[str]:
    found: list[str] = []
    with Session(engine) as session:
        for batch in _batches(cases, 20):
            statement = select(Row.key, *(expression for _, expression, _ in batch))
            answers = {answer[0]: answer[1:] for answer in session.execute(statement)}
            for row in ROWS:
                for (name, _, judge), given in zip(batch, answers[row.key], strict=True):
                    wanted = judge(row)
                    if given != wanted or (wanted is None) != (given is None):
                        found.append(f"{name} of {row.key}: {given!r}, Python {wanted!r}")
    return found


def test_comparisons_answer_as_python_does(filled: Engine) -> None:
    cases = list(_cases(COMPARISONS))

    assert len(cases) > 250
    assert _differences(filled, cases) == []


def test_computations_answer_as_python_does(filled: Engine) -> None:
    cases = list(_cases(COMPUTATIONS))

    assert len(cases) > 100
    assert _differences(filled, cases) == []


def test_conditions_on_elements_answer_as_python_does(filled: Engine) -> None:
    cases: list[tuple[str, Any, Getter]] = []
    for name, (_, values) in VALUES.items():
        for operation in COMPARISONS:
            literal = values[0]
            for prefix in ("p_", "q_"):
                for quantifier, judge in ((any_, any), (all_, all)):
                    made = _built(operation, getattr(quantifier(Row.parts), f"{prefix}{name}"), literal)
                    if made is not None:
                        cases.append((f"{quantifier.__name__} {prefix}{name} {operation.__name__}", made,
                                      _of_parts(judge, operation, f"{prefix}{name}", literal)))  # fmt: skip
    for name in VALUES:
        made = is_null(getattr(any_(Row.parts), f"q_{name}"))
        cases.append((f"is_null {name}", made, _of_parts(any, operator.eq, f"q_{name}", None)))

    assert len(cases) > 200
    assert _differences(filled, cases) == []


def _of_parts(judge: Any, operation: Any, name: str, literal: Any) -> Getter:
    return lambda row: judge(judged(operation, getattr(part, name), literal) for part in row.parts)


@pytest.mark.parametrize("name", VALUES)
def test_membership_and_negation_answer_as_python_does(filled: Engine, name: str) -> None:
    values = VALUES[name][1][:2]
    field = getattr(Row, f"n_{name}")
    with Session(filled) as session:
        found = session.scalars(select(Row.key).where(in_(field, values))).all()
        others = session.scalars(select(Row.key).where(not_(in_(field, values)))).all()

    kept = [row.key for row in ROWS if getattr(row, f"n_{name}") in values]
    assert found == kept
    assert others == [row.key for row in ROWS if row.key not in kept]


@pytest.mark.parametrize(
    "name", ["count", "ratio", "money", "name", "at", "day", "clock", "took", "mark", "flag"]
)
def test_documents_are_sorted_as_python_sorts(filled: Engine, name: str) -> None:
    with Session(filled) as session:
        found = session.scalars(select(Row.key).order_by(getattr(Row, f"a_{name}"))).all()

    assert found == [row.key for row in sorted(ROWS, key=lambda row: (getattr(row, f"a_{name}"), row.key))]


@pytest.mark.parametrize("name", ["count", "ratio", "money", "took"])
def test_sums_means_and_extremes_are_those_of_python(filled: Engine, name: str) -> None:
    field = getattr(Row, f"n_{name}")
    asked = select(func.sum(field), func.avg(field), func.min(field), func.max(field), func.count(field))
    with Session(filled) as session:
        found = session.execute(asked).one()

    values = [value for row in ROWS if (value := getattr(row, f"n_{name}")) is not None]
    total = sum(values[1:], values[0])
    mean = total / len(values)
    assert found[2:] == (min(values), max(values), len(values))
    if name in ("money", "took"):
        assert found[:2] == (total, mean)
        assert type(found[0]) is type(total)
    else:
        assert found[:2] == (pytest.approx(total), pytest.approx(mean))


@pytest.mark.parametrize("name", ["count", "money", "name", "at", "flag", "colour"])
def test_groups_are_those_of_python(filled: Engine, name: str) -> None:
    field = getattr(Row, f"n_{name}")
    with Session(filled) as session:
        found = session.execute(select(field, func.count()).group_by(field)).all()

    wanted: dict[Any, int] = {}
    for row in ROWS:
        wanted[getattr(row, f"n_{name}")] = wanted.get(getattr(row, f"n_{name}"), 0) + 1
    assert dict(found) == wanted


def test_elements_are_rows_of_their_own(filled: Engine) -> None:
    part = unnest(Row.parts)
    asked = select(part.p_word, func.count(), func.sum(part.p_money), func.max(part.q_count)).group_by(
        part.p_word
    )
    with Session(filled) as session:
        found = session.execute(asked.where(Row.a_count >= 0, part.p_count != 3)).all()

    parts = [each for row in ROWS if row.a_count >= 0 for each in row.parts if each.p_count != 3]
    wanted = []
    for word in sorted({each.p_word for each in parts}):
        mine = [each for each in parts if each.p_word == word]
        counts = [each.q_count for each in mine if each.q_count is not None]
        wanted.append((word, len(mine), sum(each.p_money for each in mine), max(counts, default=None)))
    assert found == wanted
