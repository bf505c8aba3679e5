"""What was asked and what it cost: counters, and one event for each round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from ..._types import Binds


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One round trip: a flight of pipelined requests and their answers.

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


class Statistics:
    """Counters of one driver, kept by all of its threads."""

    def __init__(self, observer: Observer | None = None) -> None:
        self.observer = observer
        self.round_trips = 0
        self.requests = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.connections_opened = 0
        self.http_requests = 0
        self._lock = Lock()

    def opened(self) -> None:
        """Count a connection, with its login."""
        with self._lock:
            self.connections_opened += 1

    def http(self, event: RequestEvent) -> None:
        """Count a request over HTTP and tell the observer."""
        with self._lock:
            self.http_requests += 1
        if self.observer is not None:
            self.observer(event)

    def note(self, event: RequestEvent) -> None:
        """Count a round trip and tell the observer."""
        with self._lock:
            self.round_trips += 1
            self.requests += event.requests
            self.bytes_sent += event.sent
            self.bytes_received += event.received
        if self.observer is not None:
            self.observer(event)
