"""Sensors and measurements that expire."""

import random
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    Index,
    Registry,
    Session,
    TTLIndex,
    and_,
    any_,
    asc,
    delete,
    desc,
    func,
    label,
    over,
    sdbql,
    select,
    some,
    unnest,
)
from solidb_odm.model import Link


class Base(Document, abstract=True, registry=Registry()):
    pass


@dataclass
class Calibration:
    offset: float = 0.0
    factor: float = 1.0


class Position(TypedDict):
    floor: int
    room: str


class Sensor(Base, collection="iot_sensors"):
    serial: Annotated[str, Index(unique=True)]
    unit: str
    calibration: Calibration = Calibration()
    position: Position | None = None


class Reading(Base, collection="iot_readings"):
    sensor: Link[Sensor]
    at: datetime
    value: float
    raw: list[int] = []
    flags: dict[str, bool] = {}
    expires: datetime | None = None

    class Settings:
        indexes = [Index("sensor", "at"), TTLIndex("expires", seconds=0)]


def run(engine: Engine) -> None:
    engine.create_all(Sensor, Reading)
    rng = random.Random(11)
    now = datetime.now(UTC).replace(microsecond=0)
    sensors = [
        Sensor(
            serial=f"S-{n}",
            unit="C" if n % 2 else "%",
            calibration=Calibration(offset=n / 2, factor=1 + n / 10),
            position=None if n == 3 else {"floor": n % 2, "room": f"r{n}"},
        )
        for n in range(5)
    ]
    readings = [
        Reading(
            sensor=rng.choice(sensors),
            at=now - timedelta(minutes=7 * n, microseconds=n),
            value=round(rng.uniform(-10, 40), 2),
            raw=[rng.randrange(100) for _ in range(rng.randrange(4))],
            flags={"ok": rng.random() < 0.8} if rng.random() < 0.9 else {},
            expires=rng.choice([None, now - timedelta(days=1), now + timedelta(days=1)]),
        )
        for n in range(80)
    ]
    with Session(engine) as s:
        s.add_all([*sensors, *readings])
        s.commit()
    alive = [r for r in readings if r.expires is None or r.expires > now]
    by = {x.id: x for x in sensors}
    with Session(engine) as s:
        assert s.scalar(select(func.count(Reading))) == len(alive)
        stats = s.execute(
            select(
                Reading.sensor,
                func.count(),
                func.avg(Reading.value),
                func.min(Reading.value),
                func.max(Reading.value),
            ).group_by(Reading.sensor)
        ).all()
        for link, n, av, mn, mx in stats:
            assert link is not None
            mine = [r.value for r in alive if r.sensor.id == getattr(link, "id", link)]
            assert n == len(mine) and mn == min(mine) and mx == max(mine)
            assert abs(av - statistics.fmean(mine)) < 1e-9
        # calibrated values above 20
        cal = select(
            Reading.key, label("c", Reading.value * Sensor.calibration.factor + Sensor.calibration.offset)
        ).join(Sensor, Reading.sensor == Sensor.id)
        hot = s.execute(
            cal.where(Reading.value * Sensor.calibration.factor + Sensor.calibration.offset > 20)
        ).all()
        want = {
            r.key: r.value * by[r.sensor.id].calibration.factor + by[r.sensor.id].calibration.offset
            for r in alive
        }
        assert dict(hot) == {k: v for k, v in want.items() if v > 20}
        ground = s.scalars(select(Sensor.serial).where(some(Sensor.position)["floor"] == 0)).all()
        assert set(ground) == {x.serial for x in sensors if x.position and x.position["floor"] == 0}
        # last reading of each sensor
        nth = label("nth", over(func.row_number(), partition_by=Reading.sensor, order_by=desc(Reading.at)))
        ranked = select(Reading.sensor, Reading.at, Reading.value, nth).cte("ranked")
        last = s.execute(select(ranked.sensor, ranked.at, ranked.value).where(ranked.nth == 1)).all()
        wl = {}
        for r in sorted(alive, key=lambda r: r.at):
            wl[r.sensor.id] = (r.at, r.value)
        assert {getattr(a, "id", a): (b, c) for a, b, c in last} == wl, (last, wl)
        # moving difference
        diff = s.execute(
            select(
                Reading.at,
                Reading.value,
                label(
                    "d",
                    Reading.value
                    - some(over(func.lag(Reading.value), partition_by=Reading.sensor, order_by=Reading.at)),
                ),
            ).order_by(Reading.at)
        ).all()
        prev: dict[str, float] = {}
        wd: list[tuple[datetime, float, float | None]] = []
        for r in sorted(alive, key=lambda r: r.at):
            wd.append((r.at, r.value, None if r.sensor.id not in prev else r.value - prev[r.sensor.id]))
            prev[r.sensor.id] = r.value
        assert diff == wd, (diff[:3], wd[:3])
        bad = s.scalars(select(Reading.key).where(Reading.flags["ok"] == False)).all()
        assert set(bad) == {r.key for r in alive if r.flags.get("ok") is False}
        high = s.scalars(select(Reading.key).where(any_(Reading.raw, lambda x: and_(x > 50, x < 60)))).all()
        assert set(high) == {r.key for r in alive if any(50 < x < 60 for x in r.raw)}
        x = unnest(Reading.raw)
        top = s.execute(
            select(x, func.count()).group_by(x).order_by(desc(func.count()), asc(x)).limit(3)
        ).all()
        from collections import Counter

        cnt = Counter(v for r in alive for v in r.raw)
        assert top == sorted(cnt.items(), key=lambda kv: (-kv[1], kv[0]))[:3], top
        hour = s.execute(
            select(label("h", func.date_trunc(Reading.at, "hour")), func.count()).group_by(
                func.date_trunc(Reading.at, "hour")
            )
        ).all()
        assert sum(n for _, n in hour) == len(alive)
        old = s.execute(delete(Reading).where(Reading.at < now - timedelta(hours=3))).rowcount
        s.commit()
        assert old == sum(r.at < now - timedelta(hours=3) for r in alive)
        assert s.scalars(sdbql("FOR r IN iot_sensors SORT r.serial RETURN r.serial")).all() == [
            f"S-{n}" for n in range(5)
        ]
