"""A library: lists of links, back references, cascades, loads."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel

from solidb_odm import (
    BackReference,
    Cascade,
    Document,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    any_,
    back_reference,
    contains,
    desc,
    exists,
    func,
    in_,
    inspect,
    label,
    not_,
    select,
    unnest,
)
from solidb_odm.errors import UsageError
from solidb_odm.testing import max_queries


class Base(Document, abstract=True, registry=Registry()):
    pass


class Author(Base, collection="sh2_authors"):
    name: str
    books: ClassVar[BackReference[Book]] = back_reference("Book.authors")


class Chapter(Base, collection="sh2_chapters"):
    title: str
    pages: int


class Loan(BaseModel):
    reader: Link[Reader]
    days: int


class Book(Base, collection="sh2_books"):
    title: str
    authors: list[Link[Author]] = []
    chapters: Annotated[list[Link[Chapter]], Cascade("all", "delete-orphan")] = []
    loans: list[Loan] = []
    by_language: dict[str, Link[Book]] = {}


class Reader(Base, collection="sh2_readers"):
    name: Annotated[str, Index(unique=True)]
    reviews: ClassVar[BackReference[Review]] = back_reference("Review.reader", cascade=Cascade("delete"))


class Review(Base, collection="sh2_reviews"):
    reader: Link[Reader]
    book: Link[Book]
    stars: int


def run(engine: Engine) -> None:
    engine.create_all(Author, Chapter, Book, Reader, Review)
    a, b = Author(name="A"), Author(name="B")
    readers = [Reader(name=f"r{n}") for n in range(4)]
    books = [
        Book(
            title=f"T{n}",
            authors=[Link(x) for x in ([a], [a, b], [])[n % 3]],
            chapters=[Link(Chapter(title=f"c{n}{k}", pages=10 * n + k)) for k in range(n % 3)],
            loans=[Loan(reader=readers[k], days=n + k) for k in range(n % 4)],
        )
        for n in range(9)
    ]
    books[3].by_language["fr"] = Link(books[4])
    reviews = [Review(reader=readers[n % 3], book=books[n % 9], stars=n % 5 + 1) for n in range(20)]
    with Session(engine) as s:
        s.add_all([a, b, *readers, *books, *reviews])
        s.commit()
    with Session(engine) as s:
        with max_queries(4):
            authors = s.scalars(select(Author).load(any_(Author.books).chapters).order_by(Author.name)).all()
        assert [[x.title for x in sorted(y.books, key=lambda x: x.title)] for y in authors] == [
            ["T0", "T1", "T3", "T4", "T6", "T7"],
            ["T1", "T4", "T7"],
        ]
        t4 = next(x for x in authors[0].books if x.title == "T4")
        assert [c.value.pages for c in t4.chapters] == [40]
        by = s.execute(
            select(Author.name, func.count(), func.max(Book.title))
            .join(Book, any_(Book.authors) == Author.id)
            .group_by(Author.name)
            .order_by(Author.name)
        ).all()
        assert by == [("A", 6, "T7"), ("B", 3, "T7")], by
        link = unnest(Book.authors)
        rows = s.execute(select(link, func.count()).group_by(link).order_by(desc(func.count()))).all()
        assert [n for _, n in rows] == [6, 3]
        lone = s.scalars(select(Book.title).where(Book.authors == []).order_by(Book.title)).all()
        assert lone == ["T2", "T5", "T8"]
        lent = s.scalars(
            select(Book.title).where(any_(Book.loans, lambda x: x.reader == readers[1])).order_by(Book.title)
        ).all()
        assert lent == [x.title for x in books if any(y.reader == readers[1] for y in x.loans)]
        loan = unnest(Book.loans)
        days = s.execute(
            select(Reader.name, func.sum(loan.days))
            .join(Book, loan.reader == Reader.id)
            .group_by(Reader.name)
            .order_by(Reader.name)
        ).all()
        assert days == [
            (r.name, sum(x.days for y in books for x in y.loans if x.reader == r)) for r in readers[:3]
        ], days
        top = s.execute(
            select(Book.title, label("avg", func.avg(Review.stars)), func.count())
            .join(Review, Review.book == Book.id)
            .group_by(Book.title)
            .having(func.count() > 1)
            .order_by(desc(func.avg(Review.stars)), Book.title)
            .limit(3)
        ).all()
        w: list[tuple[str, float, int]] = []
        for x in books:
            st = [r.stars for r in reviews if r.book == x]
            if len(st) > 1:
                w.append((x.title, sum(st) / len(st), len(st)))
        assert top == sorted(w, key=lambda r: (-r[1], r[0]))[:3]
        unread = s.scalars(
            select(Reader.name).where(not_(exists(select(Review).where(Review.reader == Reader.id))))
        ).all()
        assert unread == ["r3"]
        good = s.scalars(
            select(Reader.name)
            .where(in_(Reader.id, select(Review.reader).where(Review.stars == 5)))
            .order_by(Reader.name)
        ).all()
        assert good == sorted(
            {
                r.reader.id: next(x.name for x in readers if x.id == r.reader.id)
                for r in reviews
                if r.stars == 5
            }.values()
        )
        fr = s.scalars(select(Book.title).where(Book.by_language["fr"] == books[4])).all()
        assert fr == ["T3"]
        b5 = s.scalars(select(Book).where(Book.title == "T5").load(any_(Book.chapters))).one()
        try:
            _ = s.scalars(select(Book).where(Book.title == "T8")).one().chapters[0].value
        except UsageError as error:
            assert "load" in str(error)
        first = b5.chapters[0].value
        del b5.chapters[0]
        s.commit()
        assert s.get(Chapter, first.key) is None and s.scalar(select(func.count(Chapter))) == 8
        s.delete(b5)
        r0 = s.scalars(select(Reader).where(Reader.name == "r0")).one()
        s.delete(r0)
        s.commit()
        assert s.scalar(select(func.count(Chapter))) == 7
        assert s.scalar(select(func.count(Review))) == sum(r.reader != readers[0] for r in reviews)
        dangling = s.scalars(select(Book).where(Book.title == "T3").load(any_(Book.loans).reader)).one()
        assert dangling.loans[0].reader.key == readers[0].key
        assert contains(Book.authors, a) is not None and inspect(dangling).state == "persistent"
