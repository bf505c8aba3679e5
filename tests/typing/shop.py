"""A shop as its users write it: lines that both type checkers pass, and mistakes that both flag."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel

from solidb_odm import (
    Document,
    Edge,
    GeoIndex,
    GeoPoint,
    Link,
    Session,
    Vector,
    VectorIndex,
    aliased,
    all_,
    and_,
    any_,
    asc,
    case,
    coalesce,
    contains,
    create_engine,
    delete,
    desc,
    distance,
    exists,
    func,
    in_,
    insert,
    is_null,
    k_shortest_paths,
    label,
    like,
    matches,
    nearest,
    not_,
    not_in,
    or_,
    over,
    select,
    shortest_path,
    some,
    traverse,
    union,
    unnest,
    update,
    upsert,
    within,
)


class Size(Enum):
    S = "s"
    L = "l"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Addr(BaseModel):
    city: str
    zip: int | None = None


class Line(BaseModel):
    sku: str
    qty: int
    price: Decimal
    tags: list[str] = []


class Shop(Document, collection="typed_shops"):
    name: str
    addr: Addr
    billing: Addr | None = None


class Prod(Document, collection="typed_prods"):
    title: str
    sub: str | None = None
    price: Decimal
    cost: Decimal | None = None
    stock: int = 0
    weight: float = 0.0
    made: date
    at: datetime
    took: timedelta = timedelta(0)
    opens: time | None = None
    size: Size = Size.S
    level: Level = Level.LOW
    kind: Literal["a", "b"] = "a"
    uid: UUID
    tags: list[str] = []
    nums: set[int] = set()
    lines: list[Line] = []
    meta: dict[str, int] = {}
    shop: Link[Shop]
    alt: Link[Shop] | None = None
    shops: list[Link[Shop]] = []
    active: bool = True
    pair: tuple[int, str] = (0, "")
    raw: bytes = b""
    where_: Annotated[GeoPoint | None, GeoIndex()] = None
    vec: Annotated[Vector | None, VectorIndex(dimension=3, metric="cosine")] = None


class Sells(Edge[Shop, Prod], collection="typed_sells"):
    since: int = 0
    fee: Decimal = Decimal(0)


session = Session(create_engine("sqlite://"))
shop = Shop(name="Corner", addr=Addr(city="Rome"))
prod = Prod(title="Cup", price=Decimal(3), made=date(2024, 1, 1), at=datetime.now(UTC), uid=UUID(int=1), shop=shop)
NOW = datetime.now(UTC)

# --- right ----------------------------------------------------------------------------------------

a1: list[Prod] = session.scalars(select(Prod).where(Prod.price > 3)).all()
a2: list[str] = session.scalars(select(Prod.title).where(Prod.price == Decimal("1.5"))).all()
a3: list[tuple[str, Decimal]] = session.execute(select(Prod.title, Prod.price)).all()
a4 = session.execute(select(Prod.title, func.count(), func.sum(Prod.price)).group_by(Prod.title)).all()
n: int = a4[0][1]
d: Decimal = a4[0][2]
select(Prod).where(in_(Prod.price, [1, Decimal("2.5")]))
select(Prod).where(in_(Prod.size, [Size.S, Size.L]))
select(Prod).where(in_(Prod.shop, [shop, "ty_shops/x"]))
select(Prod).where(in_(Prod.alt, [shop, None]))
select(Prod).where(in_(Prod.sub, ["a", None]))
select(Prod).where(in_(Prod.kind, ["a"]))
select(Prod).where(in_(Prod.uid, {UUID(int=1)}))
select(Prod).where(in_(Prod.stock, range(5)))
select(Prod).where(in_(Prod.title, ("a", "b")))
select(Prod).where(in_(Prod.shop, select(Shop.id).where(Shop.addr.city == "x")))
select(Prod).where(in_(Prod.shop, select(Shop)))
select(Prod).where(not_in(Prod.weight, [1.0, 2]))
select(Prod).where(contains(Prod.tags, "x"), contains(Prod.nums, 4), contains(Prod.meta, "k"))
select(Prod).where(contains(Prod.title, "x"), contains(Prod.shops, shop))
select(Prod).where(any_(Prod.lines).qty > 3, all_(Prod.lines).price < 3)
select(Prod).where(any_(Prod.lines, lambda line: and_(line.qty > 3, line.sku == "x")))
select(Prod).where(any_(Prod.lines, lambda line: contains(line.tags, "x")))
select(Prod).where(any_(Prod.shops) == shop)
select(Prod).where(Prod.shop == shop, Prod.alt != None, is_null(Prod.alt))
select(Prod).where(Prod.at > NOW - timedelta(days=1), Prod.made >= date(2024, 1, 1))
select(Prod).where(Prod.at + Prod.took < NOW)
select(Prod).where(Prod.meta["x"] > 3, Prod.pair[0] == 1, Prod.pair[1] == "x")
select(Prod).where(Prod.title.startswith("x"), Prod.title.lower() == "x")
select(Prod).where(like(Prod.title, "x%"), like(Prod.sub, "y%"))
select(Prod).where(or_(Prod.active, not_(Prod.active)))
select(Prod).where(some(Prod.opens) > time(8), some(Prod.sub).startswith("x"))
select(Prod).where(some(Prod.cost) < Prod.price)
select(Prod).where(Prod.made.year == 2024, Prod.at.hour < 12)
select(Prod).order_by(desc(Prod.price), asc(Prod.title), Prod.stock)
select(Prod).where(exists(select(Sells).where(Sells.to == Prod.id)))
select(Prod, Shop).join(Shop, Prod.shop == Shop.id)
b1: list[tuple[Prod, Shop]] = session.execute(select(Prod, Shop).join(Shop, Prod.shop == Shop.id)).all()
select(Shop.name, func.count(Prod)).outerjoin(Prod, Prod.shop == Shop.id).group_by(Shop.name)
select(Shop).where(some(Shop.billing).city == "x", Shop.addr.city == "y")
update(Prod).where(Prod.stock < 3).values(stock=Prod.stock + 1)
update(Prod).set(Prod.stock, Prod.stock + 1).set(Prod.sub, None).set(Prod.price, 3)
update(Prod).set(Prod.tags, ["a"]).set(Prod.shop, shop).set(Prod.alt, None).set(Prod.size, Size.L)
update(Prod).set(Prod.at, Prod.at + timedelta(1)).set(Prod.weight, 1).set(
    Prod.lines, [Line(sku="", qty=1, price=Decimal(1))]
)
delete(Prod).where(Prod.stock == 0)
e1: list[int] = session.scalars(select(case((Prod.stock > 3, 1), else_=0))).all()
c1: int = session.scalar(select(func.sum(Prod.stock))) or 0
c2: Decimal | None = session.scalar(select(func.avg(Prod.price)))
c3: timedelta | None = session.scalar(select(func.sum(Prod.took)))
c4: date | None = session.scalar(select(func.max(Prod.made)))
c5: str | None = session.scalar(select(coalesce(Prod.sub, Prod.title)))
line = unnest(Prod.lines)
c6: list[tuple[str, Decimal]] = session.execute(
    select(line.sku, func.sum(line.price)).group_by(line.sku)
).all()
tag = unnest(Prod.tags)
c7: list[tuple[str, int]] = session.execute(select(tag, func.count()).group_by(tag)).all()
rank = over(func.row_number(), partition_by=Prod.shop, order_by=desc(Prod.price))
c8: list[tuple[str, int]] = session.execute(select(Prod.title, rank)).all()
prev = over(func.lag(Prod.price), order_by=Prod.made)
c9: list[tuple[str, Decimal | None]] = session.execute(select(Prod.title, prev)).all()
rows = select(Prod.title, label("n", func.count())).group_by(Prod.title).cte("rows")
session.execute(select(rows.title, rows.n).where(rows.n > 3)).all()
best = select(func.max(Prod.price)).scalar_subquery()
select(Prod).where(Prod.price == best)
other = aliased(Prod)
select(Prod, other).join(other, and_(Prod.shop == other.shop, Prod.stock < other.stock))
union(select(Prod.title), select(Shop.name)).order_by(Prod.title).limit(3)
for each in session.scalars(
    traverse(shop, Sells, depth=(1, 2)).follow(Sells.since > 3).where(Prod.stock > 3)
):
    print(each.title)
w = session.scalars(shortest_path(shop, prod, Sells, weight="since")).first()
select(Prod).where(within(Prod.where_, GeoPoint(lat=1, lon=2), 300)).order_by(
    distance(Prod.where_, GeoPoint(lat=1, lon=2))
)
select(Prod).order_by(nearest(Prod.vec, [1.0, 2.0, 3.0])).limit(3)
s1: Prod | None = session.get(Prod, "x")
s2: Prod = session.get_one(Prod, "x")
session.scalars(select(Prod).load(Prod.shop)).all()
x1 = session.execute(
    select(Prod.price * 2, Prod.price + 1, Prod.stock // 2, Prod.stock / 2, -Prod.stock)
).all()
y1: tuple[Decimal, Decimal, int, float, int] = x1[0]
z1 = session.execute(select(Prod.at - Prod.at, Prod.made - Prod.made)).all()
z2: tuple[timedelta, timedelta] = z1[0]
select(Prod).where((Prod.stock > 3) & (Prod.active == True) | (Prod.title == "x"))
insert(Prod).values([prod])
upsert(Shop).values([{"key": "x", "name": "y"}])
m: int = session.execute(update(Prod).values(stock=0)).rowcount
reveal_type(session.scalars(shortest_path(shop, prod, Sells)).one().vertices)  # T: tuple[Shop | Prod, ...]
reveal_type(session.scalars(k_shortest_paths(shop, prod, Sells, k=2)).one().vertices)  # T: tuple[Shop | Prod, ...]
reveal_type(session.scalars(traverse(shop, Sells, direction="any")).all())  # T: list[Shop | Prod]
reveal_type(select(func.sum(Prod.stock), func.avg(Prod.stock), func.sum(Prod.weight)))  # T: Select[tuple[int, float, float]]
reveal_type(func.sum(case((Prod.stock > 3, 1), else_=0)))  # T: int
traverse(shop, Shop, direction="any")  # E
shortest_path(shop, prod, Shop)  # E

# --- wrong ----------------------------------------------------------------------------------------

select(Prod).where(Prod.prise > 3)  # E
select(Prod).where(Prod.title > 3)  # E
select(Prod).where(Prod.price > "3")  # E
select(Prod).where(Prod.stock)  # E
select(Prod).where(Prod.stock + 1)  # E
select(Prod).where(Prod.title)  # E
select(Prod).where(in_(Prod.stock, ["a"]))  # E
select(Prod).where(in_(Prod.title, [1]))  # E
select(Prod).where(in_(Prod.size, ["s"]))  # E
select(Prod).where(in_(Prod.price, ["1"]))  # E
select(Prod).where(in_(Prod.price, [1.5]))  # E
select(Prod).where(in_(Prod.shop, [1]))  # E
select(Prod).where(in_(Prod.stock, 3))  # E
select(Prod).where(not_in(Prod.uid, ["x"]))  # E
select(Prod).where(in_(Prod.made, [3]))  # E
select(Prod).where(contains(Prod.tags, 3))  # E
select(Prod).where(contains(Prod.nums, "x"))  # E
select(Prod).where(contains(Prod.stock, 3))  # E
select(Prod).where(contains(Prod.shops, 3))  # E
select(Prod).where(contains(Prod.meta, 3))  # E
select(Prod).where(contains(Prod.title, 3))  # E
select(Prod).where(any_(Prod.lines).sku > 3)  # E
select(Prod).where(any_(Prod.lines).nope == 3)  # E
select(Prod).where(any_(Prod.title).nope == 3)  # E
select(Prod).where(any_(Prod.stock) == 3)  # E
select(Prod).where(any_(Prod.lines, lambda line: line.nope == 3))  # E
select(Prod).where(any_(Prod.lines, lambda line: line.qty))  # E
select(Prod).where(Prod.at > 3)  # E
select(Prod).where(Prod.at + 3 > NOW)  # E
select(Prod).where(Prod.meta[3] > 3)  # E
select(Prod).where(Prod.pair[2] == 3)  # E
select(Prod).where(like(Prod.stock, "x"))  # E
select(Prod).where(like(Prod.title, 3))  # E
select(Prod).order_by(desc(Prod.prise))  # E
update(Prod).set(Prod.stock, "x")  # E
update(Prod).set(Prod.price, "x")  # E
update(Prod).set(Prod.price, 1.5)  # E
update(Prod).set(Prod.size, "s")  # E
update(Prod).set(Prod.shop, 3)  # E
update(Prod).set(Prod.at, 3)  # E
update(Prod).set(Prod.nope, 3)  # E
update(Prod).set("stock", 3)  # E
func.sum(Prod.title)  # E
func.avg(Prod.at)  # E
func.sum(Prod.tags)  # E
Prod.title + Prod.stock  # E
Prod.price + Prod.weight  # E
Prod.at - 3  # E
Prod.tags + 3  # E
Prod.title / 2  # E
select(Prod).load(Prod.title)  # E
select(Prod).limit("x")  # E
select(Prod).join(Shop, Prod.title)  # E
select(Prod).where(or_(Prod.title, 3))  # E
select(Prod).where(not_(Prod.stock))  # E
select(Prod).where(Shop.addr.nope == 3)  # E
session.get(Prod, 3)  # E
session.get(prod, "x")  # E
exists(Prod)  # E
traverse(shop, Shop)  # E
traverse(3, Sells)  # E
traverse(shop, Sells, depth="x")  # E
traverse(shop, Sells, direction="up")  # E
unnest(Prod.stock)  # E
over(func.row_number(), nope=3)  # E
case((3, 1), else_=2)  # E
nearest(Prod.title, [1.0])  # E
within(Prod.title, GeoPoint(lat=1, lon=2), 3)  # E
matches(Prod.stock, "x")  # E
session.add(3)  # E
delete(prod)  # E
union(select(Prod.title), 3)  # E
select(Prod.title).into(3)  # E
Sells(shop, shop)  # E
