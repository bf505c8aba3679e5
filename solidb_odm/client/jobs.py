"""``client.jobs``: background jobs, in both colours."""

from __future__ import annotations

from datetime import datetime

from .._types import Json
from .calls import AsyncCaller, Caller
from .operations import jobs as operations
from .operations.jobs import Job, NewJob, QueueInfo


class Jobs(Caller):
    """Background jobs, blocking. The login must be an administrator's."""

    def list_queues(self) -> list[QueueInfo]:
        """List the queues that have jobs, with how many are in which state."""
        return self._run(operations.list_queues(self._database))

    def list_jobs(
        self, queue: str, status: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> list[Job]:
        """List the jobs of a queue, the next ones first; up to 1,000 without a limit."""
        return self._run(operations.list_jobs(self._database, queue, status, limit, offset))

    def enqueue(
        self,
        queue: str,
        script_path: str | None,
        params: Json = None,
        priority: int | None = None,
        run_at: datetime | str | float | None = None,
        *,
        delay: float = 0,
        max_retries: int = 3,
        webhook_url: str | None = None,
    ) -> Job:
        """Have the server run a script, with ``params`` as its ``request.body``, soon or at a time.

        Higher priorities come first. ``delay`` is in seconds. A job that fails is tried again.
        """
        new = NewJob(
            queue=queue,
            script_path=script_path,
            params=params,
            priority=priority or 0,
            run_at=run_at,
            delay=delay,
            max_retries=max_retries,
            webhook_url=webhook_url,
        )
        return self._run(operations.enqueue(self._database, new))

    def get_job(self, job_id: str) -> Job:
        """Read a job; the server keeps finished ones for a week."""
        return self._run(operations.get_job(self._database, job_id))

    def cancel(self, job_id: str) -> Job:
        """Take back a job that has not begun; StateError if it has."""
        return self._run(operations.cancel(self._database, job_id))


class AsyncJobs(AsyncCaller):
    """Background jobs, awaited. The login must be an administrator's."""

    async def list_queues(self) -> list[QueueInfo]:
        """List the queues that have jobs, with how many are in which state."""
        return await self._run(operations.list_queues(self._database))

    async def list_jobs(
        self, queue: str, status: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> list[Job]:
        """List the jobs of a queue, the next ones first; up to 1,000 without a limit."""
        return await self._run(operations.list_jobs(self._database, queue, status, limit, offset))

    async def enqueue(
        self,
        queue: str,
        script_path: str | None,
        params: Json = None,
        priority: int | None = None,
        run_at: datetime | str | float | None = None,
        *,
        delay: float = 0,
        max_retries: int = 3,
        webhook_url: str | None = None,
    ) -> Job:
        """Have the server run a script, with ``params`` as its ``request.body``, soon or at a time.

        Higher priorities come first. ``delay`` is in seconds. A job that fails is tried again.
        """
        new = NewJob(
            queue=queue,
            script_path=script_path,
            params=params,
            priority=priority or 0,
            run_at=run_at,
            delay=delay,
            max_retries=max_retries,
            webhook_url=webhook_url,
        )
        return await self._run(operations.enqueue(self._database, new))

    async def get_job(self, job_id: str) -> Job:
        """Read a job; the server keeps finished ones for a week."""
        return await self._run(operations.get_job(self._database, job_id))

    async def cancel(self, job_id: str) -> Job:
        """Take back a job that has not begun; StateError if it has."""
        return await self._run(operations.cancel(self._database, job_id))
