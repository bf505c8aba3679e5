"""A TCP proxy that spoils a connection at a chosen byte: delays, cuts, stalls, resets."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Self

Way = Literal["to server", "to client"]
NEVER = 1 << 62


@dataclass(slots=True)
class Fault:
    """What happens to a connection after so many bytes went one way.

    ``cut`` closes it, ``reset`` closes it with RST, ``stall`` passes nothing on any more, ``delay`` waits
    before every piece from there on, ``trickle`` sends them byte by byte, and ``double`` sends each twice.
    """

    kind: Literal["none", "cut", "reset", "stall", "delay", "trickle", "double"] = "none"
    way: Way = "to client"
    after: int = 0
    seconds: float = 0.0
    connections: int = NEVER
    """How many connections from now on have it."""


@dataclass(slots=True, eq=False)
class Link:
    """One connection through the proxy, and what went over it."""

    client: socket.socket
    server: socket.socket
    fault: Fault
    passed: dict[Way, bytearray] = field(
        default_factory=lambda: {"to server": bytearray(), "to client": bytearray()}
    )
    stalled: threading.Event = field(default_factory=threading.Event)


class FaultProxy:
    """Passes bytes to a server and back until a fault strikes. Use it as a block."""

    def __init__(self, host: str, port: int) -> None:
        self.fault = Fault()
        self.links: list[Link] = []
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._done = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self.links:
            self._end(link)

    def spoil(self, fault: Fault) -> None:
        """Spoil the connections that are opened from now on, and those that stand."""
        self.fault = fault
        for link in self.links:
            link.fault = Fault(
                fault.kind, fault.way, len(link.passed[fault.way]) + fault.after, fault.seconds
            )

    def reset_all(self) -> None:
        """Reset the connections that stand."""
        for link in self.links:
            self._end(link, reset=True)

    def sent(self) -> Iterator[bytes]:
        """Return what reached the server, for each connection."""
        return (bytes(link.passed["to server"]) for link in self.links)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link = Link(client, server, self._next_fault())
                self.links.append(link)
                for way in ("to server", "to client"):
                    threading.Thread(target=self._pass, args=(link, way), daemon=True).start()

    def _next_fault(self) -> Fault:
        if self.fault.connections <= 0:
            return Fault()
        self.fault.connections -= 1
        return Fault(self.fault.kind, self.fault.way, self.fault.after, self.fault.seconds)

    def _pass(self, link: Link, way: Way) -> None:
        source, target = (link.client, link.server) if way == "to server" else (link.server, link.client)
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not self._forward(link, way, data, target):
                    return
        self._end(link)

    def _forward(self, link: Link, way: Way, data: bytes, target: socket.socket) -> bool:
        """Pass data on as far as the fault lets it; False if nothing follows."""
        fault = link.fault
        if fault.kind == "none" or fault.way != way:
            return self._send(link, way, data, target)
        before = max(0, fault.after - len(link.passed[way]))
        whole, rest = data[:before], data[before:]
        self._send(link, way, whole, target)
        if not rest and before:
            return True
        if fault.kind in ("cut", "reset"):
            self._end(link, reset=fault.kind == "reset")
            return False
        if fault.kind == "stall":
            link.stalled.set()
            self._done.wait()
            return False
        if fault.kind == "double":
            return self._send(link, way, rest, target) and self._send(link, way, rest, target)
        for piece in [rest] if fault.kind == "delay" else [rest[at : at + 1] for at in range(len(rest))]:
            time.sleep(fault.seconds)
            self._send(link, way, piece, target)
        return True

    def _send(self, link: Link, way: Way, data: bytes, target: socket.socket) -> bool:
        link.passed[way] += data
        target.sendall(data)
        return True

    def _end(self, link: Link, *, reset: bool = False) -> None:
        if reset:
            with contextlib.suppress(OSError):
                link.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for end in (link.client, link.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR if end is link.server or not reset else socket.SHUT_RD)
            with contextlib.suppress(OSError):
                end.close()
