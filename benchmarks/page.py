"""The page of results, docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version

from .area import OURS, Aim, Area, Row, Steps
from .timing import Timing

INTRODUCTION = """\
# Benchmarks

What the mapper costs, beside what you would have written by hand and beside its peers, doing the same work
in the same run and taking turns. Trust the ratios; milliseconds belong to one machine on one day. Written by

```sh
make bench
```

on {machine}.{note}

Each line is measured at three sizes, so that growth is seen; its numbers are those of the three sizes.
Times are the best of {repetitions} with the garbage collector on, as users have it, and *off* is the ratio
with the collector held off. The aim is for the middle size. *Growth* is what the largest size takes over
the middle one, divided by how much more it is: 1 is linear, less is better. All files use the write-ahead
log and `synchronous=NORMAL`.

{clock}{verdict}
"""
CPU = """\
The machine was busy with other work, so the times are those of the processor, user and system, of all
threads; where a server answers they are those of the wall, and rough.

"""
HEAD = (
    "| what | solidb_odm, {unit} | beside | {unit} | ratio | off | growth | aim | |\n"
    "|---|--:|---|--:|--:|--:|--:|---|---|"
)


def page(
    areas: list[tuple[Area, list[int], list[Steps] | None]], repetitions: int, note: str, *, cpu: bool
) -> str:
    """Write the whole page from what was found of each area at its sizes."""
    sections = [section(area, sizes, steps) for area, sizes, steps in areas]
    missed = [
        row.what if not row.beside else f"{row.what}, beside {row.beside}"
        for area, sizes, steps in areas
        if steps is not None
        for row in area.rows
        if is_missed(row, sizes, steps)
    ]
    aims = sum(bool(row.aims) for area, _, steps in areas if steps is not None for row in area.rows)
    verdict = f"{aims - len(missed)} of {aims} aims are met." + (
        f" **Not met:** {'; '.join(missed)}." if missed else ""
    )
    head = INTRODUCTION.format(
        machine=_machine(),
        repetitions=repetitions,
        verdict=verdict,
        note=f" {note}" if note else "",
        clock=CPU if cpu else "",
    )
    return "\n".join([head, *sections])


def section(area: Area, sizes: list[int], steps: list[Steps] | None) -> str:
    """Write the section of an area."""
    said = f"## {area.title}\n\n{area.text.strip()}\n"
    if steps is None:
        return f"{said}\nNot measured in this run.\n"
    said += f"\nSizes: {' · '.join(f'{size:,}' for size in sizes)} {area.of}.\n"
    lines = "\n".join(line(row, sizes, steps) for row in area.rows)
    return f"{said}\n{HEAD.format(unit=area.unit)}\n{lines}\n"


def line(row: Row, sizes: list[int], steps: list[Steps]) -> str:
    """Write one line."""
    ours = [step[row.step][OURS] for step in steps]
    others = [step[row.step][row.beside] for step in steps] if row.beside else []
    cells = [row.what, _numbers([timing.on for timing in ours]), row.beside]
    cells.append(_numbers([timing.on for timing in others]))
    cells.append(" · ".join(f"{ratio:.2f}" for ratio in _ratios(ours, others, on=True)))
    cells.append(" · ".join(f"{ratio:.2f}" for ratio in _ratios(ours, others, on=False)))
    cells.append(_growth(ours, sizes))
    cells.append(", ".join(map(_aim, row.aims)))
    cells.append("" if not row.aims else "**no**" if is_missed(row, sizes, steps) else "yes")
    return f"| {' | '.join(cells)} |"


def is_missed(row: Row, sizes: list[int], steps: list[Steps]) -> bool:
    """Return whether a line does not reach an aim."""
    ours = [step[row.step][OURS] for step in steps]
    others = [step[row.step][row.beside] for step in steps] if row.beside else []
    return any(not _is_reached(aim, ours, others, len(sizes) // 2) for aim in row.aims)


def _is_reached(aim: Aim, ours: list[Timing], others: list[Timing], middle: int) -> bool:
    if aim.kind == "growth":
        return ours[-1].on <= aim.limit * ours[middle].on
    if aim.kind == "absolute":
        return ours[middle].on <= aim.limit
    if aim.kind == "share":
        return ours[middle].on >= aim.limit
    ratio = _ratios(ours, others, on=True)[middle]
    return ratio <= aim.limit if aim.kind == "ratio" else 1 / ratio >= aim.limit


def _ratios(ours: list[Timing], others: list[Timing], *, on: bool) -> list[float]:
    pairs = zip(ours, others, strict=True) if others else ()
    return [(a.on if on else a.off) / max(b.on if on else b.off, 1e-9) for a, b in pairs]


def _growth(ours: list[Timing], sizes: list[int]) -> str:
    middle = len(sizes) // 2
    if len(sizes) < 2 or sizes[-1] == sizes[middle]:
        return ""
    return f"{ours[-1].on / max(ours[middle].on, 1e-9) / (sizes[-1] / sizes[middle]):.2f}"


def _numbers(values: list[float]) -> str:
    return " · ".join(f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values)


def _aim(aim: Aim) -> str:
    return {
        "ratio": f"≤ {aim.limit:g}",
        "faster": f"{aim.limit:g} times as fast",
        "absolute": f"≤ {aim.limit:g}",
        "growth": f"largest ≤ {aim.limit:g} times the middle one",
        "share": f"≥ {aim.limit:g}",
    }[aim.kind]


def _machine() -> str:
    parts = [
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"Pydantic {version('pydantic')}",
        f"SQLAlchemy {version('sqlalchemy')}",
    ]
    return ", ".join(parts)
