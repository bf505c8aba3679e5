"""Several nodes in one URL: the client goes on at the next when one is gone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import ConnectionFailed
from tools.server import LocalServer, running_server

from .client_colours import COLOURS, client_of

pytestmark = pytest.mark.server


def two_nodes(binary: Path, folder: Path, stack: ExitStack) -> tuple[LocalServer, LocalServer, ExitStack]:
    """Run two servers that know nothing of each other; the stack that is returned stops the first."""
    first_only = stack.enter_context(ExitStack())
    nodes: list[LocalServer] = []
    for name, owner in (("one", first_only), ("two", stack)):
        (folder / name).mkdir()
        node = owner.enter_context(running_server(binary, folder / name, password="of both nodes"))
        node.create_database("d")
        nodes.append(node)
    return nodes[0], nodes[1], first_only


@pytest.mark.parametrize("colour", COLOURS)
def test_a_client_goes_on_at_the_next_node_when_one_is_killed(
    colour: str, server_binary: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        one, two, first = two_nodes(server_binary, tmp_path, stack)
        hosts = f"127.0.0.1:{one.port},127.0.0.1:{two.port}"
        options = {"database": "d", "username": one.user, "password": one.password}
        client = stack.enter_context(client_of(colour, hosts, **options))
        client.create_collection("d", "users")
        client.insert("d", "users", {"node": "one"}, "ada")
        client.env.set("NODE", "one")

        first.close()

        assert client.list_collections("d") == []  # a read is asked again, of the other node
        client.create_collection("d", "users")
        client.insert("d", "users", {"node": "two"}, "ada")
        assert client.get("d", "users", "ada")["node"] == "two"
        assert client.env.list() == {}


def test_when_all_nodes_are_gone_each_is_named(server_binary: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        one, two, _ = two_nodes(server_binary, tmp_path, stack)
        hosts = f"127.0.0.1:{one.port},127.0.0.1:{two.port}"
        client = Client(hosts, database="d", username=one.user, password=one.password, retries=1)
        client.ping()
        stack.close()

        with client, pytest.raises(ConnectionFailed) as raised:
            client.ping()
        assert str(one.port) in str(raised.value)
        assert str(two.port) in str(raised.value)
