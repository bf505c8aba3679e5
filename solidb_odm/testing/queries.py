"""``max_queries``: a limit on what a block may ask of its database, to catch a query in a loop."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ..commands import Command
from ..engine.events import describe
from ..engine.statistics import listening

_SHOWN = 20


@contextmanager
def max_queries(limit: int) -> Generator[list[Command[Any]]]:
    """Fail if the block asks for more than ``limit`` statements, with a list of them.

    Counts what all sessions in this thread or task ask, and those of tasks it starts. Gives the list
    of commands, which grows as they are asked.
    """
    heard: list[Command[Any]] = []
    with listening(heard.append):
        yield heard
    if len(heard) > limit:
        lines = [f"  {number}. {describe(command)}" for number, command in enumerate(heard[:_SHOWN], 1)]
        if len(heard) > _SHOWN:
            lines.append(f"  .. and {len(heard) - _SHOWN} more")
        told = "\n".join(lines)
        raise AssertionError(
            f"the block asked for {len(heard)} statements, at most {limit} were allowed:\n{told}"
        )
