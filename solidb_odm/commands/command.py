"""What may be asked of an engine, as values; and operations, which ask one thing after another.

``Operation[T]`` is a generator that yields commands, receives their replies and returns a ``T``.
``run`` and ``arun`` perform one over a channel; they are the only difference between blocking and async.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")


class Command(Generic[R_co]):
    """A request to an engine; its type says what the reply is."""

    __slots__ = ()


Operation: TypeAlias = Generator[Command[Any], Any, T]


def call(command: Command[R]) -> Operation[R]:
    """Ask for one command inside an operation: ``reply = yield from call(command)``."""
    return cast(R, (yield command))


class Performs(Protocol):
    """What performs commands, blocking."""

    def perform(self, command: Command[R], /) -> R: ...


class PerformsAsync(Protocol):
    """What performs commands, awaited."""

    async def perform(self, command: Command[R], /) -> R: ...


def run(operation: Operation[T], channel: Performs) -> T:
    """Run an operation, performing its commands on ``channel``."""
    reply: Any = None
    error: BaseException | None = None
    try:
        while True:
            command = operation.send(reply) if error is None else operation.throw(error)
            reply, error = None, None
            try:
                reply = channel.perform(command)
            except Exception as problem:
                error = problem
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        operation.close()


async def arun(operation: Operation[T], channel: PerformsAsync) -> T:
    """Run an operation, awaiting its commands on ``channel``."""
    reply: Any = None
    error: BaseException | None = None
    try:
        while True:
            command = operation.send(reply) if error is None else operation.throw(error)
            reply, error = None, None
            try:
                reply = await channel.perform(command)
            except Exception as problem:
                error = problem
    except StopIteration as stop:
        return cast(T, stop.value)
    finally:
        operation.close()
