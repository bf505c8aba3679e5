"""``client.cron``: schedules, in both colours."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from .._types import Json
from .calls import AsyncCaller, Caller
from .operations import cron as operations
from .operations.cron import CronJob
from .operations.jobs import Job


class Cron(Caller):
    """Schedules, blocking. ``solidb-odm scheduler`` enqueues what is due."""

    def list(self) -> builtins.list[CronJob]:
        """List the schedules by name."""
        return self._run(operations.list_all(self._database))

    def create(
        self,
        name: str,
        schedule: str,
        script_path: str,
        params: Json = None,
        description: str | None = None,
        *,
        timezone: str = "UTC",
        queue: str = "default",
        priority: int = 0,
        max_retries: int = 3,
        enabled: bool = True,
    ) -> CronJob:
        """Have a script run at times in cron's syntax: ``0 2 * * *`` is every day at two o'clock."""
        settings = {
            "name": name,
            "schedule": schedule,
            "script_path": script_path,
            "params": params,
            "description": description,
            "timezone": timezone,
            "queue": queue,
            "priority": priority,
            "max_retries": max_retries,
            "enabled": enabled,
        }
        return self._run(operations.create(self._database, settings))

    def get(self, cron_id: str) -> CronJob:
        """Read a schedule."""
        return self._run(operations.get(self._database, cron_id))

    def update(self, cron_id: str, updates: Mapping[str, Any]) -> CronJob:
        """Change parts of a schedule; its next time is reckoned from now."""
        return self._run(operations.update(self._database, cron_id, updates))

    def delete(self, cron_id: str) -> None:
        """Remove a schedule; jobs that it has enqueued stay."""
        self._run(operations.delete(self._database, cron_id))

    def run_due(self, now: float | None = None) -> builtins.list[Job]:
        """Enqueue what is due, once whoever else does so too; give the jobs. The scheduler's step."""
        return self._run(operations.run_due(self._database, now))


class AsyncCron(AsyncCaller):
    """Schedules, awaited. ``solidb-odm scheduler`` enqueues what is due."""

    async def list(self) -> builtins.list[CronJob]:
        """List the schedules by name."""
        return await self._run(operations.list_all(self._database))

    async def create(
        self,
        name: str,
        schedule: str,
        script_path: str,
        params: Json = None,
        description: str | None = None,
        *,
        timezone: str = "UTC",
        queue: str = "default",
        priority: int = 0,
        max_retries: int = 3,
        enabled: bool = True,
    ) -> CronJob:
        """Have a script run at times in cron's syntax: ``0 2 * * *`` is every day at two o'clock."""
        settings = {
            "name": name,
            "schedule": schedule,
            "script_path": script_path,
            "params": params,
            "description": description,
            "timezone": timezone,
            "queue": queue,
            "priority": priority,
            "max_retries": max_retries,
            "enabled": enabled,
        }
        return await self._run(operations.create(self._database, settings))

    async def get(self, cron_id: str) -> CronJob:
        """Read a schedule."""
        return await self._run(operations.get(self._database, cron_id))

    async def update(self, cron_id: str, updates: Mapping[str, Any]) -> CronJob:
        """Change parts of a schedule; its next time is reckoned from now."""
        return await self._run(operations.update(self._database, cron_id, updates))

    async def delete(self, cron_id: str) -> None:
        """Remove a schedule; jobs that it has enqueued stay."""
        await self._run(operations.delete(self._database, cron_id))

    async def run_due(self, now: float | None = None) -> builtins.list[Job]:
        """Enqueue what is due, once whoever else does so too; give the jobs. The scheduler's step."""
        return await self._run(operations.run_due(self._database, now))
