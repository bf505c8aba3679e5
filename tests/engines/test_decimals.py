"""Decimals of any length are compared, sorted, grouped, summed and computed with exactly, on every engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Context, localcontext
from decimal import Decimal as D
from operator import add, eq, floordiv, ge, gt, le, lt, mod, mul, ne, sub, truediv
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, field_serializer, field_validator

from solidb_odm import (
    Document,
    Engine,
    Index,
    Registry,
    Session,
    and_,
    coalesce,
    create_engine,
    desc,
    except_,
    func,
    in_,
    insert,
    intersect,
    label,
    sdbql,
    select,
    some,
    union,
    update,
    upsert,
)
from solidb_odm.errors import UniqueViolation
from solidb_odm.language import decimals
from solidb_odm.language.nodes import Attribute, Expression, Name
from solidb_odm.language.printer import print_expression


class Fee(BaseModel):
    amount: D = D(0)


class Account(Document, collection="decimal_accounts"):
    balance: Annotated[D, Index()]
    limit: D | None = None
    other: D = D(0)
    count: int = 0
    group: str = "a"
    fee: Fee = Fee()

    class Settings:
        indexes = [Index("group", "limit"), Index("fee.amount")]


def _number(source: random.Random) -> D:
    digits = source.choice(
        [source.randint(-99, 99), source.randint(-(10**12), 10**12), 10**30 + 7, -(10**45)]
    )
    return D(digits).scaleb(source.choice([0, 0, -1, -2, -2, -6, -25, 3]))


def _accounts() -> list[Account]:
    source = random.Random(11)
    numbers = [_number(source) for _ in range(40)]
    numbers += [D("1.1"), D("1.10"), D("1.100"), D(0), D("-0.0"), D("0E-5"), D("1E+2"), D("100.0")]
    return [
        Account(
            key=f"a{place:02}",
            balance=number,
            limit=source.choice([None, source.choice(numbers)]),
            other=source.choice(numbers),
            count=source.randint(-5, 2**40),
            group=source.choice("abc"),
            fee=Fee(amount=source.choice(numbers)),
        )
        for place, number in enumerate(numbers)
    ]


ACCOUNTS = _accounts()
QUOTIENT = Context(prec=28)
"""What a quotient is rounded by: as Python does it where nothing else is said."""


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Account)
    with Session(engine) as opened, localcontext(prec=500):
        opened.add_all([account.model_copy(deep=True) for account in ACCOUNTS])
        opened.commit()
        yield opened


def _keys(session: Session, condition: Any) -> list[str]:
    return session.scalars(select(Account.key).where(condition)).all()


@pytest.mark.parametrize("compare", [eq, ne, lt, le, gt, ge])
def test_decimals_are_compared_exactly(session: Session, compare: Callable[[Any, Any], Any]) -> None:
    for value in (*(account.balance for account in ACCOUNTS[::6]), D("1.1"), D(0), D(100), 7):
        kept = [account.key for account in ACCOUNTS if compare(account.balance, value)]
        assert _keys(session, compare(Account.balance, value)) == kept
    for account in ACCOUNTS[::6]:
        value = account.fee.amount
        kept = [each.key for each in ACCOUNTS if compare(each.fee.amount, value)]
        assert _keys(session, compare(Account.fee.amount, value)) == kept
    kept = [each.key for each in ACCOUNTS if compare(each.balance, each.other)]
    assert _keys(session, compare(Account.balance, Account.other)) == kept
    kept = [each.key for each in ACCOUNTS if compare(each.balance, each.count)]
    assert _keys(session, compare(Account.balance, Account.count)) == kept


@pytest.mark.parametrize("compare", [lt, le, gt, ge])
def test_missing_decimals_have_no_place_in_an_order(session: Session, compare: Callable[..., Any]) -> None:
    kept = [each.key for each in ACCOUNTS if each.limit is not None and compare(each.limit, D(1))]

    assert _keys(session, compare(Account.limit, D(1))) == kept


def test_decimals_are_looked_for_by_their_value(session: Session) -> None:
    wanted = [D("1.1000"), ACCOUNTS[3].balance]

    assert _keys(session, in_(Account.balance, wanted)) == [a.key for a in ACCOUNTS if a.balance in wanted]


@pytest.mark.parametrize("field", ["balance", "limit"])
def test_decimals_sort_by_their_value(session: Session, field: str) -> None:
    asked = select(Account.key).order_by(getattr(Account, field), Account.key)
    downwards = select(Account.key).order_by(desc(getattr(Account, field)), desc(Account.key))

    def place(account: Account) -> tuple[bool, D, str]:
        value: D | None = getattr(account, field)
        return value is not None, value or D(0), account.key

    wanted = [account.key for account in sorted(ACCOUNTS, key=place)]
    assert session.scalars(asked).all() == wanted
    assert session.scalars(downwards).all() == wanted[::-1]


@pytest.mark.parametrize("compute", [add, sub, mul])
def test_decimals_are_computed_with_exactly(session: Session, compute: Callable[[Any, Any], Any]) -> None:
    asked = select(
        Account.key,
        compute(Account.balance, Account.other),
        compute(Account.balance, D("12345678901234567890.000000001")),
        compute(Account.balance, Account.count),
        compute(Account.limit, Account.other),
    )
    for key, *found in session.execute(asked.order_by(Account.key)):
        account = ACCOUNTS[int(key[1:])]
        assert found == [
            compute(account.balance, account.other),
            compute(account.balance, D("12345678901234567890.000000001")),
            compute(account.balance, account.count),
            None if account.limit is None else compute(account.limit, account.other),
        ]


def test_what_is_computed_is_compared_and_sorted_exactly(session: Session) -> None:
    product = Account.balance * Account.other
    asked = select(Account.key).where(product > Account.count).order_by(product, Account.key)

    kept = [each for each in ACCOUNTS if each.balance * each.other > each.count]
    wanted = sorted(kept, key=lambda each: (each.balance * each.other, each.key))
    assert session.scalars(asked).all() == [each.key for each in wanted]


def test_sums_and_extremes_are_exact(session: Session) -> None:
    asked = select(
        Account.group,
        func.sum(Account.balance),
        func.sum(Account.limit),
        func.max(Account.balance),
        func.min(Account.fee.amount),
        func.sum(Account.balance * Account.other),
        func.avg(Account.balance),
    )
    for group, *found in session.execute(asked.group_by(Account.group)):
        mine = [each for each in ACCOUNTS if each.group == group]
        total = sum((each.balance for each in mine), D(0))
        assert found == [
            total,
            sum((each.limit for each in mine if each.limit is not None), D(0)),
            max(each.balance for each in mine),
            min(each.fee.amount for each in mine),
            sum((each.balance * each.other for each in mine), D(0)),
            QUOTIENT.divide(total, D(len(mine))),
        ]


def _balances(accounts: list[Account]) -> set[D]:
    return {account.balance for account in accounts}


def test_equal_decimals_are_one_in_groups_and_unions(session: Session) -> None:
    whole = Account.balance * 1
    found = session.execute(select(whole, func.count()).group_by(whole)).all()
    counts = [sum(each.balance == value for each in ACCOUNTS) for value, _ in found]
    assert [count for _, count in found] == counts
    assert len(found) == len(_balances(ACCOUNTS))
    for statement in (
        select(Account.balance).distinct(),
        select(whole).distinct(),
        select(coalesce(Account.balance, Account.other)).distinct(),
        union(select(Account.balance), select(whole)),
        intersect(select(Account.balance), select(whole)),
    ):
        assert sorted(session.scalars(statement)) == sorted(_balances(ACCOUNTS)), str(statement)
    assert session.scalars(except_(select(Account.balance), select(whole))).all() == []


def test_updates_store_exact_decimals(session: Session) -> None:
    session.execute(update(Account).values(balance=Account.balance * Account.other + Account.count))

    found = {each.key: each.balance for each in session.scalars(select(Account))}
    assert found == {each.key: each.balance * each.other + each.count for each in ACCOUNTS}


def _asked(session: Session, node: Expression, rows: list[Any]) -> list[Any]:
    text = print_expression(node)
    return session.scalars(sdbql(f"FOR row IN @rows RETURN {text}", rows=rows)).all()


def test_what_is_written_out_for_a_server_is_what_a_file_computes(session: Session) -> None:
    source = random.Random(5)
    pairs = [[str(_number(source)), str(_number(source))] for _ in range(60)]
    left, right = Attribute(Name("row"), "a"), Attribute(Name("row"), "b")
    rows = [{"a": one, "b": other, "all": [one, other, None, "1"]} for one, other in pairs]

    for operator, compute in (("+", add), ("-", sub), ("*", mul)):
        found = _asked(session, decimals.combined(left, operator, right), rows)  # type: ignore[arg-type]
        assert list(map(D, found)) == [compute(D(one), D(other)) for one, other in pairs]
    found = _asked(session, decimals.total_of(Attribute(Name("row"), "all")), rows)
    assert list(map(D, found)) == [D(one) + D(other) + 1 for one, other in pairs]
    found = _asked(session, decimals.key(left), rows)
    assert found == [decimals.key_of(D(one)) for one, _ in pairs]


def _divided(compute: Callable[[Any, Any], Any], one: D, other: D) -> D | None:
    if not other:
        return None
    with localcontext(prec=28 if compute is truediv else 2000):
        found: D = compute(one, other)
        return found


def _is_near(one: D, divisor: D) -> bool:
    """Return whether a divisor has no more than 17 digits at the scale of both."""
    scale = max(-int(each.as_tuple().exponent) for each in (one, divisor, D(0)))
    return len(str(abs(int(divisor.scaleb(scale))))) <= 17 and scale <= 16


DIVISORS = [*map(D, ["3", "-7", "0.07", "1E+2", "0", "1.0000000000000001", "-0.5", "99999999999999999", "8"])]
"""A server divides by up to 17 digits."""


@pytest.mark.parametrize("compute", [truediv, floordiv, mod])
def test_decimals_are_divided_as_in_python(session: Session, compute: Callable[[Any, Any], Any]) -> None:
    for divisor in DIVISORS:
        keys = [each.key for each in ACCOUNTS if compute is truediv or _is_near(each.balance, divisor)]
        asked = select(Account.balance, compute(Account.balance, divisor), compute(Account.balance, 6))
        for balance, found, sixth in session.execute(asked.where(in_(Account.key, keys))):
            assert found == _divided(compute, balance, divisor), (balance, divisor)
            assert sixth == _divided(compute, balance, D(6)), balance
    halves = [*map(D, ["99999999999999999999999999995", "99999999999999999999999999985", "5", "-15"])]
    session.add_all([Account(key=f"h{number}", balance=each) for number, each in enumerate(halves)])
    tenths = select(compute(Account.balance, D(10))).where(Account.key >= "h").order_by(Account.key)
    assert session.scalars(tenths).all() == [_divided(compute, each, D(10)) for each in halves]


def test_quotients_are_computed_with_compared_and_stored(session: Session) -> None:
    small = and_(Account.balance >= -99, Account.balance <= 99)
    kept = [each for each in ACCOUNTS if -99 <= each.balance <= 99]
    ratio = Account.balance / Account.count
    wanted = {each.key: _divided(truediv, each.balance, D(each.count)) for each in kept}
    asked = select(Account.key, ratio, ratio + 1, Account.count / D(8)).where(small)
    for key, found, more, eighth in session.execute(asked):
        one = wanted[key]
        assert (found, more) == (one, None if one is None else one + 1)
        assert eighth == D(next(each.count for each in kept if each.key == key)) / 8
    assert _keys(session, and_(small, ratio > D("0.1"))) == [
        key for key, one in wanted.items() if one is not None and one > D("0.1")
    ]
    session.execute(update(Account).where(small).values(balance=Account.balance / 3))
    stored = dict(session.execute(select(Account.key, Account.balance)).all())
    for each in kept:
        assert stored[each.key] == _divided(truediv, each.balance, D(3))


def test_averages_are_compared_sorted_and_named(session: Session) -> None:
    mean = func.avg(Account.limit)
    grouped = select(Account.group, label("mean", mean)).group_by(Account.group)
    groups = {
        group: [each.limit for each in ACCOUNTS if each.group == group and each.limit is not None]
        for group in "abc"
    }
    means = {group: QUOTIENT.divide(sum(of, D(0)), D(len(of))) for group, of in groups.items()}
    wanted = sorted(means.items(), key=lambda pair: pair[1])
    named = grouped.cte("means")

    assert session.execute(grouped.order_by(mean)).all() == wanted
    middle = wanted[1][1]
    assert session.execute(grouped.having(mean > middle)).all() == wanted[2:]
    assert session.execute(select(named.group, named.mean).where(named.mean < middle)).all() == wanted[:1]
    assert session.scalar(select(func.avg(Account.limit)).where(Account.key == "none")) is None


SERVED = {
    "balance_idx": [
        select(Account.key).where(Account.balance == D("1.1")),
        select(Account.key).where(in_(Account.balance, [D(1), D("1.10")])),
        select(Account.key).where(Account.balance > 1, Account.balance < D("1.2")),
        select(Account.key).order_by(Account.balance).limit(2),
        select(Account.key).order_by(desc(Account.balance)).limit(2),
        select(func.count(Account)).where(Account.balance == 0),
    ],
    "group_limit_idx": [
        select(Account.key).where(Account.group == "a", some(Account.limit) < D(3)),
        select(Account.key).where(Account.group == "a").order_by(Account.limit).limit(2),
    ],
    "fee_amount_idx": [select(Account.key).where(Account.fee.amount == D("1.1"))],
}


@pytest.mark.parametrize("index", SERVED)
def test_an_index_serves_decimals_on_a_file(index: str) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Account)
        session.add_all([account.model_copy(deep=True) for account in ACCOUNTS])
        session.commit()
        for statement in SERVED[index]:
            plan: Any = session.explain(statement).plan
            assert plan["indexes"] == [f"decimal_accounts.{index}"], str(statement)
            assert plan["python"] is None


class Price(Document, collection="decimal_prices"):
    amount: Annotated[D, Index(unique=True)]


def test_on_a_file_a_unique_decimal_is_unique_by_its_value() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Price)
        session.add(Price(amount=D("1.1")))
        session.commit()
        session.add(Price(amount=D("1.10")))
        with pytest.raises(UniqueViolation):
            session.commit()
        session.rollback()
        session.execute(upsert(Price).on(Price.amount).values({"amount": D("1.100")}))
        assert session.scalars(select(Price.amount)).all() == [D("1.100")]


class PriceText(Document, collection="decimal_prices_again", registry=Registry()):
    amount: Annotated[str, Index(unique=True)]


class PriceValue(Document, collection="decimal_prices_again", registry=Registry()):
    amount: Annotated[D, Index(unique=True)]


def test_on_a_file_an_index_that_was_made_of_texts_is_made_anew_for_decimals() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(PriceText)
        session.execute(insert(PriceText).values(amount="1.1"))
        session.commit()
        engine.create_all(PriceValue)

        session.add(PriceValue(amount=D("1.10")))
        with pytest.raises(UniqueViolation):
            session.commit()
        session.rollback()
        engine.create_all(PriceText)
        session.execute(insert(PriceText).values(amount="1.10"))
        session.commit()
        with pytest.raises(UniqueViolation, match="the unique index 'amount_idx' was not made"):
            engine.create_all(PriceValue)


class Dollars(Document, collection="decimal_dollars"):
    amount: Annotated[D, Index()]

    @field_serializer("amount")
    def _stored(self, amount: D) -> str:
        return f"${amount}"

    @field_validator("amount", mode="before")
    @classmethod
    def _loaded(cls, amount: Any) -> Any:
        return amount.removeprefix("$") if isinstance(amount, str) else amount


def test_a_decimal_with_a_stored_form_of_its_own_keeps_its_own_index() -> None:
    (index,) = Dollars.__solidb_mapping__.indexes

    assert index.decimals == ()
    assert Account.__solidb_mapping__.indexes[0].decimals == ("balance",)
