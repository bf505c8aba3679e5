"""What is known of queries that ran before, shared by the channels of one driver."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from ...sdbql import nodes
from ...sdbql.evaluate import Prepared
from .searches import Rewritten
from .sql.constants import Signature
from .sql.plans import Narrowing, Plan

_SIZE: Final = 512
PlanKey: TypeAlias = tuple[int, nodes.Query, Signature]
"""The version of the schema, the query, and the types of its binds."""


@dataclass(slots=True)
class Known:
    """How a query runs: ``plan`` is None if it runs in Python, and ``reason`` says why."""

    writes: bool
    plan: Plan | None = None
    reason: str = ""
    narrowing: Narrowing | None = None
    rewritten: Rewritten | None = None
    prepared: Prepared | None = None


class PlanCache:
    """The queries that ran last; safe for threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[PlanKey, Known] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: PlanKey) -> Known | None:
        """Return what is known of a query."""
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
            return found

    def put(self, key: PlanKey, known: Known) -> None:
        """Remember a query, and forget the one that was not used for longest."""
        with self._lock:
            self._known[key] = known
            if len(self._known) > _SIZE:
                self._known.popitem(last=False)
