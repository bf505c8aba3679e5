"""``client.cron``: schedules of jobs, a feature that the server lacks.

Schedules are documents in the database, and a scheduler (``solidb-odm scheduler``) enqueues the jobs that are
due. Several schedulers may run at once: the key of a due job is made of the schedule and its time, so that it
can be enqueued only once, and the next time is written only if the schedule still has the revision that was
read.
"""

from __future__ import annotations

import builtins
import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from .._dataclasses import dataclass
from .._types import Json, JsonObject
from ..commands import call
from ..errors import CollectionNotFound, DocumentNotFound, DuplicateKey, NotFoundError, UsageError
from ..wire.exchange import Exchange, HttpCall, http_fault, query_request, send
from ..wire.faults import Subject
from .calls import AsyncCaller, Caller
from .jobs import Job, NewJob, enqueue, ensure
from .requests import at
from .results import ClientResult

COLLECTION = "_cron_schedules"


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJob(ClientResult):
    """A schedule. ``next_run`` and ``last_run`` are in seconds since 1970 (UTC)."""

    id: str
    name: str = ""
    schedule: str = ""
    script_path: str = ""
    params: Json = None
    description: str | None = None
    timezone: str = "UTC"
    queue: str = "default"
    priority: int = 0
    max_retries: int = 3
    enabled: bool = True
    next_run: int = 0
    last_run: int | None = None


CHANGEABLE = frozenset(CronJob.__dataclass_fields__) - {"id", "raw", "next_run", "last_run"}


class Cron(Caller):
    """Calls for schedules, blocking. ``solidb-odm scheduler`` enqueues the jobs that are due."""

    def list(self) -> builtins.list[CronJob]:
        """Return all schedules, sorted by name."""
        return self._run(list_all(self._database))

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
        """Create a schedule for a script, in cron syntax: ``0 2 * * *`` is every day at 02:00."""
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
        return self._run(create(self._database, settings))

    def get(self, cron_id: str) -> CronJob:
        """Return a schedule; raise NotFoundError if there is none with this identifier."""
        return self._run(get(self._database, cron_id))

    def update(self, cron_id: str, updates: Mapping[str, Any]) -> CronJob:
        """Change attributes of a schedule and return it; its next time is computed from now."""
        return self._run(update(self._database, cron_id, updates))

    def delete(self, cron_id: str) -> None:
        """Delete a schedule; jobs that it has enqueued are kept."""
        self._run(delete(self._database, cron_id))

    def run_due(self, now: float | None = None) -> builtins.list[Job]:
        """Enqueue the jobs that are due, each once even if several schedulers run; return these jobs."""
        return self._run(run_due(self._database, now))


class AsyncCron(AsyncCaller):
    """Calls for schedules, async. ``solidb-odm scheduler`` enqueues the jobs that are due."""

    async def list(self) -> builtins.list[CronJob]:
        """Return all schedules, sorted by name."""
        return await self._run(list_all(self._database))

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
        """Create a schedule for a script, in cron syntax: ``0 2 * * *`` is every day at 02:00."""
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
        return await self._run(create(self._database, settings))

    async def get(self, cron_id: str) -> CronJob:
        """Return a schedule; raise NotFoundError if there is none with this identifier."""
        return await self._run(get(self._database, cron_id))

    async def update(self, cron_id: str, updates: Mapping[str, Any]) -> CronJob:
        """Change attributes of a schedule and return it; its next time is computed from now."""
        return await self._run(update(self._database, cron_id, updates))

    async def delete(self, cron_id: str) -> None:
        """Delete a schedule; jobs that it has enqueued are kept."""
        await self._run(delete(self._database, cron_id))

    async def run_due(self, now: float | None = None) -> builtins.list[Job]:
        """Enqueue the jobs that are due, each once even if several schedulers run; return these jobs."""
        return await self._run(run_due(self._database, now))


def list_all(database: str) -> Exchange[list[CronJob]]:
    """Return all schedules, sorted by name."""
    rows = yield from _query(database, f"FOR s IN {COLLECTION} SORT s.name, s._key RETURN s", {})
    return [_schedule(row) for row in rows]


def create(database: str, settings: JsonObject) -> Exchange[CronJob]:
    """Create a schedule and return it."""
    document = {name: value for name, value in settings.items() if value is not None}
    document["next_run"] = next_run(document["schedule"], document["timezone"])
    request = {"cmd": "insert", "database": database, "collection": COLLECTION, "document": document}
    context = Subject(database, COLLECTION)
    try:
        return _schedule((yield from send(request, context)).data)
    except CollectionNotFound:
        yield from ensure(database, COLLECTION)
        return _schedule((yield from send(request, context)).data)


def get(database: str, cron_id: str) -> Exchange[CronJob]:
    """Return a schedule; raise NotFoundError if there is none with this identifier."""
    request = {"cmd": "get", "database": database, "collection": COLLECTION, "key": cron_id}
    try:
        return _schedule(
            (
                yield from send(request, Subject(database, COLLECTION, cron_id), repeatable=True, light=True)
            ).data
        )
    except (DocumentNotFound, CollectionNotFound) as problem:
        raise _missing(cron_id) from problem


def update(database: str, cron_id: str, updates: Mapping[str, Any]) -> Exchange[CronJob]:
    """Change attributes of a schedule and return it."""
    if unknown := sorted(updates.keys() - CHANGEABLE):
        raise UsageError(
            f"a schedule has no {', '.join(unknown)}", hint=f"it has {', '.join(sorted(CHANGEABLE))}"
        )
    now = yield from get(database, cron_id)
    changed = {"schedule": now.schedule, "timezone": now.timezone} | dict(updates)
    changed["next_run"] = next_run(changed["schedule"], changed["timezone"])
    request = {"cmd": "update", "database": database, "collection": COLLECTION, "key": cron_id}
    answer = yield from send(request | {"document": changed}, Subject(database, COLLECTION, cron_id))
    return _schedule(answer.data)


def delete(database: str, cron_id: str) -> Exchange[None]:
    """Delete a schedule; jobs that it has enqueued are kept."""
    request = {"cmd": "delete", "database": database, "collection": COLLECTION, "key": cron_id}
    try:
        yield from send(request, Subject(database, COLLECTION, cron_id))
    except (DocumentNotFound, CollectionNotFound) as problem:
        raise _missing(cron_id) from problem


def run_due(database: str, now: float | None = None) -> Exchange[list[Job]]:
    """Enqueue a job for every schedule that is due and set its next time; return the jobs of this call.

    If several times have passed without a scheduler, one job is enqueued for all of them.
    """
    moment = time.time() if now is None else now
    text = f"FOR s IN {COLLECTION} FILTER s.enabled == true AND s.next_run <= @now SORT s.next_run RETURN s"
    jobs: list[Job] = []
    for row in (yield from _query(database, text, {"now": moment})):
        due = _schedule(row)
        new = NewJob(
            queue=due.queue,
            script_path=due.script_path,
            params=due.params,
            priority=due.priority,
            max_retries=due.max_retries,
            key=f"cron-{due.id}-{due.next_run}",
        )
        # A duplicate: another runner was quicker, or stopped before it moved the schedule on.
        with contextlib.suppress(DuplicateKey):
            jobs.append((yield from enqueue(database, new)))
        yield from _move_on(database, due, moment)
    return jobs


def next_run(schedule: str, timezone: str, after: float | None = None) -> int:
    """Return the next time of a schedule in cron syntax, in seconds since 1970 (UTC)."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise UsageError(f"{timezone!r} is not a time zone", hint="UTC, or Europe/Paris") from problem
    begin = datetime.now(UTC) if after is None else datetime.fromtimestamp(after, UTC)
    try:
        moment = next(CronSim(schedule, begin.astimezone(zone)))
    except (CronSimError, StopIteration) as problem:
        raise UsageError(
            f"{schedule!r} is not a schedule: {problem}",
            hint="minute hour day month weekday, as in '0 2 * * *': every day at 02:00",
        ) from problem
    return int(moment.timestamp())


def _move_on(database: str, due: CronJob, moment: float) -> Exchange[None]:
    """Set the next time, unless the schedule has changed since it was read."""
    path = at("database", database, "document", COLLECTION, due.id)
    body = {"next_run": next_run(due.schedule, due.timezone, moment), "last_run": due.next_run}
    headers = {"If-Match": f'"{due.raw["_rev"]}"'}
    answer = yield from call(HttpCall("PUT", path, body, headers=headers))
    if answer.status >= 400 and answer.status not in (404, 409, 412):
        raise http_fault(answer)


def _query(database: str, text: str, binds: Mapping[str, Any]) -> Exchange[list[JsonObject]]:
    context = Subject(database, query=text, binds=binds)
    try:
        answer = yield from send(query_request(text, binds, database), context, repeatable=True)
    except CollectionNotFound:  # nobody has made a schedule yet
        return []
    return cast(list[JsonObject], answer.data)


def _missing(cron_id: str) -> NotFoundError:
    return NotFoundError(f"there is no schedule {cron_id!r}", name=cron_id)


def _schedule(row: JsonObject) -> CronJob:
    return CronJob.of(row, id=row["_key"])
