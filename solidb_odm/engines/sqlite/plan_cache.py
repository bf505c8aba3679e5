"""What is known of queries that ran before, shared by the channels of one driver."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from ..._dataclasses import dataclass
from ...language import nodes
from ...language.walk import walk
from .catalogue import SharedCatalogue
from .sql.parameters import Signature

if TYPE_CHECKING:
    from ...language.interpreter import Prepared
    from .searches import Rewritten
    from .sql.bare_columns import Bare
    from .sql.bulk_writes import BulkWrite
    from .sql.candidates import Narrowings
    from .sql.heads import Head
    from .sql.plans import Plan

_SIZE: Final = 512
_WEIGHT: Final = 200_000
"""The most nodes, and hundreds of characters, of all the queries that are kept: some 100 MB with what is
made of them."""
_HEAVY: Final = _WEIGHT // 16
"""A query that is not kept: it would take the place of many."""
PlanKey: TypeAlias = tuple[int, nodes.Query, Signature]
"""The version of the schema, the query, and the types of its binds."""


T = TypeVar("T")


class Analyses(Generic[T]):
    """What is seen in queries: each is looked at once, while it is in use. Safe for threads.

    They are known by their identity, which takes no time, and those built again by their parts.
    """

    def __init__(self, look: Callable[[nodes.Query], T]) -> None:
        self._look = look
        self._same: dict[int, tuple[nodes.Query, T]] = {}
        self._equal: dict[nodes.Query, tuple[T]] = {}

    def of(self, query: nodes.Query) -> T:
        """Return what is seen in a query."""
        same = self._same.get(id(query))
        if same is not None:
            return same[1]
        if len(self._same) >= _SIZE:
            self._same.clear()
            self._equal.clear()
        equal = self._equal.get(query)
        analysis = self._look(query) if equal is None else equal[0]
        if equal is None:
            self._equal[query] = (analysis,)
        self._same[id(query)] = (query, analysis)
        return analysis


class Trust:
    """Whether SQL is asked for a query that it has given up before.

    One odd value makes SQL give up for one run, which is then Python's; the next run asks SQL again. What
    makes it give up every time is asked less and less often.
    """

    __slots__ = ("_setbacks", "reason", "rests")

    def __init__(self) -> None:
        self._setbacks = self.rests = 0  # how often in a row, and how often not to ask
        self.reason = ""
        """Why SQL gave up the last time, if it did."""

    def holds(self) -> bool:
        """Return whether to ask SQL this time."""
        if self.rests <= 0:
            return True
        self.rests -= 1
        return False

    def lower(self, reason: str) -> None:
        """Note that SQL gave up, and why."""
        self.reason = reason
        self._setbacks = min(self._setbacks + 1, 6)
        self.rests = 2**self._setbacks - 2

    def restore(self) -> None:
        """Note that SQL answered."""
        self._setbacks, self.reason = 0, ""


@dataclass(frozen=True, slots=True)
class Way:
    """What Python runs of a query: all of it, or what ``head`` leaves, with its searches taken out."""

    query: nodes.Query
    head: Head | None
    rewritten: Rewritten
    prepared: Prepared


@dataclass(slots=True)
class Known:
    """How a query runs: ``plan`` is None if it runs in Python, and ``reason`` says why.

    Then ``head`` may be SQL for its first clauses. Threads share this, so nothing of it changes but
    ``ways``, where Python's are put whole when they are first gone, ``bare``, and what ``trust`` counts.
    """

    writes: bool
    plan: Plan | None = None
    reason: str = ""
    head: Head | None = None
    narrowings: Narrowings | None = None
    ways: dict[bool, Way] = field(default_factory=dict[bool, Way])
    """With the head, and without."""
    trust: Trust = field(default_factory=Trust)
    is_plain: bool = False
    """Whether there is a plan, and nothing in the query that an index may answer instead."""
    bare: Bare | None = None
    """The plan with what it can read without JSON read so; another one is put here where that is less."""
    takes_binds: bool | None = None
    """Whether the binds are the parameters of the plan as they are, once that was asked."""
    bulk: BulkWrite | None = None
    """The one statement that a counted UPDATE or REMOVE comes to."""


Steady: TypeAlias = "tuple[nodes.Query, Known, Plan, bool]"
"""A query over documents, what is known of it, and whether its binds are its parameters as they are."""


class PlanCache:
    """The queries that ran last; safe for threads.

    Nodes are compared by walking over them, which takes longer than running a small query. The parser
    gives the same nodes for the same text, so they are looked for by their identity first.

    The lock can be taken again by the thread that has it: while nodes are compared, the collector may run
    what a program does with its sessions at their end. So what was just found may be gone in the next step.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[PlanKey, Known] = OrderedDict()
        self.same: dict[tuple[int, int, Signature], tuple[nodes.Query, Known]] = {}
        """What is known of queries, by their identity: to look here first spares a call."""
        self.steady: dict[tuple[int, int], Steady] = {}
        """How queries run whose values have the same types each time, by their identity."""
        self._lock = threading.RLock()
        self._weights: dict[PlanKey, int] = {}
        self._weight = 0
        self.catalogue = SharedCatalogue()
        self.analyses: dict[Callable[[nodes.Query], Any], Analyses[Any]] = {}

    def seen_by(self, look: Callable[[nodes.Query], T]) -> Analyses[T]:
        """Return what a function sees in queries, for all connections: many a session asks one query."""
        return self.analyses.setdefault(look, Analyses(look))

    def after_fork(self) -> None:
        """Take a new lock: a thread that is not in this process may have held the old one."""
        self._lock = threading.RLock()

    def get(self, key: PlanKey) -> Known | None:
        """Return what is known of a query."""
        version, query, types = key
        same = self.same.get((version, id(query), types))
        if same is not None:  # it holds the query, so nothing else has its id
            return same[1]
        with self._lock:
            plan = self._known.get(key)
            if plan is not None:
                with suppress(KeyError):
                    self._known.move_to_end(key)
                self._note(key, plan)
            return plan

    def put(self, key: PlanKey, known: Known) -> None:
        """Remember a query, and forget those that were not used for longest."""
        weight = weight_of(key[1])
        if weight > _HEAVY:
            return
        with self._lock:
            self._forget(self._weights.pop(key, 0))
            self._known[key], self._weights[key] = known, weight
            self._weight += weight
            self._note(key, known)
            while self._known and (len(self._known) > _SIZE or self._weight > _WEIGHT):
                oldest, _ = self._known.popitem(last=False)
                self._forget(self._weights.pop(oldest, 0))
                self.same.clear()
                self.steady.clear()

    def keep_steady(self, version: int, steady: Steady) -> None:
        """Keep how a query runs whose values have the same types each time."""
        if len(self.steady) >= _SIZE:
            self.steady.clear()
        self.steady[version, id(steady[0])] = steady

    def _forget(self, weight: int) -> None:
        self._weight -= weight

    def _note(self, key: PlanKey, known: Known) -> None:
        if len(self.same) >= _SIZE:
            self.same.clear()
        self.same[key[0], id(key[1]), key[2]] = (key[1], known)


def weight_of(query: nodes.Query) -> int:
    """Return how much of the cache a query takes: its nodes, and the hundreds of characters in them."""
    return sum(1 + _characters(node) // 100 for node in walk(query))


def _characters(node: nodes.Node) -> int:
    return len(node.value) if isinstance(node, nodes.Literal) and isinstance(node.value, str) else 0
