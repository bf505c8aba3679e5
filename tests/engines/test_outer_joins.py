"""Outer joins keep the rows that have no partner, on a file and on a server."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from solidb_odm import (
    Document,
    Engine,
    Registry,
    Session,
    SoftDelete,
    aliased,
    desc,
    func,
    is_null,
    select,
)
from solidb_odm.errors import UsageError

AT = datetime(2026, 1, 1, tzinfo=UTC)

BILLS = Registry()


class Buyer(Document, collection="buyers", registry=BILLS):
    name: str


class Bill(SoftDelete, Document, collection="bills", registry=BILLS):
    buyer: str
    total: float
    at: datetime = AT


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Buyer, Bill)
    with Session(engine) as opened:
        opened.add_all([Buyer(key="a", name="A"), Buyer(key="b", name="B"), Buyer(key="c", name="C")])
        paid = Bill(key="3", buyer="c", total=3)
        opened.add_all([Bill(key="1", buyer="a", total=1), Bill(key="2", buyer="a", total=2), paid])
        opened.commit()
        opened.delete(paid)
        opened.commit()
        yield opened


def test_rows_without_a_partner_hold_none(session: Session) -> None:
    joined = select(Buyer.name, Bill.total, Bill.at).outerjoin(Bill, Bill.buyer == Buyer.key)

    rows = session.execute(joined.order_by(Buyer.name, desc(Bill.total))).all()

    assert rows == [("A", 2.0, AT), ("A", 1.0, AT), ("B", None, None), ("C", None, None)]


def test_a_missing_document_is_none(session: Session) -> None:
    joined = select(Buyer, Bill).outerjoin(Bill, Bill.buyer == Buyer.key, Bill.total > 1)

    rows = session.execute(joined.order_by(Buyer.name)).all()

    assert [(buyer.name, bill and bill.key) for buyer, bill in rows] == [("A", "2"), ("B", None), ("C", None)]


def test_conditions_of_the_statement_see_none(session: Session) -> None:
    joined = select(Buyer.name).outerjoin(Bill, Bill.buyer == Buyer.key)

    assert session.scalars(joined.where(is_null(Bill.key))).all() == ["B", "C"]
    assert session.scalars(joined.where(Bill.total > 1)).all() == ["A"]


def test_no_partner_counts_nothing(session: Session) -> None:
    counted = select(Buyer.name, func.count(Bill), func.sum(Bill.total)).group_by(Buyer.name)

    rows = session.execute(counted.outerjoin(Bill, Bill.buyer == Buyer.key).order_by(Buyer.name)).all()

    assert rows == [("A", 2, 3.0), ("B", 0, 0.0), ("C", 0, 0.0)]


def test_one_outer_join_after_another(session: Session) -> None:
    larger = aliased(Bill)
    joined = select(Buyer.name, Bill.total, larger.total).outerjoin(Bill, Bill.buyer == Buyer.key)
    joined = joined.outerjoin(larger, larger.buyer == Buyer.key, larger.total > Bill.total)

    rows = session.execute(joined.order_by(Buyer.name, Bill.total)).all()

    assert rows == [("A", 1.0, 2.0), ("A", 2.0, None), ("B", None, None), ("C", None, None)]


def test_a_selected_class_can_be_joined(session: Session) -> None:
    joined = select(Buyer, Bill).join(Bill, Bill.buyer == Buyer.key).order_by(Bill.total)

    assert [(buyer.name, bill.key) for buyer, bill in session.execute(joined)] == [("A", "1"), ("A", "2")]


def test_a_class_is_joined_once() -> None:
    with pytest.raises(UsageError, match="reads Buyer already"):
        select(Buyer).outerjoin(Buyer)
    with pytest.raises(UsageError, match="reads Bill already"):
        select(Buyer).outerjoin(Bill).join(Bill)


def test_statements_of_one_form_keep_their_own_values() -> None:
    def over(total: float) -> object:
        joined = select(Buyer.name).outerjoin(Bill, Bill.buyer == Buyer.key, Bill.total > total)
        return joined.compile().bind_vars

    assert (over(1.5), over(2.5)) == ({"p0": 1.5}, {"p0": 2.5})
