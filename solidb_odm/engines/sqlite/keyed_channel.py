"""Channels of an encrypted file, which go on when its key changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Final, TypeVar

from ...commands import Command
from ...errors import StoreLocked
from . import forks, library
from .channel import FileChannel

R = TypeVar("R")

_POLL: Final = 0.01


class KeyedChannel(FileChannel):
    """A channel whose connection can be taken away between two commands; the next one opens another."""

    def __init__(self, set_up: Callable[[KeyedChannel], None]) -> None:
        self._set_up = set_up
        self._gate = threading.RLock()  # held while a command runs
        self._is_paused = False
        set_up(self)

    def perform(self, command: Command[R], /) -> R:
        with self._gate:
            self._go_on()
            return super().perform(command)

    def sweep(self) -> None:
        with self._gate:
            self._go_on()
            super().sweep()

    def remove_expired(self) -> int:
        with self._gate:
            self._go_on()
            return super().remove_expired()

    def resume(self) -> None:
        with self._gate:
            if not self._is_paused:
                super().resume()

    def interrupt(self) -> None:
        with suppress(*library.errors()):  # the connection may be taken away just now
            super().interrupt()

    def close(self) -> None:
        with self._gate:
            self._is_paused = False
            super().close()

    def after_fork(self) -> None:
        self._gate = threading.RLock()  # a thread of the parent may have held it
        super().after_fork()

    def pause(self, held: ExitStack, seconds: float) -> str:
        """Give the connection back and run no command until ``held`` ends; return what is in the way."""
        if not self._gate.acquire(timeout=max(0.0, seconds)):
            return "a statement that runs"
        if self.is_in_transaction:
            self._gate.release()
            return "a session with changes that are not committed"
        held.callback(self._gate.release)
        if not self.is_given_back:
            super().close()
            self._is_paused = True
        return ""

    @property
    def is_in_transaction(self) -> bool:
        return not self.is_given_back and super().is_in_transaction

    def _go_on(self) -> None:
        if self._is_paused:
            if self._forked:
                raise forks.refusal()
            self._is_paused = False
            try:
                self._set_up(self)
            except BaseException:
                self._closed = self._is_paused = True
                raise


class Pause:
    """Takes the connections of channels away until ``held`` ends, within so many seconds."""

    def __init__(self, path: str, held: ExitStack, seconds: float) -> None:
        self._path, self._held = path, held
        self._deadline = time.monotonic() + seconds

    def take(self, channels: Sequence[KeyedChannel]) -> None:
        """Pause all that can be paused now; StoreLocked says what can't be, if the time is over."""
        found = [channel.pause(self._held, self._deadline - time.monotonic()) for channel in channels]
        reasons = [reason for reason in found if reason]
        if reasons and time.monotonic() >= self._deadline:
            raise StoreLocked(
                f"the key of {self._path} can't be changed: there is {_counted(reasons)}",
                path=self._path,
                hint="commit, roll back or close it first",
            )
        if reasons:
            time.sleep(_POLL)


def _counted(reasons: list[str]) -> str:
    return ", ".join(
        reason if (count := reasons.count(reason)) == 1 else f"{reason} ({count} of them)"
        for reason in dict.fromkeys(reasons)
    )
