"""Random sessions over owners and what they own, with savepoints in savepoints, judged by plain dicts."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Annotated

import pytest

from solidb_odm import Cascade, Document, Engine, Link, Registry, Session, select

OWN = Registry()
ROUNDS = 4
MOVES = [
    "add",
    "delete",
    "own",
    "own",
    "let go",
    "let go",
    "move",
    "clear",
    "rename",
    "flush",
    "nest",
    "nest",
]


class Part(Document, registry=OWN, collection="savepoint_parts"):
    text: str = "new"


class Whole(Document, registry=OWN, collection="savepoint_wholes"):
    parts: Annotated[list[Link[Part]], Cascade("all", "delete-orphan")] = []


Wholes = dict[str, dict[str, str]]
"""The keys and texts of the parts of each whole, by its key."""


class Undone(Exception):
    pass


class Program:
    """Random moves in a session, and what should become of them."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.random = random.Random(seed)
        self.wholes: Wholes = {}
        self.count = 0
        self.log: list[tuple[int, str, str]] = []

    def run(self, depth: int) -> None:
        """Make some moves, some of them in savepoints."""
        for _ in range(self.random.randrange(1, 6)):
            key, move = self.random.choice("ab"), self.random.choice(MOVES)
            self.log.append((depth, move, key))
            self.check()
            whole = self.session.get(Whole, key)
            if move == "nest" and depth < 3:
                self.nest(depth + 1)
            elif move == "flush":
                self.session.flush()
            elif move == "add" and whole is None:
                self.wholes[key] = {}
                self.session.add(Whole(key=key, parts=[self.part(key)]))
            elif whole is not None:
                self.change(whole, move)

    def part(self, key: str) -> Link[Part]:
        """Return a link to a new part of a whole."""
        self.count += 1
        self.wholes[key][f"part{self.count}"] = "new"
        return Link(Part(key=f"part{self.count}"))

    def change(self, whole: Whole, move: str) -> None:
        """Change a whole, and what should become of it."""
        own = self.wholes[whole.key]
        other = self.session.get(Whole, "b" if whole.key == "a" else "a")
        if move == "delete":
            self.session.delete(whole)
            del self.wholes[whole.key]
        elif move == "own":
            whole.parts.append(self.part(whole.key))
        elif move == "clear":
            whole.parts = []
            own.clear()
        elif move == "let go" and whole.parts:
            del own[whole.parts.pop(self.random.randrange(len(whole.parts))).key]
        elif move == "move" and whole.parts and other is not None:
            other.parts.append(moved := whole.parts.pop())
            self.wholes[other.key][moved.key] = own.pop(moved.key)
        elif move == "rename" and whole.parts:
            part = self.session.get(Part, whole.parts[0].key)
            if part is not None:
                part.text = own[part.key] = str(self.random.random())

    def nest(self, depth: int) -> None:
        """Make moves in a savepoint, which is rolled back at times."""
        before = {key: dict(own) for key, own in self.wholes.items()}
        is_undone = self.random.random() < 0.6
        with suppress(Undone), self.session.begin_nested():
            self.run(depth)
            if is_undone:
                raise Undone
        if is_undone:
            self.log.append((depth, "undone", ""))
            self.wholes = before

    def check(self) -> None:
        for key in "ab":
            whole = self.session.get(Whole, key)
            keys = None if whole is None else [link.key for link in whole.parts]
            assert keys == (list(self.wholes[key]) if key in self.wholes else None), self.log


def stored(engine: Engine) -> tuple[dict[str, list[str]], dict[str, str]]:
    with Session(engine) as session:
        wholes = {whole.key: [link.key for link in whole.parts] for whole in session.scalars(select(Whole))}
        return wholes, {part.key: part.text for part in session.scalars(select(Part))}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_owned_is_stored_as_long_as_its_owner_says_so(engine: Engine, seed: int) -> None:
    engine.create_all(OWN)
    with Session(engine) as session:
        program = Program(session, seed)
        committed: Wholes = {}
        for _ in range(ROUNDS):
            program.run(0)
            if program.random.random() < 0.75:
                session.commit()
                committed = {key: dict(own) for key, own in program.wholes.items()}
            else:
                session.rollback()
                program.wholes = {key: dict(own) for key, own in committed.items()}
            texts = {key: text for own in committed.values() for key, text in own.items()}
            assert stored(engine) == ({key: list(own) for key, own in committed.items()}, texts), program.log
