"""What a computed field is computed from, as far as its code says plainly."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from functools import cached_property
from inspect import getattr_static
from types import FunctionType
from typing import Any

from ..class_cache import cached_by_class

Reads = frozenset[str]


@cached_by_class
def reads_of(cls: Any, name: str) -> Reads | None:
    """Return the fields that a computed field of a class reads; None where its code does not tell.

    It tells where ``self`` is used in no other way than ``self.field``, or for other properties and methods
    of the class of which the same is true.
    """
    found: set[str] = set()
    waiting, seen = [name], set[str]()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        if at in cls.__pydantic_fields__:
            found.add(at)
            continue
        function = _function(getattr_static(cls, at, None))
        names = None if function is None else _attributes_of(function)
        if names is None:
            return None
        waiting += names
    return frozenset(found)


def _function(attribute: Any) -> FunctionType | None:
    if isinstance(attribute, property):
        attribute = attribute.fget
    elif isinstance(attribute, cached_property):
        attribute = attribute.func  # pyright: ignore[reportUnknownMemberType]
    return attribute if isinstance(attribute, FunctionType) else None  # pyright: ignore[reportUnknownVariableType]


def _attributes_of(function: FunctionType) -> list[str] | None:
    """Return the attributes that a method reads of its first argument; None if it uses that otherwise."""
    code = function.__code__
    if not code.co_argcount or code.co_varnames[0] in code.co_cellvars:
        return None
    own = code.co_varnames[0]
    instructions = list(dis.get_instructions(function))
    found: list[str] = []
    for at, instruction in enumerate(instructions):
        loaded = list(_loaded(instruction))
        if own not in loaded:
            continue
        following = instructions[at + 1]
        if loaded.count(own) > 1 or loaded[-1] != own or following.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
            return None
        found.append(str(following.argval))
    return found


def _loaded(instruction: dis.Instruction) -> Iterator[str]:
    """Return the local variables that an instruction puts on the stack; newer Pythons have some for two."""
    if not instruction.opname.startswith("LOAD_FAST"):
        return
    names: Any = instruction.argval
    yield from (names,) if isinstance(names, str) else names
