"""One connection as a state machine over bytes: what may be sent when, and whose answer this is.

The server answers strictly in order and knows no request ids, so a connection only has to count
the answers it is owed. While it is owed some, it can't be used for anything else: a caller that
gives up must close it.

The arithmetic of time-outs: how much is left of the time a caller allows.
"""

from __future__ import annotations

import time
from enum import Enum

from ..errors import ConnectionLost, ProtocolError
from .frames import HEADER, MAGIC, MAX_FRAME_BEFORE_LOGIN, FrameReader, frame


class ConnectionState(Enum):
    """Where a connection stands."""

    FRESH = "fresh"
    IDLE = "idle"
    AWAITING = "awaiting an answer"
    CLOSED = "closed"


IDLE, AWAITING = ConnectionState.IDLE, ConnectionState.AWAITING  # looked up for every request

MOVES: dict[ConnectionState, frozenset[ConnectionState]] = {
    ConnectionState.FRESH: frozenset({ConnectionState.AWAITING, ConnectionState.CLOSED}),
    ConnectionState.IDLE: frozenset({ConnectionState.AWAITING, ConnectionState.CLOSED}),
    ConnectionState.AWAITING: frozenset({ConnectionState.IDLE, ConnectionState.CLOSED}),
    ConnectionState.CLOSED: frozenset({ConnectionState.CLOSED}),
}
"""The legal moves."""


class Connection:
    """The protocol's side of one connection; a shell moves the bytes.

    It counts what it carries: ``round_trips`` of ``requests``, and bytes ``sent`` and ``received``. ``usual``
    are the seconds that the rest of an answer may take whose request has no limit of its own.
    """

    __slots__ = (
        "_owed",
        "_reader",
        "address",
        "received",
        "requests",
        "round_trips",
        "sent",
        "state",
        "usual",
    )

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.state = ConnectionState.FRESH
        self.round_trips = self.requests = self.sent = self.received = 0
        self._reader = FrameReader()
        self._owed = 0
        self.usual: float | None = None

    @property
    def is_in_answer(self) -> bool:
        """Whether a part of an answer has come, and its rest has not."""
        return bool(self._reader.buffer)

    @property
    def owed(self) -> int:
        """The number of answers that are still to come."""
        return self._owed

    def greet(self, login: bytes) -> bytes:
        """Return the first bytes to send: the magic and the login, to go out as one segment."""
        if self.state is not ConnectionState.FRESH:
            raise ProtocolError(f"a connection that is {self.state.value} received the handshake twice")
        greeting = MAGIC + frame(login, limit=MAX_FRAME_BEFORE_LOGIN, what="the login")
        self._owed = 1
        self._move(ConnectionState.AWAITING)
        return greeting

    def send(self, count: int, size: int = 0) -> None:
        """Note that ``count`` requests of so many bytes go out, pipelined."""
        if self.state is not IDLE:
            raise ProtocolError(f"a request was made on a connection that is {self.state.value}")
        if count:
            self._owed = count
            self.state = AWAITING
        self.round_trips += 1
        self.requests += count
        self.sent += size

    def receive(self, data: bytes) -> list[bytes]:
        """Take received bytes (``b""``: the server closed the connection); return the complete answers."""
        if not data:
            raise self._hung_up()
        size, reader = len(data), self._reader
        self.received += size
        if self._owed == 1 and not reader.buffer and size - HEADER == int.from_bytes(data[:HEADER], "big"):
            self._owed, self.state = 0, IDLE  # exactly the one answer that is owed, as most come
            return [data[HEADER:]]
        answers = reader.feed(data)
        owed = self._owed - len(answers)
        if owed < 0:
            self._move(ConnectionState.CLOSED)
            raise ProtocolError(f"{self.address} sent an answer without a request")
        self._owed = owed
        if answers and not owed:
            if self._reader.buffer:
                self._move(ConnectionState.CLOSED)
                raise ProtocolError(f"{self.address} sent bytes after its last answer")
            self.state = IDLE
        return answers

    def close(self) -> None:
        """Note that the connection is gone, and what it owes with it."""
        self._owed = 0
        self._move(ConnectionState.CLOSED)

    def _hung_up(self) -> ConnectionLost:
        owed = self._owed
        self._move(ConnectionState.CLOSED)
        return ConnectionLost(
            f"{self.address} closed the connection with {owed} answer{'' if owed == 1 else 's'} outstanding",
            address=self.address,
            hint="the server closes a connection without an error when it stops, and when an answer would "
            "exceed 16 MiB: if it runs, request less at once (LIMIT, or fewer attributes)",
        )

    def _move(self, state: ConnectionState) -> None:
        if state not in MOVES[self.state]:
            raise ProtocolError(f"a connection that is {self.state.value} can't become {state.value}")
        self.state = state


LEAST = 0.001
"""Seconds that are always left: what comes next fails by its own time-out, and says at what."""


def remaining(begun: float, seconds: float | None) -> float | None:
    """Return what is left of so many seconds since ``begun``; None, for no limit, stays None."""
    return None if seconds is None else max(LEAST, seconds - (time.monotonic() - begun))


def within(limit: float, seconds: float | None) -> float:
    """Return the shorter of a limit and what is left."""
    return limit if seconds is None else min(limit, seconds)


def left(begun: float, seconds: float) -> float:
    """Return what is left of so many seconds since ``begun``, or raise TimeoutError."""
    rest = seconds - (time.monotonic() - begun)
    if rest <= 0:
        raise TimeoutError
    return rest
