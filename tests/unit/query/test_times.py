"""Times with an offset and times without have nothing in common, in a query as in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import AwareDatetime, BaseModel, Field, NaiveDatetime

from solidb_odm import Document, any_, case, coalesce, contains, func, in_, select, some, update
from solidb_odm.errors import UsageError

AWARE, NAIVE = datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 2)  # noqa: DTZ001  both are tried


class Stop(BaseModel):
    plain: datetime
    naive: NaiveDatetime | None = None


class Trip(Document, collection="times_trips"):
    plain: datetime
    maybe: datetime | None = None
    aware: AwareDatetime
    naive: NaiveDatetime
    begins: datetime = AWARE
    made: datetime = NAIVE
    seen: datetime = Field(default_factory=datetime.now)
    stops: list[Stop] = []
    listed: list[datetime] = []
    local: list[NaiveDatetime] = []


AWARES: list[Any] = [
    Trip.plain,
    Trip.maybe,
    Trip.aware,
    Trip.begins,
    Trip.created_at,
    any_(Trip.stops).plain,
    any_(Trip.listed),
    some(Trip.maybe),
    Trip.plain + timedelta(1),
    coalesce(Trip.maybe, Trip.plain),
    case((Trip.aware > AWARE, Trip.aware), else_=Trip.plain),
    func.max(Trip.plain),
]
NAIVES: list[Any] = [
    Trip.naive,
    Trip.made,
    Trip.seen,
    any_(Trip.stops).naive,
    any_(Trip.local),
    Trip.naive - timedelta(1),
    coalesce(Trip.made, Trip.naive),
    func.min(Trip.made),
]


@pytest.mark.parametrize("field", AWARES)
def test_aware_times_refuse_a_naive_one(field: Any) -> None:
    assert ">" in repr(field > AWARE)
    for compare in (lambda: field == NAIVE, lambda: field > NAIVE, lambda: in_(field, [AWARE, NAIVE])):
        with pytest.raises(UsageError, match=r"is naive(?s:.)*tzinfo=UTC"):
            compare()


@pytest.mark.parametrize("field", NAIVES)
def test_naive_times_refuse_an_aware_one(field: Any) -> None:
    assert ">" in repr(field > NAIVE)
    for compare in (lambda: field == AWARE, lambda: field <= AWARE, lambda: in_(field, [NAIVE, AWARE])):
        with pytest.raises(UsageError, match=r"is aware(?s:.)*tzinfo=None"):
            compare()


MIXED: list[Any] = [
    lambda: Trip.plain == Trip.naive,
    lambda: Trip.made < Trip.aware,
    lambda: Trip.plain - Trip.naive,
    lambda: Trip.plain - NAIVE,
    lambda: NAIVE - Trip.plain,
    lambda: update(Trip).values(plain=Trip.naive),
    lambda: update(Trip).values(made=Trip.plain + timedelta(1)),
]


@pytest.mark.parametrize("number", range(len(MIXED)))
def test_aware_and_naive_times_do_not_stand_beside_each_other(number: int) -> None:
    with pytest.raises(UsageError, match="aware and naive times can't be compared"):
        MIXED[number]()


def test_a_list_of_times_is_held_to_them_too() -> None:
    with pytest.raises(UsageError, match="is naive"):
        contains(Trip.listed, NAIVE)
    with pytest.raises(UsageError, match="is aware"):
        contains(Trip.local, AWARE)
    with pytest.raises(UsageError, match="is naive"):
        select(Trip).where(Trip.listed == [NAIVE])
