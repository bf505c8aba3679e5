"""The documents that the session's tests keep."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from solidb_odm import Cascade, Document, Edge, Field, Index, Link


class Address(BaseModel):
    city: str
    lines: list[str] = []


class Person(Document, collection="people"):
    name: str
    email: Annotated[str | None, Index(unique=True)] = None
    age: int = 0
    tags: list[str] = []
    meta: dict[str, Any] = {}
    labels: set[str] = set()
    address: Address | None = None
    homes: list[Address] = []
    note: str | None = None
    secret: str = Field(default="", exclude=True)


class Loose(Document, collection="loose"):
    model_config = ConfigDict(extra="allow")
    name: str


class Knows(Edge[Person, Person], collection="knows"):
    since: int = 0


class Team(Document, collection="teams"):
    name: str


class Author(Document, collection="authors"):
    name: str
    team: Annotated[Link[Team] | None, Cascade("save")] = None


class Credits(BaseModel):
    editor: Annotated[Link[Author] | None, Cascade("save")] = None


class Post(Document, collection="posts"):
    title: str
    author: Annotated[Link[Author], Cascade("save")]
    readers: list[Link[Author]] = []
    credits: Credits = Credits()


MODELS = (Person, Loose, Knows, Team, Author, Post)
