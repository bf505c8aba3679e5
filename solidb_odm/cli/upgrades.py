"""The commands that only look: current, plan, check, diff, inspect, doctor.

The commands that change a database: upgrade, downgrade, stamp, attic.
"""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from ..errors import SolidbError
from ..migrations.history import Revision
from ..migrations.ledger import Progress
from ..migrations.migrator import Migrator
from ..migrations.model_text import inspect_models
from ..migrations.reports import Check, model_differences
from .dispatch import Context, print_json, print_table
from .revisions import files_of, need_models, revision_named

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
        _show_plan(context, migrator, options.phase)
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
        _show_plan(context, migrator, "contract")
        return
    done = migrator.downgrade(
        options.revision, wait=options.wait, allow_loss=options.allow_loss, on_progress=ProgressLines()
    )
    _report(context, "undone:", done)


def _show_plan(context: Context, migrator: Migrator, phase: str) -> None:
    revision = context.options.revision
    if context.options.json:
        print_json(migrator.plan(revision, phase=phase))
    else:
        print(migrator.script(revision, phase=phase), end="")


def stamp(context: Context) -> None:
    """Note where the database is."""
    done = migrator_of(context).stamp(context.options.revision, purge=context.options.purge)
    if not done and not context.options.json:
        print("stamped: base, no revision has run")
        return
    _report(context, "stamped:", done)


def _report(context: Context, words: str, done: list[Revision]) -> None:
    if context.options.json:
        print_json(done)
        return
    for revision in done:
        print(f"{words} {revision.name}")
    if not done:
        print("nothing to do")


def attic(context: Context) -> None:
    """List or destroy what was dropped."""
    migrator = migrator_of(context)
    if context.options.purge:
        name = context.options.purge
        count = migrator.purge(name if name == "all" else revision_named(context, name).id)
        print_json({"documents": count}) if context.options.json else print(
            f"{count} documents' values deleted"
        )
        return
    kept = migrator.attic()
    if context.options.json:
        print_json(kept)
    elif kept:
        rows = [(s.revision, s.operation, s.collection, s.path or "-", s.documents) for s in kept]
        print_table(("revision", "operation", "collection", "path", "documents"), rows)
    else:
        print("the attic is empty")


def current(context: Context) -> None:
    """Return where the database stands."""
    current = migrator_of(context).current()
    if context.options.json:
        print_json(current)
        return
    print("\n".join(current.revisions) or "no revision has run")
    for changed in current.changed:
        print(f"changed since it ran: {changed}")
    if current.running is not None:
        running = current.running
        where = f"{running.revision} at step {running.step + 1}"
        print(f"stopped in {where}: {running.done} of {running.total} documents")


def plan(context: Context) -> None:
    """Return what an upgrade would do."""
    plan = migrator_of(context).plan(context.options.revision, phase=context.options.phase)
    if context.options.json:
        print_json(plan)
        return
    rows = [
        (
            s.revision,
            s.operation,
            s.collection,
            s.documents,
            s.loses,
            s.seconds,
            "yes" if s.reversible else "no",
            s.phase,
        )
        for s in plan.steps
    ]
    head = ("revision", "operation", "collection", "documents", "loses", "seconds", "reversible", "phase")
    print_table(head, rows) if rows else print("nothing to do")
    for step in plan.steps:
        if step.note:
            print(f"note: {step.revision}, {step.text}: {step.note}")


def check(context: Context) -> int:
    """Return what differs; 3 if anything does."""
    if context.options.offline or not context.url:
        check = _offline(context)
    else:
        check = migrator_of(context).check(documents=context.options.documents)
    if context.options.json:
        print_json(check)
    else:
        _print_check(check)
    return 0 if check.ok else 3


def _offline(context: Context) -> Check:
    files = files_of(context)
    history = files.history()
    models = model_differences(history, files.declared()) if context.configuration.models else []
    return Check(models, [], [], [], [], [head.id for head in history.heads()])


def _print_check(check: Check) -> None:
    for title, lines in (
        ("the models differ from the revisions", check.models),
        ("the database differs from the revisions", check.database),
        ("documents do not fit", check.documents),
        ("revisions are pending", check.pending),
        ("revisions are not what has run", check.changed),
        ("the history has several heads", check.heads if len(check.heads) > 1 else []),
    ):
        if lines:
            print(f"{title}:")
            print(textwrap.indent("\n".join(lines), "  "))
    for line in check.mentioned:
        print(f"note: {line}")
    if check.ok:
        print("models, revisions and database agree")


def diff(context: Context) -> None:
    """List what the models have changed."""
    need_models(context)
    difference = files_of(context).diff()
    if context.options.json:
        print_json(difference)
    else:
        print("\n".join(map(str, difference)) or "nothing has changed")


def inspect(context: Context) -> None:
    """Write models from a database."""
    text = context.engine.run(inspect_models())
    if context.options.out:
        Path(context.options.out).write_text(text, encoding="utf-8")
        print(f"wrote {context.options.out}")
    else:
        print(text, end="")


def doctor(context: Context) -> int:
    """Look whether everything is in place; 1 if something is not."""
    looks: list[tuple[str, bool, str]] = []
    configuration = context.configuration
    looks.append(("configuration", configuration.file is not None, str(configuration.file or "none found")))
    _look(looks, "models", lambda: f"{len(files_of(context).models)} classes")
    _look(
        looks, "revisions", lambda: f"{len(files_of(context).history().by_id)} in {configuration.migrations}"
    )
    _look(looks, "one head", lambda: str(files_of(context).history().head() or "none yet"))
    if context.url:
        _look(
            looks,
            "database",
            lambda: ", ".join(migrator_of(context).current().revisions) or "no revision has run",
        )
    if context.options.json:
        print_json([{"name": name, "ok": ok, "found": detail} for name, ok, detail in looks])
    else:
        for name, ok, detail in looks:
            print(f"{'ok ' if ok else 'no '} {name}: {detail}")
    return 0 if all(ok for _, ok, _ in looks) else 1


def _look(looks: list[tuple[str, bool, str]], name: str, find: Any) -> None:
    try:
        looks.append((name, True, find()))
    except SolidbError as error:
        looks.append((name, False, str(error).replace("\n", " ")))
