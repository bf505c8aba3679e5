"""What both migrators have in common: the folder, the models, and all that needs no database.

Looking into the attic, and emptying it: the only thing that destroys what a step dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, cast

from .._types import Json, shown
from .._wrong_calls import refuse_options
from ..commands import FetchDocuments, Operation, Removals, RunQuery, call
from ..engine.engine import EngineBase
from ..errors import CollectionNotFound, ConfigurationError, MigrationError, UsageError, missing
from ..language.parser import parse
from ..model.declaration.registry import Models, sources_of
from .decisions import Decisions
from .diff import diff
from .history import History, Revision
from .ledger import ATTIC, Run, acquire, write
from .render import file_name, new_id, revision_text, write_revision
from .replay import numbered_reversals, reversals
from .reports import differences
from .state import State, copy_of, declared_models, snapshot
from .steps import Step, split_phases

_WAYS = {
    "autogenerate": 'revision("what changes", autogenerate=True)',
    "branches": "heads()",
    "create_revision": 'revision("what changes")',
    "ensure_version": "upgrade(), which notes what it runs",
    "generate": 'revision("what changes", autogenerate=True)',
    "get_current_revision": "current()",
    "makemigrations": 'revision("what changes", autogenerate=True)',
    "migrate": "upgrade()",
    "pending": "plan()",
    "run": "upgrade()",
    "show": "history(), whose revisions say what they do",
    "status": "current(), or check()",
    "up": "upgrade()",
    "down": 'downgrade("-1")',
}
"""What Alembic and others have, by what to write here."""


class MigratorBase:
    """The revisions of a folder, for one database and its models."""

    def __init__(
        self,
        engine: EngineBase[Any] | None,
        folder: str | Path = "migrations",
        *,
        models: Models = (),
    ) -> None:
        if engine is not None and not hasattr(cast(object, engine), "capabilities"):
            raise UsageError(
                f"a Migrator takes an engine, not {shown(engine)}",
                hint='Migrator(create_engine("sqlite:///app.db"), "migrations", models=[..])',
            )
        if not isinstance(cast(object, folder), (str, os.PathLike)):
            raise UsageError(f"revisions are in a folder, named by its path, not {folder!r}")
        self.folder = Path(folder)
        self._given = sources_of(models, "models=")
        if engine is not None and "," in engine.url.partition("@")[2].partition("/")[0]:
            raise ConfigurationError(
                "migrations run on one node at a time, and the URL names several",
                hint="give the URL of one node, and run them on each",
            )

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, _WAYS)

    def __repr__(self) -> str:
        engine: Any = self.__dict__.get("engine")
        where = "" if engine is None else f" for {engine.url}"
        return f"<{type(self).__name__} of {str(self.folder)!r}{where}>"

    @property
    def models(self) -> list[type[Any]]:
        """The document classes."""
        return declared_models(self._given)

    def history(self) -> History:
        """Return the revisions of the folder."""
        return History.read(self.folder)

    def declared(self) -> State:
        """Return what the models declare."""
        return snapshot(self._given)

    def heads(self) -> list[Revision]:
        """Return the revisions that no other follows."""
        return self.history().heads()

    def diff(self) -> list[Step]:
        """Return the steps of a new revision, without asking: what is missing from the models is dropped."""
        return differences(self.history(), self.declared())

    def revision(
        self,
        text: str,
        *,
        autogenerate: bool = False,
        split: bool = False,
        rename: Mapping[str, str] | None = None,
        drop: Iterable[str] = (),
        fill: Mapping[str, Json] | None = None,
        values: Mapping[str, Mapping[str, Json]] | None = None,
        head: str | None = None,
        depends_on: Iterable[str] = (),
        branch_label: str | None = None,
        apart: Iterable[tuple[str, str]] = (),
        **options: Never,
    ) -> list[Revision]:
        """Write a revision, with the changes of the models if ``autogenerate``; none if nothing has changed.

        Raises DecisionNeeded, without writing a file, if a change is ambiguous and no argument decides it.
        """
        refuse_options("revision()", options, 'revision("what changes", autogenerate=True)')
        history = self.history()
        parent = self._parent(history, head)
        needed = [depends_on] if isinstance(depends_on, str) else list(depends_on)
        others = [history.find(before).id for before in needed]
        labels = (branch_label,) if branch_label else ()
        if not autogenerate:
            if split or rename or fill or values or list(drop):
                raise UsageError("split, rename, drop, fill and values are about autogenerate=True")
            return [self._write(text, parent, [], [], others, labels)]
        decisions = Decisions(rename or {}, drop, fill or {}, values or {}, frozenset(apart))
        state = history.state(history.ancestors([history.by_id[before] for before in (*parent, *others)]))
        steps = diff(state, self.declared(), decisions)
        if not steps:
            return []
        written: list[Revision] = []
        parts = [part for part in split_phases(steps) if part] if split else [steps]
        for number, part in enumerate(parts):
            words = text if len(parts) == 1 else f"{text} ({('additions', 'removals')[number]})"
            back = reversals(state, part)
            written.append(self._write(words, parent, part, back, others if not number else (), labels))
            parent, labels = (written[-1].id,), ()
        return written

    def _parent(self, history: History, head: str | None) -> tuple[str, ...]:
        if head is not None:
            return () if head == "base" else (history.find(head).id,)
        head_revision = history.head()
        return (head_revision.id,) if head_revision is not None else ()

    def _write(
        self,
        words: str,
        down: Sequence[str],
        up: Sequence[Step],
        back: Sequence[Step],
        depends_on: Sequence[str] = (),
        labels: Sequence[str] = (),
        replaces: Sequence[str] = (),
        sources: Sequence[str] = (),
    ) -> Revision:
        made = new_id()
        text = revision_text(
            made, words, down, up, back,
            depends_on=depends_on, branch_labels=labels, replaces=replaces, sources=sources,
        )  # fmt: skip
        write_revision(self.folder, file_name(made, words, datetime.now(UTC)), text)
        return History.read(self.folder).by_id[made]

    def merge(self, revisions: Iterable[str], text: str) -> Revision:
        """Write a revision that joins several heads; return it."""
        history = self.history()
        ids = [history.find(revision).id for revision in revisions]
        if len(set(ids)) < 2:
            raise MigrationError(
                "a merge needs at least two revisions", hint="name two heads; see solidb-odm heads"
            )
        touched = _touched(history, ids)
        if touched:
            raise MigrationError(
                f"both sides change {', '.join(touched)}",
                hint="let one of them follow the other: correct down_revision in its file",
            )
        return self._write(text, ids, [], [])

    def squash(self, span: str, text: str) -> Revision:
        """Write a revision that replaces several; databases that have run these skip it."""
        history = self.history()
        first, colon, last = span.partition(":")
        if not colon:
            raise MigrationError(f"{span!r} is not a span", hint="FROM:TO, e.g. base:head")
        low = set[str]() if first == "base" else history.ancestors([history.find(first)])
        chosen = [r for r in history.ordered() if r.id in history.target(last, set()) - low]
        if len(chosen) < 2:
            raise MigrationError(
                f"there are {len(chosen)} revisions in {span}", hint="a squash needs at least two"
            )
        outside = {need for r in history.by_id.values() if r not in chosen for need in r.needs}
        ends = [r for r in chosen if r.id == chosen[-1].id]
        inner = [r.id for r in chosen if r not in ends and r.id in outside]
        if inner:
            raise MigrationError(
                f"other revisions build on {', '.join(inner)}", hint="squash up to there instead"
            )
        before = history.state(low)
        steps = [step for revision in chosen for step in revision.upgrade_steps()]
        for step in steps:
            if step.function is not None or callable(step.get("convert")):
                raise MigrationError(
                    f"op.{step.operation} on {step.collection} calls a function, which stays in its own file",
                    hint="squash up to the revision before it, or after it",
                )
        back = [step for step, _ in numbered_reversals(copy_of(before), steps)]
        down = [parent for r in chosen for parent in r.down if parent in low]
        return self._write(text, list(dict.fromkeys(down)), steps, back, replaces=[r.id for r in chosen])

    def _run(self, capabilities: Any, **options: Any) -> Run:
        return Run(capabilities, models=self.models if self._given else (), **options)


def _touched(history: History, ids: Sequence[str]) -> list[str]:
    """Return the fields that more than one side of a merge changes."""
    sides = [history.ancestors([history.by_id[revision]]) for revision in ids]
    shared = sides[0].intersection(*sides[1:])
    sides_of: dict[str, set[int]] = {}
    for number, side in enumerate(sides):
        for revision in side - shared:
            for step in history.by_id[revision].upgrade_steps():
                if step.operation in ("add_field", "rename_field", "drop_field", "alter_field"):
                    sides_of.setdefault(f"{step.collection}.{step.path}", set()).add(number)
    return sorted(path for path, numbers in sides_of.items() if len(numbers) > 1)


@dataclass(frozen=True)
class Shelf:
    """The values in the attic that one step took from one collection."""

    revision: str
    collection: str
    path: str
    operation: str
    documents: int


def shelves() -> Operation[list[Shelf]]:
    """Return what is in the attic."""
    text = (
        f"FOR a IN `{ATTIC}` COLLECT r = a.revision, c = a.collection, p = a.path, o = a.operation "
        "WITH COUNT INTO n RETURN [r, c, p, o, n]"
    )
    try:
        rows = yield from call(RunQuery(parse(text)))
    except CollectionNotFound:
        return []
    return sorted(
        (Shelf(*row) for row in rows), key=lambda shelf: (shelf.revision, shelf.collection, shelf.path)
    )


def purge(run: Run, revision: str) -> Operation[int]:
    """Destroy what one revision dropped, or ``all``; return how many documents' values that were."""
    yield from acquire(run)
    count = 0
    low, high = ("", "\U0010ffff") if revision == "all" else (f"{revision}-", f"{revision}-~")
    while True:
        text = f"FOR a IN `{ATTIC}` FILTER a._key >= @low AND a._key < @high SORT a._key LIMIT 1000 RETURN a"
        rows = yield from call(FetchDocuments(parse(text), {"low": low, "high": high}))
        removals = [(stored[0], stored[1]) for stored in rows if stored is not None]
        if not removals:
            return count
        yield from write(run, [Removals(ATTIC, removals)])
        count += len(removals)
