"""A shop: customers, orders with lines and money."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated

from pydantic import BaseModel, Field

from solidb_odm import (
    Document,
    Engine,
    Index,
    Registry,
    Session,
    all_,
    and_,
    any_,
    case,
    desc,
    func,
    in_,
    is_null,
    label,
    not_,
    or_,
    select,
    unnest,
    update,
)
from solidb_odm.model import Link


class Base(Document, abstract=True, registry=Registry()):
    pass


class Status(Enum):
    NEW = "new"
    PAID = "paid"
    SHIPPED = "shipped"


class Line(BaseModel):
    sku: str
    quantity: Annotated[int, Field(gt=0)]
    price: Decimal
    discount: Decimal | None = None


class Customer(Base, collection="shop_customers"):
    name: str
    email: Annotated[str, Index(unique=True)]
    credit: Decimal = Decimal("0.00")


class Order(Base, collection="shop_orders"):
    customer: Link[Customer]
    status: Status = Status.NEW
    placed: datetime
    lines: list[Line] = Field(default_factory=list[Line])
    shipping: Decimal = Decimal("4.90")
    note: str | None = None


def run(engine: Engine) -> None:
    rng = random.Random(1)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    customers = [
        Customer(name=f"C{n}", email=f"c{n}@x.org", credit=Decimal(rng.randrange(0, 5000)) / 100)
        for n in range(6)
    ]
    orders = [
        Order(
            customer=rng.choice(customers[:5]),
            status=rng.choice(list(Status)),
            placed=start + timedelta(hours=rng.randrange(2000)),
            lines=[
                Line(
                    sku=rng.choice(["tea", "cup", "pot", "jam"]),
                    quantity=rng.randint(1, 4),
                    price=Decimal(rng.randrange(100, 3000)) / 100,
                    discount=rng.choice([None, Decimal("0.50"), Decimal("1")]),
                )
                for _ in range(rng.randrange(4))
            ],
            shipping=rng.choice([Decimal("4.90"), Decimal("0"), Decimal("12.5")]),
            note=rng.choice([None, "gift", "fragile: glass", ""]),
        )
        for _ in range(40)
    ]
    with Session(engine) as session:
        session.add_all(customers)
        session.add_all(orders)
        session.commit()

    with Session(engine) as session:
        # the revenue by sku, exact
        line = unnest(Order.lines)
        want: dict[str, Decimal] = defaultdict(Decimal)
        count: dict[str, int] = defaultdict(int)
        for order in orders:
            for each in order.lines:
                want[each.sku] += each.price * each.quantity
                count[each.sku] += each.quantity
        revenue = select(line.sku, func.sum(line.price * line.quantity), func.sum(line.quantity)).group_by(
            line.sku
        )
        got = session.execute(revenue.order_by(line.sku)).all()
        assert got == [(k, want[k], count[k]) for k in sorted(want)], got
        # the best: having and order by an aggregate
        top = session.execute(
            revenue.having(func.sum(line.quantity) > 10).order_by(desc(func.sum(line.price * line.quantity)))
        ).all()
        assert top == sorted([(k, want[k], count[k]) for k in want if count[k] > 10], key=lambda r: -r[1])
        # orders with a dear line of which more than one was bought
        each = any_(Order.lines)
        dear = session.scalars(select(Order).where(each.price > Decimal("20"), each.quantity > 1)).all()
        assert {o.key for o in dear} == {
            o.key for o in orders if any(x.price > 20 and x.quantity > 1 for x in o.lines)
        }
        allcheap = session.scalars(select(Order.key).where(all_(Order.lines).price <= Decimal("20.00"))).all()
        assert set(allcheap) == {o.key for o in orders if all(x.price <= 20 for x in o.lines)}
        # names of those who bought in January, without lines discounted
        jan = (
            select(Customer.name, Order.placed)
            .join(Order, Order.customer == Customer.id)
            .where(Order.placed < datetime(2025, 2, 1, tzinfo=UTC), Order.status != Status.NEW)
            .order_by(Order.placed)
        )
        byid = {c.id: c for c in customers}
        assert session.execute(jan).all() == sorted(
            (
                (byid[o.customer.id].name, o.placed)
                for o in orders
                if o.placed < datetime(2025, 2, 1, tzinfo=UTC) and o.status is not Status.NEW
            ),
            key=lambda r: r[1],
        )
        # customers without orders
        none = session.scalars(
            select(Customer.name).where(not_(in_(Customer.id, select(Order.customer))))
        ).all()
        assert none == [c.name for c in customers if c.id not in {o.customer.id for o in orders}], none
        # status counts
        paid = session.execute(select(Order.status, func.count()).group_by(Order.status)).all()
        assert dict(paid) == {
            s: sum(o.status is s for o in orders) for s in Status if any(o.status is s for o in orders)
        }
        notes = session.scalars(select(Order.key).where(or_(is_null(Order.note), Order.note == ""))).all()
        assert set(notes) == {o.key for o in orders if not o.note}
        big = label(
            "size",
            case(
                (func.length(Order.lines) > 2, "big"), (func.length(Order.lines) > 0, "small"), else_="empty"
            ),
        )
        sizes = session.execute(select(big, func.count()).group_by(big)).all()

        def size(o: Order) -> str:
            return "big" if len(o.lines) > 2 else "small" if o.lines else "empty"

        assert dict(sizes) == {s: sum(size(o) == s for o in orders) for s in map(size, orders)}
        # raise credit
        n = session.execute(
            update(Customer)
            .where(Customer.credit < 25)
            .set(Customer.credit, Customer.credit + Decimal("1.10"))
        ).rowcount
        assert n == sum(c.credit < 25 for c in customers)
        session.commit()
        total = session.scalar(select(func.sum(Customer.credit)))
        assert total == sum(
            (c.credit + (Decimal("1.10") if c.credit < 25 else 0) for c in customers), Decimal(0)
        ), total
        gift = session.scalars(
            select(Order)
            .where(and_(Order.shipping == 0, Order.note != None))
            .order_by(desc(Order.placed))
            .limit(3)
        ).all()
        assert [o.key for o in gift] == [
            o.key
            for o in sorted(
                (o for o in orders if o.shipping == 0 and o.note is not None),
                key=lambda o: o.placed,
                reverse=True,
            )
        ][:3]
