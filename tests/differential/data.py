"""Random documents: mixed types, nulls, what is missing, nested values, unicode, edges."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "b",
    "B10",
    "10",
    "2",
    " x ",
    "äöü",
    "é",
    "日本語",
    "𝄞",
    "a%b",
    "a_b",
    "x-y",
    "Hello World",
    "the quick brown fox",
    "1.5",
    "-3",
    "true",
    "null",
    "line\nbreak",
    'quo"te',
    "back\\slash",
    "ÀÉ",
    "ß",
    "İ",
    "2024-02-29",
    "a,b,c",
    "foo@bar.org",
    "[1]",
    "{}",
    "zz",
]
DATES = [
    "2024-02-29T12:30:45.123Z",
    "2023-12-31",
    "1970-01-01T00:00:00Z",
    "2024-03-10T02:30:00+02:00",
    "1999-01-31T23:59:59.999Z",
    "2021-01-01 10:00:00",
    "2024-11-03T09:00:00Z",
    0,
    1700000000,
    1700000000123,
]
INTEGERS = [0, 1, 2, 3, -1, -2, 5, 7, 10, 42, 100, -100, 2**31, 2**53, 2**63 - 1, -(2**63) + 1]
FLOATS = [0.0, 0.5, -0.5, 1.0, 2.0, 2.5, -1.5, 3.14159, 1e-7, 1e15, 1e16, 1e300, 10.0, 100.25, 0.1]
NAMES = ["x", "y", "é", "a b", "z"]


@dataclass(frozen=True)
class DataSet:
    """The documents of every collection; ``links`` is an edge collection."""

    collections: dict[str, list[dict[str, Any]]]
    indexes: list[tuple[str, tuple[str, ...]]]


def text(random: Random) -> str:
    if random.random() < 0.8:
        return random.choice(TEXTS)
    return "".join(random.choice("abcxyz 019é_%.") for _ in range(random.randrange(8)))


def number(random: Random) -> int | float:
    if random.random() < 0.5:
        return random.randrange(-5, 12)
    return random.choice([*INTEGERS, *FLOATS])


def scalar(random: Random) -> Any:
    kind = random.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return random.random() < 0.5
    return number(random) if kind < 5 else text(random)


def value(random: Random, depth: int = 2) -> Any:
    """Return any JSON value."""
    kind = random.randrange(6) if depth else 0
    if kind < 4:
        return scalar(random)
    if kind == 4:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice(NAMES): value(random, depth - 1) for _ in range(random.randrange(3))}


def document(random: Random, key: str) -> dict[str, Any]:
    """Return a document whose attributes are mostly of the type that their name promises."""
    promised: dict[str, Any] = {
        "n": number(random),
        "i": random.randrange(-3, 8),
        "s": text(random),
        "b": random.random() < 0.5,
        "k": random.choice(["red", "green", "blue", 1, 1.0, 2, None]),
        "t": [random.choice(["a", "b", "c", "d", 1, 2.0, None]) for _ in range(random.randrange(4))],
        "o": {"x": number(random), "y": {"z": text(random)}, "l": [scalar(random) for _ in range(2)]},
        "w": random.choice(DATES),
    }
    row = {"_key": key, "a": value(random), "r": random.randrange(10)}
    if random.random() < 0.5:
        row["valid_from"] = random.randrange(6)
    if random.random() < 0.3:
        row["valid_to"] = random.randrange(3, 9)
    for name, good in promised.items():
        chance = random.random()
        if chance < 0.85:
            row[name] = good
        elif chance < 0.95:
            row[name] = random.choice([None, text(random) if name == "w" else value(random)])
    return row


def data_set(random: Random) -> DataSet:
    docs = [document(random, f"d{i:02}") for i in range(random.randrange(3, 14))]
    more = [
        {**document(random, f"m{i}"), "ref": f"d{random.randrange(16):02}"}
        for i in range(random.randrange(7))
    ]
    nodes = [f"docs/d{i:02}" for i in range(len(docs))] + ["docs/none"]
    links = [
        {
            "_key": f"e{i:02}",
            "_from": random.choice(nodes),
            "_to": random.choice(nodes),
            "weight": random.choice([1, 2, 0.5, 3]),
        }
        for i in range(random.randrange(3, 16))
    ]
    fields = random.sample(["n", "i", "s", "k", "a", "r", "o.x"], random.randrange(4))
    indexes: list[tuple[str, tuple[str, ...]]] = [("docs", (field,)) for field in fields]
    indexes += [("docs", ("k", "i"))] if random.random() < 0.3 else []
    indexes += [("more", ("ref",))] if random.random() < 0.5 else []
    return DataSet({"docs": docs, "more": more, "links": links, "scratch": docs[:6]}, indexes)
