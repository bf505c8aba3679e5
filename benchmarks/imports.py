"""How long the package takes to import, beside what it stands on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

from .timing import milliseconds

OURS, BASE, NOTHING = "import solidb_odm", "import pydantic, anyio", "pass"


@dataclass(frozen=True)
class ImportTimes:
    """Medians of whole processes, in milliseconds; ``nothing`` is an interpreter that imports nothing."""

    ours: float
    base: float
    nothing: float


def measure(repetitions: int) -> ImportTimes:
    """Start interpreters in turns, once to warm up and then ``repetitions`` times."""
    times: dict[str, list[float]] = {OURS: [], BASE: [], NOTHING: []}
    for repetition in range(repetitions + 1):
        for code, taken in times.items():
            time = milliseconds(lambda code=code: _start(code))
            if repetition:
                taken.append(time)
    return ImportTimes(*(median(taken) for taken in times.values()))


def _start(code: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
