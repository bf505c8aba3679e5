"""Double entry bookkeeping with decimals."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

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
    coalesce,
    desc,
    func,
    in_,
    label,
    or_,
    select,
    union,
    unnest,
    update,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


class Posting(BaseModel):
    account: str
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)


class Entry(Base, collection="led_entries"):
    day: Annotated[date, Index()]
    text: str
    postings: list[Posting]
    rate: Annotated[Decimal, Field(decimal_places=6)] = Decimal("1.000000")
    total: Annotated[Decimal, Index()] = Decimal(0)
    fees: list[Decimal] = []
    limits: dict[str, Decimal] = {}
    refund: Decimal | None = None

    @model_validator(mode="after")
    def _balanced(self) -> "Entry":
        if sum(p.debit for p in self.postings) != sum(p.credit for p in self.postings):
            raise ValueError("not balanced")
        return self


def run(engine: Engine) -> None:
    rng = random.Random(17)

    def money() -> Decimal:
        return rng.choice(
            [
                Decimal(rng.randrange(1, 10**7)) / 100,
                Decimal("1.1"),
                Decimal("1.10"),
                Decimal("0.0000001"),
                Decimal("12345678901234567890.12"),
                Decimal("1E+3"),
                Decimal("-5.5"),
            ]
        )

    entries: list[Entry] = []
    for n in range(40):
        amount = abs(money())
        a, b = rng.sample(["cash", "bank", "rent", "sales"], 2)
        part = (amount / 3).quantize(Decimal("0.01"), ROUND_HALF_EVEN) if amount < 10**6 else Decimal(1)
        entries.append(
            Entry(
                key=f"e{n:02}",
                day=date(2025, 1, 1) + timedelta(days=rng.randrange(90)),
                text=f"t{n}",
                postings=[
                    Posting(account=a, debit=amount),
                    Posting(account=b, credit=amount - part),
                    Posting(account="vat", credit=part),
                ],
                rate=Decimal(rng.randrange(500000, 2000000)) / 10**6,
                total=amount if n % 5 else -amount,
                fees=[money() for _ in range(rng.randrange(3))],
                limits={"day": money()} if n % 2 else {},
                refund=rng.choice([None, money()]),
            )
        )
    with Session(engine) as s:
        s.add_all(entries)
        s.commit()
    with Session(engine) as s, localcontext(prec=200):
        p = unnest(Entry.postings)
        bal = s.execute(
            select(p.account, func.sum(p.debit), func.sum(p.credit), func.sum(p.debit - p.credit))
            .group_by(p.account)
            .order_by(p.account)
        ).all()
        w: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for e in entries:
            for q in e.postings:
                w[q.account][0] += q.debit
                w[q.account][1] += q.credit
        assert bal == [(k, w[k][0], w[k][1], w[k][0] - w[k][1]) for k in sorted(w)], bal
        assert s.execute(select(func.sum(p.debit) - func.sum(p.credit))).scalar_one() == 0
        over = s.execute(
            select(p.account, func.sum(p.debit))
            .group_by(p.account)
            .having(func.sum(p.debit) > func.sum(p.credit))
            .order_by(p.account)
        ).all()
        assert over == [(k, w[k][0]) for k in sorted(w) if w[k][0] > w[k][1]]
        month = label("m", Entry.day.month)
        per = s.execute(
            select(month, func.sum(Entry.total), func.min(Entry.total), func.max(Entry.total), func.count())
            .group_by(Entry.day.month)
            .order_by(Entry.day.month)
        ).all()
        for m, su, mn, mx, n in per:
            mine = [e.total for e in entries if e.day.month == m]
            assert (su, mn, mx, n) == (sum(mine), min(mine), max(mine), len(mine))
        assert s.scalars(select(Entry.key).order_by(Entry.total, Entry.key)).all() == [
            e.key for e in sorted(entries, key=lambda e: (e.total, e.key))
        ]
        assert (
            s.scalars(select(Entry.key).order_by(desc(Entry.total), Entry.key).limit(5)).all()
            == [e.key for e in sorted(entries, key=lambda e: (-e.total, e.key))][:5]
        )
        for v in (Decimal("1.1"), Decimal("12345678901234567890.12"), Decimal(1000), Decimal("0.0000001")):
            assert set(s.scalars(select(Entry.key).where(Entry.total == v))) == {
                e.key for e in entries if e.total == v
            }
            assert set(s.scalars(select(Entry.key).where(Entry.total <= v))) == {
                e.key for e in entries if e.total <= v
            }
            assert set(s.scalars(select(Entry.key).where(any_(Entry.fees) == v))) == {
                e.key for e in entries if v in e.fees
            }
            assert set(s.scalars(select(Entry.key).where(all_(Entry.fees) < v))) == {
                e.key for e in entries if all(f < v for f in e.fees)
            }
            assert set(s.scalars(select(Entry.key).where(Entry.limits["day"] > v))) == {
                e.key for e in entries if "day" in e.limits and e.limits["day"] > v
            }
            assert set(s.scalars(select(Entry.key).where(Entry.refund == v))) == {
                e.key for e in entries if e.refund == v
            }
            assert set(
                s.scalars(
                    select(Entry.key).where(
                        any_(Entry.postings, lambda x: and_(x.debit >= v, x.account == "cash"))
                    )
                )
            ) == {e.key for e in entries if any(x.debit >= v and x.account == "cash" for x in e.postings)}
        conv = s.execute(
            select(
                Entry.key,
                Entry.total * Entry.rate,
                -Entry.total,
                abs(Entry.total),
                Entry.total + coalesce(Entry.refund, Decimal(0)),
            )
        ).all()
        byk = {e.key: e for e in entries}
        for k, a1, b1, c1, d1 in conv:
            e = byk[k]
            assert (a1, b1, c1, d1) == (
                e.total * e.rate,
                -e.total,
                abs(e.total),
                e.total + (e.refund or 0),
            ), (k, a1, e.total, e.rate)
        plus = s.scalar(select(func.sum(case((Entry.total > 0, Entry.total), else_=Decimal(0)))))
        assert plus == sum(e.total for e in entries if e.total > 0), plus
        distinct = s.scalars(select(Entry.total).distinct()).all()
        assert len(distinct) == len({e.total for e in entries})
        assert s.scalar(select(func.count_distinct(Entry.refund))) == len({e.refund for e in entries})
        u = s.scalars(union(select(Entry.total), select(Entry.rate))).all()
        assert set(u) == {e.total for e in entries} | {e.rate for e in entries} and len(u) == len(
            {e.total for e in entries} | {e.rate for e in entries}
        )
        s.execute(
            update(Entry)
            .where(or_(Entry.total < 0, in_(Entry.text, ["t1"])))
            .set(Entry.total, Entry.total * Decimal("1.05") + 1)
        )
        s.commit()
        new = dict(s.execute(select(Entry.key, Entry.total)).all())
        assert new == {
            e.key: e.total * Decimal("1.05") + 1 if e.total < 0 or e.text == "t1" else e.total
            for e in entries
        }
        avgs = dict(s.execute(select(Entry.day.month, func.avg(Entry.total)).group_by(Entry.day.month)).all())
        for m, av in avgs.items():
            mine = [new[e.key] for e in entries if e.day.month == m]
            with localcontext(prec=28):
                exact = sum(mine, Decimal(0)) / len(mine)
            assert abs(av - exact) <= abs(exact) * Decimal("1e-25"), (av, exact)
        fees = s.execute(
            select(Entry.key, func.sum(unnest(Entry.fees))).group_by(Entry.key).order_by(Entry.key)
        )
        assert fees.all() == [(e.key, sum(e.fees)) for e in entries if e.fees]
