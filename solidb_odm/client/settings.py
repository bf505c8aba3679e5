"""How a client is told where to connect: a URL or ``host:port``, keyword arguments, or a builder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from ..wire.events import Observer
from ..wire.url import ServerAddress, parse_url

DEFAULT_HOST = "localhost:6745"


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of clients; each overrides its part of the URL.

    ``timeout_ms``: for one request, from waiting for a connection to the whole answer. ``token``: a token
    of the HTTP API, for the calls that go over HTTP. ``on_request`` is called with a ``RequestEvent`` after
    every round trip: command, query text, milliseconds, rows, bytes. ``tracing``: OpenTelemetry spans, by
    the extra ``otel``. The others are those of ``solidb_odm.wire.url.Options``.
    """

    database: str
    username: str
    password: str
    api_key: str
    token: str
    timeout_ms: float
    connect_timeout: float
    pool_size: int
    pool_overflow: int
    pool_timeout: float
    idle_seconds: float
    retries: int
    retry_wait: float
    ca: str | os.PathLike[str]
    verify: bool
    on_request: Observer
    tracing: bool


def address_of(url: str, options: Mapping[str, Any]) -> ServerAddress:
    """Read where to connect, and as whom."""
    settings = {name: value for name, value in options.items() if name not in ("on_request", "tracing")}
    who = {name: settings.pop(name) for name in ("database", "username", "password") if name in settings}
    if "timeout_ms" in settings:
        settings["timeout"] = settings.pop("timeout_ms") / 1000
    if "ca" in settings:
        settings["ca"] = os.fspath(settings["ca"])
    address = parse_url(url if "://" in url else f"solidb://{url}", **settings)
    return replace(address, **who)


def logged_in(address: ServerAddress, database: str, username: str, password: str) -> ServerAddress:
    """Give the same place with another login."""
    return replace(address, database=database, username=username, password=password, api_key="", token="")
