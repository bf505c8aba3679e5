"""Hooks on models: plain methods that a class defines under the names of the events."""

from __future__ import annotations

from functools import lru_cache
from types import FunctionType
from typing import Any

from ..model.document import Document

EVENTS = frozenset(
    f"{when}_{what}" for when in ("before", "after") for what in ("insert", "update", "delete")
) | {"after_load"}


def hooks_of(model: Any) -> frozenset[str]:
    """Return the events for which a document class, or a base of it, defines a method."""
    return _hooks_of(model)


@lru_cache(maxsize=4096)
def _hooks_of(model: Any) -> frozenset[str]:
    defined = {name for base in model.__mro__ for name in EVENTS & base.__dict__.keys()}
    return frozenset(name for name in defined if isinstance(_attribute(model, name), FunctionType))


def _attribute(model: type[Any], name: str) -> object:
    return next(base.__dict__[name] for base in model.__mro__ if name in base.__dict__)


def run_hook(document: Document, event: str) -> None:
    """Call the method of a document for an event, if its class defines one."""
    if event in hooks_of(type(document)):
        getattr(document, event)()
