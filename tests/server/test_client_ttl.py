"""``client.ttl`` on the real server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from solidb_odm.client import Client
from solidb_odm.client.ttl import expires_at
from solidb_odm.errors import IndexExists, IndexNotFound, UsageError

pytestmark = pytest.mark.server


@pytest.fixture
def sessions(client: Client, database: str) -> Client:
    client.create_collection(database, "sessions")
    client.ttl.create_index("sessions", "expiry", "seen", 3600)
    return client


def keys(client: Client, database: str) -> list[str]:
    return [document.key for document in client.list(database, "sessions")[0]]


def test_an_index_is_described(sessions: Client) -> None:
    info = sessions.ttl.get_index_info("sessions", "expiry")

    assert info["expire_after_seconds"] == info.expire_after_seconds == 3600
    assert (info["name"], info["field"]) == ("expiry", "seen")
    assert [index.name for index in sessions.ttl.list_indexes("sessions")] == ["expiry"]


def test_a_cleanup_removes_what_has_expired_and_nothing_else(sessions: Client, database: str) -> None:
    now = int(time.time())
    hour_ago = datetime.now(UTC) - timedelta(hours=1, minutes=1)
    values = {
        "old": now - 3700,
        "old-text": hour_ago.isoformat(),
        "old-elsewhere": hour_ago.astimezone().isoformat(),
        "zero": 0,
        "fresh": now,
        "fresh-text": datetime.now(UTC).isoformat(),
        "future": now + 3600,
        "milliseconds": now * 1000,
        "float": 1.0,
        "negative": -5,
        "no-offset": "2020-01-01T00:00:00",
        "no-time": "2020-01-01",
        "word": "hello",
        "null": None,
        "truth": True,
    }
    for key, value in values.items():
        sessions.insert(database, "sessions", {"seen": value}, key)

    removed = sessions.ttl.run_cleanup("sessions")

    gone = {"old", "old-text", "old-elsewhere", "zero"}
    assert removed == 4
    assert set(keys(sessions, database)) == values.keys() - gone


def test_a_document_from_before_the_index_is_written_anew_so_that_it_expires(
    client: Client, database: str
) -> None:
    client.create_collection(database, "sessions")
    before = client.insert(database, "sessions", {"seen": int(time.time()), "user": "ada"}, "a")
    other = client.insert(database, "sessions", {"user": "bob"}, "b")

    client.ttl.create_index("sessions", "expiry", "seen", 3600)

    after = client.get(database, "sessions", "a")
    assert after.rev != before.rev
    assert (after["user"], after["seen"]) == ("ada", before["seen"])
    assert client.get(database, "sessions", "b").rev == other.rev


def test_a_thousand_and_more_documents_are_covered(client: Client, database: str) -> None:
    client.create_collection(database, "sessions")
    client.insert_many(database, "sessions", [{"_key": f"{n:05}", "seen": 1, "rev": n} for n in range(1205)])

    client.ttl.create_index("sessions", "expiry", "seen", 10)

    changed = "FOR d IN sessions FILTER d._updated_at != d._created_at COLLECT WITH COUNT INTO n RETURN n"
    assert client.query(database, changed) == [1205]
    assert client.ttl.run_cleanup("sessions") == 1205


def test_the_seconds_of_an_index_can_be_changed(sessions: Client, database: str) -> None:
    sessions.insert(database, "sessions", {"seen": int(time.time()) - 100}, "a")
    assert sessions.ttl.run_cleanup("sessions") == 0

    assert sessions.ttl.update_expiration("sessions", "expiry", 60)["expire_after_seconds"] == 60

    assert sessions.ttl.run_cleanup("sessions") == 1


def test_a_dropped_index_expires_nothing(sessions: Client, database: str) -> None:
    sessions.insert(database, "sessions", {"seen": 1}, "a")

    sessions.ttl.delete_index("sessions", "expiry")

    assert sessions.ttl.run_cleanup("sessions") == 0
    assert sessions.ttl.list_indexes("sessions") == []


def test_ttl_indexes_that_are_missing_or_doubled_are_named(sessions: Client) -> None:
    with pytest.raises(IndexExists, match="'expiry'"):
        sessions.ttl.create_index("sessions", "expiry", "seen", 1)
    for call in (sessions.ttl.get_index_info, sessions.ttl.delete_index):
        with pytest.raises(IndexNotFound, match="'other'"):
            call("sessions", "other")
    with pytest.raises(IndexNotFound, match="'other'"):
        sessions.ttl.update_expiration("sessions", "other", 5)


@pytest.mark.parametrize("seconds", [-1, 1.5, True])
def test_seconds_that_would_never_come_are_refused(client: Client, seconds: int) -> None:
    with pytest.raises(UsageError, match="whole number of seconds"):
        client.ttl.create_index("sessions", "expiry", "seen", seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01 01:00:10.5+01:00", 10.5),
        ("1970-01-01t00:00:10.123456789z", 10.123456),
        ("1970-01-01T00:00:10", None),
        ("1970-13-01T00:00:10Z", None),
    ],
)
def test_texts_are_read_as_the_sweep_of_the_server_reads_them(text: str, expected: float | None) -> None:
    assert expires_at(text) == expected
