"""The commands that change a database: upgrade, downgrade, stamp, attic."""

from __future__ import annotations

import sys
import time

from ..migrations import Migrator, Progress, Revision
from .dispatch import Context
from .output import print_json, print_table

_SECONDS_BETWEEN_LINES = 1.0


def migrator_of(context: Context) -> Migrator:
    """Return the migrator of the configuration."""
    configuration = context.configuration
    return Migrator(context.engine, configuration.migrations, models=configuration.models)


class ProgressLines:
    """Prints how far a run is: a line a step, and one a second where a step takes long."""

    def __init__(self) -> None:
        self._step: tuple[str, int] | None = None
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        step = (progress.revision, progress.step)
        if step != self._step:
            self._step, self._last = step, time.monotonic()
            print(
                f"{progress.revision}  step {progress.step + 1}: {progress.operation} {progress.collection}",
                file=sys.stderr,
            )
            return
        if time.monotonic() - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = time.monotonic()
        left = "" if progress.seconds is None else f", about {progress.seconds:.0f} s left"
        print(f"    {progress.done} of {progress.total} documents{left}", file=sys.stderr)


def upgrade(context: Context) -> None:
    """Run what is pending."""
    options, migrator = context.options, migrator_of(context)
    if options.dry_run:
        print(migrator.script(options.revision, phase=options.phase), end="")
        return
    done = migrator.upgrade(
        options.revision,
        phase=options.phase,
        wait=options.wait,
        allow_loss=options.allow_loss,
        on_progress=ProgressLines(),
    )
    _report(context, "upgraded to", done)


def downgrade(context: Context) -> None:
    """Undo what has run after a revision."""
    options, migrator = context.options, migrator_of(context)
    if options.dry_run:
        print(migrator.script(options.revision), end="")
        return
    done = migrator.downgrade(
        options.revision, wait=options.wait, allow_loss=options.allow_loss, on_progress=ProgressLines()
    )
    _report(context, "undone:", done)


def stamp(context: Context) -> None:
    """Note where the database is."""
    done = migrator_of(context).stamp(context.options.revision, purge=context.options.purge)
    _report(context, "stamped:", done)


def _report(context: Context, words: str, done: list[Revision]) -> None:
    if context.options.json:
        print_json(done)
        return
    for each in done:
        print(f"{words} {each.name}")
    if not done:
        print("nothing to do")


def attic(context: Context) -> None:
    """List or destroy what was dropped."""
    migrator = migrator_of(context)
    if context.options.purge:
        count = migrator.purge(context.options.purge)
        print(f"{count} documents' values destroyed")
        return
    found = migrator.attic()
    if context.options.json:
        print_json(found)
    elif found:
        rows = [(s.revision, s.operation, s.collection, s.path or "-", s.documents) for s in found]
        print_table(("revision", "operation", "collection", "path", "documents"), rows)
    else:
        print("the attic is empty")
