"""A library: documents that refer to each other in every way there is."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from solidb_odm import (
    BackReference,
    Document,
    Edge,
    Link,
    Neighbours,
    adjacent,
    back_reference,
    incoming,
    outgoing,
)


class House(Document, collection="houses"):
    name: str
    writers: ClassVar[BackReference[Writer]] = back_reference("Writer.house")


class Writer(Document, collection="writers"):
    name: str
    house: Link[House] | None = None
    books: ClassVar[BackReference[Book]] = back_reference("Book.author")
    reviewed: ClassVar[BackReference[Book]] = back_reference("Book.reviewers")
    admires: ClassVar[Neighbours[Writer]] = outgoing("Admires")
    admired_by: ClassVar[Neighbours[Writer]] = incoming("Admires")
    circle: ClassVar[Neighbours[Writer]] = adjacent("Admires", depth=(1, 2))
    admirations: ClassVar[BackReference[Admires]] = back_reference("Admires.from_")


class Chapter(BaseModel):
    title: str = ""
    editor: Link[Writer] | None = None


class Book(Document, collection="books"):
    title: str
    author: Link[Writer]
    reviewers: list[Link[Writer]] = []
    roles: dict[str, Link[Writer]] = {}
    chapters: list[Chapter] = []


class Admires(Edge[Writer, Writer], collection="admires"):
    since: int = 0


def library() -> list[Document]:
    """Return a house, four writers in a row of admiration, and six books."""
    house = House(key="h", name="H")
    writers = [Writer(key=f"w{number}", name=f"W{number}", house=house) for number in range(4)]
    books = [
        Book(
            key=f"b{number}",
            title=f"B{number}",
            author=writers[number % 2],
            reviewers=writers[2:],
            roles={"cover": writers[3]},
            chapters=[Chapter(), Chapter(editor=writers[0])],
        )
        for number in range(6)
    ]
    row = [Admires(writers[at], writers[at + 1], key=f"a{at}", since=at) for at in range(3)]
    return [house, *writers, *books, *row]
