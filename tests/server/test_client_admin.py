"""Scripts, triggers, roles, users, keys, variables and the cluster, on the real server."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import (
    AlreadyExists,
    AuthError,
    DatabaseError,
    NotFoundError,
    NotSupportedByServerError,
    UsageError,
)
from tools.server import LocalServer

from .client_colours import client_of

pytestmark = pytest.mark.server
PASSWORD = "a-long-enough-password"


@pytest.fixture
def name() -> str:
    return f"t{secrets.token_hex(6)}"


def test_scripts_are_made_read_changed_and_removed(client: Client) -> None:
    script = client.scripts.create("hello", "/api/hello", ["GET", "POST"], 'return { message = "Hello!" }')
    assert (script["name"], script["path"], script["methods"]) == ("hello", "/api/hello", ["GET", "POST"])
    assert [row["_key"] for row in client.scripts.list()] == [script["_key"]] == [script.id]

    changed = client.scripts.update(script.id, {"code": "return {}", "methods": ["GET"]})

    assert (changed.code, changed.methods, changed.path) == ("return {}", ["GET"], "/api/hello")
    assert client.scripts.get(script.id) == changed
    client.scripts.delete(script.id)
    with pytest.raises(NotFoundError, match=script.id):
        client.scripts.get(script.id)


def test_scripts_of_the_server_are_counted(client: Client) -> None:
    assert client.scripts.get_stats()["total_scripts_executed"] >= 0


def test_triggers_are_made_read_changed_and_removed(client: Client, database: str) -> None:
    client.create_collection(database, "users")
    trigger = client.triggers.create("on_new", "users", "insert", "/scripts/new")
    assert (trigger["events"], trigger["script_path"]) == (["insert"], "/scripts/new")
    assert [row.id for row in client.triggers.list()] == [trigger["_key"]]
    assert [row.id for row in client.triggers.list_by_collection("users")] == [trigger.id]

    changed = client.triggers.update(trigger.id, {"script_path": "/scripts/other", "enabled": False})

    assert (changed["script_path"], changed["enabled"]) == ("/scripts/other", False)
    assert client.triggers.toggle(trigger.id).enabled
    assert client.triggers.get(trigger.id).enabled
    client.triggers.delete(trigger.id)
    with pytest.raises(NotFoundError, match=trigger.id):
        client.triggers.delete(trigger.id)


def test_an_event_that_there_is_not_is_refused(client: Client) -> None:
    with pytest.raises(UsageError, match="truncate"):
        client.triggers.create("on_new", "users", ["insert", "truncate"], "/scripts/new")


def test_roles_are_made_read_changed_and_removed(client: Client, name: str, database: str) -> None:
    role = client.roles.create(
        name, [{"action": "read", "scope": "database", "database": database}, "write"], "What it is for"
    )
    assert (role["name"], role.description) == (name, "What it is for")
    assert [(item["action"], item["scope"]) for item in role.permissions] == [
        ("read", "database"),
        ("write", "global"),
    ]
    with pytest.raises(AlreadyExists, match=name):
        client.roles.create(name, ["read"])

    assert client.roles.update(name, ["read"]).permissions[0].action == "read"

    assert client.roles.get(name).name in [item.name for item in client.roles.list()]
    client.roles.delete(name)
    with pytest.raises(NotFoundError, match=name):
        client.roles.get(name)


@pytest.mark.parametrize(
    "permission",
    [
        {"action": "execute", "scope": "script", "database": "mydb"},
        {"action": "write", "scope": "collection", "database": "mydb", "collection": "articles"},
    ],
)
def test_permissions_that_the_server_lacks_are_refused_with_the_reason(
    client: Client, permission: dict[str, str]
) -> None:
    with pytest.raises(NotSupportedByServerError, match="read, write and admin"):
        client.roles.create("author", [permission])


def test_users_get_roles_and_lose_them(client: Client, name: str, database: str) -> None:
    user = client.users.create(name, PASSWORD, ["viewer"])
    assert (user["username"], user.roles) == (name, ["viewer"])

    client.users.assign_role(name, "editor", database=database)

    assert {(row["role"], row.database) for row in client.users.get_roles(name)} == {
        ("viewer", None),
        ("editor", database),
    }
    client.users.revoke_role(name, "viewer")
    client.users.revoke_role(name, "editor", database=database)
    assert client.users.get_roles(name) == []
    assert name in [row.username for row in client.users.list()]
    client.users.delete(name)
    with pytest.raises(NotFoundError, match=name):
        client.users.get_roles(name)


def test_a_short_password_is_refused_with_the_rule(client: Client, name: str) -> None:
    with pytest.raises(Exception, match="12 characters"):
        client.users.create(name, "short")


def test_the_one_who_is_logged_in_is_known(client: Client) -> None:
    assert client.users.me()["username"] == "admin"
    assert client.users.me().roles == ["admin"]
    assert client.users.my_permissions()[0]["action"] == "admin"


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
def test_a_key_for_a_database_logs_in_there(
    server: LocalServer, client: Client, name: str, database: str, colour: str
) -> None:
    key = client.api_keys.create(name, [database])
    assert key["key"].startswith("sk_")
    assert key["key"] not in repr(key)

    with client_of(colour, f"{server.host}:{server.port}", database=database, api_key=key["key"]) as other:
        assert other.list_collections(database) == []
        with pytest.raises(DatabaseError):
            other.list_collections("_system")

    assert key.id in [row.id for row in client.api_keys.list()]
    client.api_keys.delete(key.id)
    with pytest.raises(NotFoundError):
        client.api_keys.delete(key.id)


def test_a_key_may_expire(server: LocalServer, client: Client, name: str, database: str) -> None:
    key = client.api_keys.create(name, None, datetime(2001, 1, 1, tzinfo=UTC))

    place = f"{server.host}:{server.port}"
    with (
        Client(place, database=database, api_key=key.key) as other,
        pytest.raises(AuthError, match="expired"),
    ):
        other.list_collections(database)
    client.api_keys.delete(key.id)


def test_a_key_that_is_both_is_refused(client: Client, name: str, database: str) -> None:
    with pytest.raises(NotSupportedByServerError, match="either"):
        client.api_keys.create(name, [database], 1_999_999_999)


def test_variables_are_set_listed_and_removed(client: Client) -> None:
    client.env.set("API_KEY", "sk-xxx")
    client.env.set("WEBHOOK_URL", "https://example.com/webhook")
    assert client.env.list() == {"API_KEY": "sk-xxx", "WEBHOOK_URL": "https://example.com/webhook"}

    client.env.delete("API_KEY")

    assert client.env.list() == {"WEBHOOK_URL": "https://example.com/webhook"}
    with pytest.raises(NotFoundError, match="API_KEY"):
        client.env.delete("API_KEY")


def test_a_lone_server_is_a_cluster_of_one(client: Client) -> None:
    status, info = client.cluster.status(), client.cluster.info()

    assert (status["mode"], status["node_count"]) == ("standalone", 1)
    assert status.node_id == info["node_id"]
    assert client.cluster.rebalance().success


def test_removing_a_node_that_is_not_there_changes_nothing(client: Client) -> None:
    client.cluster.remove_node("127.0.0.1:1")

    assert client.cluster.status()["node_count"] == 1


@pytest.mark.parametrize("call", ["cleanup", "reshard"])
def test_what_only_nodes_may_do_is_refused_with_the_reason(client: Client, call: str) -> None:
    with pytest.raises(NotSupportedByServerError, match="nodes ask each other"):
        getattr(client.cluster, call)()
