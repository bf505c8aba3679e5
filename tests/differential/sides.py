"""The two sides that must agree, and how their answers compare."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from solidb_odm import Engine, Session, create_engine, sdbql
from solidb_odm.commands import Apply, Commit, CreateCollection, CreateIndex, IndexSpec, Inserts
from solidb_odm.errors import SolidbError
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse

from .calls import TRANSCENDENTAL
from .data import DataSet

REFILL = "FOR d IN scratch REMOVE d IN scratch", "FOR d IN @docs INSERT d INTO scratch"
READ = "FOR d IN scratch RETURN d"
_VARYING = ("_rev", "_created_at", "_updated_at")
_FLOATS = re.compile(r"\d+\.\d{9,}")


class Failure:
    """That a side refused a query; what it said is for reading only."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return f"Failure({self.words!r})"


Answer = list[Any] | Failure


class File:
    """The file engine, in memory, through a session."""

    def __init__(self, data: DataSet, database: str) -> None:
        self.engine: Engine = create_engine(f"sqlite://?database={database}")
        channel = self.engine.driver.channel()
        for name, documents in data.collections.items():
            channel.perform(CreateCollection(name, "edge" if name == "links" else "document"))
            channel.perform(Apply([Inserts(name, [(document["_key"], document) for document in documents])]))
        channel.perform(Commit())
        for collection, fields in data.indexes:
            channel.perform(CreateIndex(collection, IndexSpec("_".join(fields), "persistent", fields)))
        channel.close()

    def ask(self, query: str, binds: dict[str, Any] | None = None) -> Answer:
        with Session(self.engine) as session:
            try:
                rows = session.execute(sdbql(query, **(binds or {}))).all()
                session.commit()
            except SolidbError as error:
                return Failure(f"{type(error).__name__}: {error}")
            return rows

    def close(self) -> None:
        self.engine.dispose()


class Memory:
    """The evaluator over the documents in memory."""

    def __init__(self, data: DataSet, database: str) -> None:
        self.source = MemorySource(database=database)
        for name, documents in data.collections.items():
            self.source.create(name, kind="edge" if name == "links" else "document")
            for document in documents:
                self.source.insert(name, document)

    def ask(self, query: str) -> Answer:
        try:
            return evaluate(parse(query), self.source)
        except SolidbError as error:
            return Failure(str(error))


class Server:
    """A real server over plain HTTP, without the code under test."""

    def __init__(self, data: DataSet, database: str, http: httpx.Client) -> None:
        self.http, self.database = http, database
        for name, documents in data.collections.items():
            kind = {"name": name, "type": "edge"} if name == "links" else {"name": name}
            http.post(f"/_api/database/{database}/collection", json=kind).raise_for_status()
            self.ask(f"FOR d IN @docs INSERT d INTO {name}", {"docs": documents})

    def ask(self, query: str, binds: dict[str, Any] | None = None) -> Answer:
        asked = {"query": query, "bind_vars": binds or {}, "cache": False, "batch_size": 10_000}
        reply = self.http.post(f"/_api/database/{self.database}/cursor", json=asked)
        answer = reply.json()
        if reply.is_success:
            rows: list[Any] = answer["result"]
            return rows
        return Failure(str(answer.get("error")))


def writes(query: str) -> bool:
    """Return whether a query of the generator writes."""
    return bool(re.search(r"\b(INSERT|UPDATE|REPLACE|REMOVE|UPSERT) [^(]", query)) and "scratch" in query


def agree(one: Answer, two: Answer, query: str) -> bool:
    """Return whether two answers are alike, row by row."""
    if isinstance(one, Failure) or isinstance(two, Failure):
        return isinstance(one, Failure) and isinstance(two, Failure)
    rules = Rules(1e-9 if TRANSCENDENTAL.search(query) else 0.0, either="COLLECT" in query)
    return same(one, two, rules)


@dataclass(frozen=True)
class Rules:
    """How floats compare, and whether 1 may stand for 1.0: a group that has both shows one of them."""

    tolerance: float = 0.0
    either: bool = False


EXACT = Rules()


def same(one: Any, two: Any, rules: Rules = EXACT) -> bool:
    """Return whether two values are alike: 2 is not 2.0, what every write makes anew is left out."""
    if type(one) is not type(two):
        return rules.either and {type(one), type(two)} == {int, float} and one == two
    if isinstance(one, list):
        return len(one) == len(two) and all(same(a, b, rules) for a, b in zip(one, two, strict=True))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(
            name in _VARYING or same(one[name], two[name], rules) for name in one
        )
    if isinstance(one, str) and rules.tolerance:
        return _rounded(one) == _rounded(two)
    if isinstance(one, float):
        return abs(one - two) <= max(abs(one), abs(two)) * rules.tolerance
    return bool(one == two)


def _rounded(text: str) -> str:
    """Return a text without the last digits of the floats in it."""
    return _FLOATS.sub(lambda match: f"{float(match[0]):.9g}", text)


def difference(one: Answer, two: Answer) -> str:
    """Say for a reader where two answers part."""
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for a, b in zip(one, two, strict=True):
            if not same(a, b):
                return f"{_short(a)}\n    {_short(b)}"
    return f"{_short(one)}\n    {_short(two)}"


def _short(value: Any) -> str:
    return repr(value) if isinstance(value, Failure) else json.dumps(value, ensure_ascii=False)[:600]


Ask = Callable[[str, "dict[str, Any] | None"], Answer]


def ask_and_read(ask: Ask, query: str, documents: list[dict[str, Any]]) -> Answer:
    """Ask; after a query that writes, read what it left, and restore it."""
    answer = ask(query, None)
    if not writes(query):
        return answer
    left = ask(READ, None)
    ask(REFILL[0], None)
    ask(REFILL[1], {"docs": documents})
    return answer if isinstance(answer, Failure) else [answer, left]
