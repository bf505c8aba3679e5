"""The commands that only look: current, plan, check, diff, inspect, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import SolidbError
from ..migrations import Check
from ..migrations.inspection import inspect_models
from ..migrations.reports import model_differences
from .dispatch import Context
from .output import print_json, print_table
from .revisions import files_of
from .runs import migrator_of


def current(context: Context) -> None:
    """Return where the database stands."""
    found = migrator_of(context).current()
    if context.options.json:
        print_json(found)
        return
    print("\n".join(found.revisions) or "no revision has run")
    for each in found.changed:
        print(f"changed since it ran: {each}")
    if found.running is not None:
        running = found.running
        where = f"{running.revision} at step {running.step + 1}"
        print(f"stopped in {where}: {running.done} of {running.total} documents")


def plan(context: Context) -> None:
    """Return what an upgrade would do."""
    found = migrator_of(context).plan(context.options.revision, phase=context.options.phase)
    if context.options.json:
        print_json(found)
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
        for s in found.steps
    ]
    head = ("revision", "operation", "collection", "documents", "loses", "seconds", "reversible", "phase")
    print_table(head, rows) if rows else print("nothing to do")


def check(context: Context) -> int:
    """Return what differs; 3 if anything does."""
    if context.options.offline or not context.url:
        found = _offline(context)
    else:
        found = migrator_of(context).check(documents=context.options.documents)
    if context.options.json:
        print_json(found)
    else:
        _print_check(found)
    return 0 if found.ok else 3


def _offline(context: Context) -> Check:
    files = files_of(context)
    history = files.history()
    models = model_differences(history, files.declared()) if context.configuration.models else []
    return Check(models, [], [], [], [], [each.id for each in history.heads()])


def _print_check(found: Check) -> None:
    for title, lines in (
        ("the models differ from the revisions", found.models),
        ("the database differs from the revisions", found.database),
        ("documents do not fit", found.documents),
        ("revisions are pending", found.pending),
        ("revisions are not what has run", found.changed),
        ("the history has several heads", found.heads if len(found.heads) > 1 else []),
    ):
        if lines:
            print(f"{title}:")
            print("\n".join(f"  {line}" for line in lines))
    for line in found.mentioned:
        print(f"note: {line}")
    if found.ok:
        print("models, revisions and database agree")


def diff(context: Context) -> None:
    """List what the models have changed."""
    found = files_of(context).diff()
    lines = [str(step) for step in found]
    if context.options.json:
        print_json(lines)
    else:
        print("\n".join(lines) or "nothing has changed")


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
        print_json([{"name": name, "ok": ok, "found": found} for name, ok, found in looks])
    else:
        for name, ok, found in looks:
            print(f"{'ok ' if ok else 'no '} {name}: {found}")
    return 0 if all(ok for _, ok, _ in looks) else 1


def _look(looks: list[tuple[str, bool, str]], name: str, find: Any) -> None:
    try:
        looks.append((name, True, find()))
    except SolidbError as error:
        looks.append((name, False, str(error).replace("\n", " ")))
