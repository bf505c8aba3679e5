"""``python -m tools.sync_histories [--rounds 5] [--seeds 1000] [--steps 1000]``: random histories, by night.

Devices, plain and transactional writers on a model server, with faults at every step; an edit that is lost, a
device that differs or a conflict where there is none is told with its seed. The exit code is 1 if one was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> int:
    """Run the histories, several processes at a time, and print what was found."""
    parser = argparse.ArgumentParser(prog="tools.sync_histories", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="each with seeds of its own")
    parser.add_argument("--seeds", type=int, default=1000, help="histories of a round")
    parser.add_argument("--steps", type=int, default=1000, help="moves of a history")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    faults = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for turn in range(options.rounds):
            begun, first = time.monotonic(), options.first + turn * options.seeds
            seeds = range(first, first + options.seeds)
            problems = [
                problem for problem in pool.map(history, seeds, [options.steps] * len(seeds)) if problem
            ]
            faults += len(problems)
            seconds = time.monotonic() - begun
            print(f"seeds {first} to {seeds[-1]}: {len(problems)} faults, {seconds:.0f} s", flush=True)
            for problem in problems[:10]:
                print(f"FAULT {problem[:600]}", file=sys.stderr)
    return int(faults > 0)


def history(seed: int, steps: int) -> str:
    """Run one history; return what was wrong, "" for nothing."""
    model: Any = import_module("tests.unit.offline.model_server")
    simulator: Any = import_module("tests.unit.offline.simulator")
    server = model.ModelServer()
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        run = simulator.Simulator(seed, Path(folder), server, steps=steps)
        try:
            run.run()
        except Exception as problem:  # noqa: BLE001  whatever it is, it is told with the seed
            return f"seed {seed}: {type(problem).__name__}: {problem}"
        finally:
            run.close()
            server.end()
    return ""


if __name__ == "__main__":
    sys.exit(main())
