"""What the builder makes of decimals, elements, hierarchies and subqueries, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    Link,
    Session,
    aliased,
    all_,
    and_,
    any_,
    case,
    coalesce,
    contains,
    delete,
    desc,
    exists,
    func,
    in_,
    label,
    like,
    not_,
    over,
    select,
    some,
    union,
    unnest,
    update,
)
from solidb_odm.errors import UsageError


class Line(BaseModel):
    price: D = D(0)
    qty: int | None = None
    tags: list[str] = []
    took: timedelta = timedelta(0)
    sizes: list[int] = []


@dataclass
class Plain:
    city: str


class Typed(TypedDict):
    city: str


@dataclass
class Priced:
    price: D
    sizes: frozenset[int] = frozenset()


class Day(StrEnum):
    MONDAY = "mo"


class Spot(NamedTuple):
    x: int
    name: str | None = None


class Order(Document, collection="answer_orders"):
    price: D = D(0)
    qty: int = 1
    on: int | None = None
    at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    name: str = "a"
    nick: str | None = None
    tags: list[str] = []
    lines: list[Line] = []
    prices: list[D] = []
    matrix: list[list[int]] = []
    status: Literal["new", "old"] = "new"
    plain: Plain = Plain("x")
    typed: Typed = {"city": "x"}
    plains: list[Plain] = []
    typeds: list[Typed] = []
    line: Line | None = None
    by_number: dict[int, list[str]] = {}
    by_date: dict[date, D] = {}
    by_day: list[dict[Day, int]] = []
    priced: list[Priced] = []
    pair: tuple[int, str] = (1, "a")
    pairs: list[tuple[int, str]] = []
    spot: Spot = Spot(1)
    marks: set[int] = set()


class Express(Order):
    speed: int = 9


class Slow(Order):
    speed: int = 5


class Bill(Document, collection="answer_bills"):
    order: Link[Order] | None = None
    n: int = 0


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Order)
    engine.create_all(Bill)
    one = Order(
        key="1",
        price=D("1.10"),
        qty=2,
        tags=["x", "y"],
        prices=[D("1.10"), D(2)],
        matrix=[[1, 2], [3]],
        line=Line(price=D("3.30")),
        plain=Plain("Rome"),
        typed={"city": "Rome"},
        plains=[Plain("Oslo")],
        typeds=[{"city": "Oslo"}],
        by_number={-3: ["x"], 10: []},
        by_date={date(2024, 2, 29): D("1.50")},
        by_day=[{}, {Day.MONDAY: 4}],
        lines=[
            Line(price=D("5.5"), qty=3, tags=["x"], took=timedelta(hours=1), sizes=[2, 7]),
            Line(price=D("0.5"), tags=["z"]),
        ],
    )
    two = Express(key="2", price=D(10), qty=5, on=3, nick="n", prices=[D(9)], matrix=[[7]], speed=5)
    with Session(engine) as opened:
        opened.add_all(
            [one, two, Slow(key="3", price=D("1.1"), qty=4), Bill(key="b", order="answer_orders/1", n=2)]
        )
        opened.commit()
        yield opened


def _cte(statement: Any, use: Any) -> Any:
    return use(statement.cte("rows"))


key = Order.key
line = any_(Order.lines)
row = unnest(Order.lines)
tag = unnest(row.tags)
other = aliased(Order)
ANSWERS: list[tuple[Any, list[Any]]] = [
    (select(Order.price).distinct().order_by(Order.price), [D("1.1"), D(10)]),
    (
        select(Order.price, func.count()).group_by(Order.price).order_by(desc(Order.price)),
        [(D(10), 1), (D("1.1"), 2)],
    ),
    (select(func.sum(Order.price), func.avg(Order.qty)), [(D("12.20"), 11 / 3)]),
    (select(func.sum(Order.price * Order.qty)), [D("56.60")]),
    (
        select(Order.name, func.sum(Order.price))
        .group_by(Order.name)
        .having(func.sum(Order.price) > D("12.19")),
        [("a", D("12.2"))],
    ),
    (select(key).where(some(Order.line).price * 2 == D("6.6")), ["1"]),
    (select(key).where(contains(Order.prices, D("1.1"))), ["1"]),
    (select(key).where(any_(Order.prices) > D(8)), ["2"]),
    (select(key).where(all_(Order.prices) < D(8)), ["1", "3"]),
    (select(key).where(in_(Order.price, [D("1.1"), 7])), ["1", "3"]),
    (select(key).where(in_(Order.price, select(other.price).where(other.qty == 4))), ["1", "3"]),
    (select(key).where(Order.price == select(func.max(Order.price)).scalar_subquery()), ["2"]),
    (
        select(key, over(func.lag(Order.price), order_by=Order.qty)).order_by(Order.qty),
        [("1", None), ("3", D("1.1")), ("2", D("1.1"))],
    ),
    (
        _cte(select(label("p", Order.price * 2)), lambda r: select(r.p).where(r.p > D(2)).order_by(r.p)),
        [D("2.2"), D("2.20"), D(20)],
    ),
    (
        _cte(
            select(Order.price, label("n", func.count())).group_by(Order.price),
            lambda r: select(r.price, r.n).where(r.price > 2),
        ),
        [(D(10), 1)],
    ),
    (
        union(select(Order.price), select(Order.price * 3)).order_by(Order.price),
        [D("1.1"), D("3.3"), D(10), D(30)],
    ),
    (select(key, case((Order.qty > 4, Order.price), else_=D(0))), [("1", D(0)), ("2", D(10)), ("3", D(0))]),
    (select(key).where(coalesce(some(Order.line).price, Order.price) > 3), ["1", "2"]),
    (
        select(key, Order.qty // 2, -Order.qty // 3, abs(-Order.qty)),
        [("1", 1, -1, 2), ("2", 2, -2, 5), ("3", 2, -2, 4)],
    ),
    (select(key).where(line.price > 5, line.qty == 3), ["1"]),
    (select(key).where(and_(line.price < 5, line.qty == 3)), []),
    (select(key).where(line.price < 5).where(any_(Order.lines).qty == 3), ["1"]),
    (select(key).where((line.price > 5) & ~(line.qty == 3)), []),
    (select(key).where(any_(Order.lines, lambda each: and_(each.qty > 1, any_(each.tags) == "x"))), ["1"]),
    (
        select(key).where(
            any_(Order.lines, lambda each: any_(each.sizes, lambda size: size - 4 == each.qty))
        ),
        ["1"],
    ),
    (select(key).where(any_(any_(Order.matrix)) == 3), ["1"]),
    (select(key).where(any_(Order.matrix)[0] == 7, Order.matrix[0][0] > 1), ["2"]),
    (select(key).where(any_(Order.lines).qty > Order.qty), ["1"]),
    (select(key).where(any_(Order.tags).startswith("x"), like(any_(Order.tags), "y%")), ["1"]),
    (select(key).where(not_(any_(Order.lines).qty > 1)), ["2", "3"]),
    (select(key).where(in_(any_(Order.lines).qty, [3, 4]), func.length(any_(Order.lines).tags) > 0), ["1"]),
    (select(key, row.price).where(row.qty == 3), [("1", D("5.5"))]),
    (select(key, func.sum(row.price), func.sum(row.took)).group_by(key), [("1", D(6), timedelta(hours=1))]),
    (select(tag).order_by(tag), ["x", "z"]),
    (select(unnest(Order.tags)), ["x", "y"]),
    (select(key, tag).join(tag).where(tag != "x"), [("1", "z")]),
    (select(key).where(Order.plain.city == "Rome", any_(Order.plains).city == "Oslo"), ["1"]),
    (select(key).where(Order.typed["city"] == "Rome", any_(Order.typeds)["city"] == "Oslo"), ["1"]),
    (
        select(key).where(Order.pair == (1, "a"), Order.pair[-1] == "a", Order.spot == Spot(1)),
        ["1", "2", "3"],
    ),
    (select(key).where(contains(Order.by_number[-3], "x"), contains(Order.by_number, 10)), ["1"]),
    (select(key).where(contains(Order.by_number, 3)), []),
    (select(key).where(Order.by_date[date(2024, 2, 29)] == D("1.5")), ["1"]),
    (select(key).where(contains(Order.by_date, date(2024, 2, 29))), ["1"]),
    (select(key).where(any_(Order.by_day)[Day.MONDAY] > 3), ["1"]),
    (select(Express.key).where(Order.qty == 5), ["2"]),
    (select(Order.key).where(Express.speed == 5), ["2"]),
    (select(func.count(Express)).where(Order.qty > 1), [1]),
    (select(Express.key).order_by(Order.qty), ["2"]),
    (select(key).where(in_(key, select(Order.key).where(Order.qty > 3))), ["2", "3"]),
    (select(key).where(exists(select(Order).where(Order.qty > 4))), ["1", "2", "3"]),
    (select(Bill.key, Order.name).join(Order, Bill.order == Order.id), [("b", "a")]),
    (select(key, Bill.key).where(Bill.order == Order.id), [("1", "b")]),
    (replace(select(key).where(Order.qty > 100), conditions=(Order.qty > 4,)), ["2"]),
]


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_a_statement_answers(session: Session, number: int) -> None:
    statement, wanted = ANSWERS[number]

    assert session.execute(statement).all() == wanted, str(statement)


def test_updates_compute_what_fits_the_fields(session: Session) -> None:
    changed = update(Order).values(
        price=Order.price + 1,
        qty=Order.qty // 2,
        nick=Order.name + "x",
        tags=Order.tags + ["q"],  # noqa: RUF005  an expression, of which Python's stars know nothing
        at=Order.at + timedelta(days=1),
        on=Order.on + 1,  # type: ignore[operator]  # null stays null
    )
    session.execute(changed)
    session.execute(delete(Order).where(in_(Order.key, select(Order.key).where(Order.price > 3))))

    found = session.scalars(select(Order).order_by(Order.key)).all()
    assert [(each.key, each.price, each.qty, each.nick, each.on) for each in found] == [
        ("1", D("2.10"), 1, "ax", None),
        ("3", D("2.1"), 2, "ax", None),
    ]
    assert [each.tags for each in found] == [["x", "y", "q"], ["q"]]
    assert {each.at for each in found} == {datetime(2024, 1, 2, tzinfo=UTC)}


REFUSED: list[tuple[Any, str]] = [
    (lambda: Order.qty == "5", "compare it with an int"),
    (lambda: in_(Order.qty, ["5"]), "compare it with an int"),
    (lambda: Order.status == "lost", "one of 'new', 'old'"),
    (lambda: Order.at > datetime(2024, 1, 1), "tzinfo=UTC"),  # noqa: DTZ001  which is refused
    (lambda: Order.qty < None, "is_null"),
    (lambda: Order.id == "1", "'answer_orders/1'"),
    (lambda: Bill.order == "1", "collection/key"),
    (lambda: Bill.order == "answer_bills/b", "leads to documents of 'answer_orders'"),
    (lambda: Order.name + Order.qty, "func.concat"),
    (lambda: Order.name * 2, "func.repeat"),
    (lambda: Order.name.replace("", "-"), "looks for a text"),
    (lambda: Order.name.split(""), "looks for a text"),
    (lambda: Order.name[0], "func.substring"),
    (lambda: Order.price**2, "+ - * / // %"),
    (lambda: Order.price + 0.5, "Decimal('0.1')"),
    (lambda: Order.qty << 2, "power of two"),
    (lambda: Order.qty**2, "func.pow"),
    (lambda: round(Order.qty), "func.round"),
    (lambda: len(Order.tags), "func.length"),
    (lambda: int(Order.name), "func.to_number"),
    (lambda: func.sum(Order.name), "takes numbers"),
    (lambda: func.sum(func.count(Order)), 'cte("rows")'),
    (lambda: func.count(int), "not int"),
    (lambda: func.upper(Order.qty), "func.to_string"),
    (lambda: over(func.sum(Order.price), order_by=Order.qty), "group_by()"),
    (lambda: select(any_(Order.tags)), "unnest"),
    (lambda: func.sum(any_(Order.lines).price), "unnest"),
    (lambda: select(key).group_by(any_(Order.tags)), "unnest"),
    (lambda: select(key).order_by(any_(Order.tags)), "unnest"),
    (lambda: select(key).where(any_(Order.tags) == all_(Order.tags)).compile(), "lambda"),
    (lambda: any_(Order.name), "takes a list"),
    (lambda: select(key).where(unnest(Order.tags) == "x").compile(), "any_(list)"),
    (lambda: coalesce(Order.nick, 5), "compare it with a text"),
    (lambda: select(key).where(Bill.n == 1).compile(), ".join(Bill"),
    (lambda: select(Order).order_by(Bill.n).compile(), ".join(Bill"),
    (lambda: select(Order, Bill).compile(), ".join(Bill"),
    (lambda: select(key, func.count(Bill)).group_by(key).compile(), ".join(Bill"),
    (lambda: select(key).where(Bill.n == 1).cte("rows"), ".join(Bill"),
    (lambda: union(select(key), select(key).order_by(Bill.n)).cte("rows"), ".join(Bill"),
    (lambda: update(Order).where(Bill.n == 1).values(qty=1).compile(), "exists(select(Bill)"),
    (lambda: update(Order).values(qty=Order.qty / 2), "a // b"),
    (lambda: update(Order).values(name=Order.nick), "coalesce"),
    (lambda: update(Order).values(name=func.upper(Order.nick)), "coalesce"),
    (lambda: update(Order).values(name=some(Order.nick).strip()), "coalesce"),
    (lambda: update(Order).values(qty=func.last(Order.matrix)[0]), "coalesce"),
    (lambda: update(Order).values(qty=func.max(Order.qty, 2.5)), "is a float"),
    (lambda: Order.pair == ("a", 1), "compare it with an int"),
    (lambda: Order.marks == [1], "Order.marks is a set"),
    (lambda: in_(Order.tags, [{"a"}]), "Order.tags is a list, and never equal"),
    (lambda: Order.pair == (1,), "has 2 elements"),
    (lambda: Order.pair[2] == "a", "has 2 elements"),
    (lambda: contains(Order.pairs, ("a", 1)), "compare it with an int"),
    (lambda: any_(Order.pairs)[-3] == 1, "has 2 elements"),
    (lambda: Order.spot == ("x", "y"), "compare it with an int"),
    (lambda: in_(Order.plain, [Line()]), "is a Plain"),
    (lambda: any_(Order.plains) == Spot(1), "compare it with a model"),
    (lambda: update(Order).values({Order.line.qty: 3}), "give the whole of it, line=.."),
    (lambda: Order.by_number["x"], "a key of Order.by_number is an int"),
    (lambda: Order.by_number[date(2024, 1, 1)], "compare it with an int"),
    (lambda: contains(Order.by_number, "x"), "a key of Order.by_number is an int"),
    (lambda: any_(Order.by_day)["tu"], "it is one of mo"),
    (lambda: any_(Order.priced) == Priced(D(1)), "holds decimals"),
    (lambda: contains(Order.priced, Priced(D(1))), "holds decimals"),
    (lambda: Order.priced == [Priced(D(1))], "holds decimals"),
    (lambda: select(Order.priced).distinct(), "holds decimals"),
    (lambda: update(Order).values(qty=Order.name), "holds an int"),
    (lambda: select(Order).join("bills"), "join() reads"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_can_not_be_answered_is_refused_with_the_way_to_write_it(number: int) -> None:
    make, way = REFUSED[number]

    with pytest.raises(UsageError) as caught:
        make()
    assert way in str(caught.value)
