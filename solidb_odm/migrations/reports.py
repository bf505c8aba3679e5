"""What ``plan``, ``check`` and ``current`` say, as values and as operations that find it out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from .._types import is_map, is_row
from ..commands import CountDocuments, DescribeCollection, ListCollections, Operation, call
from ..errors import CollectionNotFound, PendingMigrations
from ..language.parser import parse
from .decisions import Decisions
from .diff import diff
from .history import History
from .ledger import Ledger, body_of, read_ledger
from .passes import read_page
from .paths import split_target
from .preflight import misfit_of
from .query_passes import query_pass
from .replay import apply_step, reversal
from .runner import Task, applied_ids, changed_ids, downgrade_tasks, upgrade_tasks
from .state import State, copy_of
from .steps import UNSET, Step, phase_of, step_text

_SAMPLE = 200
_READS_A_CHANGE = 3
"""What it takes to read, change and write a document, in the time it takes to read one."""
_NOTES = {
    "execute": "if the run is killed just after this query, it runs again",
    "rename_collection": "a server can only copy: the documents get new times of creation",
}
_OVER_DOCUMENTS = (
    "add_field", "drop_field", "rename_field", "alter_field", "for_each", "recompute", "upgrade_documents",
    "rename_type", "create_index", "rename_collection", "drop_collection",
)  # fmt: skip


@dataclass(frozen=True)
class PlannedStep:
    """A step of a plan: what it costs, and what is lost.

    ``loses`` counts the documents that lose values permanently, without those in the attic. ``seconds``
    follow from the time that some of the documents take to be read. ``may_repeat`` says that a step that is
    killed just when it is done is run again: a query on a server. ``note`` says such things in words.
    """

    revision: str
    operation: str
    collection: str
    documents: int
    loses: int
    seconds: float
    reversible: bool
    phase: str
    text: str
    may_repeat: bool = False
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps that ``upgrade`` would run."""

    steps: list[PlannedStep] = field(default_factory=list[PlannedStep])


@dataclass(frozen=True)
class Running:
    """A run that is active or was interrupted."""

    revision: str
    step: int
    done: int
    total: int
    direction: str = "u"


@dataclass(frozen=True)
class Current:
    """The revisions that a database is at."""

    revisions: list[str]
    changed: list[str]
    running: Running | None


@dataclass(frozen=True)
class Check:
    """The differences between models and revisions, and between the database and the revisions it has run."""

    models: list[str]
    database: list[str]
    documents: list[str]
    pending: list[str]
    changed: list[str]
    heads: list[str]
    mentioned: list[str] = field(default_factory=list[str])

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        differing = (self.models, self.database, self.documents, self.pending, self.changed)
        return not any(differing) and len(self.heads) < 2


def current(history: History) -> Operation[Current]:
    """Return the revisions that the database is at, and a current or interrupted run."""
    ledger = yield from read_ledger()
    return current_of(history, ledger)


def current_of(history: History, ledger: Ledger) -> Current:
    """Return where a database with this ledger stands."""
    applied = set(ledger.checksums)
    known = [one for one in history.ordered() if one.id in applied]
    inner = {parent.id for revision in known for parent in history.parents(revision, all_=False)}
    tips = [revision.id for revision in known if revision.id not in inner]
    lost = sorted(name for name in applied if name not in history.by_id)
    running = None
    if ledger.running is not None:
        body = ledger.running
        running = Running(
            str(body["revision"]),
            int(body["step"]),
            int(body["done"]),
            int(body["total"]),
            str(body["direction"]),
        )
    return Current(tips or lost, changed_ids(history, ledger), running)


def plan(history: History, target: str, phase: str, *, is_file: bool) -> Operation[Plan]:
    """Return what going to a target would do, with the numbers of this database."""
    ledger = yield from read_ledger()
    applied = applied_ids(history, ledger)
    wanted = history.target(target, applied)
    tasks = upgrade_tasks(history, applied, target, phase)
    if not tasks and applied - wanted:
        tasks = downgrade_tasks(history, applied, target)
    steps: list[PlannedStep] = []
    paces: dict[str, float] = {}
    for task in tasks:
        steps += yield from _planned(task, paces, is_file)
    return Plan(steps)


def _planned(task: Task, paces: dict[str, float], is_file: bool) -> Operation[list[PlannedStep]]:
    state, names = copy_of(task.before), dict[str, str]()
    planned: list[PlannedStep] = []
    for step in task.plain_steps:
        collection = split_target(step.collection)[0]
        source = names.get(collection, collection)
        if step.operation == "rename_collection":
            names[step["new"]] = source
        documents = 0
        if step.operation in _OVER_DOCUMENTS:
            documents = yield from _count(source)
        if documents and source not in paces:
            paces[source] = yield from _pace(source)
        back = reversal(state, step)
        reversible = not any(undone.operation == "irreversible" for undone in back)
        loses = documents if step.get("keep", True) is False else 0
        apply_step(state, step)
        planned.append(
            PlannedStep(
                task.revision.id,
                step.operation,
                step.collection,
                documents,
                loses,
                round(documents * _READS_A_CHANGE * paces.get(source, 0), 3),
                reversible,
                phase_of(step),
                step_text(step),
                _may_repeat(step) and not is_file,
                "" if is_file or not _is_noted(step) else _NOTES.get(step.operation, ""),
            )
        )
    return planned


def _may_repeat(step: Step) -> bool:
    return step.operation == "execute" and query_pass(parse(step["sdbql"])) is None


def _is_noted(step: Step) -> bool:
    return step.operation != "execute" or _may_repeat(step)


def _pace(collection: str) -> Operation[float]:
    """Return the seconds that one document takes to be read."""
    begun = time.perf_counter()
    page = yield from read_page(collection, "", _SAMPLE)
    return (time.perf_counter() - begun) / max(len(page), 1)


def _count(collection: str) -> Operation[int]:
    try:
        return (yield from call(CountDocuments(collection)))
    except CollectionNotFound:
        return 0


def model_differences(history: History, models: State) -> list[str]:
    """Return how the models differ from the revisions."""
    return [step_text(step) for step in differences(history, models)]


def differences(history: History, models: State) -> list[Step]:
    """Return the steps from the revisions to the models, asking nothing."""
    return diff(history.state(), models, Decisions(assumes=True))


def check(history: History, models: State | None, *, documents: bool = False) -> Operation[Check]:
    """Compare models, revisions and the database."""
    ledger = yield from read_ledger()
    applied = applied_ids(history, ledger)
    skipped = history.skipped(set(ledger.checksums))
    pending = [
        revision.id
        for revision in history.ordered()
        if revision.id not in applied and revision.id not in skipped
    ]
    state = history.state({name for name in applied if name not in skipped})
    database, mentioned = yield from _database(state)
    unfit: list[str] = []
    if documents:
        unfit = yield from _documents(state)
    return Check(
        model_differences(history, models) if models is not None else [],
        database,
        unfit,
        pending,
        changed_ids(history, ledger),
        [revision.id for revision in history.heads()],
        mentioned,
    )


def _database(state: State) -> Operation[tuple[list[str], list[str]]]:
    lines: list[str] = []
    for name in sorted(state):
        spec = state[name].spec()
        there = yield from call(DescribeCollection(name))
        if there is None:
            lines.append(f"the collection {name} is missing")
            continue
        if there.kind != spec.kind:
            lines.append(f"the collection {name} holds {there.kind}s, not {spec.kind}s")
        wanted, have = {i.name: i for i in spec.indexes}, {i.name: i for i in there.indexes}
        lines += [f"{name} has no index {item}" for item in sorted(set(wanted) - set(have))]
        lines += [
            f"{name} has an index {item} that no revision made" for item in sorted(set(have) - set(wanted))
        ]
        lines += [
            f"the index {item} of {name} is another one"
            for item in sorted(wanted)
            if have.get(item, wanted[item]) != wanted[item]
        ]
        if (there.schema, there.validation) != (spec.schema, spec.validation):
            lines.append(f"{name} has another schema than the revisions say")
    names = yield from call(ListCollections())
    mentioned = [f"the collection {item} belongs to no model" for item in names if item not in state]
    return lines, mentioned


def _documents(state: State) -> Operation[list[str]]:
    lines: list[str] = []
    for name in sorted(state):
        after = ""
        while page := (yield from read_page(name, after, 1000)):
            for stored in page:
                problem = misfit_of(state[name], body_of(stored))
                if problem is not None:
                    lines.append(f"{name}/{stored[0]}: {problem}")
            after = page[-1][0]
    return lines


def script_of(history: History, ledger: Ledger, target: str, phase: str) -> str:
    """Write what going to a target would do."""
    applied = applied_ids(history, ledger)
    tasks = upgrade_tasks(history, applied, target, phase)
    if not tasks and applied - history.target(target, applied):
        tasks = downgrade_tasks(history, applied, target)
    return script(tasks)


def require(history: History, ledger: Ledger, target: str) -> None:
    """Raise PendingMigrations unless a database with this ledger is at a target."""
    applied = applied_ids(history, ledger)
    wanted = history.target(target, applied)
    skipped = history.skipped(set(ledger.checksums))
    missing = [r.id for r in history.ordered() if r.id in wanted - applied - skipped]
    if missing:
        raise PendingMigrations(
            f"{len(missing)} revisions have not run on this database: {', '.join(missing)}",
            hint="solidb-odm upgrade",
        )


def script(tasks: Sequence[Task]) -> str:
    """Write what would be done, an operation a line."""
    lines: list[str] = []
    for task in tasks:
        word = "upgrade to" if task.direction == "u" else "undo"
        lines.append(f"-- {word} {task.revision.name}")
        lines += [step_text(step) for step in task.plain_steps] or ["-- nothing"]
    return "\n".join(lines) + ("\n" if lines else "")


def as_json(value: Any) -> Any:
    """Return a report as JSON: the attributes of the Python value."""
    if is_row(value):
        return [as_json(item) for item in value]
    if is_map(value):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, Step):
        arguments = {name: item for name, item in value.arguments.items() if item is not UNSET}
        known = {"operation": value.operation, "collection": value.collection, "arguments": arguments}
        return {**as_json(known), "text": step_text(value)}
    if hasattr(value, "__dataclass_fields__"):
        names = [name for name in value.__dataclass_fields__ if name != "module"]
        made = {name: as_json(getattr(value, name)) for name in names}
        return {"ok": value.ok, **made} if isinstance(value, Check) else made
    if isinstance(value, Enum):
        return as_json(value.value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
