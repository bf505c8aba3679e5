"""What was asked and what it cost: counters, and one event for each round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from threading import RLock
from typing import Protocol, TypeAlias

from .._dataclasses import dataclass
from .._types import Binds


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One round trip: a batch of pipelined requests and their answers.

    ``command`` says what for, ``text`` and ``binds`` hold a query's and ``rows`` counts its rows.
    ``sent`` and ``received`` count bytes. ``error`` names the class of the error that kept the answers
    from coming; what the server refuses is not one.
    """

    command: str
    requests: int
    milliseconds: float
    sent: int
    received: int
    rows: int = 0
    text: str = ""
    binds: Binds = field(default_factory=dict[str, object])
    error: str = ""


Observer: TypeAlias = Callable[[RequestEvent], None]


class Counted(Protocol):
    """A connection, which counts what it sends and receives. Only its holder counts."""

    round_trips: int
    requests: int
    sent: int
    received: int


@dataclass(slots=True)
class Tally:
    """What connections have carried."""

    round_trips: int = 0
    requests: int = 0
    sent: int = 0
    received: int = 0

    def add(self, other: Counted) -> None:
        """Add what a connection has carried."""
        self.round_trips += other.round_trips
        self.requests += other.requests
        self.sent += other.sent
        self.received += other.received


class RequestCounts:
    """Counters of one driver, and the observer that is called after every round trip.

    An observer may have a method ``awake``: while that says no, no event is made for it.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self.observer = observer
        self.awake: Callable[[], bool] = _never if observer is None else getattr(observer, "awake", _always)
        self.connections_opened = 0
        self.http_requests = 0
        self._gone = Tally()
        self._open: dict[int, Counted] = {}
        self._lock = RLock()  # the collector may close another connection meanwhile

    @property
    def round_trips(self) -> int:
        """Batches that were sent and answered, or failed."""
        return self._sum().round_trips

    @property
    def requests(self) -> int:
        """Requests in those batches."""
        return self._sum().requests

    @property
    def bytes_sent(self) -> int:
        """Bytes in those batches."""
        return self._sum().sent

    @property
    def bytes_received(self) -> int:
        """Bytes of their answers."""
        return self._sum().received

    def opened(self, connection: Counted) -> None:
        """Count a connection, with its login."""
        with self._lock:
            self.connections_opened += 1
            self._open[id(connection)] = connection

    def closed(self, connection: Counted) -> None:
        """Keep what a connection counted that is gone."""
        with self._lock:
            if self._open.pop(id(connection), None) is not None:
                self._gone.add(connection)

    def http(self, event: RequestEvent) -> None:
        """Count a request over HTTP and tell the observer."""
        with self._lock:
            self.http_requests += 1
        self.tell(event)

    def tell(self, event: RequestEvent) -> None:
        """Call the observer, if there is one that wants to know."""
        if self.awake() and self.observer is not None:
            self.observer(event)

    def _sum(self) -> Tally:
        with self._lock:
            tally = Tally()
            for counted in (self._gone, *list(self._open.values())):
                tally.add(counted)
            return tally


def _always() -> bool:
    return True


def _never() -> bool:
    return False
