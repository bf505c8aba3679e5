"""Queries sort, compare and find extremes as Python does, for every type with an order, on every engine."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, NaiveDatetime

from solidb_odm import Document, Engine, Index, Session, delete, desc, func, select
from tests.sizes import examples


class Word(StrEnum):
    A = "a"
    B = "b"
    C = "é"


class Level(IntEnum):
    LOW = 1
    MIDDLE = 5
    HIGH = 10


_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30)), ZoneInfo("Asia/Tokyo")])
_EARLY, _LATE = datetime(1960, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001
_MICROSECONDS = st.sampled_from([0, 1, 10, 500_000, 999_999])
_TRUE = -sys.float_info.max  # the one number that a file can't tell from true where it sorts
_DIGITS = 15  # of a decimal, which queries compare as a number

_AWARE = st.datetimes(_EARLY, _LATE, timezones=_ZONES, allow_imaginary=False)


def _scaled(digits: int, exponent: int) -> Decimal:
    return Decimal(digits).scaleb(exponent)


def _with(moment: datetime, microsecond: int) -> datetime:
    return moment.replace(microsecond=microsecond)


ORDERED: dict[str, tuple[Any, Any]] = {
    "int": (int, st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 2, 2**53 + 3) | st.integers(-9, 9)),
    "float": (float, st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != _TRUE)),
    "decimal": (
        Decimal,
        st.builds(
            _scaled,
            st.integers(-(10**_DIGITS) + 1, 10**_DIGITS - 1),
            st.integers(-12, 12),
        ),
    ),
    # Not NUL: a range over a server's index ends a text there (docs/server.md).
    "str": (str, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)),
    "bool": (bool, st.booleans()),
    "aware": (datetime, st.builds(_with, _AWARE, _MICROSECONDS)),
    "naive": (NaiveDatetime, st.builds(_with, st.datetimes(), _MICROSECONDS)),
    "date": (date, st.dates()),
    "time": (time, st.builds(time, st.integers(0, 23), st.integers(0, 59), st.just(0), _MICROSECONDS)),
    "timedelta": (timedelta, st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000))),
    "uuid": (UUID, st.uuids()),
    "str enum": (Word, st.sampled_from(Word)),
    "int enum": (Level, st.sampled_from(Level)),
}  # fmt: skip

_COMPARISONS: list[Callable[[Any, Any], Any]] = [
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]


def _document(name: str, annotation: Any) -> Any:
    label = name.title().replace(" ", "")
    part = _class(BaseModel, f"{label}Inner", {"value": annotation})
    fields = {
        "value": annotation,
        "indexed": Annotated[annotation, Index()],
        "part": part,
    }
    return _class(Document, f"{label}Sorted", fields, collection=f"sorted_{label.lower()}"), part


def _class(base: Any, name: str, annotations: dict[str, Any], **options: Any) -> Any:
    return type(base)(name, (base,), {"__module__": __name__, "__annotations__": annotations}, **options)


CLASSES = {name: _document(name, annotation) for name, (annotation, _) in ORDERED.items()}


@pytest.mark.parametrize("name", ORDERED)
def test_queries_order_values_as_python_does(engine: Engine, name: str) -> None:
    model, part = CLASSES[name]
    engine.create_all(model)
    places = [model.value, model.indexed, model.part.value]

    @given(st.lists(ORDERED[name][1], min_size=2, max_size=9))
    @settings(
        max_examples=examples(12),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def check(values: list[Any]) -> None:
        with Session(engine) as session:
            session.execute(delete(model))
            session.add_all([model(value=value, indexed=value, part=part(value=value)) for value in values])
            session.commit()
            for place in places:
                up = session.scalars(select(place).order_by(place)).all()
                assert up == sorted(values), place
                assert session.scalars(select(place).order_by(desc(place))).all() == sorted(
                    values, reverse=True
                )
                assert session.execute(select(func.min(place), func.max(place))).one() == (
                    min(values),
                    max(values),
                ), place
                for compare in _COMPARISONS:
                    found = session.scalars(select(place).where(compare(place, values[0]))).all()
                    assert sorted(found) == sorted(value for value in values if compare(value, values[0])), (
                        place,
                        compare,
                    )

    check()
