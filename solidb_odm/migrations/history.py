"""The revisions in a folder, as a graph."""

from __future__ import annotations

import importlib.util
import linecache
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import MigrationError, RevisionNotFound, SeveralHeads
from .operations import Operations
from .render import fingerprint
from .replay import apply_step, numbered_reversals
from .state import State, copy_of
from .steps import Step


@dataclass(eq=False)
class Revision:
    """A revision: its ``id``, its file (``path``), the revisions it follows, and its steps."""

    id: str
    path: Path
    words: str
    down: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    checksum: str = ""
    module: ModuleType | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The id with its words, for messages."""
        return f"{self.id} ({self.words})" if self.words else self.id

    @property
    def needs(self) -> tuple[str, ...]:
        """Everything that has to run before this."""
        return (*self.down, *self.depends_on)

    def upgrade_steps(self) -> list[Step]:
        """Return the steps of ``upgrade(op)``."""
        return self._record("upgrade")

    def downgrade_steps(self) -> list[Step]:
        """Return the steps of ``downgrade(op)``."""
        return self._record("downgrade")

    def _record(self, name: str) -> list[Step]:
        function = getattr(self.module, name, None)
        op = Operations()
        if function is None:
            if name == "upgrade":
                raise MigrationError(f"{self.path.name} has no upgrade(op)")
            return []
        try:
            function(op)
        except MigrationError as error:
            raise MigrationError(f"{self.path.name}: {error.message}", hint=error.hint) from error
        except Exception as error:
            raise MigrationError(
                f"{self.path.name}: {name}(op) raised {type(error).__name__}: {error}"
            ) from error
        return op.steps

    def __str__(self) -> str:
        return self.name


_FILE = re.compile(r"(?:\d{8}_\d{4}_)?([0-9a-z]+)_?(.*)\.py")


class History:
    """All revisions of a folder, in an order in which they can run."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self.by_id = {revision.id: revision for revision in revisions}
        for revision in self.by_id.values():
            for needed in revision.needs:
                if needed not in self.by_id and self._replacing(needed) is None:
                    raise RevisionNotFound(
                        f"{revision.path.name} builds on {needed!r}, which is not in {revision.path.parent}",
                        hint="restore the file (git checkout), or correct down_revision",
                    )

    @classmethod
    def read(cls, folder: Path) -> History:
        """Read the files of a folder; none if it is not there."""
        paths = sorted(folder.glob("*.py")) if folder.is_dir() else []
        revisions = [revision for path in paths if (revision := read_revision(path)) is not None]
        seen: dict[str, Path] = {}
        for revision in revisions:
            if revision.id in seen:
                raise MigrationError(
                    f"{seen[revision.id].name} and {revision.path.name} are both revision {revision.id!r}",
                    hint="give one of them another id",
                )
            seen[revision.id] = revision.path
        return cls(revisions)

    def _replacing(self, wanted: str) -> Revision | None:
        return next((revision for revision in self.by_id.values() if wanted in revision.replaces), None)

    def parents(self, revision: Revision, *, all_: bool = True) -> list[Revision]:
        """Return the revisions that have to run before; without ``all_`` only those it follows."""
        names = revision.needs if all_ else revision.down
        known = [self.by_id.get(parent) or self._replacing(parent) for parent in names]
        return [parent for parent in known if parent is not None and parent is not revision]

    def ordered(self) -> list[Revision]:
        """Return all revisions, each after what it needs; by file name where there is a choice."""
        done: dict[str, Revision] = {}
        waiting = sorted(self.by_id.values(), key=lambda revision: revision.path.name)
        while waiting:
            ready = next((r for r in waiting if all(parent.id in done for parent in self.parents(r))), None)
            if ready is None:
                names = ", ".join(revision.id for revision in waiting)
                raise MigrationError(f"the revisions {names} build on each other in a circle")
            done[ready.id] = ready
            waiting.remove(ready)
        return list(done.values())

    def ancestors(self, revisions: Iterable[Revision]) -> set[str]:
        """Return the ids of these revisions and of all that they need."""
        ids: set[str] = set()
        waiting = list(revisions)
        while waiting:
            revision = waiting.pop()
            if revision.id not in ids:
                ids.add(revision.id)
                waiting += self.parents(revision)
        return ids

    def heads(self) -> list[Revision]:
        """Return the revisions that no other follows."""
        followed = {parent.id for revision in self.by_id.values() for parent in self.parents(revision)}
        replaced = {old for revision in self.by_id.values() for old in revision.replaces}
        return [r for r in self.ordered() if r.id not in followed and r.id not in replaced]

    def head(self) -> Revision | None:
        """Return the one head, None in an empty history; SeveralHeads if there are more."""
        heads = self.heads()
        if len(heads) > 1:
            ids = " ".join(revision.id for revision in heads)
            raise SeveralHeads(
                f"the history has {len(heads)} heads: {', '.join(map(str, heads))}",
                hint=f'solidb-odm merge {ids} -m "merge"',
            )
        return heads[0] if heads else None

    def find(self, name: str) -> Revision:
        """Return the revision of an id, its beginning, a label or ``head``; RevisionNotFound if none is."""
        if name == "head":
            head = self.head()
            if head is None:
                raise RevisionNotFound(
                    "there are no revisions yet", hint='solidb-odm revision -m "first" --autogenerate'
                )
            return head
        matching = [
            revision
            for revision in self.ordered()
            if revision.id.startswith(name) or name in revision.branch_labels
        ]
        exact = [revision for revision in matching if revision.id == name]
        if len(exact or matching) == 1:
            return (exact or matching)[0]
        if matching:
            raise RevisionNotFound(
                f"{name!r} is the beginning of {', '.join(revision.id for revision in matching)}"
            )
        known = ", ".join(revision.id for revision in self.ordered()[-5:])
        raise RevisionNotFound(
            f"there is no revision {name!r}", hint=f"the last ones: {known}" if known else None
        )

    def target(self, name: str, applied: set[str]) -> set[str]:
        """Return what has run after going to ``head``, ``heads``, ``base``, ``+1``, ``-1`` or an id."""
        if name == "base":
            return set()
        if is_relative(name):
            return self._relative(int(name), applied)
        is_plural = name == "heads" or not self.by_id
        ends = self.heads() if is_plural and name in ("head", "heads") else [self.find(name)]
        ids = self.ancestors(ends)
        return ids.union(*(self.by_id[known].replaces for known in ids))

    def step(self, name: str, applied: set[str]) -> Revision:
        """Return the revision that ``+1`` would run last, or ``-1`` undo last."""
        changed = self._relative(int(name), applied).symmetric_difference(self._count(applied))
        changing = [revision for revision in self.ordered() if revision.id in changed]
        return changing[-1 if int(name) > 0 else 0]

    def skipped(self, applied: set[str]) -> set[str]:
        """Return what is not run: what a squashed revision replaces, or that where some of this has run."""
        ids: set[str] = set()
        for revision in self.by_id.values():
            ran = applied.intersection(revision.replaces)
            is_begun = bool(ran) and len(ran) < len(revision.replaces)
            ids |= {revision.id} if is_begun else set(revision.replaces)
        return ids

    def _count(self, applied: set[str]) -> list[str]:
        return [revision.id for revision in self.ordered() if revision.id in applied - self.skipped(applied)]

    def _relative(self, count: int, applied: set[str]) -> set[str]:
        skipped = self.skipped(applied)
        order = [revision.id for revision in self.ordered() if revision.id not in skipped]
        done = self._count(applied)
        if count < 0:
            if -count > len(done):
                raise RevisionNotFound(f"{-count} revisions can't be undone: {len(done)} have run")
            return set(done[: len(done) + count])
        pending = [revision for revision in order if revision not in applied]
        if count > len(pending):
            raise RevisionNotFound(f"{count} revisions can't be run: {len(pending)} are pending")
        return {*done, *pending[:count]}

    def states(self, applied: set[str]) -> Iterator[tuple[Revision, State]]:
        """Yield every revision that can be run or undone with the state before it."""
        state: State = {}
        skipped = self.skipped(applied)
        for revision in self.ordered():
            if revision.id in skipped:
                continue
            yield revision, state
            self.replay(revision, state)

    def replay(self, revision: Revision, state: State) -> None:
        """Change the state as a revision says."""
        for step in revision.upgrade_steps():
            try:
                apply_step(state, step)
            except MigrationError as error:
                raise MigrationError(f"{revision.path.name}: {error.message}", hint=error.hint) from error

    def state(self, ids: set[str] | None = None) -> State:
        """Return the state after these revisions, or after all."""
        state: State = {}
        skipped: set[str] = (
            {replaced for revision in self.by_id.values() for replaced in revision.replaces}
            if ids is None
            else set()
        )
        for revision in self.ordered():
            if revision.id not in skipped and (ids is None or revision.id in ids):
                self.replay(revision, state)
        return state

    def way_back(self, revision: Revision, before: State) -> list[tuple[Step, int]]:
        """Return the steps that undo a revision, each with the number of the step it undoes, or -1.

        What ``downgrade(op)`` says, and what ``reverse`` and the attic give back of data steps it leaves out.
        """
        computed = numbered_reversals(copy_of(before), revision.upgrade_steps())
        written = revision.downgrade_steps()
        if not written:
            return computed
        return _joined(computed, written)


def _joined(computed: list[tuple[Step, int]], written: list[Step]) -> list[tuple[Step, int]]:
    keys = [_key(step) for step, _ in computed]
    numbered: list[tuple[Step, int]] = []
    unused = list(range(len(computed)))
    for step in written:
        match = next((at for at in unused if keys[at] == _key(step)), None)
        if match is None:
            numbered.append((step, -1))
        else:
            unused.remove(match)
            numbered.append((step, computed[match][1]))
    if any(step.operation == "irreversible" for step in written):
        return numbered
    for at in unused:
        step, number = computed[at]
        if step.operation == "for_each":
            place = next((i for i, (_, other) in enumerate(numbered) if -1 < other < number), len(numbered))
            numbered.insert(place, (step, number))
    return numbered


def _key(step: Step) -> tuple[str, ...]:
    more = [str(step.get(name, "")) for name in ("path", "new", "old", "name")]
    if step.operation == "create_index":
        more = [str(step["name"])]
    if step.operation == "for_each":
        more = []
    return (step.operation, step.collection, *more)


def read_revision(path: Path) -> Revision | None:
    """Read one file, None if it is no revision; MigrationError if it can't be run."""
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MigrationError(f"{path.name} can't be read: {error}", hint="save it as UTF-8") from error
    if not re.search(r"^revision\b", source, re.MULTILINE):
        return None
    name = f"_solidb_odm_revision_{path.stem}_{abs(hash(str(path)))}"
    linecache.checkcache(str(path))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        exec(compile(source, str(path), "exec"), vars(module))  # noqa: S102  a revision is a program of the user's
    except (Exception, SystemExit) as error:
        raise MigrationError(f"{path.name} can't be read: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes
    declared: Any = vars(module)
    if not isinstance(declared.get("revision"), str):
        raise MigrationError(f"{path.name} defines no revision", hint='revision = ".." is its id')
    match = _FILE.fullmatch(path.name)
    words = match[2].replace("_", " ") if match else path.stem
    doc = (module.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return Revision(
        declared["revision"],
        path,
        doc or words,
        _names(path, declared, "down_revision"),
        _names(path, declared, "depends_on"),
        _names(path, declared, "branch_labels"),
        _names(path, declared, "replaces"),
        fingerprint(source),
        module,
    )


def is_relative(name: str) -> bool:
    """Return whether a revision is named by its distance, as ``+1`` or ``-1``."""
    return re.fullmatch(r"[+-]\d+", name) is not None


def _names(path: Path, declared: dict[str, Any], attribute: str) -> tuple[str, ...]:
    value = declared.get(attribute)
    if value is None:
        return ()
    names: list[Any] = (
        [value] if isinstance(value, str) else [*value] if isinstance(value, list | tuple) else [None]
    )
    if not all(isinstance(name, str) for name in names):
        raise MigrationError(f"{path.name}: {attribute} is {value!r}", hint="an id, a list of ids, or None")
    return tuple(names)
