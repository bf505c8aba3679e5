"""The functions that SQL gets from Python: what SQLite's own can't do exactly."""

from __future__ import annotations

import math
import sqlite3
from array import array

from . import json_text
from .order_key import order_key_of_text


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that indexes, triggers and compiled queries call."""
    connection.create_function("solidb_key", 1, order_key_of_text, deterministic=True)
    connection.create_function("solidb_vector", 2, vector_blob, deterministic=True)


def vector_blob(text: str | None, dimension: int) -> bytes | None:
    """Return an array of numbers as float32 bytes; None if it is no vector of that dimension."""
    value = None if text is None else json_text.decode(text)
    if type(value) is not list or len(value) != dimension:
        return None
    if not all(type(number) in (int, float) and math.isfinite(number) for number in value):
        return None
    return array("f", value).tobytes()
