"""The mapper under measurement, used as the documentation says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from solidb_odm import Document, Index, Session, create_engine, desc, sdbql, select

from .documents import PAGE


class Address(BaseModel):
    street: str
    city: str
    country: str


class User(Document, collection="users"):
    name: str
    email: Annotated[str, Index(unique=True)]
    age: Annotated[int, Index()]
    score: float
    active: bool
    bio: str
    tags: list[str]
    address: Address


def user(row: dict[str, Any]) -> User:
    """Make a user of a row."""
    return User(**row | {"address": Address(**row["address"])})


class Ours:
    name = "ours"

    def open(self, path: Path) -> None:
        self.engine = create_engine(f"sqlite:///{path}")
        self.engine.create_all(User)

    def build(self, rows: list[dict[str, Any]]) -> None:
        self.built = [user(row) for row in rows]

    def insert(self) -> None:
        with Session(self.engine) as session:
            session.add_all(self.built)
            session.commit()
        self.keys = [user.key for user in self.built]

    def load(self) -> None:
        self.built = []
        self.session = Session(self.engine)
        self.loaded = self.session.scalars(select(User)).all()

    def change(self, every: int) -> None:
        self.changed = self.loaded[::every]
        for user in self.changed:
            user.age += 1
            user.tags.append("changed")
        self.session.commit()

    def commit_unchanged(self) -> None:
        self.session.commit()

    def get(self, places: list[int]) -> None:
        self.session.close()
        with Session(self.engine) as session:
            self.got = [session.get(User, self.keys[place]) for place in places]

    def query(self, ranges: list[tuple[int, int]]) -> None:
        self.found = 0
        with Session(self.engine) as session:
            for low, high in ranges:
                wanted = select(User).where(User.age >= low, User.age < high, User.active == True)  # noqa: E712
                page = session.scalars(wanted.order_by(desc(User.age), User.email).limit(PAGE)).all()
                self.found += len(page)

    def find(self, emails: list[str]) -> None:
        with Session(self.engine) as session:
            self.hits = [session.scalars(select(User).where(User.email == email)).one() for email in emails]

    def find_by_text(self, emails: list[str]) -> None:
        text = "FOR u IN users FILTER u.email == @email RETURN u"
        with Session(self.engine) as session:
            self.hits += [session.scalars(sdbql(text, email=email).into(User)).one() for email in emails]

    def counts(self) -> tuple[int, ...]:
        with Session(self.engine) as session:
            stored = session.scalars(select(User)).all()
        changed = [user for user in stored if "changed" in user.tags]
        return (
            len(self.loaded),
            len(changed),
            len([user for user in self.got if user]),
            self.found,
            len(self.hits),
        )

    def close(self) -> None:
        self.engine.dispose()
