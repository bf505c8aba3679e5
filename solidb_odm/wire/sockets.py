"""What a socket is asked to do beside sending and receiving: time limits, acknowledgements, a look at it."""

from __future__ import annotations

import select
import selectors
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import cast

CHUNK = 256 * 1024
SMALL = 16 * 1024
"""What the kernel's buffers always take at once, so that sending it can't wait on our reading."""


_Selector = cast(type[selectors.SelectSelector], getattr(selectors, "PollSelector", selectors.SelectSelector))


def limit(opened: socket.socket, seconds: float | None) -> None:
    """Set how long sending and receiving may wait; None: for ever.

    Where the kernel can keep the time it does, which saves a system call for each of them; then
    BlockingIOError says that it is up, instead of TimeoutError.
    """
    if _TIMEVAL is None or seconds == 0 or isinstance(opened, ssl.SSLSocket):
        opened.settimeout(seconds)
        return
    microseconds = 0 if seconds is None else max(1, int(seconds * 1_000_000))  # 0: no end
    value = _TIMEVAL.pack(*divmod(microseconds, 1_000_000))
    opened.settimeout(None)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


def _timeval(platform: str) -> struct.Struct | None:
    """Return how a socket's time is written; only Linux's form is known here."""
    return struct.Struct("@ll") if platform == "linux" else None


_TIMEVAL = _timeval(sys.platform)


def acknowledge(opened: socket.socket) -> None:
    """Send the acknowledgement that the kernel holds back for up to 40 ms.

    The server leaves Nagle's algorithm on: it does not write the next small answer of a batch before
    the last one is acknowledged.
    """
    if _QUICK_ACK is not None:
        opened.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)


_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it; elsewhere a batch of several small answers can take 40 ms longer."""


def pending_input(opened: socket.socket) -> Callable[[], object]:
    """Return a function that says, by truth and at once, whether there is something to read, or the end."""
    if not hasattr(select, "poll"):
        return lambda: select.select((opened,), (), (), 0)[0]
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    return partial(poll.poll, 0)


def ready(opened: socket.socket, events: int, seconds: float | None) -> int:
    """Wait until a socket can be read or written; return which, or 0 when the time is up."""
    if opened.fileno() < 0:
        return events
    with _Selector() as selector:
        selector.register(opened, events)
        events_now = selector.select(seconds)
        return events_now[0][1] if events_now else 0
