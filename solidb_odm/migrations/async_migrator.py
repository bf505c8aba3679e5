"""``AsyncMigrator``: ``Migrator`` with ``await``, on asyncio and trio."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio

from ..commands import Command, Operation, arun
from ..engine.engine import AsyncEngine
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


class AsyncMigrator(MigratorBase):
    """``Migrator`` with ``await``."""

    def __init__(
        self, engine: AsyncEngine, folder: str | Path = "migrations", *, models: Models = ()
    ) -> None:
        super().__init__(engine, folder, models=models)
        self.engine = engine

    async def upgrade(
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
        return await self._leased(work, runner.upgrade(work, self.history(), target, phase))

    async def downgrade(
        self,
        target: str,
        *,
        wait: float = 60,
        allow_loss: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> list[Revision]:
        """Undo the revisions that ran after a revision; what they dropped is restored from the attic."""
        work = self._run(self.engine.capabilities, wait=wait, allow_loss=allow_loss, on_progress=on_progress)
        return await self._leased(work, runner.downgrade(work, self.history(), target))

    async def stamp(self, target: str, *, purge: bool = False, wait: float = 60) -> list[Revision]:
        """Mark the database as being at a revision without running anything; accept changed files."""
        work = self._run(self.engine.capabilities, wait=wait)
        return await self._leased(work, runner.stamp(work, self.history(), target, purge=purge))

    async def plan(self, target: str = "head", *, phase: str = "contract") -> Plan:
        """Return the steps that an upgrade or downgrade to a revision would run."""
        return await self._ask(
            reports.plan(
                self.history(), target, phase, is_file=self.engine.capabilities.interactive_transactions
            )
        )

    async def check(self, *, documents: bool = False) -> Check:
        """Return the differences between models, revisions and database."""
        models = self.declared() if self._given else None
        return await self._ask(reports.check(self.history(), models, documents=documents))

    async def current(self) -> Current:
        """Return the revisions that the database is at, and a current or interrupted run."""
        return await self._ask(reports.current(self.history()))

    async def script(self, target: str = "head", *, phase: str = "contract") -> str:
        """Return the steps to a revision as text, without running them."""
        return reports.script_of(self.history(), await self._ask(read_ledger()), target, phase)

    async def require(self, target: str = "head") -> None:
        """Raise PendingMigrations unless the database is at a revision."""
        reports.require(self.history(), await self._ask(read_ledger()), target)

    async def attic(self) -> list[attic.Shelf]:
        """Return what steps have dropped and is kept in the attic."""
        return await self._ask(attic.shelves())

    async def purge(self, target: str) -> int:
        """Delete permanently what a revision dropped; return the number of documents concerned."""
        work = self._run(self.engine.capabilities)
        name = target if target == "all" else self.history().find(target).id
        return await self._leased(work, attic.purge(work, name))

    async def _ask(self, operation: Operation[T]) -> T:
        channel = await self.engine.channel()
        try:
            return await arun(operation, channel)
        finally:
            await channel.aclose()

    async def _leased(self, work: Run, operation: Operation[T]) -> T:
        result: list[T] = []
        problem: BaseException | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._renew, work)
            channel = await self.engine.channel()
            try:
                result.append(await arun(operation, _Patient(channel)))
            except Exception as error:  # noqa: BLE001  raised again below, outside of the group
                problem = error
            finally:
                with anyio.CancelScope(shield=True):
                    await channel.aclose()
                    await self._release(work)
                end_of(work)
                group.cancel_scope.cancel()
        if problem is not None:
            raise problem
        return result[0]

    async def _renew(self, work: Run) -> None:
        if self.engine.url in ("sqlite://", "sqlite:///:memory:"):
            return
        while True:
            await anyio.sleep(RENEW_SECONDS)
            if work.lease is not None:
                with contextlib.suppress(SolidbError):  # a long write of our own is in the way
                    await self.engine.run(renew(work))

    async def _release(self, work: Run) -> None:
        if work.lease is None:
            return
        channel = await self.engine.channel()
        try:
            with contextlib.suppress(SolidbError):  # the lease runs out by itself
                await arun(release(work), _Patient(channel))
        finally:
            await channel.aclose()


class _Patient:
    """A channel that also waits."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    async def perform(self, command: Command[R], /) -> R:
        if isinstance(command, Pause):
            await anyio.sleep(command.seconds)
            return cast(R, None)
        return cast(R, await self._channel.perform(command))
