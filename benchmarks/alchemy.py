"""SQLAlchemy's ORM on SQLite: columns, and JSON for what is nested; it validates nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Index, create_engine, event, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from .documents import PAGE, ordered_key


def _revision(_last: str | None) -> str:
    return os.urandom(8).hex()


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    __table_args__ = (Index("users_email", "email", unique=True), Index("users_age", "age"))

    key: Mapped[str] = mapped_column(primary_key=True, default=ordered_key)
    rev: Mapped[str] = mapped_column()
    created: Mapped[datetime] = mapped_column(default=_now)
    updated: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)
    name: Mapped[str]
    email: Mapped[str]
    age: Mapped[int]
    score: Mapped[float]
    active: Mapped[bool]
    bio: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(JSON)
    address: Mapped[dict[str, str]] = mapped_column(JSON)

    # as the others, it writes over the revision it has read and over no other
    __mapper_args__ = {"version_id_col": rev, "version_id_generator": _revision}


class Alchemy:
    name = "SQLAlchemy"

    def open(self, path: Path) -> None:
        self.engine = create_engine(f"sqlite:///{path}")
        event.listen(self.engine, "connect", _as_the_others)
        Base.metadata.create_all(self.engine)

    def build(self, rows: list[dict[str, Any]]) -> None:
        self.built = [User(**row) for row in rows]

    def insert(self) -> None:
        with Session(self.engine, expire_on_commit=False) as session:
            session.add_all(self.built)
            session.commit()
        self.keys = [user.key for user in self.built]

    def load(self) -> None:
        self.built = []
        self.session = Session(self.engine, expire_on_commit=False)
        self.loaded = self.session.scalars(select(User)).all()

    def change(self, every: int) -> None:
        for user in self.loaded[::every]:
            user.age += 1
            user.tags = [*user.tags, "changed"]
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
                wanted = select(User).where(User.age >= low, User.age < high, User.active)
                page = session.scalars(wanted.order_by(User.age.desc(), User.email).limit(PAGE)).all()
                self.found += len(page)

    def find(self, emails: list[str]) -> None:
        with Session(self.engine) as session:
            self.hits = [session.scalars(select(User).where(User.email == email)).one() for email in emails]

    def find_by_text(self, emails: list[str]) -> None:
        wanted = select(User).from_statement(text("SELECT * FROM users WHERE email = :email"))
        with Session(self.engine) as session:
            self.hits += [session.scalars(wanted, {"email": email}).one() for email in emails]

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


def _as_the_others(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
