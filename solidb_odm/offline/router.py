"""One operation over two channels: the store's, and the other side's."""

from __future__ import annotations

import time
from typing import TypeVar

from ..commands import Command, Performs, PerformsAsync
from ..errors import RequestTimeout
from .remote import AsyncRemote, Remote, RemoteCommand

R = TypeVar("R")


class Deadline:
    """When a sync has to be over."""

    def __init__(self, seconds: float | None) -> None:
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
    """Performs what an operation asks of either side, blocking."""

    def __init__(self, local: Performs, remote: Remote, deadline: Deadline) -> None:
        self._local, self._remote, self._deadline = local, remote, deadline

    def perform(self, command: Command[R], /) -> R:
        if isinstance(command, RemoteCommand):
            self._deadline.check()
            reply: R = self._remote.perform(command)
            return reply
        return self._local.perform(command)


class AsyncRouter:
    """Performs what an operation asks of either side, awaited."""

    def __init__(self, local: PerformsAsync, remote: AsyncRemote, deadline: Deadline) -> None:
        self._local, self._remote, self._deadline = local, remote, deadline

    async def perform(self, command: Command[R], /) -> R:
        if isinstance(command, RemoteCommand):
            self._deadline.check()
            reply: R = await self._remote.perform(command)
            return reply
        return await self._local.perform(command)
