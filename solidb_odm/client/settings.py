"""The settings of a client: a URL or ``host:port``, keyword arguments, or a builder."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, Self, TypedDict, TypeVar, cast

from ..errors import ConfigurationError
from ..wire.round_trips import Observer
from ..wire.url import ServerAddress, parse_url

T = TypeVar("T")


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of clients; each overrides the corresponding part of the URL.

    ``timeout_ms`` is the limit for one request, in milliseconds, from waiting for a connection to the last
    byte of the answer. ``token`` is a token of the HTTP API, for the calls that use HTTP. ``on_request`` is
    called with a ``RequestEvent`` after every round trip: command, query text, milliseconds, rows, bytes.
    ``tracing`` creates OpenTelemetry spans (extra ``otel``). The others are those of
    ``solidb_odm.wire.url.Options``.
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


class _Builder:
    """The settings so far."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._options: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._address.rpartition('@')[2]}>"

    def auth(self, db: str, user: str, password: str) -> Self:
        """Log in with a user and a password."""
        return self.options(database=db, username=user, password=password)

    def api_key(self, db: str, key: str) -> Self:
        """Log in with an API key."""
        return self.options(database=db, api_key=key)

    def token(self, token: str) -> Self:
        """Send this token with calls over HTTP."""
        return self.options(token=token)

    def timeout_ms(self, milliseconds: float) -> Self:
        """Limit every request to this time, from waiting for a connection to the end of the answer."""
        return self.options(timeout_ms=milliseconds)

    def pool_size(self, connections: int) -> Self:
        """Keep this many idle connections."""
        return self.options(pool_size=connections)

    def retries(self, times: int, wait: float | None = None) -> Self:
        """Repeat a read up to this often after a lost connection; ``wait`` is the first pause, in seconds."""
        waits = {} if wait is None else {"retry_wait": wait}
        return self.options(retries=times, **waits)

    def options(self, **options: Any) -> Self:
        """Set any of the keyword arguments of the client."""
        self._options |= options
        return self


class ClientBuilder(_Builder, Generic[T]):
    """Builds a blocking client."""

    def __init__(self, connect: Callable[..., T], address: str) -> None:
        super().__init__(address)
        self._connect = connect

    def build(self) -> T:
        """Connect and log in."""
        return self._connect(self._address, **self._options)


DEFAULT_HOST = "localhost:6745"


class AsyncClientBuilder(_Builder, Generic[T]):
    """Builds an async client."""

    def __init__(self, connect: Callable[..., Awaitable[T]], address: str) -> None:
        super().__init__(address)
        self._connect = connect

    async def build(self) -> T:
        """Connect and log in."""
        return await self._connect(self._address, **self._options)


def address_of(url: str, options: Mapping[str, Any]) -> ServerAddress:
    """Return the address and the login that settings describe."""
    if not isinstance(cast(object, url), str):
        raise ConfigurationError(f"{url!r} is not the address of a server", hint=f"Client({DEFAULT_HOST!r})")
    settings = {name: value for name, value in options.items() if name not in ("on_request", "tracing")}
    who = {name: settings.pop(name) for name in ("database", "username", "password") if name in settings}
    if "timeout_ms" in settings:
        settings["timeout"] = settings.pop("timeout_ms") / 1000
    if "ca" in settings:
        settings["ca"] = os.fspath(settings["ca"])
    address = parse_url(url if "://" in url else f"solidb://{url}", **settings)
    return replace(address, **who)


def logged_in(address: ServerAddress, database: str, username: str, password: str) -> ServerAddress:
    """Return the same address with another login."""
    return replace(address, database=database, username=username, password=password, api_key="", token="")
