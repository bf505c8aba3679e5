"""Run all measurements, print them, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import page
from .area import Area, Setting, Steps
from .areas import AREAS
from .timing import Timing, Watch, processor

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
QUICK = 10
"""What --quick divides sizes by."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="how often (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, once; no page")
    parser.add_argument("--shrink", type=int, default=1, help="divide the sizes by this")
    parser.add_argument(
        "--only", action="append", choices=[area.name for area in AREAS], help="measure this; no page"
    )
    parser.add_argument("--size", type=int, help="one size instead of three; no page")
    parser.add_argument("--cpu", action="store_true", help="take the processor's time, on a busy machine")
    parser.add_argument("--note", default="", help="what to say of the machine, for the page")
    parser.add_argument(
        "--results",
        type=Path,
        help="a file to keep what was measured in: only what it lacks is measured",
    )
    parser.add_argument(
        "--only-page", action="store_true", help="write the page of --results; measure nothing"
    )
    parser.add_argument("--no-page", action="store_true", help="write no page")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    areas = [area for area in AREAS if not options.only or area.name in options.only]
    repetitions = 1 if options.quick else options.repeat
    sections: list[tuple[Area, list[int], list[Steps] | None]] = []
    kept = json.loads(options.results.read_text()) if options.results and options.results.exists() else {}
    for area in areas:
        sizes = [options.size] if options.size else sizes_of(area, QUICK if options.quick else options.shrink)
        if options.json:
            print(json.dumps(measured(area, sizes[0], repetitions, cpu=options.cpu)))
            continue
        started = time.monotonic()
        if options.only_page and area.name not in kept:
            sections.append((area, sizes, None))
            continue
        if [area.name, sizes] not in kept.get("areas", []):
            steps = [in_own_process(area, size, repetitions, cpu=options.cpu) for size in sizes]
            kept[area.name] = steps
            kept["areas"] = [*kept.get("areas", []), [area.name, sizes]]
            if options.results:
                options.results.write_text(json.dumps(kept))
        known = [timed(step) for step in kept[area.name] if step is not None]
        sections.append((area, sizes, known if len(known) == len(sizes) else None))
        print(page.section(*sections[-1]))
        print(f"({time.monotonic() - started:.0f} s)\n", flush=True)
    if not (options.only or options.no_page or options.quick or options.size or options.json):
        PAGE.write_text(page.page(sections, repetitions, options.note, cpu=options.cpu))


def sizes_of(area: Area, shrink: int) -> list[int]:
    """Return the sizes that an area is measured at."""
    return [max(1, size // shrink) for size in area.sizes]


def in_own_process(area: Area, size: int, repetitions: int, *, cpu: bool) -> Any:
    """Measure an area in a process that holds nothing of the others."""
    command = [sys.executable, "-m", "benchmarks", "--json", "--only", area.name, *(["--cpu"] * cpu)]
    ended = subprocess.run(
        [*command, "--size", str(size), "--repeat", str(repetitions)], stdout=subprocess.PIPE, check=True
    )
    return json.loads(ended.stdout)


def timed(steps: Any) -> Steps:
    """Return times as they were before JSON had them."""
    return {step: {side: Timing(**timing) for side, timing in sides.items()} for step, sides in steps.items()}


def measured(area: Area, size: int, repetitions: int, *, cpu: bool) -> object:
    """Measure an area here; the times as JSON has them."""
    Watch.clock = processor if cpu and not area.waits else time.perf_counter
    with TemporaryDirectory() as folder:
        steps = area.measure(Setting(size, repetitions, Path(folder)))
    return steps and {
        step: {side: asdict(timing) for side, timing in sides.items()} for step, sides in steps.items()
    }


if __name__ == "__main__":
    main()
