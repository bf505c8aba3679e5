"""What is known of queries that ran before, shared by the channels of one driver."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from ...language import nodes
from ...language.interpreter import Prepared
from .searches import Rewritten
from .sql.candidates import Narrowings
from .sql.constants import Signature
from .sql.heads import Head
from .sql.plans import Plan

_SIZE: Final = 512
PlanKey: TypeAlias = tuple[int, nodes.Query, Signature]
"""The version of the schema, the query, and the types of its binds."""


@dataclass(slots=True)
class Known:
    """How a query runs: ``plan`` is None if it runs in Python, and ``reason`` says why.

    Then ``head`` may be SQL for its first clauses; ``prepared`` is what is left.
    """

    writes: bool
    plan: Plan | None = None
    reason: str = ""
    head: Head | None = None
    narrowings: Narrowings | None = None
    rewritten: Rewritten | None = None
    prepared: Prepared | None = None


class PlanCache:
    """The queries that ran last; safe for threads.

    Nodes are compared by walking over them, which takes longer than running a small query. The parser
    gives the same nodes for the same text, so they are looked for by their identity first.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[PlanKey, Known] = OrderedDict()
        self._same: dict[tuple[int, int, Signature], tuple[nodes.Query, Known]] = {}
        self._lock = threading.Lock()

    def get(self, key: PlanKey) -> Known | None:
        """Return what is known of a query."""
        version, query, types = key
        same = self._same.get((version, id(query), types))
        if same is not None:  # it holds the query, so nothing else has its id
            return same[1]
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                self._note(key, found)
            return found

    def put(self, key: PlanKey, known: Known) -> None:
        """Remember a query, and forget the one that was not used for longest."""
        with self._lock:
            self._known[key] = known
            self._note(key, known)
            if len(self._known) > _SIZE:
                self._known.popitem(last=False)

    def _note(self, key: PlanKey, known: Known) -> None:
        if len(self._same) >= _SIZE:
            self._same.clear()
        self._same[key[0], id(key[1]), key[2]] = (key[1], known)
