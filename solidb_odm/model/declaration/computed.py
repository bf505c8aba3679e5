"""Computed fields: the names and types they are stored under, and what they are computed from, as far as
their code says plainly.
"""

from __future__ import annotations

import copyreg
import dis
from collections.abc import Iterator
from functools import cached_property
from inspect import getattr_static
from types import FunctionType
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ..stored.pydantic_attributes import COMPUTED_FIELDS, ModelMetaclass, class_computed_fields, class_fields
from ..type_inspection import cached_by_class


def stored_names(cls: Any) -> dict[str, str]:
    """Return the names that the computed fields of a class are stored under, by their own."""
    return {name: info.alias or name for name, info in class_computed_fields(cls).items()}


def cached_fields(cls: Any) -> tuple[str, ...]:
    """Return the computed fields of a model that keep their value once it is computed."""
    fields: Any = getattr(cls, COMPUTED_FIELDS, ())
    return tuple(name for name in fields if isinstance(getattr_static(cls, name, None), cached_property))


def described(cls: Any, name: str) -> tuple[type[BaseModel], str, Any]:
    """Return a model and its field that is stored as the computed one is, and the type of both."""
    return _holder(cls, name), name, _return_type(cls, name)


def _return_type(cls: Any, name: str) -> Any:
    kind = class_computed_fields(cls)[name].return_type
    return Any if kind is PydanticUndefined else kind


class _Holding(ModelMetaclass):
    """The class of the models that stand for a computed field, each of which is made where it is needed."""


def _held(holder: Any) -> tuple[Any, ...]:
    return _holder, holder.__solidb_holds__


copyreg.pickle(cast(Any, _Holding), _held)


@cached_by_class
def _holder(cls: Any, name: str) -> type[BaseModel]:
    """Make a model with one field like the computed one, which knows how its values are stored."""
    body = {
        "__module__": cls.__module__,
        "__annotations__": {name: _return_type(cls, name)},
        "model_config": {**cls.model_config, "extra": "ignore", "alias_generator": None},
        "__solidb_holds__": (cls, name),
    }
    make: Any = _Holding
    return cast("type[BaseModel]", make(f"{cls.__name__}.{name}", (BaseModel,), body))


Reads = frozenset[str]


@cached_by_class
def reads_of(cls: Any, name: str) -> Reads | None:
    """Return the fields that a computed field of a class reads; None where its code does not tell.

    It tells where ``self`` is used in no other way than ``self.field``, or for other properties and methods
    of the class of which the same is true.
    """
    fields: set[str] = set()
    waiting, seen = [name], set[str]()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        if at in class_fields(cls):
            fields.add(at)
            continue
        function = _function(getattr_static(cls, at, None))
        names = None if function is None else _attributes_of(function)
        if names is None:
            return None
        waiting += names
    return frozenset(fields)


def _function(attribute: Any) -> FunctionType | None:
    if isinstance(attribute, property):
        attribute = attribute.fget
    elif isinstance(attribute, cached_property):
        attribute = getattr(cast(object, attribute), "func", None)
    return attribute if isinstance(attribute, FunctionType) else None


def _attributes_of(function: FunctionType) -> list[str] | None:
    """Return the attributes that a method reads of its first argument; None if it uses that otherwise.

    Of its bytecode, because that is what runs: a source file may have changed since, and there is none of
    what was typed into a shell or made by ``exec``. ``docs/design.md`` has the figures.
    """
    code = function.__code__
    if not code.co_argcount or code.co_varnames[0] in code.co_cellvars:
        return None
    own = code.co_varnames[0]
    instructions = list(dis.get_instructions(function))
    attributes: list[str] = []
    for at, instruction in enumerate(instructions):
        loaded = list(_loaded(instruction))
        if own not in loaded:
            continue
        following = instructions[at + 1]
        if loaded.count(own) > 1 or loaded[-1] != own or following.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
            return None
        attributes.append(str(following.argval))
    return attributes


def _loaded(instruction: dis.Instruction) -> Iterator[str]:
    """Return the local variables that an instruction puts on the stack; newer Pythons have some for two."""
    if not instruction.opname.startswith("LOAD_FAST"):
        return
    names: Any = instruction.argval
    yield from (names,) if isinstance(names, str) else names
