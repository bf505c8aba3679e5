"""What is measured: areas of work at three sizes each, and the lines of the page that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from .timing import Timing

Steps: TypeAlias = Mapping[str, Mapping[str, Timing]]
"""Times by step, and by contender."""
OURS = "ours"


@dataclass(frozen=True)
class Setting:
    """How much, how often, and an empty folder for it."""

    size: int
    repetitions: int
    folder: Path


@dataclass(frozen=True)
class Aim:
    """What a line is to reach at the middle size.

    ``ratio``: at most so many times what the other takes; ``faster``: at least so many times as fast;
    ``absolute``: at most so many milliseconds (or what the line counts); ``growth``: at most so many times
    the middle size's at the largest size; ``share``: at least this much.
    """

    kind: Literal["ratio", "faster", "absolute", "growth", "share"]
    limit: float


@dataclass(frozen=True)
class Row:
    """A line of the page: a step of an area, beside one contender."""

    step: str
    what: str
    beside: str = ""
    aims: tuple[Aim, ...] = ()


@dataclass(frozen=True)
class Area:
    """One section of the page, which is measured in a process of its own.

    ``measure`` returns None where something is missing, such as a server.
    """

    name: str
    title: str
    text: str
    sizes: tuple[int, ...]
    measure: Callable[[Setting], Steps | None]
    rows: tuple[Row, ...]
    waits: bool = False
    """Whether it waits for another process, so that only the time of the wall says what it takes."""
    unit: str = "ms"
    of: str = "documents"


def at_most(limit: float) -> tuple[Aim, ...]:
    return (Aim("ratio", limit),)


def faster(limit: float) -> tuple[Aim, ...]:
    return (Aim("faster", limit),)
