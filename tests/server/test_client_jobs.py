"""Jobs and schedules, on the real server."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from solidb_odm.cli import main, scheduler
from solidb_odm.client import Client
from solidb_odm.errors import NotFoundError, StateError, UsageError
from tools.server import LocalServer

pytestmark = pytest.mark.server
SOON = 3600


def test_a_job_is_enqueued_listed_read_and_cancelled(client: Client) -> None:
    job = client.jobs.enqueue("mail", "/scripts/send", {"order_id": 123}, 10, delay=SOON)
    assert (job["_key"], job["status"], job.priority) == (job.id, "pending", 10)
    assert client.jobs.get_job(job.id)["params"] == {"order_id": 123}
    assert [row.id for row in client.jobs.list_jobs("mail", "pending")] == [job.id]
    assert [(row["name"], row["pending"], row.running) for row in client.jobs.list_queues()] == [
        ("mail", 1, 0)
    ]

    client.jobs.cancel(job.id)

    with pytest.raises(NotFoundError, match=job.id):
        client.jobs.get_job(job.id)
    with pytest.raises(NotFoundError, match=job.id):
        client.jobs.cancel(job.id)


def test_without_jobs_there_are_no_queues(client: Client) -> None:
    assert client.jobs.list_queues() == []
    assert client.jobs.list_jobs("default") == []


@pytest.mark.parametrize(
    "moment", ["2040-01-31T09:00:00Z", datetime(2040, 1, 31, 9, tzinfo=UTC), 2_211_613_200]
)
def test_a_job_may_be_for_later(client: Client, moment: datetime | str | int) -> None:
    assert client.jobs.enqueue("mail", "/scripts/send", None, None, moment).run_at == 2_211_613_200


def test_jobs_come_by_priority_and_in_pages(client: Client) -> None:
    for priority in (1, 3, 2):
        client.jobs.enqueue("mail", "/scripts/send", None, priority, delay=SOON)

    assert [job.priority for job in client.jobs.list_jobs("mail")] == [3, 2, 1]
    assert [job.priority for job in client.jobs.list_jobs("mail", None, 1, 1)] == [2]


def test_a_job_that_runs_is_not_cancelled(client: Client, database: str) -> None:
    job = client.jobs.enqueue("mail", "/scripts/send", delay=SOON)
    client.update(database, "_jobs", job.id, {"status": "running"})

    with pytest.raises(StateError, match="is running"):
        client.jobs.cancel(job.id)


def test_the_server_runs_a_job(client: Client, database: str) -> None:
    client.create_collection(database, "done")
    client.scripts.create(
        "mark", "mark", ["POST"], "db:collection('done'):insert({n = request.body.n}) return {}"
    )
    job = client.jobs.enqueue("default", "mark", {"n": 7})

    deadline = time.monotonic() + 60
    while client.jobs.get_job(job.id).status in ("pending", "running") and time.monotonic() < deadline:
        time.sleep(0.2)

    assert (client.jobs.get_job(job.id).status, client.jobs.get_job(job.id).last_error) == ("completed", None)
    assert [document["n"] for document in client.documents(database, "done")] == [7]


def test_what_no_job_can_be_is_refused(client: Client) -> None:
    with pytest.raises(UsageError, match="script's path"):
        client.jobs.enqueue("mail", None)
    with pytest.raises(UsageError, match="point in time"):
        client.jobs.enqueue("mail", "/scripts/send", run_at="tomorrow")
    with pytest.raises(UsageError, match="'paused'"):
        client.jobs.list_jobs("mail", "paused")


def test_schedules_are_made_read_changed_and_removed(client: Client) -> None:
    cron = client.cron.create("daily-cleanup", "0 2 * * *", "/scripts/cleanup", {"deep": True})
    assert datetime.fromtimestamp(cron.next_run, UTC).hour == 2
    assert [row["_key"] for row in client.cron.list()] == [cron["_key"]] == [cron.id]

    changed = client.cron.update(cron.id, {"schedule": "0 3 * * *"})

    assert (changed["schedule"], datetime.fromtimestamp(changed.next_run, UTC).hour) == ("0 3 * * *", 3)
    assert client.cron.get(cron.id).params == {"deep": True}
    client.cron.delete(cron.id)
    with pytest.raises(NotFoundError, match=cron.id):
        client.cron.delete(cron.id)


def test_without_schedules_nothing_is_due(client: Client) -> None:
    assert client.cron.list() == []
    assert client.cron.run_due() == []


def test_a_schedule_has_a_time_zone(client: Client) -> None:
    cron = client.cron.create("morning", "0 9 * 1 *", "/scripts/wake", timezone="Asia/Tokyo")

    assert datetime.fromtimestamp(cron.next_run, UTC).hour == 0


@pytest.mark.parametrize("schedule", ["", "* * *", "61 * * * *", "daily"])
def test_what_is_no_schedule_is_refused(client: Client, schedule: str) -> None:
    with pytest.raises(UsageError, match="not a schedule"):
        client.cron.create("odd", schedule, "/scripts/cleanup")


def test_what_is_due_is_enqueued_once_and_moved_on(client: Client) -> None:
    cron = client.cron.create("hourly", "0 * * * *", "/scripts/tick", {"n": 1}, queue="ticks")
    later = cron.next_run + 3 * 3600 + 5

    jobs = client.cron.run_due(later)

    assert [(job.script_path, job.params, job.queue) for job in jobs] == [
        ("/scripts/tick", {"n": 1}, "ticks")
    ]
    assert client.cron.run_due(later) == []
    moved = client.cron.get(cron.id)
    assert (moved.last_run, moved.next_run) == (cron.next_run, cron.next_run + 4 * 3600)


def test_a_schedule_that_is_off_is_not_due(client: Client) -> None:
    cron = client.cron.create("hourly", "0 * * * *", "/scripts/tick", enabled=False)

    assert client.cron.run_due(cron.next_run + 1) == []


def test_runners_side_by_side_enqueue_once(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        crons = [client.cron.create(f"c{n}", "0 * * * *", "/scripts/tick") for n in range(5)]
        later = crons[0].next_run + 7

        with ThreadPoolExecutor(4) as runners:
            found = list(runners.map(lambda _: client.cron.run_due(later), range(4)))

        assert sum(map(len, found)) == 5
        assert len(client.jobs.list_jobs("default")) == 5
        assert {row.next_run for row in client.cron.list()} == {crons[0].next_run + 3600}


def test_the_scheduler_enqueues_what_is_due(
    server: LocalServer, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Client(server.url(database)) as client:
        cron = client.cron.create("hourly", "0 * * * *", "/scripts/tick")
        client.update(database, "_cron_schedules", cron.id, {"next_run": 1})

        assert main(["--url", server.url(database), "scheduler", "--once"]) == 0

        assert [job.script_path for job in client.jobs.list_jobs("default")] == ["/scripts/tick"]
    assert "/scripts/tick" in capsys.readouterr().out


def test_the_scheduler_goes_on_until_it_is_interrupted(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        waits = iter([None, None])

        def pause(_: float) -> None:
            if next(waits, "over") == "over":
                raise KeyboardInterrupt

        scheduler.run(client, 1, pause)

        assert list(waits) == []
