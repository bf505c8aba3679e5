"""Describing a client step by step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class _Builder:
    """What has been said so far."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._options: dict[str, Any] = {}

    def auth(self, db: str, user: str, password: str) -> Self:
        """Log in with a user and a password."""
        return self.options(database=db, username=user, password=password)

    def api_key(self, db: str, key: str) -> Self:
        """Log in with an API key."""
        return self.options(database=db, api_key=key)

    def token(self, token: str) -> Self:
        """Send this token with what goes over HTTP."""
        return self.options(token=token)

    def timeout_ms(self, milliseconds: float) -> Self:
        """Give every request so long, from waiting for a connection to the whole answer."""
        return self.options(timeout_ms=milliseconds)

    def pool_size(self, connections: int) -> Self:
        """Keep this many idle connections."""
        return self.options(pool_size=connections)

    def retries(self, times: int, wait: float | None = None) -> Self:
        """Send a read again so often when its connection broke; ``wait``: the first pause, in seconds."""
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


class AsyncClientBuilder(_Builder, Generic[T]):
    """Builds an awaited client."""

    def __init__(self, connect: Callable[..., Awaitable[T]], address: str) -> None:
        super().__init__(address)
        self._connect = connect

    async def build(self) -> T:
        """Connect and log in."""
        return await self._connect(self._address, **self._options)
