"""Remembering what was found out about a class, as long as the class lives and no longer.

A cache that holds classes keeps those alive that a function, a test or a cell of a notebook made. So what is
known of a class is kept on the class itself, and what is known of an annotation only if all its classes last.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SLOT = "__solidb_cache__"


def cached_by_class(function: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Let a function of a class, and of hashable positional arguments, remember what it returned."""
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def remembering(cls: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        own = cls.__dict__.get(_SLOT)
        key = (name, *args) if args else name
        if own is not None and key in own:
            return own[key]  # type: ignore[no-any-return]
        found = function(cls, *args, **kwargs)
        if own is None:
            own = {}
            type.__setattr__(cls, _SLOT, own)
        own[key] = found
        return found

    return remembering


def forget(cls: Any) -> None:
    """Forget what was found out about a class, which is another one by now."""
    if _SLOT in cls.__dict__:
        type.__delattr__(cls, _SLOT)


def cached_by_annotation(function: Callable[[Any], R]) -> Callable[[Any], R]:
    """Let a function of an annotation remember what it returned, unless that would keep a class alive."""
    remembered = lru_cache(maxsize=4096)(function)

    @wraps(function)
    def remembering(annotation: Any) -> R:
        if not _lasts(annotation):
            return function(annotation)
        try:
            return remembered(annotation)
        except TypeError:  # an annotation that can't be hashed
            return function(annotation)

    return remembering


def _lasts(annotation: Any) -> bool:
    """Return whether the classes of an annotation are those of modules, which stay."""
    if isinstance(annotation, type):
        return "<locals>" not in annotation.__qualname__
    if (bound := getattr(annotation, "__bound__", None)) is not None:
        return _lasts(bound)
    if getattr(annotation, "__value__", None) is not None or hasattr(annotation, "__metadata__"):
        return False
    parts: tuple[Any, ...] = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    return (origin is None or _lasts(origin)) and all(map(_lasts, parts))
