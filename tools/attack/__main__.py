"""``python -m tools.attack [--seconds 300] [--seed N] [names ..]``: run the campaigns, tell what they found.

The exit code is 1 if a rule was broken; the seed that is printed gives the same campaign again.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

from .boundaries import files, takers, wrong_answers
from .campaign import Campaign, Ground, Report
from .inputs import answers, texts, urls
from .interruptions import migration_interrupts, pool_cancellations, sync_interrupts
from .moments import cancellations, interrupts
from .processes import damage, disks, forks, kills, neighbours, stores
from .servers import client_kills, server_cancellations, server_kills

CAMPAIGNS: dict[str, Campaign] = {
    campaign.__name__: campaign
    for campaign in (
        *(kills, stores, forks, neighbours, disks, damage, interrupts, cancellations, texts, urls, answers),
        *(sync_interrupts, migration_interrupts, pool_cancellations),
        *(takers, files, wrong_answers, server_kills, client_kills, server_cancellations),
    )
}


def main() -> int:
    """Run the campaigns that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="tools.attack", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CAMPAIGNS, []], help="campaigns; all without")
    parser.add_argument("--seconds", type=float, default=300, help="for all campaigns together")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()  # what the engines say of damaged files is not of interest
    names = options.names or list(CAMPAIGNS)
    reports = {name: _run(name, options.seed, options.seconds / len(names)) for name in names}
    print(f"\nseed {options.seed}\n\n| campaign | rounds | faults |\n|---|---|---|")
    for name, report in reports.items():
        print(f"| {name} | {report.rounds:,} | {len(report.faults)} |")
    for name, report in reports.items():
        for fault in report.faults[:10]:
            print(f"FAULT {name}: {fault[:400]}", file=sys.stderr)
    return int(any(report.faults for report in reports.values()))


def _run(name: str, seed: int, seconds: float) -> Report:
    report = Report()
    print(f"{name} ..", flush=True)
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        ground = Ground(random.Random(f"{seed} {name}"), time.monotonic() + seconds, Path(folder))
        CAMPAIGNS[name](ground, report)
    return report


if __name__ == "__main__":
    sys.exit(main())
