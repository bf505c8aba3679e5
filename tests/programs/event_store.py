"""Event sourcing with documents that inherit."""

import random
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from solidb_odm import Document, Engine, Index, Registry, Session, desc, func, in_, insert, label, select
from solidb_odm.errors import UniqueViolation


class Base(Document, abstract=True, registry=Registry()):
    pass


class Event(Base, collection="es_events"):
    stream: str
    version: int
    at: datetime
    meta: dict[str, Any] = Field(default_factory=dict)

    class Settings:
        indexes = [Index("stream", "version", unique=True)]


class Opened(Event):
    owner: str


class Deposited(Event):
    cents: Annotated[int, Field(gt=0)]


class Withdrawn(Event):
    cents: Annotated[int, Field(gt=0)]
    reason: str | None = None


class State(BaseModel):
    owner: str = ""
    balance: int = 0
    version: int = 0

    def after(self, event: Event) -> Self:
        match event:
            case Opened(owner=owner):
                return self.model_copy(update={"owner": owner, "version": event.version})
            case Deposited(cents=cents):
                return self.model_copy(update={"balance": self.balance + cents, "version": event.version})
            case Withdrawn(cents=cents):
                return self.model_copy(update={"balance": self.balance - cents, "version": event.version})
            case _:
                raise AssertionError(event)


def fold(session: Session, stream: str) -> State:
    state = State()
    for event in session.stream(select(Event).where(Event.stream == stream).order_by(Event.version), batch=7):
        state = state.after(event)
    return state


def run(engine: Engine) -> None:
    engine.create_all(Event, Opened, Deposited, Withdrawn)
    rng = random.Random(6)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    want: dict[str, State] = {}
    log: list[Event] = []
    for n in range(5):
        stream = f"acc-{n}"
        events: list[Event] = [Opened(stream=stream, version=1, at=start, owner=f"o{n}")]
        for v in range(2, 20):
            cents = rng.randrange(1, 10_000)
            at = start + timedelta(days=v, hours=n)
            events.append(
                Deposited(stream=stream, version=v, at=at, cents=cents)
                if rng.random() < 0.6
                else Withdrawn(
                    stream=stream, version=v, at=at, cents=cents, reason=rng.choice([None, "rent", "food"])
                )
            )
        state = State()
        for e in events:
            state = state.after(e)
        want[stream] = state
        log += events
    with Session(engine) as s:
        s.add_all(log)
        s.commit()
    with Session(engine) as s:
        for stream, state in want.items():
            assert fold(s, stream) == state
        dep = s.execute(
            select(Deposited.stream, func.sum(Deposited.cents))
            .group_by(Deposited.stream)
            .order_by(Deposited.stream)
        ).all()
        assert dep == [
            (k, sum(e.cents for e in log if isinstance(e, Deposited) and e.stream == k)) for k in sorted(want)
        ]
        wd = s.scalars(
            select(Withdrawn).where(Withdrawn.reason == "rent").order_by(desc(Withdrawn.cents)).limit(3)
        ).all()
        assert [e.key for e in wd] == [
            e.key
            for e in sorted(
                (e for e in log if isinstance(e, Withdrawn) and e.reason == "rent"), key=lambda e: -e.cents
            )
        ][:3]
        assert s.scalar(select(func.count(Event))) == len(log) and s.scalar(select(func.count(Opened))) == 5
        last = s.execute(
            select(Event.stream, label("v", func.max(Event.version)), label("at", func.max(Event.at)))
            .group_by(Event.stream)
            .having(func.count() > 3)
            .order_by(Event.stream)
        ).all()
        assert last == [(k, 19, max(e.at for e in log if e.stream == k)) for k in sorted(want)]
        s.add(Deposited(stream="acc-1", version=5, at=start, cents=3))
        try:
            s.commit()
        except UniqueViolation as error:
            assert error.fields == ("stream", "version")
            s.rollback()
        else:
            raise AssertionError
        mixed = s.scalars(
            select(Event)
            .where(in_(Event.stream, ["acc-0", "acc-4"]), Event.version <= 2)
            .order_by(Event.stream, Event.version)
        ).all()
        assert [type(e) for e in mixed] == [
            type(e)
            for e in sorted(
                (e for e in log if e.stream in ("acc-0", "acc-4") and e.version <= 2),
                key=lambda e: (e.stream, e.version),
            )
        ]
        one = s.scalars(select(Event.at).where(Event.stream == "acc-3").order_by(Event.version)).all()
        assert one == [e.at for e in log if e.stream == "acc-3"]
        n = s.execute(
            insert(Withdrawn).values({"stream": "acc-9", "version": 1, "at": start, "cents": 5})
        ).rowcount
        s.commit()
        assert n == 1 and isinstance(s.scalars(select(Event).where(Event.stream == "acc-9")).one(), Withdrawn)
