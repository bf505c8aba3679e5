"""The table of the builder's law: kinds of values, models that hold them everywhere, and what Python says.

The documents are made of random numbers, so a seed stands for them.
"""

from __future__ import annotations

import operator
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, DecimalException, localcontext
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import pytest
from pydantic import BaseModel

from solidb_odm import Document, Index
from solidb_odm.errors import UsageError

SEEDS = int(os.environ.get("SOLIDB_LAW_SEEDS", "1"))
"""How many sets of documents a run tries."""


LAW_ENGINES = ["sqlite-file", pytest.param("server", marks=pytest.mark.server)]


def law_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of an empty database on one of the engines that the table is tried on."""
    if request.param == "sqlite-file":
        return f"sqlite:///{folder / 'law.db'}"
    url: str = request.getfixturevalue("server").url(request.getfixturevalue("database"))
    return url


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Word(StrEnum):
    A = "a"
    B = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


Make: TypeAlias = Callable[[random.Random], Any]
Getter: TypeAlias = Callable[[Any], Any]
LETTERS = "abAB zé%_'\"\\.,ß😀\n01"


def _of(*values: Any) -> Make:
    return lambda source: source.choice(values)


def _text(source: random.Random) -> str:
    return "".join(source.choice(LETTERS) for _ in range(source.randint(0, 4)))


def _decimal(source: random.Random) -> Decimal:
    digits = source.choice((source.randint(-99, 99), source.randint(-(10**30), 10**30)))
    return Decimal(digits).scaleb(source.choice((0, -1, -2, -2, -12, 3)))


def _ratio(source: random.Random) -> float:
    return source.choice((0.0, 1.5, -2.25, 3.0, 0.1, source.uniform(-999, 999), source.randint(-9, 9) * 1.0))


def _moment(source: random.Random) -> datetime:
    start = datetime(1999, 12, 31, 23, 59, 58, tzinfo=UTC)
    micros = source.choice((0, 5, 999_999, 500_000))
    return start + timedelta(
        days=source.randint(-9999, 9999), seconds=source.randint(0, 5), microseconds=micros
    )


def _day(source: random.Random) -> date:
    return date(2024, 2, 28) + timedelta(days=source.choice((0, 1, 2, -60, source.randint(-9999, 9999))))


def _duration(source: random.Random) -> timedelta:
    return timedelta(
        days=source.choice((0, 1, -1, source.randint(-99, 99))),
        microseconds=source.randint(-(10**6), 10**9),
    )


def _clock(source: random.Random) -> time:
    return time(source.randint(0, 23), source.choice((0, 59)), source.choice((0, 3)), source.choice((0, 500)))


def _list(make: Make) -> Make:
    return lambda source: [make(source) for _ in range(source.choice((0, 1, 1, 2, 3)))]


SIZES = _list(_of(-5, 0, 1, 2, 7))
KINDS: dict[str, tuple[Any, Make]] = {
    "flag": (bool, _of(True, False)),
    "count": (int, lambda source: source.choice((0, 1, -5, 3, 7, -2, source.randint(-999, 999)))),
    "ratio": (float, _ratio),
    "money": (Decimal, _decimal),
    "name": (str, _text),
    "at": (datetime, _moment),
    "day": (date, _day),
    "clock": (time, _clock),
    "took": (timedelta, _duration),
    "mark": (UUID, lambda source: UUID(int=source.getrandbits(128))),
    "blob": (bytes, lambda source: source.randbytes(source.randint(0, 3))),
    "colour": (Colour, _of(*Colour)),
    "word": (Word, _of(*Word)),
    "level": (Level, _of(*Level)),
    "tags": (list[str], _list(_of("a", "b", "", "é"))),
    "sizes": (list[int], SIZES),
    "sums": (list[Decimal], _list(_decimal)),
    "times": (list[timedelta], _list(_duration)),
    "named": (dict[str, int], lambda source: dict(zip("ab", SIZES(source), strict=False))),
}
SCALARS = tuple(name for name in KINDS if name not in ("tags", "sizes", "sums", "times", "named"))
INDEXED = tuple(name for name in SCALARS if name != "blob")


def _fields(prefix: str, *, optional: bool = False, indexed: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in INDEXED if indexed else KINDS:
        kind: Any = KINDS[name][0]
        kind = kind | None if optional else kind
        made[f"{prefix}{name}"] = Annotated[kind, Index()] if indexed else kind
    return made


def _class(base: Any, name: str, annotations: dict[str, Any], **options: Any) -> Any:
    return type(base)(name, (base,), {"__module__": __name__, "__annotations__": annotations}, **options)


Part = _class(BaseModel, "LawPart", {**_fields("p_"), **_fields("q_", optional=True)})
Row = _class(
    Document,
    "LawRow",
    {
        **_fields("a_"),
        **_fields("b_"),
        **_fields("n_", optional=True),
        **_fields("i_", indexed=True),
        **_fields("j_", optional=True, indexed=True),
        "part": Part,
        "maybe": Part | None,
        "parts": list[Part],
    },
    collection="law_rows",
)


def _values(
    source: random.Random, prefix: str, names: Any = KINDS, *, optional: bool = False
) -> dict[str, Any]:
    made = {f"{prefix}{name}": KINDS[name][1](source) for name in names}
    return {name: None if optional and source.random() < 0.4 else value for name, value in made.items()}


def _part(source: random.Random) -> Any:
    return Part(**_values(source, "p_"), **_values(source, "q_", optional=True))


def rows_of(seed: int, count: int = 12) -> list[Any]:
    """Return the documents that a seed stands for."""
    source = random.Random(seed)
    return [_row(source, f"r{number:02}") for number in range(count)]


def _row(source: random.Random, key: str) -> Any:
    a, n, i = _values(source, "a_"), _values(source, "n_", optional=True), _values(source, "i_", INDEXED)
    b = {f"b_{name}": a[f"a_{name}"] if source.random() < 0.2 else KINDS[name][1](source) for name in KINDS}
    return Row(
        key=key,
        **a,
        **b,
        **n,
        **i,
        **_values(source, "j_", INDEXED, optional=True),
        part=_part(source),
        maybe=_part(source) if source.random() < 0.6 else None,
        parts=[_part(source) for _ in range(source.randint(0, 3))],
    )


# --- what Python says ----------------------------------------------------------------------------

Operator: TypeAlias = Callable[[Any, Any], Any]
EQUALITIES: tuple[Operator, ...] = (operator.eq, operator.ne)
ORDERS: tuple[Operator, ...] = (operator.lt, operator.le, operator.gt, operator.ge)
COMPARISONS: tuple[Operator, ...] = (*EQUALITIES, *ORDERS)
_PYTHON: Any = operator
AND: Operator = _PYTHON.and_
OR: Operator = _PYTHON.or_
COMPUTATIONS: tuple[Operator, ...] = tuple(
    getattr(_PYTHON, name)
    for name in [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "and_",
        "or_",
        "xor",
        "lshift",
        "rshift",
    ]
)


class Refused(Exception):
    """What Python can't compute of two values."""


def judged(operation: Operator, left: Any, right: Any) -> Any:
    """Return what Python makes of two values, of which one may be missing."""
    if operation in EQUALITIES:
        return operation(left, right)
    if left is None or right is None:
        return False if operation in ORDERS else None
    try:
        with localcontext() as context:
            context.prec = 28 if operation is operator.truediv else context.prec
            return operation(left, right)
    except (ZeroDivisionError, DecimalException):
        return None
    except TypeError as error:
        raise Refused from error


def _small(value: Any) -> Any:
    """Return a number that can be an exponent, and how far to shift."""
    return value % 5 if type(value) is int else value


def can_be_computed(operation: Operator, left: str, right: str) -> bool:
    """Return whether Python computes values of two kinds."""
    source = random.Random(1)
    try:
        for _ in range(40):
            judged(operation, _small(KINDS[left][1](source)), _small(KINDS[right][1](source)))
    except Refused:
        return False
    except (OverflowError, ValueError):  # of some values, as a negative shift is
        return True
    return True


def built(make: Callable[[], Any]) -> Any:
    """Return an expression; None if it is refused, which has to be an error of ours that says something."""
    try:
        return make()
    except UsageError as error:
        assert len(str(error)) > 20  # noqa: PT017  the message is what is looked at
        return None


def get(*path: str) -> Getter:
    """Return what reads an attribute in Python; None where something on the way is missing."""

    def read(row: Any) -> Any:
        for name in path:
            row = None if row is None else getattr(row, name)
        return row

    return read


@dataclass(frozen=True)
class Case:
    """An expression and what Python gives for it, of a document."""

    name: str
    expression: Any
    judge: Getter


def literal(kind: str, seed: int) -> Any:
    """Return a value of a kind to stand beside fields; of lists none is empty, which fits all of them."""
    source = random.Random(f"{kind} {seed}")
    sample = KINDS[kind][1](source)
    while sample in ([], {}):
        sample = KINDS[kind][1](source)
    return sample


def sides(left: str, right: str, seed: int) -> Iterator[tuple[str, Any, Any, Getter, Getter]]:
    """Yield the places of a pair: a name, the two sides in a query, and what gives them in Python."""
    value = literal(right, seed)
    yield "field", getattr(Row, f"a_{left}"), getattr(Row, f"b_{right}"), get(f"a_{left}"), get(f"b_{right}")
    yield "literal", getattr(Row, f"a_{left}"), value, get(f"a_{left}"), lambda _: value
    yield "null", getattr(Row, f"n_{left}"), getattr(Row, f"n_{right}"), get(f"n_{left}"), get(f"n_{right}")
    if left not in ("name", "word", "blob"):  # whose own % writes the field as text
        first = literal(left, seed)
        yield "reverse", first, getattr(Row, f"b_{right}"), lambda _: first, get(f"b_{right}")
    inner, outer = get("part", f"p_{left}"), get("maybe", f"p_{right}")
    yield "part", getattr(Row.part, f"p_{left}"), value, inner, lambda _: value
    yield "maybe", getattr(Row.part, f"p_{left}"), getattr(Row.maybe, f"p_{right}"), inner, outer
    if left in INDEXED:
        yield "indexed", getattr(Row, f"j_{left}"), value, get(f"j_{left}"), lambda _: value


def cases(operations: Any, seed: int) -> Iterator[Case]:
    """Yield a case for each operator, pair of kinds and place that the builder accepts."""
    for operation in operations:
        for left in KINDS:
            for right in KINDS:
                for place, one, other, first, second in sides(left, right, seed):
                    made = built(lambda: operation(one, other))  # noqa: B023  which is called at once
                    if made is None:
                        continue
                    assert can_be_computed(operation, left, right), (operation.__name__, left, right, place)
                    name = f"{left} {operation.__name__} {right} ({place})"
                    yield Case(name, made, _judge(operation, first, second, left))


def _judge(operation: Any, first: Getter, second: Getter, kind: str) -> Getter:
    if kind == "flag" and operation in (AND, OR):  # in conditions null is not true
        return lambda row: operation(first(row) or False, second(row) or False)
    return lambda row: judged(operation, first(row), second(row))
