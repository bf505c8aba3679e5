"""What the builder accepts of odd values and pairs of fields, it answers as Python does."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

import pytest

from solidb_odm import (
    Document,
    Registry,
    Session,
    any_,
    coalesce,
    contains,
    create_engine,
    func,
    in_,
    not_in,
    select,
)
from solidb_odm.errors import UsageError


class Hue(Enum):
    RED = "red"
    BLUE = "blue"


class Odd(Document, collection="odd_values", registry=Registry()):
    whole: int = 0
    share: float | None = None
    text: str = ""
    money: Decimal = Decimal(0)
    flag: bool = False
    day: date = date(2024, 1, 1)
    at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    took: timedelta = timedelta(0)
    uid: UUID = UUID(int=0)
    raw: bytes = b""
    hue: Hue = Hue.RED
    word: Literal["a", "b"] = "a"
    wholes: list[int] = []
    gaps: list[int | None] = []
    texts: list[str] = []
    amounts: list[Decimal] = []
    nested: list[list[int]] = []
    flags: list[bool] = []
    place: tuple[int, str] = (0, "")
    row: tuple[int, ...] = ()
    marks: set[int] = set()
    sums: set[Decimal] = set()
    counts: dict[str, int] = {}
    names: dict[int, str] = {}
    either: int | str = 0
    dated: date | int = 0
    listed: list[int] | str = ""


DOCUMENTS: list[dict[str, Any]] = [
    {"key": "0"},
    {
        "key": "1", "whole": 1, "share": 1.0, "text": "a", "money": Decimal("1.0"), "flag": True,
        "took": timedelta(seconds=1), "uid": UUID(int=1), "raw": b"a", "hue": Hue.BLUE, "word": "b",
        "wholes": [1], "gaps": [None], "texts": ["a"], "amounts": [Decimal("1.10")], "nested": [[1], []],
        "flags": [True], "place": (1, "a"), "row": (1,), "marks": {1}, "sums": {Decimal(1)},
        "counts": {"a": 1}, "names": {1: "a"}, "either": 1, "dated": 1, "listed": [1],
    },
    {
        "key": "2", "whole": 2, "text": "2024-01-01", "money": Decimal(2), "took": timedelta(days=1),
        "wholes": [1, 2], "gaps": [1, None], "texts": ["", "2024-01-01"], "nested": [[1, 2]],
        "row": (1, 2), "marks": {1, 2}, "names": {2: "1"}, "either": "a", "dated": date(2024, 1, 1),
        "listed": "a",
    },
    {"key": "3", "text": "1", "share": 0.0, "either": "2024-01-01", "place": (0, "1"), "dated": 0},
]  # fmt: skip

VALUES: list[Any] = [
    None, True, 0, 1, 1.0, 0.5, float("nan"), float("inf"), "", "a", "1", "2024-01-01", b"a",
    Decimal(1), Decimal("1.10"), Decimal("NaN"), Decimal("Infinity"), date(2024, 1, 1),
    datetime(2024, 1, 1, tzinfo=UTC), timedelta(0), UUID(int=1), Hue.BLUE, [], [1], [True], [None], ["a"],
    [Decimal(1)], [Decimal("1.1")], [[1]], (), (1,), (1, "a"), [1, "a"], [(1,)], set(), {1}, frozenset({1}),
    {Decimal("1.00")}, {}, {"a": 1}, {1: "a"}, {"1": "a"},
]  # fmt: skip

Judge = tuple[Callable[[Any, Any], Any], Callable[[Any, Any], bool]]

JUDGES: dict[str, Judge] = {
    "==": (operator.eq, operator.eq),
    "!=": (operator.ne, operator.ne),
    "<": (operator.lt, operator.lt),
    ">=": (operator.ge, operator.ge),
    "in_": (lambda field, value: in_(field, [value]), operator.eq),
    "not_in": (lambda field, value: not_in(field, [value]), operator.ne),
    "contains": (contains, lambda held, value: value in held),
    "any_": (lambda field, value: any_(field) == value, lambda held, value: value in list(held)),
    "coalesce": (lambda field, value: coalesce(field, value) == value, lambda held, value: held == value),
}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with create_engine("sqlite://") as engine, Session(engine) as opened:
        opened.add_all([Odd(**values) for values in DOCUMENTS])
        opened.commit()
        yield opened


def judged(judge: Callable[[Any, Any], bool], held: Any, value: Any, operation: str) -> bool | None:
    """Return what Python says, of an order with null as SQL does; None where it can't tell.

    ``any_`` passes over what is no list.
    """
    if held is None and operation == "coalesce":
        return True
    if operation in ("<", ">=") and None in (held, value):
        return False
    if operation in ("contains", "any_") and (
        held is None or (operation == "any_" and isinstance(held, str))
    ):
        return False
    try:
        return bool(judge(held, value))
    except TypeError:
        return None


def differences(session: Session, name: str, operation: str, other: Any, of: Callable[[Odd], Any]) -> str:
    """Return what a query answers otherwise than Python, or an empty text; also where it is refused."""
    make, judge = JUDGES[operation]
    try:
        condition = make(getattr(Odd, name), other)
    except UsageError:
        return ""
    answers = set(session.scalars(select(Odd.key).where(condition)))
    for document in session.scalars(select(Odd)):
        said = judged(judge, getattr(document, name), of(document), operation)
        if bool(said) is not (document.key in answers):
            return f"{name} {operation} {other!r}: {getattr(document, name)!r}, {of(document)!r} is {said}"
    return ""


NAMES = [name for name in Odd.model_fields if name != "key"]


@pytest.mark.parametrize("operation", JUDGES)
@pytest.mark.parametrize("name", NAMES)
def test_values_beside_a_field(session: Session, name: str, operation: str) -> None:
    wrong = [differences(session, name, operation, value, always(value)) for value in VALUES]

    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("operation", JUDGES)
@pytest.mark.parametrize("name", NAMES)
def test_fields_beside_a_field(session: Session, name: str, operation: str) -> None:
    others = [other for other in NAMES if other != name]
    wrong = [
        differences(session, name, operation, getattr(Odd, other), attrgetter(other)) for other in others
    ]

    assert not any(wrong), "\n".join(filter(None, wrong))


def always(value: Any) -> Callable[[Odd], Any]:
    return lambda document: value


untyped: Any = Odd  # checkers refuse many of these as well

REFUSED: dict[str, Callable[[], Any]] = {
    "a list beside a tuple": lambda: untyped.row == [1],
    "a tuple beside a list": lambda: in_(untyped.wholes, [(1,)]),
    "a tuple within lists": lambda: contains(untyped.nested, (1,)),
    "a list and a set": lambda: any_(untyped.nested) == untyped.marks,
    "a list + a tuple": lambda: untyped.wholes + untyped.row,
    "sets added": lambda: untyped.marks + untyped.marks,
    "an order with None in it": lambda: untyped.gaps < [1],
    "an order by a union": lambda: untyped.whole < untyped.either,
    "a union that never holds it": lambda: untyped.flag == untyped.either,
    "a union that stores it alike": lambda: untyped.text == untyped.dated,
    "a decimal among ints": lambda: contains(untyped.wholes, untyped.money),
    "a decimal among the rows of ints": lambda: in_(untyped.money, select(untyped.whole)),
    "no list in a union": lambda: any_(untyped.either) == 1,
    "a text in a union": lambda: contains(untyped.listed, "a"),
    "a text for a number as key": lambda: contains(untyped.names, "1"),
    "a sum over a union": lambda: func.sum(untyped.either),
    "no number in JSON": lambda: contains(untyped.amounts, Decimal("NaN")),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_never_be_equal_is_refused_when_written(kind: str) -> None:
    with pytest.raises(UsageError):
        REFUSED[kind]()


def test_tuples_added_are_a_tuple(session: Session) -> None:
    condition = untyped.row.__add__((3,)) == (1, 3)

    assert session.scalars(select(Odd.key).where(condition)).all() == ["1"]
    assert session.scalars(select(untyped.row + untyped.row).where(Odd.key == "1")).all() == [(1, 1)]
