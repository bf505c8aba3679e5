"""Constants: what a query's literals and binds are before it runs, and how they become parameters.

A plan is made for the types of the bind values, not for the values, so it can be used again.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from .. import json_text
from ..order_key import order_key
from .terms import Binds, Constant, Getter, Kind

Signature: TypeAlias = tuple[tuple[str, str], ...]

_LIMIT = 2**63
_EXACT = 2**53
"""Up to here each integer is a float; beyond, the server compares an integer with a float as a float."""
_KINDS: dict[str, Kind] = {
    "null": "null",
    "bool": "bool",
    "int": "number",
    "number": "number",
    "wide": "number",
    "large": "number",
    "string": "string",
    "array": "array",
    "list": "array",
    "wide list": "array",
    "object": "object",
}
_FLOATS = {float}
_TEXTS = {str}
_OWN_KEYS = frozenset(("null", "int", "number", "wide", "large", "string"))
"""Types whose values are their own order keys."""


def signature(binds: Mapping[str, Any]) -> Signature:
    """Return the types of the bind values, as far as plans depend on them."""
    if len(binds) == 1:
        for name, value in binds.items():
            if value.__class__ is str and "\0" not in value:  # as below, without the call
                return ((name, "string"),)
            return ((name, value_type(value)),)
    return tuple(sorted(zip(binds, map(value_type, binds.values()), strict=True)))


def value_type(value: Any) -> str:
    """Return the type of a value for planning; ``odd`` for one that SQLite can't hold exactly.

    ``int`` is an integer, which LIMIT wants, ``wide`` one that is no float, and ``large`` a float so large
    that such integers equal it; ``list`` is an array of plain scalars, for IN, with ``?`` behind it if a null
    is among them, ``wide list`` one with ``wide`` integers.
    """
    kind = value.__class__
    if kind is str:
        return "odd" if "\0" in value else "string"
    if kind is int:
        if -_EXACT <= value <= _EXACT:
            return "int"
        if not -_LIMIT <= value < _LIMIT:
            return "odd"
        return "int" if float(value) == value else "wide" if float(value) < _LIMIT else "odd"
    if value is None:
        return "null"
    if kind is bool:
        return "bool"
    if kind is float:
        if -_EXACT < value < _EXACT:
            return "number"
        return "large" if math.isfinite(value) and value != -sys.float_info.max else "odd"
    if kind is list or kind is tuple:
        return _array_type(value)
    return "object" if kind is dict else "odd"


def _array_type(value: Any) -> str:
    kinds = set(map(type, value))
    if kinds == _TEXTS:
        return "odd" if "\0" in "".join(value) else "list"
    if kinds == _FLOATS and _is_vector(value):
        return "list"
    types = set(map(value_type, value))
    return "odd" if "odd" in types else list_type(types)


def _is_vector(floats: Any) -> bool:
    """Return whether there is nothing to say of some floats but that they are some."""
    return all(map(math.isfinite, floats)) and min(floats) > -_EXACT and max(floats) < _EXACT


def list_type(types: set[str]) -> str:
    """Return the planning type of an array of values of these types."""
    if not types <= {"string", "int", "number", "wide", "bool", "null"}:
        return "array"
    return f"{'wide ' if 'wide' in types else ''}list{'?' if 'null' in types else ''}"


def kind_of(type_name: str) -> Kind:
    """Return the SDBQL type behind a planning type."""
    return _KINDS[type_name.rstrip("?")]


class _Named(dict[str, str]):
    """Binds that are called what they are."""

    def __missing__(self, name: str) -> str:
        return name


class Parameters:
    """Gathers the parameters of a statement; equal constants share one."""

    def __init__(self) -> None:
        self.getters: dict[str, Getter] = {}

    def add(self, getter: Getter) -> str:
        """Return the placeholder of a new parameter."""
        name = f"p{len(self.getters)}"
        self.getters[name] = getter
        return f":{name}"

    def constant(self, type_name: str, getter: Getter) -> Constant:
        """Return a constant, which becomes a parameter where, and in the form in which, it is used."""
        as_key: Getter = getter if type_name in _OWN_KEYS else lambda binds: order_key(getter(binds))
        return Constant(
            kind_of(type_name),
            getter,
            lambda: self.add(as_key),
            lambda: self.add(lambda binds: json_text.encode(getter(binds))),
            type_name if type_name in ("wide", "large") else "",
            lambda change: self.add(lambda binds: change(getter(binds))),
        )

    @property
    def are_binds(self) -> bool:
        """Whether the binds hold them as they are, under their names."""
        takes = self.getters.values()
        if not all(type(take) is itemgetter for take in takes):
            return False
        return [take(_Named()) for take in takes] == list(self.getters)

    def values(self, binds: Binds) -> dict[str, Any]:
        """Return the values of all parameters."""
        if len(self.getters) == 1:  # as below, without the call that a comprehension is
            for name, getter in self.getters.items():
                return {name: getter(binds)}
        return {name: getter(binds) for name, getter in self.getters.items()}
