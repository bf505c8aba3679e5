"""The documents that every contender stores: eight fields, one nested, one a list."""

from __future__ import annotations

import os
import random
import time
from typing import Any

CITIES = [("Paris", "FR"), ("Rome", "IT"), ("Lima", "PE"), ("Oslo", "NO"), ("Kyoto", "JP")]
TAGS = ["admin", "author", "editor", "reader", "guest"]
AGES = range(18, 90)
PAGE = 20


def rows(count: int) -> list[dict[str, Any]]:
    """Return the fields of ``count`` users, the same ones every time."""
    chance = random.Random(7)
    return [_row(number, chance) for number in range(count)]


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    city, country = chance.choice(CITIES)
    return {
        "name": f"User {number}",
        "email": f"user{number}@example.org",
        "age": chance.choice(AGES),
        "score": round(chance.random() * 100, 3),
        "active": chance.random() < 0.8,
        "bio": "Writes about birds, maps and old machines. " * 2,
        "tags": chance.sample(TAGS, 2),
        "address": {"street": f"{number} Long Street", "city": city, "country": country},
    }


def filters(count: int) -> list[tuple[int, int]]:
    """Return ``count`` ranges of ages, for the queries."""
    chance = random.Random(11)
    return [(age, age + 5) for age in (chance.choice(AGES) for _ in range(count))]


def ordered_key() -> str:
    """Return a key that sorts by time, so that every contender appends to its tables."""
    return f"{time.time_ns():016x}{os.urandom(8).hex()}"
