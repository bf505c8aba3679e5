"""The floor: sqlite3 and Pydantic by hand, as tight as one would reasonably write it."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from .documents import PAGE, ordered_key

SCHEMA = """
    CREATE TABLE users (key TEXT NOT NULL PRIMARY KEY, rev TEXT NOT NULL, created TEXT NOT NULL,
                        updated TEXT NOT NULL, doc TEXT NOT NULL);
    CREATE UNIQUE INDEX users_email ON users (json_extract(doc, '$.email'));
    CREATE INDEX users_age ON users (json_extract(doc, '$.age'));
"""
QUERY = """
    SELECT key, doc FROM users
    WHERE json_extract(doc, '$.age') >= ? AND json_extract(doc, '$.age') < ?
      AND json_extract(doc, '$.active') = 1
    ORDER BY json_extract(doc, '$.age') DESC, json_extract(doc, '$.email') LIMIT ?
"""


class Address(BaseModel):
    street: str
    city: str
    country: str


class User(BaseModel):
    name: str
    email: str
    age: int
    score: float
    active: bool
    bio: str
    tags: list[str]
    address: Address


adapter = TypeAdapter(User)


class Floor:
    name = "by hand"

    def open(self, path: Path) -> None:
        self.file = sqlite3.connect(path)
        self.file.execute("PRAGMA journal_mode=WAL")
        self.file.execute("PRAGMA synchronous=NORMAL")
        self.file.executescript(SCHEMA)

    def build(self, rows: list[dict[str, Any]]) -> None:
        self.built = [User(**row | {"address": Address(**row["address"])}) for row in rows]

    def insert(self) -> None:
        now = datetime.now(UTC).isoformat()
        self.keys = [ordered_key() for _ in self.built]
        rows = [
            (key, os.urandom(8).hex(), now, now, adapter.dump_json(user).decode())
            for key, user in zip(self.keys, self.built, strict=True)
        ]
        self.file.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?)", rows)
        self.file.commit()

    def load(self) -> None:
        self.built = []
        rows = self.file.execute("SELECT key, rev, doc FROM users")
        self.loaded = [(key, rev, adapter.validate_json(doc)) for key, rev, doc in rows]

    def change(self, every: int) -> None:
        now = datetime.now(UTC).isoformat()
        changed = []
        for key, rev, user in self.loaded[::every]:
            user.age += 1
            user.tags.append("changed")
            changed.append((adapter.dump_json(user).decode(), os.urandom(8).hex(), now, key, rev))
        statement = "UPDATE users SET doc = ?, rev = ?, updated = ? WHERE key = ? AND rev = ?"
        self.changed = self.file.executemany(statement, changed).rowcount
        self.file.commit()

    def commit_unchanged(self) -> None:
        self.file.commit()

    def get(self, places: list[int]) -> None:
        statement = "SELECT doc FROM users WHERE key = ?"
        self.got = [
            adapter.validate_json(self.file.execute(statement, (self.keys[place],)).fetchone()[0])
            for place in places
        ]

    def query(self, ranges: list[tuple[int, int]]) -> None:
        self.found = 0
        for low, high in ranges:
            page = self.file.execute(QUERY, (low, high, PAGE))
            self.found += len([(key, adapter.validate_json(doc)) for key, doc in page])

    def find(self, emails: list[str]) -> None:
        statement = "SELECT key, doc FROM users WHERE json_extract(doc, '$.email') = ?"
        rows = [self.file.execute(statement, (email,)).fetchone() for email in emails]
        self.hits = [(key, adapter.validate_json(doc)) for key, doc in rows]

    def find_by_text(self, emails: list[str]) -> None:
        before = self.hits
        self.find(emails)  # which is one text already
        self.hits += before

    def counts(self) -> tuple[int, ...]:
        return len(self.loaded), self.changed, len(self.got), self.found, len(self.hits)

    def close(self) -> None:
        self.file.close()
