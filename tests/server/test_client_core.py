"""Databases, collections, documents and queries of the client, on the real server."""

from __future__ import annotations

import secrets
import time

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import (
    CollectionExists,
    CollectionNotFound,
    DatabaseNotFound,
    DocumentNotFound,
    DuplicateKey,
    InvalidDocument,
    PermissionDenied,
    QueryError,
    QuerySyntaxError,
    SolidbError,
    UniqueViolation,
    UsageError,
)

pytestmark = pytest.mark.server


@pytest.fixture
def users(client: Client, database: str) -> Client:
    client.create_collection(database, "users")
    return client


def test_a_ping_gives_the_servers_clock_in_milliseconds(client: Client) -> None:
    assert abs(client.ping() - time.time() * 1000) < 60_000


def test_databases_come_and_go(client: Client) -> None:
    name = f"test_{secrets.token_hex(6)}"

    client.create_database(name)
    assert name in client.list_databases()
    client.delete_database(name)

    assert name not in client.list_databases()


@pytest.mark.parametrize("name", ["", "a/b", "a:b", " a"])
def test_a_name_that_no_database_can_have_is_refused(client: Client, name: str) -> None:
    with pytest.raises(UsageError, match="name of a database"):
        client.create_database(name)


@pytest.mark.parametrize("kind", [None, "document", "edge", "blob", "timeseries"])
def test_collections_of_all_kinds_come_and_go(client: Client, database: str, kind: str | None) -> None:
    client.create_collection(database, "things", kind)
    assert client.list_collections(database) == ["things"]

    client.delete_collection(database, "things")

    assert client.list_collections(database) == []


def test_an_edge_collection_wants_both_ends(client: Client, database: str) -> None:
    client.create_collection(database, "knows", "edge")

    with pytest.raises(InvalidDocument, match="_from"):
        client.insert(database, "knows", {"since": 2020})


def test_a_collection_is_not_made_twice(users: Client, database: str) -> None:
    with pytest.raises(CollectionExists, match="'users'"):
        users.create_collection(database, "users")


def test_a_kind_that_there_is_not_is_refused(client: Client, database: str) -> None:
    with pytest.raises(UsageError, match="'graph'"):
        client.create_collection(database, "things", "graph")


def test_stats_say_what_a_collection_holds(users: Client, database: str) -> None:
    users.insert(database, "users", {})

    stats = users.collection_stats(database, "users")

    assert stats["document_count"] == stats.document_count == 1
    assert stats.name == "users"


def test_an_insert_gives_the_document_as_stored(users: Client, database: str) -> None:
    stored = users.insert(database, "users", {"name": "Ada"})

    assert stored["name"] == "Ada"
    assert users.get(database, "users", stored["_key"]) == stored
    assert stored.rev
    assert stored.created_at == stored.updated_at


def test_a_key_of_ones_own_is_kept(users: Client, database: str) -> None:
    assert users.insert(database, "users", {"name": "Ada"}, "ada").key == "ada"
    assert users.insert(database, "users", {"_key": "bob"}, key=None)["_key"] == "bob"


def test_a_key_is_not_used_twice(users: Client, database: str) -> None:
    users.insert(database, "users", {}, "ada")

    with pytest.raises(DuplicateKey, match="users/ada"):
        users.insert(database, "users", {}, "ada")


def test_an_update_merges(users: Client, database: str) -> None:
    users.insert(database, "users", {"name": "Ada", "age": 36}, "ada")

    changed = users.update(database, "users", "ada", {"age": 37}, True)

    assert (changed["name"], changed["age"]) == ("Ada", 37)


def test_an_update_without_merging_replaces(users: Client, database: str) -> None:
    users.insert(database, "users", {"name": "Ada", "age": 36}, "ada")

    users.update(database, "users", "ada", {"name": "Countess"}, merge=False)

    found = users.get(database, "users", "ada")
    assert found["name"] == "Countess"
    assert "age" not in found


@pytest.mark.parametrize("merge", [True, False])
def test_an_update_of_nothing_is_an_error(users: Client, database: str, merge: bool) -> None:
    with pytest.raises(DocumentNotFound, match="users/nobody") as raised:
        users.update(database, "users", "nobody", {"age": 1}, merge)
    assert raised.value.collection == "users"


def test_a_deleted_document_is_gone(users: Client, database: str) -> None:
    users.insert(database, "users", {}, "ada")

    users.delete(database, "users", "ada")

    with pytest.raises(DocumentNotFound):
        users.get(database, "users", "ada")


@pytest.mark.parametrize("document", [None, 1, "text", ["a"]])
def test_what_is_no_document_is_refused(users: Client, database: str, document: object) -> None:
    with pytest.raises(InvalidDocument, match="must be a dict"):
        users.insert(database, "users", document)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", object(), 2**70])
def test_a_value_that_json_does_not_have_is_refused(users: Client, database: str, value: object) -> None:
    with pytest.raises(SolidbError, match="value"):
        users.insert(database, "users", {"value": value})


def test_a_list_comes_in_the_order_of_keys_with_the_total(users: Client, database: str) -> None:
    users.insert_many(database, "users", [{"_key": f"k{number}"} for number in range(7)])

    documents, total = users.list(database, "users", 3, 2)

    assert [document["_key"] for document in documents] == ["k2", "k3", "k4"]
    assert total == 7


def test_a_list_without_a_limit_is_whole(users: Client, database: str) -> None:
    users.insert_many(database, "users", [{"n": number} for number in range(2500)])

    documents, total = users.list(database, "users")

    assert len(documents) == total == 2500


def test_a_list_that_is_larger_than_a_message_is_read_in_pages(users: Client, database: str) -> None:
    for start in range(0, 200, 20):
        users.insert_many(
            database, "users", [{"n": n, "text": "x" * 100_000} for n in range(start, start + 20)]
        )

    documents, _ = users.list(database, "users", 200)

    assert {document["n"] for document in documents} == set(range(200))
    assert sum(1 for _ in users.documents(database, "users")) == 200


def test_an_answer_that_is_larger_than_a_message_is_read_in_pages(client: Client, database: str) -> None:
    rows = client.query(database, "FOR i IN 1..250 RETURN {i: i, s: REPEAT('x', 100000)}")

    assert [row["i"] for row in rows] == list(range(1, 251))


def test_a_query_takes_binds(users: Client, database: str) -> None:
    users.insert_many(database, "users", [{"age": age} for age in (20, 30, 40)])

    found = users.query(database, "FOR u IN users FILTER u.age > @min SORT u.age RETURN u.age", {"min": 25})

    assert found == [30, 40]


@pytest.mark.parametrize("way", ["query", "explain", "iterate"])
def test_a_bind_variable_without_a_value_is_named(users: Client, database: str, way: str) -> None:
    text = "FOR u IN users FILTER u.age > @min AND u.email == 'ada@x.org' RETURN u"

    with pytest.raises(QueryError, match="@min"):
        list(getattr(users, way)(database, text, {"max": 1}))
    assert users.query(database, text, {"min": 1}) == []


def test_a_query_may_be_read_in_pages(client: Client, database: str) -> None:
    text = "FOR i IN 1..@n RETURN i"

    pages = list(client.query_pages(database, text, {"n": 25}, page_size=10))

    assert [len(page) for page in pages] == [10, 10, 5]
    assert list(client.iterate(database, text, {"n": 25}, page_size=10)) == list(range(1, 26))


def test_an_explanation_says_what_is_read(users: Client, database: str) -> None:
    users.insert_many(database, "users", [{}, {}])

    plan = users.explain(database, "FOR u IN users RETURN u")

    assert plan["documents_returned"] == plan.documents_returned == 2


def test_errors_say_what_can_be_done(users: Client, database: str) -> None:
    with pytest.raises(QuerySyntaxError) as raised:
        users.query(database, "FOR u IN")
    assert (raised.value.line, raised.value.column) == (1, 9)
    with pytest.raises(CollectionNotFound, match="'nothing'"):
        users.query(database, "FOR u IN nothing RETURN u")
    with pytest.raises(QueryError):
        users.query(database, "FOR u IN users RETURN NO_SUCH_FUNCTION(1)") or users.query(
            database, "RETURN @x"
        )
    with pytest.raises(DatabaseNotFound, match="'nowhere'"):
        users.list_collections("nowhere")
    with pytest.raises(PermissionDenied):
        users.get(database, "_env", "x")


def test_a_unique_index_speaks(users: Client, database: str) -> None:
    index = {"cmd": "create_index", "database": database, "collection": "users", "name": "by_email"}
    users.pipeline([{**index, "fields": ["email"], "unique": True}])
    users.insert(database, "users", {"email": "a@x"})

    with pytest.raises(UniqueViolation) as raised:
        users.insert(database, "users", {"email": "a@x"})
    assert raised.value.fields == ("email",)


def test_many_documents_are_stored_at_once_or_none(users: Client, database: str) -> None:
    assert users.insert_many(database, "users", [{"_key": "a"}, {"_key": "b"}]) == 2

    with pytest.raises(DuplicateKey):
        users.insert_many(database, "users", [{"_key": "c"}, {"_key": "a"}])
    assert users.list(database, "users", 0)[1] == 2


@pytest.mark.parametrize("way", ["pipeline", "batch"])
def test_many_requests_give_answers_and_errors_in_order(users: Client, database: str, way: str) -> None:
    place = {"database": database, "collection": "users"}
    requests = [
        {"cmd": "insert", **place, "key": "a", "document": {"n": 1}},
        {"cmd": "get", **place, "key": "missing"},
        {"cmd": "get", **place, "key": "a"},
    ]

    first, second, third = getattr(users, way)(requests)

    assert first == third
    assert isinstance(second, DocumentNotFound)


def test_another_database_is_used_through_a_view(users: Client, database: str) -> None:
    elsewhere = users.using("_system")

    assert (elsewhere.database, users.database) == ("_system", database)
    with pytest.raises(CollectionNotFound):
        elsewhere.collections.stats("users")
    assert elsewhere.using(database).collections.stats("users").document_count == 0


def test_a_view_may_have_less_time(client: Client, database: str) -> None:
    assert client.within(timeout_ms=20_000).query(database, "RETURN 1", timeout_ms=10_000) == [1]
