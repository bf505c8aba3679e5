"""``Migrator``: revisions on a database, for programs; the command line is a shell over it."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar, cast

from ..commands import Command, Operation, run
from ..engine.engine import Engine
from ..errors import SolidbError
from ..model.declaration.registry import Models
from . import migrator_base as attic
from . import reports, runner
from .history import Revision
from .ledger import RENEW_SECONDS, Pause, Progress, Run, end_of, read_ledger, release, renew
from .migrator_base import MigratorBase
from .reports import Check, Current, Plan

R = TypeVar("R")
T = TypeVar("T")


class Migrator(MigratorBase):
    """The migrations of a database: ``Migrator(engine, "migrations", models=[Wine])``.

    ``models`` are document classes, or a ``Registry`` or modules of such, these also by their names.
    """

    def __init__(self, engine: Engine, folder: str | Path = "migrations", *, models: Models = ()) -> None:
        super().__init__(engine, folder, models=models)
        self.engine = engine

    def upgrade(
        self,
        target: str = "head",
        *,
        phase: str = "contract",
        wait: float = 60,
        allow_loss: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> list[Revision]:
        """Run the pending revisions up to a revision, continuing a run that was stopped."""
        work = self._run(self.engine.capabilities, wait=wait, allow_loss=allow_loss, on_progress=on_progress)
        return self._leased(work, runner.upgrade(work, self.history(), target, phase))

    def downgrade(
        self,
        target: str,
        *,
        wait: float = 60,
        allow_loss: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> list[Revision]:
        """Undo the revisions that ran after a revision; what they dropped is restored from the attic."""
        work = self._run(self.engine.capabilities, wait=wait, allow_loss=allow_loss, on_progress=on_progress)
        return self._leased(work, runner.downgrade(work, self.history(), target))

    def stamp(self, target: str, *, purge: bool = False, wait: float = 60) -> list[Revision]:
        """Mark the database as being at a revision without running anything; accept changed files."""
        work = self._run(self.engine.capabilities, wait=wait)
        return self._leased(work, runner.stamp(work, self.history(), target, purge=purge))

    def plan(self, target: str = "head", *, phase: str = "contract") -> Plan:
        """Return the steps that an upgrade or downgrade to a revision would run."""
        return self._ask(
            reports.plan(
                self.history(), target, phase, is_file=self.engine.capabilities.interactive_transactions
            )
        )

    def check(self, *, documents: bool = False) -> Check:
        """Return the differences between models, revisions and database."""
        models = self.declared() if self._given else None
        return self._ask(reports.check(self.history(), models, documents=documents))

    def current(self) -> Current:
        """Return the revisions that the database is at, and a current or interrupted run."""
        return self._ask(reports.current(self.history()))

    def script(self, target: str = "head", *, phase: str = "contract") -> str:
        """Return the steps to a revision as text, without running them."""
        return reports.script_of(self.history(), self._ask(read_ledger()), target, phase)

    def require(self, target: str = "head") -> None:
        """Raise PendingMigrations unless the database is at a revision."""
        reports.require(self.history(), self._ask(read_ledger()), target)

    def attic(self) -> list[attic.Shelf]:
        """Return what steps have dropped and is kept in the attic."""
        return self._ask(attic.shelves())

    def purge(self, target: str) -> int:
        """Delete permanently what a revision dropped; return the number of documents concerned."""
        work = self._run(self.engine.capabilities)
        name = target if target == "all" else self.history().find(target).id
        return self._leased(work, attic.purge(work, name))

    def _ask(self, operation: Operation[T]) -> T:
        channel = self.engine.channel()
        try:
            return run(operation, channel)
        finally:
            channel.close()

    def _leased(self, work: Run, operation: Operation[T]) -> T:
        channel = self.engine.channel()
        patient = _Patient(channel)
        try:
            with _interruptible(work), _renewing(self.engine, work):
                return run(operation, patient)
        finally:
            try:
                channel.close()
            finally:
                try:
                    self._release(work)
                finally:
                    end_of(work)

    def _release(self, work: Run) -> None:
        if work.lease is None:
            return
        channel = self.engine.channel()
        try:
            with contextlib.suppress(SolidbError):  # the lease runs out by itself
                run(release(work), _Patient(channel))
        finally:
            channel.close()


class _Patient:
    """A channel that also waits."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def perform(self, command: Command[R], /) -> R:
        if isinstance(command, Pause):
            time.sleep(command.seconds)
            return cast(R, None)
        return cast(R, self._channel.perform(command))


@contextlib.contextmanager
def _interruptible(work: Run) -> Generator[None]:
    """Let Ctrl-C stop between batches; a second one stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(_number: int, _frame: Any) -> None:
        if work.stopped or not callable(before):
            raise KeyboardInterrupt
        work.stopped = True

    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _renewing(engine: Engine, work: Run) -> Generator[None]:
    """Renew the lease in a thread while the block runs."""
    over = threading.Event()
    if engine.url in ("sqlite://", "sqlite:///:memory:"):
        yield
        return

    def keep() -> None:
        while not over.wait(RENEW_SECONDS):
            if work.lease is None:
                continue
            with contextlib.suppress(SolidbError):  # a long write of our own is in the way
                engine.run(renew(work))

    thread = threading.Thread(target=keep, name="solidb-odm-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
