"""Tuples, named tuples, matrices, root models, and other shapes."""

import itertools
import random
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired
from uuid import UUID

from pydantic import BaseModel, HttpUrl, RootModel, StringConstraints
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    Index,
    Predicate,
    Registry,
    Session,
    all_,
    and_,
    any_,
    contains,
    desc,
    func,
    in_,
    is_null,
    label,
    not_in,
    select,
    some,
    unnest,
    update,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


UserId = NewType("UserId", int)
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}\d$")]


class Point(NamedTuple):
    x: int
    y: int = 0


class Tags(RootModel[list[str]]):
    pass


@dataclass
class Dims:
    width: float
    height: float = 1.0
    labels: list[str] = field(default_factory=list[str])


@pydantic_dataclass
class Money:
    amount: Decimal
    currency: Literal["EUR", "USD"] = "EUR"


class Extra(TypedDict):
    source: str
    weight: NotRequired[float]


class Cell(BaseModel):
    at: Point
    value: int | str | None = None


class Thing(Base, collection="sh_things"):
    owner: UserId
    code: Annotated[Code, Index()]
    where: Point = Point(0)
    path: list[Point] = []
    matrix: list[list[int]] = []
    tags: Tags = Tags([])
    dims: Dims = Dims(1.0)
    price: Money
    prices: list[Money] = []
    extra: Extra
    extras: list[Extra] = []
    cells: list[Cell] = []
    ip: IPv4Address = IPv4Address("127.0.0.1")
    file: PurePosixPath = PurePosixPath("/")
    url: HttpUrl | None = None
    ids: set[UUID] = set()
    recent: deque[int] = deque()
    span: tuple[int, int, str] | None = None
    many: tuple[int, ...] = ()


def weight() -> Any:
    """Return the field of a key that need not be there, which checkers don't let a program read."""
    extra_of: Any = Thing.extra
    return extra_of["weight"]


def run(engine: Engine) -> None:
    rng = random.Random(81)

    def money() -> Money:
        return Money(Decimal(rng.randrange(1000)) / rng.choice([10, 100]), rng.choice(["EUR", "USD"]))

    def extra() -> Extra:
        e: Extra = {"source": rng.choice("ab")}
        if rng.random() < 0.5:
            e["weight"] = rng.choice([0.5, 2.0])
        return e

    things = [
        Thing(
            key=f"t{n:02}",
            owner=UserId(rng.randrange(4)),
            code=f"A{rng.choice('BC')}{n % 10}",
            where=Point(rng.randrange(3), rng.randrange(3)),
            path=[Point(rng.randrange(3), k) for k in range(rng.randrange(3))],
            matrix=[[rng.randrange(4) for _ in range(2)] for _ in range(rng.randrange(3))],
            tags=Tags(rng.sample(["p", "q", "r"], rng.randrange(3))),
            dims=Dims(rng.choice([1.0, 2.5]), rng.choice([1.0, 3.0]), rng.sample("uvw", rng.randrange(3))),
            price=money(),
            prices=[money() for _ in range(rng.randrange(3))],
            extra=extra(),
            extras=[extra() for _ in range(rng.randrange(3))],
            cells=[
                Cell(at=Point(k, 1), value=rng.choice([None, 1, 2, "x"])) for k in range(rng.randrange(3))
            ],
            ip=IPv4Address(f"10.0.0.{rng.randrange(3)}"),
            file=PurePosixPath(f"/a/{rng.randrange(3)}"),
            url=rng.choice([None, HttpUrl("http://x.org/a"), HttpUrl("https://y.org")]),
            ids={UUID(int=k) for k in rng.sample(range(4), 2)},
            recent=deque([rng.randrange(9) for _ in range(3)]),
            span=rng.choice([None, (1, 2, "a"), (1, 3, "b")]),
            many=tuple(rng.randrange(5) for _ in range(rng.randrange(4))),
        )
        for n in range(40)
    ]
    with Session(engine) as s:
        s.add_all(things)
        s.commit()
    with Session(engine) as s:
        back = s.scalars(select(Thing).order_by(Thing.key)).all()
        for a, b in zip(things, back, strict=True):
            assert a.model_dump(exclude={"rev"}) == b.model_dump(exclude={"rev"}), (a, b)
            kinds = [type(value) for value in (b.where, b.recent, b.dims, b.price)]
            assert kinds == [Point, deque, Dims, Money]

        def keys(c: Predicate | bool) -> list[str]:
            return s.scalars(select(Thing.key).where(c).order_by(Thing.key)).all()

        assert keys(Thing.owner == 2) == [t.key for t in things if t.owner == 2]
        assert keys(Thing.where == Point(1, 2)) == [t.key for t in things if t.where == Point(1, 2)]
        assert keys(Thing.where[0] == 1) == [t.key for t in things if t.where[0] == 1]
        assert keys(Thing.where.x > 1) == [t.key for t in things if t.where.x > 1]
        assert keys(any_(Thing.path) == Point(1, 1)) == [t.key for t in things if Point(1, 1) in t.path]
        assert keys(any_(Thing.path).y == 1) == [t.key for t in things if any(p.y == 1 for p in t.path)]
        assert keys(Thing.matrix[0][1] == 3) == [t.key for t in things if t.matrix and t.matrix[0][1] == 3]
        assert keys(contains(Thing.matrix, [1, 2])) == [t.key for t in things if [1, 2] in t.matrix]
        assert keys(contains(Thing.tags.root, "q")) == [t.key for t in things if "q" in t.tags.root]
        assert keys(Thing.dims.width == 2.5) == [t.key for t in things if t.dims.width == 2.5]
        assert keys(contains(Thing.dims.labels, "v")) == [t.key for t in things if "v" in t.dims.labels]
        assert keys(Thing.dims == Dims(1.0, 3.0, [])) == [
            t.key for t in things if t.dims == Dims(1.0, 3.0, [])
        ]
        assert keys(Thing.price.amount > Decimal("12.5")) == [
            t.key for t in things if t.price.amount > Decimal("12.5")
        ]
        assert keys(any_(Thing.prices, lambda m: and_(m.currency == "USD", m.amount < 10))) == [
            t.key for t in things if any(m.currency == "USD" and m.amount < 10 for m in t.prices)
        ]
        assert keys(Thing.extra["source"] == "a") == [t.key for t in things if t.extra["source"] == "a"]
        assert keys(some(weight()) > 1) == [t.key for t in things if t.extra.get("weight", 0) > 1]
        assert keys(is_null(weight())) == [t.key for t in things if "weight" not in t.extra]
        assert keys(any_(Thing.extras)["source"] == "b") == [
            t.key for t in things if any(e["source"] == "b" for e in t.extras)
        ]
        assert keys(any_(Thing.cells).value == "x") == [
            t.key for t in things if any(c.value == "x" for c in t.cells)
        ]
        assert keys(any_(Thing.cells, lambda c: and_(c.value == 1, c.at == Point(1, 1)))) == [
            t.key for t in things if any(c.value == 1 and c.at == Point(1, 1) for c in t.cells)
        ]
        assert keys(in_(Thing.ip, [IPv4Address("10.0.0.1")])) == [
            t.key for t in things if str(t.ip) == "10.0.0.1"
        ]
        assert keys(Thing.file == PurePosixPath("/a/1")) == [t.key for t in things if str(t.file) == "/a/1"]
        assert keys(Thing.url == HttpUrl("http://x.org/a")) == [
            t.key for t in things if t.url == HttpUrl("http://x.org/a")
        ]
        assert keys(contains(Thing.ids, UUID(int=2))) == [t.key for t in things if UUID(int=2) in t.ids]
        assert keys(contains(Thing.recent, 4)) == [t.key for t in things if 4 in t.recent]
        assert keys(some(Thing.span)[1] == 3) == [t.key for t in things if t.span and t.span[1] == 3]
        assert keys(Thing.span == (1, 2, "a")) == [t.key for t in things if t.span == (1, 2, "a")]
        assert keys(all_(Thing.many) > 1) == [t.key for t in things if all(x > 1 for x in t.many)]
        assert keys(Thing.many[0] == 3) == [t.key for t in things if t.many and t.many[0] == 3]
        assert keys(not_in(Thing.code, ["AB1", "AC2"])) == [
            t.key for t in things if t.code not in ("AB1", "AC2")
        ]
        m = unnest(Thing.prices)
        sums = s.execute(
            select(m.currency, func.sum(m.amount), func.count()).group_by(m.currency).order_by(m.currency)
        ).all()
        assert sums == [
            (
                c,
                sum((x.amount for t in things for x in t.prices if x.currency == c), Decimal(0)),
                sum(x.currency == c for t in things for x in t.prices),
            )
            for c in ("EUR", "USD")
        ]
        cols = s.execute(
            select(
                Thing.where,
                Thing.tags,
                Thing.dims,
                Thing.price,
                Thing.extra,
                Thing.span,
                Thing.ids,
                Thing.recent,
            )
            .order_by(Thing.key)
            .limit(5)
        ).all()
        assert cols == [
            (t.where, t.tags, t.dims, t.price, t.extra, t.span, t.ids, t.recent) for t in things[:5]
        ], cols[0]
        g = s.execute(select(Thing.where, func.count()).group_by(Thing.where)).all()
        assert dict(g) == {w: sum(t.where == w for t in things) for w in {t.where for t in things}}
        s.execute(
            update(Thing)
            .where(Thing.key == "t00")
            .set(Thing.where, Point(9, 9))
            .set(Thing.tags, Tags(["z"]))
            .set(Thing.price, Money(Decimal("1.50"), "USD"))
            .set(Thing.recent, deque([1]))
        )
        s.commit()
        t0 = s.get_one(Thing, "t00")
        assert (t0.where, t0.tags, t0.price, t0.recent) == (
            Point(9, 9),
            Tags(["z"]),
            Money(Decimal("1.50"), "USD"),
            deque([1]),
        )
        t0.path.append(Point(7, 7))
        t0.dims.labels.append("new")
        t0.extra["weight"] = 7.0
        t0.tags.root.append("zz")
        t0.price.amount += 1
        s.commit()
    with Session(engine) as s:
        t0 = s.get_one(Thing, "t00")
        assert (
            t0.path[-1] == Point(7, 7)
            and t0.dims.labels[-1] == "new"
            and t0.extra.get("weight") == 7.0
            and t0.tags == Tags(["z", "zz"])
            and t0.price.amount == Decimal("2.50")
        )
        o = s.execute(
            select(Thing.key, label("n", func.length(Thing.path)))
            .order_by(desc(func.length(Thing.path)), Thing.key)
            .limit(3)
        ).all()
        assert all(a >= b for (_, a), (_, b) in itertools.pairwise(o))
