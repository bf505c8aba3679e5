"""Whom to tell of changes, and whom to ask about conflicts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from .results import Change, Conflict
from .strategies import ConflictResolution

Listener: TypeAlias = Callable[[Change], Any]
Arbiter: TypeAlias = Callable[[Conflict], "ConflictResolution | None"]
L = TypeVar("L", bound=Listener)
A = TypeVar("A", bound=Arbiter)

logger = logging.getLogger("solidb_odm.offline")


class Listeners:
    """Functions that were registered, in order."""

    def __init__(self) -> None:
        self._listeners: list[tuple[str | None, Listener]] = []
        self._arbiters: list[Arbiter] = []

    @property
    def are_there(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def add(self, listener: L, collection: str | None = None) -> L:
        """Call a function with changes, of one collection or of all."""
        self._listeners.append((collection, listener))
        return listener

    def add_arbiter(self, arbiter: A) -> A:
        """Ask a function about conflicts, before any strategy."""
        self._arbiters.append(arbiter)
        return arbiter

    def tell(self, change: Change) -> None:
        """Notify all listeners; an error of a listener is logged and goes no further."""
        for collection, listener in list(self._listeners):
            if collection is None or collection == change.collection:
                try:
                    listener(change)
                except Exception:
                    logger.exception("a listener failed on %s", change.change_type)

    def ask(self, conflict: Conflict) -> ConflictResolution | None:
        """Return the first decision that is given; an arbiter's error goes on, and parks the conflict."""
        for arbiter in list(self._arbiters):
            if (resolution := arbiter(conflict)) is not None:
                return resolution
        return None
