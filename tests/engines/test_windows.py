"""Windows, named statements, subqueries as columns and combined selects, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest

from solidb_odm import (
    Document,
    Engine,
    Session,
    aliased,
    case,
    coalesce,
    delete,
    desc,
    except_,
    func,
    in_,
    intersect,
    label,
    over,
    select,
    union,
    update,
)
from solidb_odm.errors import UsageError


class Sale(Document, collection="sales"):
    shop: str
    amount: int
    price: Decimal = Decimal("0.1")
    at: datetime = datetime(2024, 1, 1, tzinfo=UTC)


class Shop(Document, collection="sale_shops"):
    name: str
    sales: int = 0
    state: Literal["open", "closed"] | None = None


def sale(number: int) -> Sale:
    shop = "ab"[number % 2]
    return Sale(key=f"s{number}", shop=shop, amount=number, at=datetime(2024, 1, 1 + number, tzinfo=UTC))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Sale, Shop)
    with Session(engine) as opened:
        opened.add_all([sale(number) for number in range(5)])
        opened.add_all([Shop(key=key, name=key.upper()) for key in "abc"])
        opened.commit()
        yield opened


by_shop = over(func.row_number(), partition_by=Sale.shop, order_by=desc(Sale.amount))
ranked: Any = select(Sale.key, Sale.at, Sale.price, label("place", by_shop)).cte("ranked")
large = select(Sale).where(Sale.amount > 1).cte("large")
sums: Any = select(Sale.shop, label("total", func.sum(Sale.amount))).group_by(Sale.shop).cte("sums")
few, many = select(Sale).where(Sale.amount < 2), select(Sale).where(Sale.amount < 4)
both: Any = union(select(Sale.shop), select(Shop.key)).cte("both")
sales_of_shop = select(func.count(Sale)).where(Sale.shop == Shop.key).scalar_subquery()
amounts_of_shop = select(Sale.amount).where(Sale.shop == Shop.key).order_by(Sale.amount).list_subquery()

QUERIES: list[tuple[Any, list[Any]]] = [
    (select(Sale.key, by_shop).order_by(Sale.key), [("s0", 3), ("s1", 2), ("s2", 2), ("s3", 1), ("s4", 1)]),
    (select(Sale.key).order_by(by_shop, Sale.shop).limit(3), ["s4", "s3", "s2"]),
    (
        select(over(func.sum(Sale.amount), order_by=Sale.amount)).order_by(Sale.key),
        [0.0, 1.0, 3.0, 6.0, 10.0],
    ),
    (select(over(func.count(), partition_by=[Sale.shop])).order_by(Sale.key), [3, 2, 3, 2, 3]),
    (select(over(func.rank(), order_by=Sale.shop)).order_by(Sale.key), [1, 4, 1, 4, 1]),
    (select(over(func.dense_rank(), order_by=Sale.shop)).order_by(Sale.key), [1, 2, 1, 2, 1]),
    (select(over(func.ntile(2), order_by=Sale.amount)).order_by(Sale.key), [1, 1, 1, 2, 2]),
    (
        select(over(func.lag(Sale.at), order_by=Sale.at)).where(Sale.amount > 2).order_by(Sale.key),
        [None, datetime(2024, 1, 4, tzinfo=UTC)],
    ),
    (select(over(func.lead(Sale.amount, 2, -1), order_by=Sale.amount)).order_by(Sale.key), [2, 3, 4, -1, -1]),
    (select(over(func.first_value(Sale.price), order_by=Sale.amount)).limit(1), [Decimal("0.1")]),
    (select(Sale.amount - over(func.avg(Sale.amount))).order_by(Sale.key), [-2.0, -1.0, 0.0, 1.0, 2.0]),
    (
        select(Sale.shop, over(func.rank(), order_by=desc(func.sum(Sale.amount)))).group_by(Sale.shop),
        [("a", 1), ("b", 2)],
    ),
    (select(ranked.key).where(ranked.place == 1).order_by(ranked.key), ["s3", "s4"]),
    (
        select(ranked.at, ranked.price).where(ranked.key == "s1"),
        [(datetime(2024, 1, 2, tzinfo=UTC), Decimal("0.1"))],
    ),
    (select(ranked.key).where(ranked.price > Decimal("0.05"), ranked.place > 2), ["s0"]),
    (select(ranked.key).where(ranked.at > datetime(2024, 1, 4, tzinfo=UTC)), ["s4"]),
    (select(large.key).where(large.amount < 4).order_by(desc(large.key)), ["s3", "s2"]),
    (select(func.count(large)), [3]),
    (select(Sale.key).where(in_(Sale.key, select(large.key)), Sale.shop == "b"), ["s3"]),
    (
        select(Shop.name, sums.total).join(sums, sums.shop == Shop.key).order_by(Shop.name),
        [("A", 6.0), ("B", 4.0)],
    ),
    (select(Shop.name, sales_of_shop).order_by(Shop.name), [("A", 3), ("B", 2), ("C", 0)]),
    (select(Shop.name).where(sales_of_shop > 2), ["A"]),
    (select(Shop.name).order_by(sales_of_shop), ["C", "B", "A"]),
    (select(amounts_of_shop).order_by(Shop.key), [[0, 2, 4], [1, 3], []]),
    (select(both.shop).order_by(both.shop), ["a", "b", "c"]),
    (select(func.count(both)), [3]),
]


@pytest.mark.parametrize(("statement", "rows"), QUERIES, ids=lambda value: str(value)[:120])
def test_a_statement_gives_its_rows(session: Session, statement: Any, rows: list[Any]) -> None:
    assert session.execute(statement).all() == rows


def test_whole_documents_come_out_of_named_statements(session: Session) -> None:
    found = session.scalars(select(large).where(large.shop == "a").order_by(large.amount)).all()

    assert [(type(each), each.key) for each in found] == [(Sale, "s2"), (Sale, "s4")]
    assert found[0] is session.get(Sale, "s2")


def test_selects_are_combined_as_sets(session: Session) -> None:
    def keys(statement: Any) -> list[str]:
        return sorted(each.key for each in session.scalars(statement))

    assert keys(union(few, many)) == ["s0", "s1", "s2", "s3"]
    assert len(session.scalars(union(few, many, all=True)).all()) == 6
    assert keys(intersect(few, many)) == ["s0", "s1"]
    assert keys(except_(many, few)) == ["s2", "s3"]
    assert keys(except_(union(few, many), few)) == ["s2", "s3"]
    assert keys(union(few, except_(many, few))) == ["s0", "s1", "s2", "s3"]


def test_combined_documents_are_read_on_by_a_name(session: Session) -> None:
    all_of_them = union(few, many).cte("all_of_them")

    found = session.scalars(select(all_of_them).order_by(desc(all_of_them.amount)).limit(2)).all()

    assert [each.key for each in found] == ["s3", "s2"]


def test_named_statements_say_what_is_written(session: Session) -> None:
    firsts = select(ranked.key).where(ranked.place == 1)

    assert session.scalar(update(Sale).where(in_(Sale.key, firsts)).values(amount=50)) == 2
    assert session.scalar(delete(Sale).where(in_(Sale.key, firsts))) == 2
    assert session.scalar(select(func.count(Sale))) == 3


def test_a_window_in_a_condition_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="can't stand in a condition") as caught:
        select(Sale).where(by_shop == 1).compile()
    assert "cte(" in str(caught.value.hint)


def test_a_window_function_alone_is_refused() -> None:
    with pytest.raises(UsageError, match="needs to know which"):
        select(Sale.key, func.rank()).compile()


def test_over_takes_nothing_but_window_functions_and_aggregates() -> None:
    with pytest.raises(UsageError, match="can't compute"):
        over(Sale.amount)


def test_an_unknown_column_of_a_named_statement_is_guessed() -> None:
    with pytest.raises(AttributeError, match="did you mean 'place'"):
        _ = ranked.plaec


def test_two_statements_of_one_name_are_refused() -> None:
    other: Any = select(Sale.key).cte("ranked")
    with pytest.raises(UsageError, match="two statements are called 'ranked'"):
        select(ranked.key, other.key).compile()


def test_combined_selects_need_the_same_columns() -> None:
    with pytest.raises(UsageError, match="need the same columns"):
        union(select(Sale), select(Shop))


def test_pages_are_not_cut_through_windows(session: Session) -> None:
    with pytest.raises(UsageError, match="window"):
        session.page(select(Sale.key, by_shop), size=2)


def test_a_sum_of_ints_is_an_int_as_type_checkers_say(session: Session) -> None:
    other = aliased(Sale)
    total = func.sum(Sale.amount)
    within = select(func.sum(other.amount)).where(other.shop == Sale.shop).scalar_subquery()
    running = over(func.sum(Sale.amount), order_by=Sale.amount)

    assert repr(session.scalar(select(total))) == "10"
    assert repr(session.scalar(select(total).where(Sale.amount > 99))) == "0"
    assert repr(session.execute(select(Sale.shop, total).group_by(Sale.shop).order_by(Sale.shop)).all()) == (
        "[('a', 6), ('b', 4)]"
    )
    rows = session.execute(select(within, coalesce(within, 0), label("run", running)).order_by(Sale.amount))
    assert repr(rows.all()[:3]) == "[(6, 6, 0), (4, 4, 1), (6, 6, 3)]"
    chosen = case((Sale.amount > 2, within), else_=0)
    assert repr(session.scalars(select(chosen).order_by(Sale.amount)).all()) == "[0, 0, 0, 4, 6]"


def test_a_count_of_another_statement_is_never_null(session: Session) -> None:
    sales = select(func.count(Sale)).where(Sale.shop == Shop.key).scalar_subquery()

    session.execute(update(Shop).set(Shop.sales, sales))
    assert session.execute(select(Shop.key, Shop.sales).order_by(Shop.key)).all() == [
        ("a", 3),
        ("b", 2),
        ("c", 0),
    ]
    cut = select(func.count(Sale)).where(Sale.shop == Shop.key).limit(0).scalar_subquery()
    with pytest.raises(UsageError, match="the value 'count' of a subquery can be null"):
        update(Shop).set(Shop.sales, cut)


def test_another_value_than_those_of_a_literal_stands_in_for_null(session: Session) -> None:
    state = label("state", coalesce(Shop.state, "none"))

    assert session.execute(select(state, func.count()).group_by(state)).all() == [("none", 3)]
    assert session.scalars(
        select(case((Shop.key == "a", Shop.state), else_="other")).order_by(Shop.key)
    ).all() == [
        None,
        "other",
        "other",
    ]
