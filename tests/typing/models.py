"""What a type checker tells a user; the harness explains the marks at the ends of the lines."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, ClassVar

from pydantic import BaseModel

from solidb_odm import (
    AsyncSession,
    BackReference,
    Cascade,
    Document,
    Edge,
    Field,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Neighbours,
    QueryEvent,
    Session,
    SoftDelete,
    Timestamped,
    TTLIndex,
    Vector,
    VectorIndex,
    all_,
    and_,
    any_,
    asc,
    attribute,
    back_reference,
    contains,
    create_async_engine,
    create_engine,
    desc,
    except_,
    func,
    in_,
    incoming,
    intersect,
    is_null,
    k_shortest_paths,
    label,
    like,
    not_,
    not_in,
    or_,
    outgoing,
    over,
    sdbql,
    select,
    shortest_path,
    some,
    traverse,
    union,
    unnest,
)
from solidb_odm.model import Link
from solidb_odm.query import (
    case,
    coalesce,
    delete,
    distance,
    exists,
    hybrid,
    insert,
    matches,
    nearest,
    update,
    upsert,
    within,
)


class Address(BaseModel):
    city: str
    country: str


class Line(BaseModel):
    sku: str
    price: float


class User(Document, collection="users"):
    name: str
    email: Annotated[str, Index(unique=True)]
    age: int = 0
    tags: list[str] = []
    address: Address = Field(default_factory=lambda: Address(city="Paris", country="FR"))
    home: Annotated[GeoPoint | None, GeoIndex()] = None
    bio: Annotated[str, FulltextIndex()] = ""
    face: Annotated[Vector | None, VectorIndex(dimension=4, metric="cosine")] = None
    active: bool = True
    nickname: str | None = None
    lines: list[Line] = []

    class Settings:
        indexes = [Index("address.city", "age"), TTLIndex("seen_at", seconds=3600)]
        schema_validation = "strict"

    seen_at: datetime | None = None


class Company(Document, collection="companies"):
    name: str


class Follows(Edge[User, User], collection="follows"):
    since: int = 0


class WorksAt(Edge[User, Company], collection="works_at"):
    role: str


class Post(Document, collection="posts"):
    author: Annotated[Link[User], Cascade("save")]
    editor: Link[User] | None = None
    readers: list[Link[User]] = []
    comments: ClassVar[BackReference["Comment"]] = back_reference("Comment.post")


class Comment(Document, collection="comments"):
    post: Link[Post]
    fans: ClassVar[Neighbours[User]] = incoming(Follows)


class Memo(Timestamped, SoftDelete, Document, collection="memos"):
    text: str


class Colour(Enum):
    RED = "red"


class Bill(Document, collection="bills"):
    total: Decimal
    at: datetime
    took: timedelta
    tags: list[str] = []
    colour: Colour = Colour.RED


class Summary(BaseModel):
    name: str
    n: int


paris = GeoPoint(lat=48.86, lon=2.35)
ada = User(name="Ada", email="ada@x.org", key="ada")
bob = User(name="Bob", email="bob@x.org", age="x")  # E
User(email="x@x.org")  # E
User("Ada", "ada@x.org")  # E
User(name="Ada", email="ada@x.org", id="users/ada")  # E
reveal_type(ada.name)  # T: str
reveal_type(ada.key)  # T: str
reveal_type(ada.id)  # T: str
reveal_type(ada.rev)  # T: str | None
reveal_type(ada.created_at)  # T: datetime
acme = Company(name="Acme")

follows = Follows(ada, ada, since=2024)
Follows(from_=ada, to="users/bob", since=2024)
Follows(ada, "users/bob", key="f1")
WorksAt(ada, acme, role="engineer")
WorksAt(acme, ada, role="engineer")  # E
Follows(ada, acme)  # E
Follows(ada)  # E
WorksAt(ada, acme)  # E
Follows(ada, ada, 2024)  # E
reveal_type(follows.from_id)  # T: str

session = Session(create_engine("sqlite://"))
reveal_type(session.scalars(select(User)).all())  # T: list[User]
reveal_type(session.execute(select(User)).all())  # T: list[User]
reveal_type(session.scalars(select(User)).first())  # T: User | None
reveal_type(session.scalars(select(User)).one())  # T: User
reveal_type(session.execute(select(User.name, User.age)).all())  # T: list[tuple[str, int]]
reveal_type(session.scalars(select(User.name, User.age)).all())  # T: list[str]
reveal_type(session.scalars(select(User.name)).all())  # T: list[str]
reveal_type(session.execute(select(User.address.city, func.count())).all())  # T: list[tuple[str, int]]
reveal_type(session.execute(select(User.name, label("n", func.sum(User.age)))).all())  # T: list[tuple[str, int]]
reveal_type(session.execute(select(User, Company)).all())  # T: list[tuple[User, Company]]
reveal_type(session.execute(select(User, User.age)).all())  # T: list[tuple[User, int]]
reveal_type(session.get(User, "ada"))  # T: User | None
reveal_type(session.get_one(User, "ada"))  # T: User
reveal_type(session.get_many(User, ["ada"]))  # T: list[User | None]
reveal_type(session.scalar(select(func.count(User))))  # T: int | None
reveal_type(session.scalars(traverse(ada, Follows, depth=(1, 3))).all())  # T: list[User]
reveal_type(session.scalars(traverse(ada, WorksAt)).all())  # T: list[Company]
reveal_type(session.scalars(traverse(acme, WorksAt, direction="inbound")).all())  # T: list[User]
reveal_type(session.scalars(shortest_path(ada, ada, Follows)).one().vertices)  # T: tuple[User, ...]
reveal_type(session.scalars(sdbql("FOR u IN users RETURN u").into(User)).all())  # T: list[User]
names_and_ages = session.execute(select(User.name, User.age))
reveal_type(names_and_ages.scalars().all())  # T: list[str]
reveal_type(names_and_ages.scalar_one())  # T: str
reveal_type(names_and_ages.scalar())  # T: str | None
reveal_type(session.execute(select(User)).scalars().all())  # T: list[User]
reveal_type(session.execute(select(User)).scalar_one_or_none())  # T: User | None
reveal_type(names_and_ages.mappings().all())  # T: list[dict[str, Any]]
reveal_type(names_and_ages.mappings().one())  # T: dict[str, Any]
reveal_type(names_and_ages.rows()[0].name)  # T: Any
reveal_type(names_and_ages.rowcount)  # T: int
names_and_ages.one().name  # E
names_and_ages.fetchall()  # E
session.query(User)  # E
select(User).filter(User.age > 1)  # E
select(User).order_by(User.age.desc())  # E
reveal_type(session.scalar(select(func.count()).select_from(User).filter_by(age=1)))  # T: int | None
with session.no_autoflush:
    reveal_type(ada in session.new)  # T: bool

select(User).where(User.age >= 18)
select(User).where(User.age >= 18, User.name == "Ada", User.active)
select(User).where(User.age > "x")  # E
select(User).where(User.age == "x")  # E
select(User).where(User.agee > 1)  # E
select(User).where(User.age + 1)  # E
select(User).where(User.address.citty == "Paris")  # E
select(User).where(User.address.city == "Paris")
select(User).where(User.address.city == 5)  # E
select(User).where(User.name)  # E
select(User).where(User.created_at >= datetime(2026, 1, 1), User.key == "ada")
select(User).where(in_(User.address.city, ["Paris", "Rome"]), not_in(User.age, [1, 2]))
select(User).where(in_(User.age, range(3)), in_(User.nickname, ["a", None]), in_(User.name, User.tags))
select(User).where(in_(User.id, [ada, "users/bob"]), in_(User.key, select(Company.name)), in_(some(User.home), [paris]))
select(User).where(in_(User.age, ["5"]))  # E
select(User).where(in_(User.name, [5]))  # E
select(User).where(not_in(User.age, ["5"]))  # E
select(User).where(in_(User.address, ["Paris"]))  # E
select(Bill).where(in_(Bill.total, [1, Decimal(2)]), in_(Bill.colour, [Colour.RED]), in_(Bill.took, [timedelta(1)]))
select(Bill).where(in_(Bill.total, ["1"]))  # E
select(Bill).where(in_(Bill.colour, ["red"]))  # E
select(Bill).where(in_(Bill.at, ["2024-01-01"]))  # E
select(User).where(like(User.name, "A%"), like(User.nickname, "A%"))
select(User).where(User.name.startswith("A"), User.name.lower() == "ada")
select(User).where(or_(User.age < 18, and_(User.age > 65, not_(User.active))))
select(User).where(contains(User.tags, "admin"), is_null(User.home), not_(is_null(User.nickname)))
select(User).where(any_(User.tags) == "a", all_(User.lines).price > 10, any_(User.lines).sku == "a")
select(User).where(any_(User.lines).prize > 10)  # E
select(User).where(contains(User.name, "d"), contains(User.nickname, "d"), contains(User.lines, Line(sku="a", price=1)))
select(Post).where(contains(Post.readers, ada), contains(Post.readers, "users/ada"))
select(User).where(contains(User.tags, 5))  # E
select(User).where(contains(User.lines, "x"))  # E
select(User).where(contains(User.name, 5))  # E
select(User).where(contains(User.age, 5))  # E
select(Follows).where(Follows.to == User.id, Follows.from_ == ada, Follows.to != "users/ada", in_(Follows.to, [ada, ada.id]))
select(Follows).where(~in_(Follows.to, [ada]), ~(like(User.name, "A%") & contains(User.tags, "x")))
reveal_type(session.scalars(select(Follows.to).where(Follows.to.startswith("users/"))).all())  # T: list[EndText]
select(User).where(some(User.home).lat > 48.0)
select(User).where(User.home.lat > 48.0)  # E
select(User).where(some(User.home).lat > "x")  # E
select(User).order_by(desc(User.age), asc(User.name), User.email).limit(10).offset(5)
select(User).limit("x")  # E
select(User.address.city, func.count()).group_by(User.address.city).having(func.count() > 1)
select(User).where(User.age >= 18, User.age % 2 == 0)
traverse(ada, WorksAt).where(Company.name == "Acme").limit(3)
traverse(ada, Company)  # E
session.add("x")  # E
session.add_all([ada, acme, follows])
session.get(Address, "x")  # E


reveal_type(distance(User.home, paris))  # T: float
select(User).where(within(User.home, paris, 500), within(User.home, [paris, paris, paris]))
select(User).where(within(User.home, paris))  # E
select(User).where(within(User.name, paris, 500))  # E
select(User).where(distance(User.home, paris) < 500).order_by(distance(User.home, paris))
select(User).order_by(nearest(User.home, paris), nearest(User.face, [1.0, 0.0, 0.0, 0.0])).limit(3)
select(User).where(nearest(User.face, [1.0, 0.0, 0.0, 0.0], k=3))
nearest(User.name, paris)  # E
hit = matches(User.bio, "rust")
reveal_type(hit.score)  # T: float
reveal_type(session.execute(select(User.name, hit.score).where(hit)).all())  # T: list[tuple[str, float]]
matches(User.age, "rust")  # E
select(User).where(hybrid(User.face, [1.0], User.bio, "rust", limit=5, fusion="rrf"))
hybrid(User.face, [1.0], User.bio, "rust", fusion="x")  # E
reveal_type(case((User.age < 18, "young"), else_="old"))  # T: str
reveal_type(coalesce(User.nickname, User.name))  # T: str
reveal_type(coalesce(User.nickname, "?") == "x")  # T: bool
select(User).where(exists(select(Company).where(Company.name == User.name)))
exists(User)  # E
reveal_type(session.scalars(select(User.name, User.age).into(Summary)).all())  # T: list[Summary]

reveal_type(session.scalar(update(User).where(User.age > 1).values(age=User.age + 1)))  # T: int | None
reveal_type(session.scalars(update(User).values(age=1).returning(User)).all())  # T: list[User]
reveal_type(session.execute(delete(User).returning(User.name, User.age)).all())  # T: list[tuple[str, int]]
reveal_type(session.scalars(insert(User).values([ada, {"name": "x"}])).one())  # T: int
reveal_type(session.scalars(upsert(User).values(ada).returning(User.key)).all())  # T: list[str]
update(ada)  # E
reveal_type(session.scalar(update(User).set(User.age, User.age + 1).set(User.nickname, None)))  # T: int | None
update(Post).set(Post.author, ada).set(Post.author, "users/ada")
update(Bill).set(Bill.total, 3).set(Bill.at, Bill.at + timedelta(days=1)).set(Bill.colour, Colour.RED)
update(User).set(User.age, "x")  # E
update(User).set(User.agee, 3)  # E
update(Bill).set(Bill.total, 0.5)  # E
update(Bill).set(Bill.colour, "red")  # E
update(User).set(User.tags, "x")  # E
insert(User).values(5)  # E
update(User).limit(3)  # E

reveal_type(attribute(User, "zip", str))  # T: str
select(User).where(attribute(User, "zip", str) == "75001", attribute(User, "more")["floor"] > 2)
select(User).where(attribute(User, "zip", str) > 5)  # E
reveal_type(over(func.row_number(), partition_by=User.age, order_by=[desc(User.name)]))  # T: int
reveal_type(over(func.lag(User.name), order_by=User.age))  # T: str | None
reveal_type(over(func.sum(User.age), order_by=User.age))  # T: int
reveal_type(func.sum(Bill.total))  # T: Decimal
reveal_type(func.avg(Bill.took))  # T: timedelta
reveal_type(Bill.at + timedelta(days=1))  # T: datetime
reveal_type(Bill.at - Bill.at)  # T: timedelta
reveal_type(Bill.total * 2 + Decimal("0.1"))  # T: Decimal
reveal_type(Bill.tags + ["x"])  # T: list[str]
reveal_type(unnest(User.lines).price)  # T: float
reveal_type(session.execute(select(Bill.key, unnest(Bill.tags))).all())  # T: list[tuple[str, str]]
select(Bill).where(any_(User.lines, lambda line: and_(line.price > 1, line.sku == "a")))
select(Bill).where(any_(User.lines, lambda line: line.prize > 1))  # E
select(Bill).where(Bill.total > "1")  # E
select(Bill).where(Bill.at > 5)  # E
select(Bill).where(Bill.at + 1 > Bill.at)  # E
select(Bill).where(Bill.took + Bill.at > Bill.at, Bill.took * 2 > Bill.took)
select(Bill).where(Bill.total + 0.5 > 1)  # E
select(Bill).where(Bill.key + 1 == "a1")  # E
select(Bill).where(Bill.colour == Colour.RED)
select(Bill).where(Bill.colour == "red")  # E
func.sum(Bill.key)  # E
func.sum(Bill.tags)  # E
unnest(Bill.key).nothing  # E
any_(Bill.total)  # E
weighed = session.scalars(shortest_path(ada, ada, Follows)).one().edges[0].since + 1
_, last, depth = session.execute(traverse(ada, Follows).rows()).one()
reveal_type(depth)  # T: int
since = last.since + 1
walk = traverse(ada, Follows, depth=2).follow(Follows.since > 2).through(User.age > 1)
reveal_type(session.scalars(walk).all())  # T: list[User]
reveal_type(session.scalars(k_shortest_paths(ada, ada, Follows, k=2)).one().vertices)  # T: tuple[User, ...]
walk.follow(Follows.since)  # E
over(func.ntile("x"))  # E
reveal_type(select(User).where(User.age > 1).cte("grown"))  # T: type[User]
grown = select(User).cte("grown")
reveal_type(session.scalars(select(grown).where(grown.age > 1)).all())  # T: list[User]
grown.agee  # E
select(User.name, User.age).cte(5)  # E
companies = select(func.count(Company)).where(Company.name == User.name)
reveal_type(session.execute(select(User.name, companies.scalar_subquery())).all())  # T: list[tuple[str, int]]
reveal_type(func.first(User.tags))  # T: str | None
reveal_type(func.nth(User.lines, 1))  # T: Line | None
reveal_type(func.reverse(User.tags))  # T: list[str]
reveal_type(func.slice(User.lines, 0, 2))  # T: list[Line]
reveal_type(select(User.age).list_subquery())  # T: list[int]
reveal_type(session.scalars(union(select(User), select(User))).all())  # T: list[User]
reveal_type(session.scalars(intersect(select(User.age), select(User.age))).one())  # T: int
except_(select(User), User)  # E
select(User).intersect(select(User))  # E

memo = Memo(text="x")
Memo(text="x", created_at=datetime.now(), deleted_at=None)
Memo(text="x", deleted_at=5)  # E
reveal_type(memo.deleted_at)  # T: datetime | None
reveal_type(session.scalars(select(Memo).where(Memo.text == "x").with_deleted()).all())  # T: list[Memo]
session.delete(memo, permanently=True)
reveal_type(session.get(Memo, "x", with_deleted=True))  # T: Memo | None
reveal_type(session.scalar(delete(Memo).where(Memo.text == "x").permanently()))  # T: int | None


def listen(event: QueryEvent) -> None:
    reveal_type(event.milliseconds)  # T: float


create_engine("sqlite://", slow_query=0.5, tracing=False).on_query(listen)
create_engine("sqlite://").on_query("x")  # E

post = Post(author=ada, editor=Link(ada))
Post(author="users/ada")
Post(author=5)  # E
Post(author=acme)  # E
reveal_type(post.author)  # T: Link[User]
reveal_type(post.author.value)  # T: User
reveal_type(post.author.key)  # T: str
post.author = ada
post.author = "users/ada"
post.author = acme  # E
post.editor = Link(ada)
post.editor = Link("users/ada")
post.editor = None
post.readers.append(Link(ada))
reveal_type(post.comments)  # T: tuple[Comment, ...]
reveal_type(post.comments[0].post.value.author.value)  # T: User
reveal_type(outgoing(Follows, depth=(1, 2)).of(ada))  # T: tuple[User, ...]
reveal_type(incoming(WorksAt).of(acme))  # T: tuple[User, ...]
reveal_type(select(Post).load(Post.author, Post.comments))  # T: Select[Post]
select(Post).load(any_(Post.comments).post.value.author, any_(any_(Post.comments).fans))
select(Post).load(any_(Post.comments).pst)  # E
select(Comment).load(Comment.post.value.author, some(Comment.post.value.editor).value, any_(Post.readers).value)
select(Comment).load(Comment.post.value.auther)  # E
select(Follows).load(Follows.to, Follows.from_)
select(Post).load(Post.key)  # E
select(User).load(User.age)  # E
select(User).load(User.tags)  # E
select(Post).load("author")  # E
session.load([post], User.name)  # E
session.load([post], Post.author, outgoing(Follows))
outgoing(Company)  # E
Post(author=ada, comments=[])  # E
post.comments.append(5)  # E
select(Post).where(Post.author == ada, Post.author == "users/ada", in_(Post.author, [ada.id]))
select(Post, User).where(Post.author == User.id)


async def work(other: AsyncSession) -> None:
    reveal_type(await other.get(User, "ada"))  # T: User | None
    reveal_type((await other.scalars(select(User))).all())  # T: list[User]
    reveal_type((await other.execute(select(User.name, User.age))).all())  # T: list[tuple[str, int]]
    async with AsyncSession(create_async_engine("sqlite://")) as third:
        await third.commit()
        reveal_type(await third.scalar(select(User.name)))  # T: str | None
