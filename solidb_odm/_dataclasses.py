"""Dataclasses with slots whose methods are made when the first object is.

Python takes up to a millisecond to write and compile the methods of one dataclass. A program that
imports this library meets a few hundred of them and makes objects of a few dozen. Measured on Python
3.11, a program that stores and reads one document on a file takes 590 ms of CPU with this and 650 ms
with the standard decorator: a tenth of its start, which is why it stays. To type checkers
``dataclass`` is the standard one; what it makes in the end is what the standard one makes.

Even that is done in two steps. The first object needs ``__init__`` alone, a sixth of what the standard
decorator writes; the rest waits until objects are compared, shown or asked for their fields, as few of the
47 classes of such a program are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from copy import copy
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(**options: Any) -> Callable[[type[Any]], type[Any]]:
        """Make a dataclass of a class; ``slots=True`` must be among the options."""
        if options.pop("slots", False) is not True:
            raise TypeError("a dataclass made at first use must have slots")
        return lambda cls: _with_slots(cls, options)


__all__ = ["dataclass", "field_names"]

T = TypeVar("T")

_lock = RLock()
_GENERATED = ("__repr__", "__eq__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__", "__match_args__",
              "__dataclass_params__", "__dataclass_fields__", "__init__")  # fmt: skip
"""What the standard decorator gives a class. ``__init__`` comes last: with it the class is complete."""


class _Later:
    """An attribute of a class that is there once the class is complete; None for one it then lacks."""

    __slots__ = ("_complete", "_name")

    def __init__(self, name: str, complete: Callable[[], type[Any]]) -> None:
        self._name = name
        self._complete = complete

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        value = self._complete().__dict__[self._name]
        return None if value is self else value


def _with_slots(cls: type[Any], options: dict[str, Any]) -> type[Any]:
    """Make a class again with its fields as slots, and all but its own methods still to come."""
    own = dict(cls.__dict__)
    if own.get("__hash__", cls) is None and "__eq__" in own:  # which Python says of it, not its author
        del own["__hash__"]
    annotations: dict[str, Any] = dict(cls.__annotations__)  # its own, wherever a Python keeps them
    namespace = {name: value for name, value in own.items() if name not in ("__dict__", "__weakref__")}
    namespace["__annotations__"] = annotations
    defaults = {name: namespace.pop(name) for name in annotations if name in namespace}
    taken = {name for base in cls.__mro__ for name in base.__dict__.get("__slots__", ())}
    namespace["__slots__"] = tuple(name for name in annotations if name not in taken)
    pending, is_simple = [True], _is_simple(annotations, options)

    def complete() -> type[Any]:
        with _lock:
            if pending:
                try:
                    _complete(made, namespace, defaults, options)
                except RuntimeError as error:  # what Python 3.11 makes of an interrupt in __set_name__
                    raise error.__cause__ or error from None
                pending.clear()
        return made

    def first(self: Any, *args: Any, **values: Any) -> None:
        if (initialize := _initializer(made, options)) is None:
            complete()
        elif pending:
            type.__setattr__(made, "__match_args__", initialize[1])
            type.__setattr__(made, "__init__", initialize[0])
        made.__init__(self, *args, **values)

    added: dict[str, Any] = {
        "__init__": first,
        "__dataclass_fields__": _Later("__dataclass_fields__", complete),
        "__dataclass_params__": _Later("__dataclass_params__", complete),
        "__signature__": _Later("__signature__", complete),  # None sends inspect on to __init__
        "__getstate__": _get_state,
        "__setstate__": _set_state,
        _OWN: _own_fields(annotations, defaults, options) if is_simple else None,
    }
    if is_simple:
        added |= _to_be_completed(complete, options)
    if options.get("frozen"):
        added |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    metaclass: Any = type(cls)
    made: type[Any] = metaclass(cls.__name__, cls.__bases__, {**added, **namespace})
    made.__qualname__ = cls.__qualname__
    return made


def _to_be_completed(complete: Callable[[], type[Any]], options: dict[str, Any]) -> dict[str, Any]:
    """Return the methods that complete a class when one of them is first called."""

    def equal(self: Any, other: object) -> Any:
        complete()
        return self == other

    def hashed(self: Any) -> int:
        complete()
        return hash(self)

    def shown(self: Any) -> str:
        complete()
        return repr(self)

    methods: dict[str, Any] = {"__repr__": shown} if options.get("repr", True) else {}
    if options.get("eq", True):
        methods |= {"__eq__": equal, "__hash__": hashed if options.get("frozen") else None}
    return methods


_OWN = "__solidb_own_fields__"
"""The fields that a class itself declares; None where they say more than ``_Own`` holds."""
_SIMPLE = frozenset(("eq", "frozen", "kw_only", "repr"))
_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")
_Own: TypeAlias = tuple[Any, Any, bool, bool]
"""Of a field: its default, what makes one, whether it can be given, and by its name only."""


def _is_simple(annotations: dict[str, Any], options: dict[str, Any]) -> bool:
    texts = [str(annotation) for annotation in annotations.values()]
    return _SIMPLE.issuperset(options) and not any(word in text for text in texts for word in _SPECIAL)


def _own_fields(
    annotations: dict[str, Any], defaults: dict[str, Any], options: dict[str, Any]
) -> dict[str, _Own]:
    own: dict[str, _Own] = {}
    for name in annotations:
        default: Any = defaults.get(name, dataclasses.MISSING)
        is_named = bool(options.get("kw_only"))
        if isinstance(default, dataclasses.Field):
            said = cast(Any, default)
            is_named = is_named if said.kw_only is dataclasses.MISSING else bool(said.kw_only)
            own[name] = said.default, said.default_factory, said.init, is_named
        else:
            own[name] = default, dataclasses.MISSING, True, is_named
    return own


def _all_fields(made: type[Any]) -> dict[str, _Own] | None:
    """Return the fields of a class and its bases; None if one of these says more of them."""
    fields: dict[str, _Own] = {}
    for base in made.__mro__[::-1]:
        own: dict[str, _Own] | None = base.__dict__.get(_OWN)
        if own is not None:
            fields |= own
        elif _OWN in base.__dict__ or "__dataclass_fields__" in base.__dict__:
            return None
    return fields


def field_names(cls: type[Any]) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass, which need not be complete for it."""
    fields = _all_fields(cls)
    return tuple(field.name for field in dataclasses.fields(cls)) if fields is None else tuple(fields)


def _initializer(made: type[Any], options: dict[str, Any]) -> tuple[Any, tuple[str, ...]] | None:
    """Return what initializes objects as the standard ``__init__`` does, and the names given by position.

    None where that is for the standard decorator to write.
    """
    fields = _all_fields(made)
    if fields is None:
        return None
    known: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    given: dict[bool, list[str]] = {False: ["self"], True: []}
    lines, names = list[str](), list[str]()
    for name, (default, factory, is_given, is_named) in fields.items():
        known[f"_for_{name}"], value = default, name
        if factory is not dataclasses.MISSING:
            known[f"_made_{name}"] = factory
            value = f"_made_{name}() if {name} is _missing else {name}" if is_given else f"_made_{name}()"
        elif not is_given:
            continue
        lines.append(f"_set(self, {name!r}, {value})" if options.get("frozen") else f"self.{name} = {value}")
        if is_given:
            is_needed = default is factory is dataclasses.MISSING
            given[is_named].append(name if is_needed else f"{name}=_for_{name}")
            names += [] if is_named else [name]
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    arguments = ", ".join([*given[False], *(["*", *given[True]] if given[True] else [])])
    exec(f"def __init__({arguments}):\n " + "\n ".join(lines or ["pass"]), known)  # noqa: S102
    known["__init__"].__qualname__ = f"{made.__qualname__}.__init__"
    return known["__init__"], tuple(names)


def _complete(
    made: type[Any], own: dict[str, Any], defaults: dict[str, Any], options: dict[str, Any]
) -> None:
    """Add to a class what the standard decorator makes, by a class of the same fields without bases."""
    fields: dict[str, dataclasses.Field[Any]] = {}
    for base in made.__mro__[:0:-1]:
        if "__dataclass_fields__" in base.__dict__:
            fields |= getattr(base, "__dataclass_fields__")  # noqa: B009  checkers do not know it
    namespace: dict[str, Any] = {name: copy(field) for name, field in fields.items()}
    namespace |= {name: own[name] for name in (*_GENERATED, "__module__", "__qualname__") if name in own}
    namespace |= {**defaults, "__doc__": made.__doc__ or ""}
    types = {name: field.type for name, field in fields.items()}
    namespace["__annotations__"] = {**types, **own.get("__annotations__", {})}
    if hasattr(made, "__post_init__"):
        namespace["__post_init__"] = made.__post_init__
    standard: type[Any] = dataclasses.dataclass(**options)(type(made.__name__, (), namespace))
    for name in _GENERATED:
        if name in standard.__dict__ and name not in own:
            type.__setattr__(made, name, standard.__dict__[name])


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _refuse_to_set(self: object, name: str, value: object) -> NoReturn:  # noqa: ARG001  it is refused
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> NoReturn:  # noqa: ARG001  it is refused
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
