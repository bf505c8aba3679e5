"""``client.jobs``: background jobs.

Jobs are documents of the collection ``_jobs``. The server has no calls for jobs, but every few seconds it
runs what this collection holds: a script, named by its path, or a web hook. Writing to it requires an
administrator's login.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from .._dataclasses import dataclass
from .._types import Json, JsonObject
from ..errors import (
    CollectionExists,
    CollectionNotFound,
    DocumentNotFound,
    NotFoundError,
    StateError,
    UsageError,
)
from ..wire.exchange import Exchange, query_request, send
from ..wire.faults import Subject
from .calls import AsyncCaller, Caller
from .requests import unix_seconds
from .results import ClientResult

COLLECTION = "_jobs"
STATUSES = ("pending", "running", "completed", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(ClientResult):
    """A job. ``run_at`` and ``created_at`` are in seconds since 1970 (UTC); higher priorities run first."""

    id: str
    queue: str = "default"
    script_path: str | None = None
    webhook_url: str | None = None
    params: Json = None
    priority: int = 0
    status: str = "pending"
    retry_count: int = 0
    max_retries: int = 0
    last_error: str | None = None
    run_at: int = 0
    created_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo(ClientResult):
    """A queue, with the number of its jobs in each state."""

    name: str
    pending: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """The settings of a new job. ``key`` makes it unique: a second job with the same key is refused."""

    queue: str
    script_path: str | None
    params: Json = None
    priority: int = 0
    run_at: datetime | str | float | None = None
    delay: float = 0
    max_retries: int = 3
    webhook_url: str | None = None
    key: str | None = None


class Jobs(Caller):
    """Calls for background jobs, blocking. They require an administrator's login."""

    def list_queues(self) -> list[QueueInfo]:
        """Return the queues that have jobs, with the number of jobs in each state."""
        return self._run(list_queues(self._database))

    def list_jobs(
        self, queue: str, status: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> list[Job]:
        """Return the jobs of a queue, the next ones first; up to 1,000 without a limit."""
        return self._run(list_jobs(self._database, queue, status, limit, offset))

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
        """Enqueue a job that runs a script, with ``params`` as its ``request.body``; return the job.

        Higher priorities run first. ``delay`` is in seconds. A job that fails is tried again.
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
        return self._run(enqueue(self._database, new))

    def get_job(self, job_id: str) -> Job:
        """Return a job; raise NotFoundError if there is none. The server keeps finished ones for a week."""
        return self._run(get_job(self._database, job_id))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that has not begun; raise StateError if it has."""
        return self._run(cancel(self._database, job_id))


class AsyncJobs(AsyncCaller):
    """Calls for background jobs, async. They require an administrator's login."""

    async def list_queues(self) -> list[QueueInfo]:
        """Return the queues that have jobs, with the number of jobs in each state."""
        return await self._run(list_queues(self._database))

    async def list_jobs(
        self, queue: str, status: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> list[Job]:
        """Return the jobs of a queue, the next ones first; up to 1,000 without a limit."""
        return await self._run(list_jobs(self._database, queue, status, limit, offset))

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
        """Enqueue a job that runs a script, with ``params`` as its ``request.body``; return the job.

        Higher priorities run first. ``delay`` is in seconds. A job that fails is tried again.
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
        return await self._run(enqueue(self._database, new))

    async def get_job(self, job_id: str) -> Job:
        """Return a job; raise NotFoundError if there is none. The server keeps finished ones for a week."""
        return await self._run(get_job(self._database, job_id))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job that has not begun; raise StateError if it has."""
        return await self._run(cancel(self._database, job_id))


def list_queues(database: str) -> Exchange[list[QueueInfo]]:
    """Return the queues that have jobs."""
    text = (
        f"FOR j IN {COLLECTION} COLLECT queue = j.queue, status = j.status WITH COUNT INTO n "
        "RETURN {queue: queue, status: status, n: n}"
    )
    counts: dict[str, dict[str, int]] = {}
    for row in (yield from _query(database, text, {})):
        counts.setdefault(row["queue"], {})[row["status"]] = row["n"]
    return [
        QueueInfo.of({**dict.fromkeys(STATUSES, 0), **counters}, name=name)
        for name, counters in sorted(counts.items())
    ]


def list_jobs(
    database: str, queue: str, status: str | None = None, limit: int | None = None, offset: int | None = None
) -> Exchange[list[Job]]:
    """Return the jobs of a queue, the next ones first."""
    if status is not None and status not in STATUSES:
        raise UsageError(f"{status!r} is not the state of a job", hint=f"one of {', '.join(STATUSES)}")
    wanted = " AND j.status == @status" if status else ""
    text = (
        f"FOR j IN {COLLECTION} FILTER j.queue == @queue{wanted} SORT j.priority DESC, j.run_at, j._key "
        "LIMIT @offset, @limit RETURN j"
    )
    binds: JsonObject = {"queue": queue, "offset": offset or 0, "limit": 1000 if limit is None else limit}
    rows = yield from _query(database, text, binds | ({"status": status} if status else {}))
    return [_job(row) for row in rows]


def enqueue(database: str, new: NewJob) -> Exchange[Job]:
    """Enqueue a job; the collection is created if this is the first."""
    request: JsonObject = {
        "cmd": "insert",
        "database": database,
        "collection": COLLECTION,
        "document": _document(new),
    }
    if new.key is not None:
        request["key"] = new.key
    context = Subject(database, COLLECTION, new.key or "")
    try:
        return _job((yield from send(request, context)).data)
    except CollectionNotFound:
        yield from ensure(database, COLLECTION)
        return _job((yield from send(request, context)).data)


def get_job(database: str, job_id: str) -> Exchange[Job]:
    """Return a job."""
    request = {"cmd": "get", "database": database, "collection": COLLECTION, "key": job_id}
    context = Subject(database, COLLECTION, job_id)
    try:
        return _job((yield from send(request, context, repeatable=True, light=True)).data)
    except (DocumentNotFound, CollectionNotFound) as problem:
        raise NotFoundError(f"there is no job {job_id!r}", name=job_id) from problem


def cancel(database: str, job_id: str) -> Exchange[Job]:
    """Cancel a job that has not begun."""
    text = (
        f"FOR j IN {COLLECTION} FILTER j._key == @key AND j.status == 'pending' "
        f"REMOVE j IN {COLLECTION} RETURN OLD"
    )
    for row in (yield from _query(database, text, {"key": job_id})):
        return _job(row)
    job = yield from get_job(database, job_id)
    raise StateError(f"the job {job_id!r} is {job.status}", state=job.status, move="cancel")


def ensure(database: str, collection: str) -> Exchange[None]:
    """Create a collection unless it exists."""
    try:
        yield from send({"cmd": "create_collection", "database": database, "name": collection})
    except CollectionExists:
        return


def _document(new: NewJob) -> JsonObject:
    if (new.script_path is None) == (new.webhook_url is None):
        raise UsageError(
            "a job needs a script's path or the address of a web hook", hint="give one of the two"
        )
    now = time.time()
    begin = unix_seconds(now + new.delay) if new.run_at is None else unix_seconds(new.run_at)
    work = {"webhook_url": new.webhook_url} if new.webhook_url else {"script_path": new.script_path}
    return {
        "queue": new.queue,
        "priority": new.priority,
        **work,
        "params": {} if new.params is None else new.params,
        "status": "pending",
        "retry_count": 0,
        "max_retries": new.max_retries,
        "last_error": None,
        "run_at": begin,
        "created_at": int(now),
    }


def _query(database: str, text: str, binds: Mapping[str, Any]) -> Exchange[list[JsonObject]]:
    context = Subject(database, query=text, binds=binds)
    try:
        return cast(list[JsonObject], (yield from send(query_request(text, binds, database), context)).data)
    except CollectionNotFound:  # nobody has made a job yet
        return []


def _job(row: JsonObject) -> Job:
    return Job.of(row, id=row["_key"])
