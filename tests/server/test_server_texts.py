"""The texts that the server says no with: each is provoked, and understood by the row made for it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from solidb_odm import errors
from solidb_odm.client import Client
from solidb_odm.engines.solidb import ServerDriver
from solidb_odm.wire.exchange import send_all
from solidb_odm.wire.faults import TABLE, fault
from solidb_odm.wire.frames import MAGIC, Answer, FrameReader, Refusal, decode, frame, pack
from tools.server import LocalServer

pytestmark = pytest.mark.server

Say: TypeAlias = Callable[..., Answer]

ELSEWHERE = {
    r"": "the end of each list of rows, for texts of later servers",
    r"^Too many failed": "test_client_security.py, on a server with a limit",
    r"^Session no longer valid": "the server looks once in a minute",
    r"^Blob not found: (?P<key>.*)$": "HTTP: test_client_blobs.py",
    r"(?P<text>Unique constraint violated.*)": "for wordings of later servers",
    r"^(?P<text>Query execution timeout.*)": "takes thirty seconds",
    r"^Query execution error: (?P<text>.*(?:intermediate rows|too many rows|too deep|row limit).*)": "takes "
    "five million rows",
    r"Transaction timeout|timed out": "takes five minutes",
    r"^Role not found: (?P<name>.*)": "for wordings of later servers",
    r"^Conflict: (?P<text>.*)": "for wordings of later servers",
    r"^(?P<text>.* too large to export in one reply.*)": "the client pages exports",
    r"^(?P<text>.*timed out.*)": "for wordings of later servers",
}
"""Rows that no test here provokes, and why."""


@pytest.fixture
def say(server: LocalServer, database: str) -> Iterator[Say]:
    """Send requests on one connection, about the database of the test if they name none."""
    with Client(server.url(database)) as client:
        client.create_collection(database, "c")
        client.create_collection(database, "e", "edge")
        client.create_collection(database, "t", "timeseries")
        client.create_collection(database, "s")
        client.insert(database, "c", {}, "held")
        client.insert(database, "c", {"email": "x", "v": [1.0, 2.0]}, "a")
        client.pipeline([{"cmd": "create_index", "database": database, "collection": "c", **UNIQUE}])
        client.vector.create_index("c", "vectors", "v", 2)
    driver = ServerDriver(server.url(database))
    with driver.lease() as lease:

        def ask(cmd: str, **arguments: Any) -> Answer:
            request = {"cmd": cmd, "database": database, "collection": "c", **arguments}
            operation = send_all([request], label=cmd)
            batch = next(operation)
            (answer,) = lease.perform(batch)
            found: Answer = answer
            return found

        yield ask
    driver.close()


UNIQUE = {"name": "u", "fields": ["email"], "unique": True}


def staged(say: Say, cmd: str, tx: str = "", **arguments: Any) -> tuple[str, Answer]:
    tx = tx or say("begin_transaction").tx_id
    inner = {"cmd": cmd, "database": arguments.pop("database"), "collection": "c", **arguments}
    return tx, say("transaction_command", tx_id=tx, command=inner)


def commit_of_an_existing_key(say: Say, db: str) -> Answer:
    tx, _ = staged(say, "insert", database=db, key="a", document={})
    return say("commit_transaction", tx_id=tx)


def commit_of_a_key_twice(say: Say, db: str) -> Answer:
    tx, _ = staged(say, "insert", database=db, key="b", document={})
    staged(say, "insert", tx, database=db, key="b", document={})
    return say("commit_transaction", tx_id=tx)


def commit_after_a_change(say: Say, db: str) -> Answer:
    tx, _ = staged(say, "update", database=db, key="a", document={"n": 1})
    say("update", key="a", document={"n": 2})
    return say("commit_transaction", tx_id=tx)


def staging_of_what_another_holds(say: Say, db: str) -> Answer:
    staged(say, "update", database=db, key="held", document={"n": 1})
    return staged(say, "update", database=db, key="held", document={"n": 2})[1]


def bulk(say: Say, *documents: dict[str, Any]) -> Answer:
    return say("bulk_insert", documents=list(documents))


def schema(say: Say, rules: dict[str, Any]) -> Answer:
    envelope = {"name": "s", "schema": rules, "validation_mode": "strict"}
    return say("set_collection_schema", collection="s", schema=envelope)


def against_a_schema(say: Say, db: str) -> Answer:
    schema(say, {"type": "object", "required": ["name"]})
    return say("insert", collection="s", document={})


PROVOCATIONS: dict[str, tuple[Callable[[Say, str], Answer], type[Exception]]] = {
    "no database": (lambda say, db: say("list_collections", database="none"), errors.DatabaseNotFound),
    "a database twice": (lambda say, db: say("create_database", name=db), errors.DatabaseExists),
    "a bad name of a database": (lambda say, db: say("create_database", name="a:b"), errors.InvalidCommand),
    "the system's database": (
        lambda say, db: say("delete_database", name="_system"),
        errors.PermissionDenied,
    ),
    "no table": (lambda say, db: say("get_columnar", collection="none"), errors.CollectionNotFound),
    "no collection": (lambda say, db: say("get", collection="none", key="a"), errors.CollectionNotFound),
    "a collection twice": (lambda say, db: say("create_collection", name="c"), errors.CollectionExists),
    "an index twice": (lambda say, db: say("create_index", **UNIQUE), errors.IndexExists),
    "no index": (lambda say, db: say("delete_index", name="none"), errors.IndexNotFound),
    "no geo index": (
        lambda say, db: say("geo_near", field="place", latitude=1.0, longitude=1.0),
        errors.IndexNotFound,
    ),
    "no document": (lambda say, db: say("get", key="none"), errors.DocumentNotFound),
    "a key twice": (lambda say, db: say("insert", key="a", document={}), errors.DuplicateKey),
    "a key twice, at the commit": (commit_of_an_existing_key, errors.DuplicateKey),
    "a key twice in a transaction": (commit_of_a_key_twice, errors.DuplicateKey),
    "a key twice in bulk": (lambda say, db: bulk(say, {"_key": "k"}, {"_key": "k"}), errors.DuplicateKey),
    "a unique value twice": (lambda say, db: say("insert", document={"email": "x"}), errors.UniqueViolation),
    "a unique value twice in bulk": (
        lambda say, db: bulk(say, {"email": "y"}, {"email": "y"}),
        errors.UniqueViolation,
    ),
    "a document against the schema": (against_a_schema, errors.SchemaViolation),
    "a schema that is none": (lambda say, db: schema(say, {"type": 7}), errors.InvalidCommand),
    "an edge without ends": (
        lambda say, db: say("insert", collection="e", document={}),
        errors.InvalidDocument,
    ),
    "a key that is a number": (lambda say, db: say("insert", document={"_key": 7}), errors.InvalidDocument),
    "syntax": (lambda say, db: say("query", sdbql="FOR d IN"), errors.QuerySyntaxError),
    "nesting": (
        lambda say, db: say("query", sdbql=f"RETURN {'(' * 100}1{')' * 100}"),
        errors.QueryLimitError,
    ),
    "a function that is not there": (
        lambda say, db: say("query", sdbql="RETURN NO_SUCH(1)"),
        errors.QueryError,
    ),
    "what another transaction holds": (staging_of_what_another_holds, errors.TransactionConflict),
    "what was changed meanwhile": (commit_after_a_change, errors.TransactionConflict),
    "no transaction": (lambda say, db: say("commit_transaction", tx_id="tx:1"), errors.TransactionError),
    "what a transaction can't do": (
        lambda say, db: staged(say, "get", database=db, key="a")[1],
        errors.TransactionError,
    ),
    "what drivers don't see": (
        lambda say, db: say("get", collection="_env", key="a"),
        errors.PermissionDenied,
    ),
    "an update of a time series": (
        lambda say, db: say("update", collection="t", key="a", document={}),
        errors.NotSupportedByServerError,
    ),
    "clusters": (lambda say, db: say("cluster_status"), errors.NotSupportedByServerError),
    "a vector that is too long": (
        lambda say, db: say("vector_search", index_name="vectors", vector=[1.0]),
        errors.InvalidCommand,
    ),
    "a command that is not there": (lambda say, db: say("no_such_command"), errors.NotSupportedByServerError),
    "an argument that is not there": (lambda say, db: say("get"), errors.InvalidCommand),
}


def row_of(refusal: Refusal) -> str:
    """Return the pattern of the row that understands a text."""
    return next(
        pattern.pattern
        for variants, pattern, _ in TABLE
        if refusal.variant in variants and pattern.search(refusal.text)
    )


def refused(answer: Answer) -> Refusal:
    assert answer.refusal is not None
    return answer.refusal


@pytest.mark.parametrize("name", PROVOCATIONS)
def test_what_the_server_says_is_understood(name: str, say: Say, database: str) -> None:
    provoke, kind = PROVOCATIONS[name]

    assert type(fault(refused(provoke(say, database)))) is kind


def logged_in(server: LocalServer, **login: str) -> Refusal:
    """Log in by hand; return what the server refuses it with."""
    empty = {"username": "", "password": ""}
    return by_hand(server, {"cmd": "auth", "database": "_system", **empty, **login})


def by_hand(server: LocalServer, request: dict[str, Any]) -> Refusal:
    reader = FrameReader()
    with socket.create_connection((server.host, server.port), timeout=30) as opened:
        opened.sendall(MAGIC + frame(pack(request)))
        while not (payloads := reader.feed(opened.recv(1 << 16))):
            continue
    return refused(decode(payloads[0]))


def test_refused_logins_are_understood(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        scoped = client.api_keys.create(f"scoped {database}", [database])
        old = client.api_keys.create(f"old {database}", None, 1_000_000_000)
        client.users.create(f"reader_{database}", "a long enough password", ["viewer"])
        reader = server.url(database).replace(server.user, f"reader_{database}")
        refusals = {
            logged_in(server, username="admin", password="wrong"): errors.AuthError,
            logged_in(server, api_key="sk_wrong"): errors.AuthError,
            logged_in(server, api_key=old.key): errors.AuthError,
            logged_in(server, api_key=scoped.key): errors.PermissionDenied,
            logged_in(server, database="none", api_key="x"): errors.DatabaseNotFound,
            by_hand(server, {"cmd": "list_databases"}): errors.AuthError,
        }
        other = Client(reader.replace(server.password, "a long enough password"))
        with other, pytest.raises(errors.PermissionDenied, match="Write"):
            other.insert(database, "c", {})
        for key in (scoped, old):
            client.api_keys.delete(key.id)
        client.users.delete(f"reader_{database}")

    assert {refusal.text: type(fault(refusal)) for refusal in refusals} == {
        refusal.text: kind for refusal, kind in refusals.items()
    }


def test_every_row_is_provoked_or_has_its_reason(server: LocalServer, say: Say, database: str) -> None:
    logins = [
        logged_in(server, username="admin", password="wrong"),
        logged_in(server, api_key="sk_wrong"),
        logged_in(server, database="none", api_key="x"),
        by_hand(server, {"cmd": "list_databases"}),
    ]
    said = [refused(provoke(say, database)) for provoke, _ in PROVOCATIONS.values()]
    seen = {row_of(refusal) for refusal in (*logins, *said)}
    by_rights = {r"^API key does not have access", r"^Forbidden: (?:Access denied: )?(?P<text>.*)"}

    rows = {pattern.pattern for _, pattern, _ in TABLE}
    assert rows - seen - ELSEWHERE.keys() - by_rights == set()
    assert ELSEWHERE.keys() <= rows
