"""Other document stores that keep a file, asked what the benchmark of queries asks, as far as they can."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from mongita import MongitaClientDisk
from tinydb import TinyDB, where

Arguments: TypeAlias = tuple[Any, ...]
Asking: TypeAlias = Callable[[Arguments], Any]
"""Asks a query with the values of its binds; the answer is its rows, or their number."""


@contextmanager
def tinydb(path: Path, people: list[dict[str, Any]]) -> Generator[dict[str, Asking]]:
    """Fill TinyDB's JSON file, which has no index; return what it can be asked, by kind."""
    with TinyDB(path) as store:
        store.insert_multiple(people)
        yield {
            "point": lambda values: store.search(where("email") == values[0]),
            "range": lambda values: store.search(
                (where("score") >= values[0]) & (where("score") < values[1])
            ),
            "count": lambda values: store.count(where("address")["city"] == values[0]),
        }


@contextmanager
def mongita(folder: Path, people: list[dict[str, Any]]) -> Generator[dict[str, Asking]]:
    """Fill mongita's files, with the same indexes; return what it can be asked, by kind."""
    client = MongitaClientDisk(str(folder))
    try:
        store = client["bench"]["people"]
        store.insert_many([{"_id": row["_key"], **row} for row in people])
        for field in ("email", "score", "address.city"):
            store.create_index(field)
        yield {
            "point": lambda values: list(store.find({"email": values[0]})),
            "range": lambda values: list(store.find({"score": {"$gte": values[0], "$lt": values[1]}})),
            "sort": lambda values: list(store.find({"score": {"$gte": values[0]}}).sort("score").limit(20)),
            "count": lambda values: store.count_documents({"address.city": values[0]}),
        }
    finally:
        client.close()


def number(answer: Any) -> int:
    """Return how many documents an answer tells of."""
    return answer if isinstance(answer, int) else len(answer)
