"""How long the package takes to import, beside what it stands on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from statistics import median

from .timing import milliseconds

NOTHING = "pass"
OURS, BASE = "import solidb_odm", "import pydantic, anyio"
OURS_USED, BASE_USED = (
    "from solidb_odm import Document, Session",
    "from pydantic import BaseModel; import anyio",
)


@dataclass(frozen=True)
class ImportTimes:
    """Medians of whole processes, in milliseconds, by what they run."""

    median: dict[str, float]

    def ratio(self, over: str, under: str) -> float:
        """Return how many times as long the first takes as the second."""
        return self.median[over] / self.median[under]


def measure(repetitions: int) -> ImportTimes:
    """Start interpreters in turns, once to warm up and then ``repetitions`` times."""
    times: dict[str, list[float]] = {code: [] for code in (NOTHING, BASE, OURS, BASE_USED, OURS_USED)}
    for repetition in range(repetitions + 1):
        for code, taken in times.items():
            time = milliseconds(partial(_start, code))
            if repetition:
                taken.append(time)
    return ImportTimes({code: median(taken) for code, taken in times.items()})


def _start(code: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
