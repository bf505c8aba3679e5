"""The store's channels, told of commits: after one, somebody looks at what was written.

One operation over two channels: the store's, and the other side's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..commands import Command, Commit, DropDatabase, Get, GetMany, Performs
from ..commands.replica import Settle
from ..engines.interface import Capabilities, Channel, Driver
from ..errors import RequestTimeout, UsageError
from ..work.states import run_late
from .argument_types import check_seconds
from .remote import Remote, RemoteCommand

R = TypeVar("R")


def check(command: Command[Any]) -> None:
    """Refuse what would take a store away from its manager; UsageError."""
    if isinstance(command, DropDatabase):
        raise UsageError(
            "the database of an offline store can't be dropped", hint="manager.wipe() empties the store"
        )


def only_reads(command: Command[Any]) -> bool:
    """Return whether a command writes nothing."""
    return isinstance(command, Get | GetMany)


class HookedDriver:
    """The driver of a store, blocking."""

    def __init__(self, driver: Driver, committed: Callable[[], None]) -> None:
        self._driver, self._committed = driver, committed

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    @property
    def url(self) -> str:
        return self._driver.url

    def channel(self) -> Channel:
        """Open a channel that tells of its commits."""
        return HookedChannel(self._driver.channel(), self._committed)

    def close(self) -> None:
        self._driver.close()


class HookedChannel:
    """A channel of a store, blocking."""

    def __init__(self, channel: Channel, committed: Callable[[], None]) -> None:
        self._channel, self._committed, self._wrote = channel, committed, False

    @property
    def capabilities(self) -> Capabilities:
        return self._channel.capabilities

    def perform(self, command: Command[R], /) -> R:
        check(command)
        reply = self._channel.perform(command)
        if isinstance(command, Commit):
            if self._wrote:
                self._wrote = False
                run_late(self._committed, "telling of changes")
        elif not only_reads(command):
            self._wrote = True
        return reply

    def close(self) -> None:
        self._channel.close()


class Deadline:
    """When a sync has to be over."""

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None:
            check_seconds(seconds, "timeout")
        self.seconds = seconds
        self._at = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """The seconds that are left; None for no end."""
        return None if self._at is None else self._at - time.monotonic()

    def check(self) -> None:
        """Raise RequestTimeout if the time is over."""
        if self._at is not None and time.monotonic() >= self._at:
            raise RequestTimeout(
                f"the sync was not over in {self.seconds:g} seconds; what was written stays",
                seconds=self.seconds,
                hint="the next one goes on from there",
            )


class Router:
    """Performs what an operation asks of either side, blocking; ``settled`` gets the store's channel then."""

    def __init__(
        self, local: Performs, remote: Remote, deadline: Deadline, settled: Callable[[Performs], None]
    ) -> None:
        self._local, self._remote, self._deadline, self._settled = local, remote, deadline, settled

    def perform(self, command: Command[R], /) -> R:
        if isinstance(command, RemoteCommand):
            self._deadline.check()
            reply: R = self._remote.perform(command)
            return reply
        done = self._local.perform(command)
        if isinstance(command, Settle):
            self._settled(self._local)
        return done
