"""Commands, the requests to an engine as values, and operations, which perform several of them.

``Operation[T]`` is a generator that yields commands, receives their replies and returns a ``T``. ``run``
performs one over a blocking channel, ``arun`` over an async one; this is the only difference between the two.
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
    """Perform one command inside an operation: ``reply = yield from call(command)``."""
    return cast(R, (yield command))


class Performs(Protocol):
    """An object that performs commands, blocking."""

    def perform(self, command: Command[R], /) -> R: ...


class PerformsAsync(Protocol):
    """An object that performs commands, async."""

    async def perform(self, command: Command[R], /) -> R: ...


def run(operation: Operation[T], channel: Performs) -> T:
    """Run an operation, performing its commands on ``channel``; return its result."""
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
    """Run an operation, awaiting its commands on ``channel``; return its result."""
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
