"""Bookings by days: dates, overlaps, birthdays, ages."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, FutureDate, PastDate

from solidb_odm import (
    Document,
    Engine,
    Index,
    Predicate,
    Registry,
    Session,
    aliased,
    and_,
    any_,
    case,
    coalesce,
    desc,
    func,
    in_,
    is_null,
    label,
    or_,
    select,
    some,
    unnest,
    update,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


class Stay(BaseModel):
    begin: date
    end: date
    guests: int = 1


class Guest(Base, collection="dt_guests"):
    name: str
    born: PastDate
    passport: FutureDate | None = None
    wakes: time = time(7)
    joined: datetime
    stays: list[Stay] = []
    left: Annotated[date | None, Index()] = None


def run(engine: Engine) -> None:
    rng = random.Random(121)
    today = date.today()
    guests = [
        Guest(
            key=f"g{n:02}",
            name=f"g{n}",
            born=date(1950, 1, 1) + timedelta(days=rng.randrange(25000)),
            passport=rng.choice([None, today + timedelta(days=rng.randrange(3, 900))]),
            wakes=time(rng.randrange(24), rng.randrange(60), 0, rng.choice([0, 5])),
            joined=datetime(2024, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
            + timedelta(seconds=rng.randrange(3 * 86400)),
            stays=[
                Stay(
                    begin=(b := date(2025, 1, 1) + timedelta(days=rng.randrange(60))),
                    end=b + timedelta(days=rng.randrange(1, 9)),
                    guests=rng.randrange(1, 4),
                )
                for _ in range(rng.randrange(3))
            ],
            left=rng.choice([None, date(2025, rng.randrange(1, 13), 28)]),
        )
        for n in range(40)
    ]
    with Session(engine) as s:
        s.add_all(guests)
        s.commit()
    with Session(engine) as s:

        def keys(c: Predicate | bool) -> list[str]:
            return s.scalars(select(Guest.key).where(c).order_by(Guest.key)).all()

        for d in (date(1970, 1, 1), date(2000, 2, 29), guests[3].born):
            assert keys(Guest.born < d) == [g.key for g in guests if g.born < d]
            assert keys(Guest.born == d) == [g.key for g in guests if g.born == d]
            assert keys(Guest.born + timedelta(days=18) > d) == [
                g.key for g in guests if g.born + timedelta(days=18) > d
            ]
        assert keys(Guest.born.month == 3) == [g.key for g in guests if g.born.month == 3]
        assert keys(Guest.born.year >= 1990) == [g.key for g in guests if g.born.year >= 1990]
        assert keys(some(Guest.passport) > today + timedelta(days=200)) == [
            g.key for g in guests if g.passport and g.passport > today + timedelta(days=200)
        ]
        assert keys(Guest.wakes >= time(12)) == [g.key for g in guests if g.wakes >= time(12)]
        assert keys(Guest.joined.day == 29) == [g.key for g in guests if g.joined.day == 29]
        assert keys(or_(is_null(Guest.left), some(Guest.left) - Guest.born > timedelta(days=20000))) == [
            g.key for g in guests if g.left is None or g.left - g.born > timedelta(days=20000)
        ]
        a, b = date(2025, 1, 20), date(2025, 1, 25)
        assert keys(any_(Guest.stays, lambda x: and_(x.begin < b, x.end > a))) == [
            g.key for g in guests if any(x.begin < b and x.end > a for x in g.stays)
        ]
        stay = unnest(Guest.stays)
        nights = s.execute(
            select(stay.begin.month, func.count(), func.sum(stay.end - stay.begin), func.sum(stay.guests))
            .group_by(stay.begin.month)
            .order_by(stay.begin.month)
        ).all()
        stays = [x for g in guests for x in g.stays]
        assert nights == [
            (
                m,
                sum(x.begin.month == m for x in stays),
                sum((x.end - x.begin for x in stays if x.begin.month == m), timedelta()),
                sum(x.guests for x in stays if x.begin.month == m),
            )
            for m in sorted({x.begin.month for x in stays})
        ], nights
        other = aliased(Guest)
        twins = s.execute(
            select(Guest.key, other.key).join(
                other,
                and_(
                    other.born.month == Guest.born.month,
                    other.born.day == Guest.born.day,
                    Guest.key < other.key,
                ),
            )
        ).all()
        assert set(twins) == {
            (g.key, h.key)
            for g in guests
            for h in guests
            if g.key < h.key and (g.born.month, g.born.day) == (h.born.month, h.born.day)
        }
        oldest = s.execute(
            select(
                func.min(Guest.born),
                func.max(Guest.born),
                func.max(Guest.born) - func.min(Guest.born),
                func.max(Guest.wakes),
                func.min(Guest.left),
            )
        ).one()
        assert oldest == (
            min(g.born for g in guests),
            max(g.born for g in guests),
            max(g.born for g in guests) - min(g.born for g in guests),
            max(g.wakes for g in guests),
            min(g.left for g in guests if g.left),
        ), oldest
        decade = label("decade", Guest.born.year // 10 * 10)
        dec = s.execute(select(decade, func.count()).group_by(decade).order_by(decade)).all()
        assert dec == [
            (d, sum(g.born.year // 10 * 10 == d for g in guests))
            for d in sorted({g.born.year // 10 * 10 for g in guests})
        ]
        age = case(
            (Guest.born > date(2000, 1, 1), "young"), (Guest.born > date(1980, 1, 1), "middle"), else_="old"
        )
        ages = dict(s.execute(select(label("age", age), func.count()).group_by(age)).all())
        assert ages == {
            k: v
            for k in ("young", "middle", "old")
            if (
                v := sum(
                    (
                        "young"
                        if g.born > date(2000, 1, 1)
                        else "middle"
                        if g.born > date(1980, 1, 1)
                        else "old"
                    )
                    == k
                    for g in guests
                )
            )
        }
        assert s.scalars(
            select(Guest.key).order_by(desc(coalesce(Guest.left, date(1900, 1, 1))), Guest.born, Guest.key)
        ).all() == [
            g.key
            for g in sorted(guests, key=lambda g: (-(g.left or date(1900, 1, 1)).toordinal(), g.born, g.key))
        ]
        assert keys(in_(Guest.left, [date(2025, 3, 28), date(2025, 4, 28)])) == [
            g.key for g in guests if g.left in (date(2025, 3, 28), date(2025, 4, 28))
        ]
        s.execute(update(Guest).where(is_null(Guest.left)).set(Guest.left, Guest.born + timedelta(days=365)))
        s.commit()
        got = dict(s.execute(select(Guest.key, Guest.left)).all())
        assert got == {g.key: g.left or g.born + timedelta(days=365) for g in guests}
