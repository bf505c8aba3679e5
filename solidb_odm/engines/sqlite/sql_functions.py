"""The functions that SQL gets from Python: what SQLite's own can't do exactly.

They take and give order keys, so that their results compare as everything else does. What they
raise makes the query run again in Python, which knows what an error means where it arose.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, cast

from ..._types import Json
from ...errors import QueryError
from ...language import functions, values
from ...language.decimals import FUNCTIONS
from ...language.functions.arguments import is_array
from ...language.functions.built_in import Implementation
from ...language.nodes import DecimalFunction
from . import json_text
from .fulltext_index import indexed_words
from .interrupts import guarded
from .order_key import OrderKey, order_key, order_key_of_text, value_of_key
from .sql.aggregates import Gathered

_NUMBERS: Final = frozenset((int, float))
_LARGEST: Final = 3.4028234e38
"""The largest number of 32 bits: one beyond it would be infinite, and hide all neighbours."""


def register(connection: sqlite3.Connection) -> None:
    """Register on a connection the functions that indexes, triggers and compiled queries call."""
    connection.create_function("solidb_now", 0, guarded(microseconds_now))
    connection.create_function("solidb_key", 1, guarded(order_key_of_text), deterministic=True)
    connection.create_function("solidb_has_nul", 1, guarded(json_text.has_nul), deterministic=True)
    connection.create_function("solidb_json", 1, guarded(json_of_key), deterministic=True)
    connection.create_function("solidb_template", 1, guarded(template_part), deterministic=True)
    connection.create_function("solidb_words", 1, guarded(indexed_words), deterministic=True)
    connection.create_function("solidb_vector", 2, guarded(vector_blob), deterministic=True)
    connection.create_function("solidb_call", -1, guarded(call), deterministic=True)
    connection.create_function("solidb_value", -1, guarded(value_json), deterministic=True)
    connection.create_aggregate("solidb_gather", -1, cast(Any, Gathered))  # of any number of values
    connection.create_function("solidb_call_json", -1, guarded(call_json), deterministic=True)
    connection.create_function("solidb_vertex", 1, guarded(vertex), deterministic=True)
    connection.create_function("solidb_decimal_key", 1, guarded(FUNCTIONS["KEY"]), deterministic=True)
    connection.create_function("solidb_decimal", -1, guarded(decimal), deterministic=True)
    connection.create_function("solidb_decimal_total", 1, guarded(decimal_total), deterministic=True)
    for name in ("add", "subtract", "multiply", "divide", "modulo"):
        operator: Callable[[Json, Json], Json] = getattr(values, name)
        connection.create_function(f"solidb_{name}", 2, guarded(_on_keys(operator)), deterministic=True)


def microseconds_now() -> str:
    """Return the time; SQLite's own clock has milliseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def json_of_key(key: OrderKey) -> str | None:
    """Return the scalar with an order key as JSON, null as none."""
    return None if key is None else json_text.encode(value_of_key(key))


def template_part(key: OrderKey) -> str:
    """Return a scalar as a template string shows it."""
    return values.template_text(value_of_key(key))


def vector_blob(text: str | None, dimension: int) -> bytes | None:
    """Return an array of numbers as float32 bytes; None if it is no vector of that dimension."""
    numbers = None if text is None else json_text.decode(text)
    if not is_array(numbers) or len(numbers) != dimension:
        return None
    if not set(map(type, numbers)) <= _NUMBERS or not -_LARGEST <= min(numbers) <= max(numbers) <= _LARGEST:
        return None
    return array("f", numbers).tobytes()


def vertex(key: OrderKey) -> str:
    """Return the vertex that a traversal starts from, which must be a text."""
    if type(key) is not str:
        raise QueryError("Start vertex must be a string")
    return key


def call(name: str, *keys: OrderKey) -> OrderKey:
    """Call a built-in function of scalars, given by their order keys."""
    return order_key(_result(name, list(map(value_of_key, keys))))


def call_json(name: str, *texts: str | None) -> OrderKey:
    """Call a built-in function of arrays and objects, given as JSON."""
    return order_key(_result(name, [None if text is None else json_text.decode(text) for text in texts]))


def value_json(name: str, *texts: str | None) -> str | None:
    """Call a built-in function of arrays and objects, given as JSON, for a result that is JSON."""
    result = _result(name, [None if text is None else json_text.decode(text) for text in texts])
    return None if result is None else json_text.encode(result)


def decimal(name: DecimalFunction, *texts: OrderKey) -> OrderKey:
    """Compute with decimals, given by their texts."""
    return order_key(FUNCTIONS[name](*texts))


def decimal_total(array: str | None) -> OrderKey:
    """Return the sum of the decimals of a list, given as JSON."""
    return order_key(FUNCTIONS["TOTAL"](None if array is None else json_text.decode(array)))


def _result(name: str, arguments: list[Json]) -> Json:
    surroundings = None  # the functions that SQL may call ask nothing of them
    return _implementation(name)(surroundings, arguments)  # type: ignore[arg-type]


@cache
def _implementation(name: str) -> Implementation:
    function = functions.lookup(name)
    if function is None:
        raise QueryError(f"Unknown function: {name}")
    return function.implementation


def _on_keys(operator: Callable[[Json, Json], Json]) -> Callable[[OrderKey, OrderKey], OrderKey]:
    def work(left: OrderKey, right: OrderKey) -> OrderKey:
        return order_key(operator(value_of_key(left), value_of_key(right)))

    return work
