"""Reports: groups, CTEs, windows, unions, outer joins."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from solidb_odm import (
    Document,
    Engine,
    Registry,
    Session,
    aliased,
    and_,
    asc,
    case,
    coalesce,
    desc,
    except_,
    exists,
    func,
    in_,
    intersect,
    is_null,
    label,
    not_,
    or_,
    over,
    select,
    union,
)
from solidb_odm.model import Link
from solidb_odm.query import Select


class Base(Document, abstract=True, registry=Registry()):
    pass


class Shop(Base, collection="rp_shops"):
    city: str
    opened: date


class Sale(Base, collection="rp_sales"):
    shop: Link[Shop]
    day: date
    amount: int
    cost: Decimal = Decimal(0)
    clerk: str | None = None


def run(engine: Engine) -> None:
    rng = random.Random(41)
    shops = [
        Shop(
            key=f"s{n}",
            city=rng.choice(["Bern", "Genf", "Basel"]),
            opened=date(2020, 1, 1) + timedelta(days=100 * n),
        )
        for n in range(6)
    ]
    sales = [
        Sale(
            key=f"x{n:03}",
            shop=rng.choice(shops[:5]),
            day=date(2025, 1, 1) + timedelta(days=rng.randrange(60)),
            amount=rng.randrange(1, 500),
            cost=Decimal(rng.randrange(1000)) / 10,
            clerk=rng.choice([None, "u", "v"]),
        )
        for n in range(100)
    ]
    with Session(engine) as s:
        s.add_all([*shops, *sales])
        s.commit()
    by = {x.id: x for x in shops}
    with Session(engine) as s:
        tot = s.execute(
            select(Shop.key, label("sum", func.sum(Sale.amount)), func.count(Sale), func.max(Sale.day))
            .outerjoin(Sale, Sale.shop == Shop.id)
            .group_by(Shop.key)
            .order_by(Shop.key)
        ).all()
        for key, su, n, mx in tot:
            mine = [x for x in sales if x.shop.key == key]
            assert (
                n == len(mine)
                and (su or 0) == sum(x.amount for x in mine)
                and mx == max((x.day for x in mine), default=None)
            ), (key, su, n, mx)
        city = s.execute(
            select(Shop.city, Sale.day.month, func.sum(Sale.amount), func.sum(Sale.cost))
            .join(Sale, Sale.shop == Shop.id)
            .group_by(Shop.city, Sale.day.month)
            .order_by(Shop.city, Sale.day.month)
        ).all()
        w: dict[tuple[str, int], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
        for x in sales:
            a = w[by[x.shop.id].city, x.day.month]
            w[by[x.shop.id].city, x.day.month] = (a[0] + x.amount, a[1] + x.cost)
        assert city == [(*k, *w[k]) for k in sorted(w)], city
        # running totals of each shop, and ranks
        run = label(
            "run",
            over(func.sum(Sale.amount), partition_by=Sale.shop, order_by=[asc(Sale.day), asc(Sale.key)]),
        )
        rk = label("rank", over(func.rank(), partition_by=Sale.shop, order_by=desc(Sale.amount)))
        rows = s.execute(select(Sale.key, run, rk).order_by(Sale.key)).all()
        for key, r, rank in rows:
            me = next(x for x in sales if x.key == key)
            same = [x for x in sales if x.shop.id == me.shop.id]
            assert r == sum(x.amount for x in same if (x.day, x.key) <= (me.day, me.key)), key
            assert rank == 1 + sum(x.amount > me.amount for x in same)
        # share of the total, through CTEs
        per = select(Sale.shop, label("total", func.sum(Sale.amount))).group_by(Sale.shop).cte("per")
        best = s.execute(
            select(Shop.city, per.total).join(per, per.shop == Shop.id).order_by(desc(per.total)).limit(2)
        ).all()
        t: dict[str, int] = defaultdict(int)
        for x in sales:
            t[x.shop.id] += x.amount
        assert best == sorted(((by[k].city, v) for k, v in t.items()), key=lambda r: -r[1])[:2]
        avg = select(func.avg(per.total)).scalar_subquery()
        above = s.scalars(select(per.shop).where(per.total > avg)).all()
        mean = sum(t.values()) / len(t)
        assert {getattr(a, "id", a) for a in above} == {k for k, v in t.items() if v > mean}, above
        # sales above the average of their own shop
        other = aliased(Sale)
        mine_avg = select(func.avg(other.amount)).where(other.shop == Sale.shop).scalar_subquery()
        good = s.scalars(select(Sale.key).where(Sale.amount > mine_avg).order_by(Sale.key)).all()
        m = {
            k: sum(x.amount for x in sales if x.shop.id == k) / sum(x.shop.id == k for x in sales) for k in t
        }
        assert good == [x.key for x in sales if x.amount > m[x.shop.id]]

        # days on which Bern sold and Basel did not
        def days(c: str) -> Select[date]:
            return select(Sale.day).join(Shop, Sale.shop == Shop.id).where(Shop.city == c)

        d = {c: {x.day for x in sales if by[x.shop.id].city == c} for c in ("Bern", "Genf", "Basel")}
        assert set(s.scalars(except_(days("Bern"), days("Basel")))) == d["Bern"] - d["Basel"]
        assert set(s.scalars(intersect(days("Bern"), days("Basel")))) == d["Bern"] & d["Basel"]
        assert s.scalars(union(days("Bern"), days("Genf")).order_by(Sale.day)).all() == sorted(
            d["Bern"] | d["Genf"]
        )
        bucket = label("bucket", case((Sale.amount < 100, "low"), (Sale.amount < 300, "mid"), else_="high"))
        pivot = s.execute(
            select(
                bucket,
                label("u", func.sum(case((Sale.clerk == "u", 1), else_=0))),
                label("none", func.sum(case((is_null(Sale.clerk), Sale.amount), else_=0))),
                func.count(),
            )
            .group_by(bucket)
            .order_by(bucket)
        ).all()

        def b(x: Sale) -> str:
            return "low" if x.amount < 100 else "mid" if x.amount < 300 else "high"

        assert pivot == [
            (
                k,
                sum(x.clerk == "u" for x in sales if b(x) == k),
                sum(x.amount for x in sales if b(x) == k and x.clerk is None),
                sum(b(x) == k for x in sales),
            )
            for k in sorted({b(x) for x in sales})
        ], pivot
        quiet = s.scalars(
            select(Shop.key)
            .where(not_(exists(select(Sale).where(Sale.shop == Shop.id, Sale.amount > 480))))
            .order_by(Shop.key)
        ).all()
        assert quiet == [x.key for x in shops if not any(y.shop.id == x.id and y.amount > 480 for y in sales)]
        margin = s.execute(
            select(coalesce(Sale.clerk, "-"), func.sum(Sale.amount - Sale.cost))
            .group_by(coalesce(Sale.clerk, "-"))
            .order_by(coalesce(Sale.clerk, "-"))
        ).all()
        assert margin == [
            (c, sum((x.amount - x.cost for x in sales if (x.clerk or "-") == c), Decimal(0)))
            for c in ("-", "u", "v")
        ]
        third = label("third", over(func.ntile(3), order_by=[Sale.amount, Sale.key]))
        tiles = select(Sale.key, third, Sale.amount).cte("tiles")
        top = s.execute(
            select(tiles.third, func.count(), func.min(tiles.amount))
            .group_by(tiles.third)
            .order_by(tiles.third)
        ).all()
        assert [n for _, n, _ in top] == [34, 33, 33]
        ranks = sorted(x.amount for x in sales)
        assert [a for _, _, a in top] == [ranks[0], ranks[34], ranks[67]]
        both = s.execute(
            select(Sale.day, func.count())
            .where(or_(and_(Sale.clerk == "u", Sale.amount > 250), in_(Sale.shop, [shops[0], shops[1]])))
            .group_by(Sale.day)
            .having(func.count() > 1)
            .order_by(desc(func.count()), Sale.day)
            .limit(3)
        ).all()
        c: dict[date, int] = defaultdict(int)
        for x in sales:
            if (x.clerk == "u" and x.amount > 250) or x.shop.id in (shops[0].id, shops[1].id):
                c[x.day] += 1
        assert both == sorted(((k, v) for k, v in c.items() if v > 1), key=lambda r: (-r[1], r[0]))[:3]
