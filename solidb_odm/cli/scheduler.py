"""``solidb-odm scheduler``: enqueue the jobs of schedules when they are due.

Any number may run at the same time; every due job is enqueued once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..client import Client
from ..errors import ConnectionFailed, RequestTimeout
from .dispatch import Context


def command(context: Context) -> None:
    """Run the command."""
    options = context.options
    with Client(context.url) as client:
        if options.once:
            tick(client)
        else:
            run(client, options.interval)


def run(client: Client, interval: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Look for what is due again and again, until it is interrupted; wait while the server is away."""
    try:
        while True:
            try:
                tick(client)
            except (ConnectionFailed, RequestTimeout) as problem:
                print(f"waiting for the server: {problem.message}")
            pause(interval)
    except KeyboardInterrupt:
        return


def tick(client: Client) -> int:
    """Enqueue what is due; return how many jobs."""
    jobs = client.cron.run_due()
    for job in jobs:
        print(f"enqueued {job.id}: {job.script_path}")
    return len(jobs)
