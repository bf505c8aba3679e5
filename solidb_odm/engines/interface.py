"""What every engine is: channels that perform commands, and what those channels can do.

An engine hands out channels. A channel is one conversation: it carries at most one transaction and
is used by one thread or task at a time. A session owns one.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar

from .._dataclasses import dataclass
from ..commands import Command

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between engines, so that no code needs to ask for an engine's name.

    ``body``: the form documents travel in, JSON text or decoded values.
    ``interactive_transactions``: writes can be made, and read back, before the commit.
    """

    name: str
    body: Literal["text", "value"]
    interactive_transactions: bool


class Channel(Protocol):
    """One conversation with an engine, blocking."""

    @property
    def capabilities(self) -> Capabilities: ...

    def perform(self, command: Command[R], /) -> R: ...

    def close(self) -> None:
        """Undo an open transaction and give the channel back. Safe to call twice."""
        ...


class AsyncChannel(Protocol):
    """One conversation with an engine, async."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def perform(self, command: Command[R], /) -> R: ...

    async def aclose(self) -> None:
        """Undo an open transaction and give the channel back, whoever is cancelled meanwhile.

        Safe to call twice.
        """
        ...


class Driver(Protocol):
    """What opens channels to one database, blocking. ``Engine`` wraps one."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def url(self) -> str:
        """The URL without its password."""
        ...

    def channel(self) -> Channel:
        """Open a channel, or take one from the pool."""
        ...

    def close(self) -> None: ...


class AsyncDriver(Protocol):
    """What opens channels to one database, async."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def url(self) -> str: ...

    async def channel(self) -> AsyncChannel: ...

    async def aclose(self) -> None: ...
