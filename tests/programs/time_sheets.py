"""Time sheets: durations, rates, rounding."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, NaiveDatetime

from solidb_odm import (
    Document,
    Engine,
    Index,
    Registry,
    Session,
    and_,
    any_,
    case,
    coalesce,
    desc,
    func,
    is_null,
    label,
    or_,
    over,
    select,
    some,
    unnest,
    update,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


class Pause(BaseModel):
    begin: NaiveDatetime
    length: timedelta


class Shift(Base, collection="ts_shifts"):
    worker: Annotated[str, Index()]
    begin: NaiveDatetime
    end: NaiveDatetime | None = None
    pauses: list[Pause] = []
    planned: timedelta = timedelta(hours=8)
    rate: float = Field(default=1.0, ge=0)
    extra: timedelta | None = None


def some_(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment


def run(engine: Engine) -> None:
    rng = random.Random(71)
    t0 = datetime(2025, 2, 27, 6)
    shifts: list[Shift] = []
    for n in range(60):
        b = t0 + timedelta(minutes=rng.randrange(60 * 24 * 9), microseconds=rng.choice([0, 1, 999_999]))
        shifts.append(
            Shift(
                key=f"s{n:02}",
                worker=rng.choice("xyz"),
                begin=b,
                end=rng.choice(
                    [None, b + timedelta(minutes=rng.randrange(700), microseconds=rng.randrange(10))]
                ),
                pauses=[
                    Pause(
                        begin=b + timedelta(hours=k),
                        length=timedelta(minutes=rng.choice([10, 30]), seconds=rng.randrange(60)),
                    )
                    for k in range(rng.randrange(3))
                ],
                planned=timedelta(hours=rng.choice([4, 8]), minutes=rng.choice([0, 24])),
                rate=rng.choice([0.5, 1, 1.25]),
                extra=rng.choice(
                    [None, timedelta(0), timedelta(minutes=-7), timedelta(days=3, microseconds=3)]
                ),
            )
        )
    with Session(engine) as s:
        s.add_all(shifts)
        s.commit()
    with Session(engine) as s:
        worked = some(Shift.end) - Shift.begin
        rows = s.execute(
            select(
                Shift.key,
                worked,
                worked - Shift.planned,
                worked * 2,
                worked / 3,
                worked / Shift.planned,
                -Shift.planned,
                abs(Shift.planned - timedelta(hours=6)),
            ).order_by(Shift.key)
        ).all()
        for x, (key, a, b, c, d, e, f, g) in zip(shifts, rows, strict=True):
            w = None if x.end is None else x.end - x.begin
            assert key == x.key
            assert f == -x.planned and g == abs(x.planned - timedelta(hours=6))
            if w is None:
                assert [a, b, c, d, e] == [None] * 5
            else:
                assert (
                    a == w
                    and b == w - x.planned
                    and c == w * 2
                    and abs(d - w / 3) <= timedelta(microseconds=1)
                    and abs(e - w / x.planned) < 1e-9
                )
        long = s.scalars(select(Shift.key).where(worked > Shift.planned).order_by(Shift.key)).all()
        assert long == [x.key for x in shifts if x.end is not None and x.end - x.begin > x.planned]
        short = s.scalars(select(Shift.key).where(worked < timedelta(hours=2)).order_by(Shift.key)).all()
        assert short == [x.key for x in shifts if x.end is not None and x.end - x.begin < timedelta(hours=2)]
        open_ = s.scalars(
            select(Shift.key).where(or_(is_null(Shift.end), worked == timedelta(0))).order_by(Shift.key)
        ).all()
        assert open_ == [x.key for x in shifts if x.end is None or x.end == x.begin]
        for h in (
            timedelta(0),
            timedelta(minutes=-7),
            timedelta(days=3, microseconds=3),
            timedelta(days=3, microseconds=2),
        ):
            assert s.scalars(select(Shift.key).where(Shift.extra == h).order_by(Shift.key)).all() == [
                x.key for x in shifts if x.extra == h
            ]
            assert s.scalars(select(Shift.key).where(some(Shift.extra) <= h).order_by(Shift.key)).all() == [
                x.key for x in shifts if x.extra is not None and x.extra <= h
            ]
        per = s.execute(
            select(
                Shift.worker,
                func.sum(worked),
                func.sum(Shift.planned),
                func.max(worked),
                func.count(),
            )
            .group_by(Shift.worker)
            .order_by(Shift.worker)
        ).all()
        for k, su, pl, mx, n in per:
            mine = [x for x in shifts if x.worker == k]
            ws = [x.end - x.begin for x in mine if x.end is not None]
            assert (su, pl, mx, n) == (
                sum(ws, timedelta()),
                sum((x.planned for x in mine), timedelta()),
                max(ws),
                len(mine),
            ), (k, su, sum(ws, timedelta()))
        p = unnest(Shift.pauses)
        pausing = s.execute(
            select(Shift.worker, func.sum(p.length), func.max(p.begin))
            .group_by(Shift.worker)
            .order_by(Shift.worker)
        ).all()
        assert pausing == [
            (
                k,
                sum((q.length for x in shifts if x.worker == k for q in x.pauses), timedelta()),
                max(q.begin for x in shifts if x.worker == k for q in x.pauses),
            )
            for k in "xyz"
        ]
        late = s.scalars(
            select(Shift.key)
            .where(
                any_(
                    Shift.pauses,
                    lambda q: and_(
                        q.begin + q.length > Shift.begin + timedelta(hours=1, minutes=20),
                        q.length < timedelta(minutes=20),
                    ),
                )
            )
            .order_by(Shift.key)
        ).all()
        assert late == [
            x.key
            for x in shifts
            if any(
                q.begin + q.length > x.begin + timedelta(hours=1, minutes=20)
                and q.length < timedelta(minutes=20)
                for q in x.pauses
            )
        ]
        pay = s.execute(
            select(
                Shift.key,
                label("pay", case((Shift.rate > 1, Shift.planned * Shift.rate), else_=Shift.planned)),
            ).order_by(Shift.key)
        ).all()
        assert all(
            abs(v - (x.planned * x.rate if x.rate > 1 else x.planned)) <= timedelta(microseconds=1)
            for x, (_, v) in zip(shifts, pay, strict=True)
        )
        day = s.execute(
            select(Shift.begin.year, Shift.begin.month, Shift.begin.day, func.count())
            .group_by(Shift.begin.year, Shift.begin.month, Shift.begin.day)
            .order_by(Shift.begin.year, Shift.begin.month, Shift.begin.day)
        ).all()
        days: dict[date, int] = {}
        for x in shifts:
            days[x.begin.date()] = days.get(x.begin.date(), 0) + 1
        assert day == [(d.year, d.month, d.day, n) for d, n in sorted(days.items())], day
        nxt = over(func.lead(Shift.begin), partition_by=Shift.worker, order_by=Shift.begin)
        gaps = s.execute(
            select(Shift.worker, Shift.begin, label("gap", some(nxt) - Shift.begin)).order_by(
                Shift.worker, Shift.begin
            )
        ).all()
        want: list[tuple[str, datetime, timedelta | None]] = []
        for k in "xyz":
            begins = sorted(x.begin for x in shifts if x.worker == k)
            want += [
                (k, b, None if i + 1 == len(begins) else begins[i + 1] - b) for i, b in enumerate(begins)
            ]
        assert gaps == want, [(a, b) for a, b in zip(gaps, want, strict=False) if a != b][:3]
        s.execute(
            update(Shift)
            .where(is_null(Shift.end))
            .set(Shift.end, Shift.begin + Shift.planned + coalesce(Shift.extra, timedelta(0)))
        )
        s.commit()
        after = {x.key: x.end for x in s.scalars(select(Shift))}
        assert after == {x.key: x.end or x.begin + x.planned + (x.extra or timedelta()) for x in shifts}
        best = s.execute(
            select(Shift.worker, func.avg(worked))
            .group_by(Shift.worker)
            .having(func.avg(worked) > timedelta(hours=3))
            .order_by(desc(func.avg(worked)))
        ).all()
        av = {
            k: sum((some_(after[x.key]) - x.begin for x in shifts if x.worker == k), timedelta())
            / sum(x.worker == k for x in shifts)
            for k in "xyz"
        }
        assert [k for k, _ in best] == [
            k for k, v in sorted(av.items(), key=lambda kv: -kv[1]) if v > timedelta(hours=3)
        ]
        assert datetime.now(UTC).tzinfo is not None
