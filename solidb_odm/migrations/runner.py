"""Running revisions: which, in what order, and from where they stand, as operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._types import JsonObject
from ..commands import DescribeCollection, GetMany, Inserts, Operation, Removals, RunQuery, SetSchema, call
from ..commands.replica import ReadSettings
from ..errors import (
    CollectionNotFound,
    IrreversibleMigration,
    MigrationError,
    MigrationFailed,
    RevisionChanged,
    SolidbError,
    UsageError,
)
from ..language.parser import parse
from ..schema.creation import LEDGER
from .history import History, Revision, is_relative
from .ledger import (
    ATTIC,
    Checkpoint,
    Ledger,
    Progress,
    Run,
    acquire,
    attic_key,
    begin,
    now,
    prepare,
    read_ledger,
    write,
)
from .performers import Work, perform, sync_schema
from .preflight import preflight
from .render import step_fingerprint
from .replay import apply_step
from .state import State, copy_of
from .steps import Step, phase_of, writes_documents

_FRESH: JsonObject = {"after": "", "done": 0, "total": 0, "pending": [], "phase": "", "place": 0}


@dataclass
class Task:
    """One revision that is to be run or undone: its steps with the numbers of what they undo."""

    revision: Revision
    direction: str
    steps: list[tuple[Step, int]]
    before: State

    @property
    def plain_steps(self) -> list[Step]:
        """The steps alone."""
        return [step for step, _ in self.steps]


def applied_ids(history: History, ledger: Ledger) -> set[str]:
    """Return the revisions that count as run: a squashed one does where all it replaces has."""
    ids = set(ledger.checksums)
    for revision in history.ordered():
        if revision.replaces and set(revision.replaces) <= ids:
            ids.add(revision.id)
        elif revision.id in ids:
            ids |= set(revision.replaces)
    return ids


def changed_ids(history: History, ledger: Ledger) -> list[str]:
    """Return the revisions that have run and are missing now, or do something else."""
    replaced = {name for revision in history.by_id.values() for name in revision.replaces}
    running = str((ledger.running or {}).get("revision", ""))
    changed: list[str] = []
    for name, checksum in sorted(ledger.checksums.items()):
        revision = history.by_id.get(name)
        if (revision is None and name not in replaced) or (
            revision is not None and revision.checksum != checksum and name != running
        ):
            changed.append(name)
    return changed


def _target(history: History, applied: set[str], name: str) -> set[str]:
    """Return what has run after going to a target; one in the middle of a squashed span is none."""
    if name not in ("base", "head", "heads") and not is_relative(name):
        revision = history.find(name)
        if revision.id in history.skipped(applied):
            raise MigrationError(
                f"{revision.name} is part of a squashed revision", hint="name that, or the one before it"
            )
    return history.target(name, applied)


def upgrade_tasks(history: History, applied: set[str], target: str, phase: str) -> list[Task]:
    """Return what is to be run to get to a target."""
    wanted = _target(history, applied, target)
    tasks: list[Task] = []
    for revision, state in history.states(applied):
        if revision.id in applied or revision.id not in wanted:
            continue
        steps = revision.upgrade_steps()
        if phase == "expand" and any(phase_of(step) == "contract" for step in steps):
            break
        tasks.append(Task(revision, "u", list(zip(steps, range(len(steps)), strict=True)), copy_of(state)))
    return tasks


def downgrade_tasks(history: History, applied: set[str], target: str) -> list[Task]:
    """Return what is to be undone to get to a target; IrreversibleMigration if something can't be."""
    wanted = _target(history, applied, target)
    tasks: list[Task] = []
    for revision, state in history.states(applied):
        if revision.id not in applied or revision.id in wanted:
            continue
        before = copy_of(state)
        back = history.way_back(revision, before)
        for step, _ in back:
            if step.operation == "irreversible":
                raise IrreversibleMigration(
                    f"{revision.name} can't be undone: {step['reason']}", hint="nothing was changed"
                )
        after = copy_of(state)
        history.replay(revision, after)
        tasks.append(Task(revision, "d", back, after))
    return tasks[::-1]


def upgrade(run: Run, history: History, target: str, phase: str) -> Operation[list[Revision]]:
    """Run what is pending up to a target, under the lease."""
    ledger = yield from _locked(run, history)
    applied = applied_ids(history, ledger)
    if ledger.running is not None and ledger.running["direction"] == "d":
        raise MigrationError(
            f"the downgrade of {ledger.running['revision']} was interrupted",
            hint=f"solidb-odm downgrade {ledger.running['revision']}: to continue",
        )
    tasks = upgrade_tasks(history, applied, target, phase)
    if ledger.running is not None and ledger.running["revision"] not in [t.revision.id for t in tasks]:
        others = upgrade_tasks(history, applied, str(ledger.running["revision"]), "contract")
        tasks = [*others, *(task for task in tasks if task.revision not in [o.revision for o in others])]
    done = yield from _run_tasks(run, tasks, ledger)
    return done


def downgrade(run: Run, history: History, target: str) -> Operation[list[Revision]]:
    """Undo what has run after a target, under the lease."""
    ledger = yield from _locked(run, history)
    applied = applied_ids(history, ledger)
    running = ledger.running
    if running is not None and running["direction"] == "u":
        raise MigrationError(
            f"the upgrade to {running['revision']} was interrupted",
            hint="continue it by upgrade; then it can be undone",
        )
    if running is not None and target.startswith("-"):
        applied.add(str(running["revision"]))
    tasks = downgrade_tasks(history, applied, target)
    done = yield from _run_tasks(run, tasks, ledger)
    return done


def _locked(run: Run, history: History) -> Operation[Ledger]:
    yield from acquire(run)
    yield from prepare()
    ledger = yield from read_ledger()
    changed = changed_ids(history, ledger)
    if changed:
        missing = [name for name in changed if name not in history.by_id]
        what = "is missing" if missing else "is not what has run on this database"
        raise RevisionChanged(
            f"revision {', '.join(missing or changed)} {what}",
            hint=f"restore the file (git checkout), or accept it as it is: solidb-odm stamp {changed[0]}",
        )
    return ledger


def _run_tasks(run: Run, tasks: Sequence[Task], ledger: Ledger) -> Operation[list[Revision]]:
    done: list[Revision] = []
    yield from _check_is_here(tasks)
    for task in tasks:
        yield from run_task(run, task, ledger)
        done.append(task.revision)
        ledger.running = None
    return done


def _check_is_here(tasks: Sequence[Task]) -> Operation[None]:
    """Refuse to change documents in an offline store: each device would push what the server does once."""
    refused = [(task, step) for task in tasks for step in task.plain_steps if writes_documents(step)]
    if not refused or not (yield from _is_replica()):
        return
    task, step = refused[0]
    raise MigrationError(
        f"revision {task.revision.id}: {step.operation} on {step.collection!r} changes documents,"
        " and this is an offline store",
        hint="run the revision on the server: what it changes arrives here by sync; then stamp it here",
    )


def _is_replica() -> Operation[bool]:
    try:
        yield from call(ReadSettings())
    except (CollectionNotFound, UsageError):
        return False
    return True


def run_task(run: Run, task: Task, ledger: Ledger) -> Operation[None]:
    """Run or undo one revision, from where it stands."""
    checkpoint = yield from _begin(run, task, ledger)
    yield from _loosen(task)
    state = copy_of(task.before)
    sums = [step_fingerprint(step) for step, _ in task.steps]
    for at, (step, number) in enumerate(task.steps):
        if at >= int(checkpoint.body["step"]):
            _report(run, task, at, step)
            yield from _perform(Work(checkpoint, state, step, number, task.direction))
        apply_step(state, step)
        if at >= int(checkpoint.body["step"]):
            yield from checkpoint.write([], {**_FRESH, "step": at + 1, "sums": sums[: at + 1]})
        if run.stopped and at + 1 < len(task.steps):
            raise KeyboardInterrupt
    for collection in state.values():
        if collection.validation != "off" or collection.name in task.before:
            yield from sync_schema(collection)
    yield from _finish(run, task, checkpoint)


def _loosen(task: Task) -> Operation[None]:
    """Take away the strict schemas that the steps change, until all of them have run.

    What stands between two shapes fits neither, and engines hold the writes of queries to the schema.
    """
    after = copy_of(task.before)
    for step in task.plain_steps:
        apply_step(after, step)
    for name, before in task.before.items():
        spec = after[name].spec() if name in after else None
        if before.validation == "strict" and (spec is None or spec.schema != before.spec().schema):
            described = yield from call(DescribeCollection(name))
            if described is not None and described.schema is not None:
                yield from call(SetSchema(name, None, "off"))


def _begin(run: Run, task: Task, ledger: Ledger) -> Operation[Checkpoint]:
    running = ledger.running
    if running is None or running["revision"] != task.revision.id:
        yield from preflight(
            task.before, task.plain_steps, allow_loss=run.allow_loss, undoes=task.direction == "d"
        )
        body: JsonObject = {
            "revision": task.revision.id,
            "direction": task.direction,
            "step": 0,
            "sums": [],
            "at": now(),
            **_FRESH,
        }
        return (yield from begin(run, body))
    done = int(running["step"])
    sums = [step_fingerprint(step) for step, _ in task.steps[:done]]
    if sums != list(running["sums"])[:done]:
        raise RevisionChanged(
            f"{task.revision.name} stopped at step {done + 1}, and a step before that has changed since",
            hint="restore the steps that are done; the one that failed and later ones may be changed",
        )
    return Checkpoint(run, dict(running), ledger.running_rev)


def _perform(work: Work) -> Operation[None]:
    try:
        yield from perform(work)
    except MigrationError:
        raise
    except SolidbError as error:
        key = getattr(error, "key", None) or None
        raise MigrationFailed(
            f"{work.step.operation} on {work.step.collection or 'a query'} failed: {error.message}",
            revision=str(work.checkpoint.body["revision"]),
            key=key,
            hint=error.hint or "correct the revision from this step on, and upgrade again",
        ) from error


def _report(run: Run, task: Task, at: int, step: Step) -> None:
    if run.on_progress is not None:
        run.on_progress(Progress(task.revision.id, at, step.operation, step.collection, 0, 0))


def _finish(run: Run, task: Task, checkpoint: Checkpoint) -> Operation[None]:
    key = f"rev-{task.revision.id}"
    over = Removals(LEDGER, [("running", checkpoint.revision)])
    if task.direction == "u":
        yield from write(run, [over, Inserts(LEDGER, [(key, _row(task.revision))])])
        return
    stored = yield from _revision_rows([task.revision.id, *task.revision.replaces])
    yield from write(run, [over, Removals(LEDGER, stored)])
    prefix = attic_key(task.revision.id, "u", 0, "").partition("-u")[0] + "-u"
    text = f"FOR a IN `{ATTIC}` FILTER a._key >= @low AND a._key < @high REMOVE a IN `{ATTIC}`"
    yield from call(RunQuery(parse(text), {"low": prefix, "high": prefix + "~"}))
    yield from write(run, [])


def _row(revision: Revision) -> JsonObject:
    return {
        "_key": f"rev-{revision.id}",
        "revision": revision.id,
        "checksum": revision.checksum,
        "words": revision.words,
        "at": now(),
    }


def _revision_rows(ids: Sequence[str]) -> Operation[list[tuple[str, str]]]:
    rows = yield from call(GetMany(LEDGER, [f"rev-{name}" for name in ids]))
    return [(stored[0], stored[1]) for stored in rows]


def stamp(run: Run, history: History, target: str, *, purge: bool = False) -> Operation[list[Revision]]:
    """Note that the database is at a target, and run nothing; checksums are taken as they are.

    A revision that has run and is changed, or missing, is accepted as it is: nothing else moves.
    """
    yield from acquire(run)
    yield from prepare()
    ledger = yield from read_ledger()
    if target in changed_ids(history, ledger):
        return (yield from _accept(run, history, target))
    wanted = history.target(target, applied_ids(history, ledger))
    chosen = [revision for revision in history.ordered() if revision.id in wanted]
    old = yield from _revision_rows(sorted(ledger.checksums))
    rows = [(f"rev-{revision.id}", _row(revision)) for revision in chosen]
    removals = list(old)
    if ledger.running is not None and (purge or ledger.running["revision"] in wanted):
        removals.append(("running", ledger.running_rev))
    if removals or rows:
        yield from write(run, [Removals(LEDGER, removals), Inserts(LEDGER, rows)])
    return chosen


def _accept(run: Run, history: History, changed: str) -> Operation[list[Revision]]:
    old = yield from _revision_rows([changed])
    known = history.by_id.get(changed)
    rows = [] if known is None else [(f"rev-{changed}", _row(known))]
    yield from write(run, [Removals(LEDGER, old), Inserts(LEDGER, rows)])
    return [] if known is None else [known]
