"""Whatever stands beside a field, the builder takes it or says in an error of its own why not."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Link,
    Registry,
    any_,
    case,
    coalesce,
    contains,
    func,
    in_,
    is_null,
    like,
    not_in,
    over,
    select,
)
from solidb_odm.errors import UsageError


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    size: int = 0


class Typed(TypedDict):
    size: int


class Place(NamedTuple):
    x: int
    name: str


@dataclass
class Plain:
    price: Decimal


class Odd(Document, collection="odd_operands", registry=Registry()):
    number: int | None
    ratio: float
    money: Decimal
    name: str
    at: datetime
    day: date
    took: timedelta
    mark: UUID
    colour: Colour
    inner: Inner | None
    typed: Typed
    place: Place
    plain: list[Plain]
    tags: list[str]
    sizes: dict[int, float]
    owner: Link[Odd] | None
    mixed: int | str
    anything: Any


FIELDS = {name: getattr(Odd, name) for name in (*Odd.model_fields, "id", "created_at")}
VALUES: list[Any] = [
    None, True, 0, -3, 2**70, 1.5, float("nan"), "", "a", "odd_operands/x", b"", Decimal("1.1"),
    Decimal("NaN"),
    date(2024, 1, 5), datetime(2024, 1, 5, tzinfo=UTC), time(3), timedelta(1), UUID(int=1), [], [1], [None],
    (1, "a"),
    {1}, {}, {"size": 1}, Colour.RED, Colour, Odd, object(), int, Inner(), Plain(Decimal(1)), Place(1, "a"),
    complex(1, 2), select(Odd.key), Odd.key, Odd.tags, ..., NotImplemented,
]  # fmt: skip
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "add", "sub", "mul", "truediv")},
    **{name: getattr(operator, name) for name in ("floordiv", "mod", "pow", "and_", "or_", "xor", "lshift")},
    "getitem": operator.getitem,
    "radd": lambda field, value: value + field,
    "rsub": lambda field, value: value - field,
    "in_": lambda field, value: in_(field, [value]),
    "not_in": not_in,
    "contains": contains,
    "like": like,
    "coalesce": coalesce,
    "case": lambda field, value: case((is_null(field), value), else_=field),
    "condition": lambda field, value: case((value, 1), else_=0),
    "any_": lambda field, value: any_(field, lambda element: element == value),
    "between": lambda field, value: field.between(value, value),
    "lag": lambda field, value: func.lag(field, 1, value),
    "max": lambda field, value: func.max(field, value),
    "append": lambda field, value: func.append(field, value),
    "over": lambda field, value: over(func.count(), partition_by=value),
    "column": lambda field, value: select(field, value),
    "divmod": divmod,
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_stands_beside_a_field_is_taken_or_refused_by_an_error_of_ours(name: str) -> None:
    operation, raw = OPERATIONS[name], []
    for label, field in FIELDS.items():
        for value in VALUES:
            try:
                operation(field, value)
            except UsageError:
                continue
            except Exception as problem:
                raw.append(f"{label} {name} {value!r}: {problem!r}")

    assert raw == []
