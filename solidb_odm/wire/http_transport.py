"""The blocking transport of HTTP with one limit of time for an answer, however it comes.

httpx limits each wait for some bytes, so a server that sends one byte now and then, in a header say, is
waited for without end. Awaited, a cancelled task ends that; here each wait gets what is left of the time.
Loaded when a first call is made, for httpcore loads what there is of event loops.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import httpcore
import httpx

from .http import time_left

_MOST_CONNECTIONS = 100
_KEPT_CONNECTIONS = 20
_IDLE_SECONDS = 5.0


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport, on sockets that heed ``answered_by``."""

    def __init__(self, verify: ssl.SSLContext, opened: WeakSet[httpcore.NetworkStream]) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_KEPT_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_Backend(opened),
        )


class _Backend(httpcore.SyncBackend):
    def __init__(self, opened: WeakSet[httpcore.NetworkStream]) -> None:
        self._opened = opened

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        made = super().connect_tcp(host, port, time_left(timeout), local_address, socket_options)
        return _Stream(made, self._opened)


class _Stream(httpcore.NetworkStream):
    """A socket that waits for bytes as long as the deadline allows."""

    def __init__(self, stream: httpcore.NetworkStream, opened: WeakSet[httpcore.NetworkStream]) -> None:
        self._stream, self._opened = stream, opened
        opened.add(self)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, time_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, time_left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        made = self._stream.start_tls(ssl_context, server_hostname, time_left(timeout))
        return _Stream(made, self._opened)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
