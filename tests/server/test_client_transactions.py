"""Transactions of the client, on the real server."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.errors import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DocumentNotFound,
    StateError,
    TransactionConflict,
    TransactionError,
    UsageError,
)
from tools.server import LocalServer

from .client_colours import COLOURS, client_of
from .proxy import Proxy

pytestmark = pytest.mark.server


@pytest.fixture
def accounts(client: Client, database: str) -> Client:
    client.create_collection(database, "accounts")
    client.insert(database, "accounts", {"balance": 10}, "ada")
    return client


def balance(client: Client, database: str, key: str = "ada") -> int:
    document = client.get(database, "accounts", key)
    return int(document["balance"])


def test_what_happens_between_begin_and_commit_belongs_together(accounts: Client, database: str) -> None:
    tx_id = accounts.begin_transaction(database)
    accounts.insert(database, "accounts", {"balance": 5}, "bob")
    accounts.update(database, "accounts", "ada", {"balance": 9})
    assert accounts.in_transaction
    assert accounts.transaction_id == tx_id
    assert balance(accounts, database) == 10

    accounts.commit()

    assert not accounts.in_transaction
    assert accounts.transaction_id is None
    assert (balance(accounts, database), balance(accounts, database, "bob")) == (9, 5)


def test_a_rollback_forgets(accounts: Client, database: str) -> None:
    accounts.begin_transaction(database)
    accounts.delete(database, "accounts", "ada")

    accounts.rollback()

    assert balance(accounts, database) == 10


@pytest.mark.parametrize(
    "isolation",
    [
        "ReadUncommitted",
        "read_committed",
        "REPEATABLE READ",
        "repeatable-read",
        "Serializable",
        "readCommitted",
        None,
    ],
)
def test_isolation_levels_are_understood_in_any_spelling(
    accounts: Client, database: str, isolation: str | None
) -> None:
    accounts.begin_transaction(database, isolation)
    accounts.update(database, "accounts", "ada", {"balance": 1})
    accounts.commit()

    assert balance(accounts, database) == 1


def test_a_level_that_there_is_not_is_refused(accounts: Client, database: str) -> None:
    with pytest.raises(UsageError, match="snapshot"):
        accounts.begin_transaction(database, "snapshot")


def test_a_query_in_a_transaction_sees_what_is_committed(accounts: Client, database: str) -> None:
    accounts.begin_transaction(database)
    accounts.update(database, "accounts", "ada", {"balance": 1})

    assert accounts.query(database, "FOR a IN accounts RETURN a.balance") == [10]
    with pytest.raises(TransactionError, match="writes"):
        accounts.query(database, "FOR a IN accounts UPDATE a WITH {x: 1} IN accounts")
    accounts.rollback()


def test_a_replacement_in_a_transaction_replaces(accounts: Client, database: str) -> None:
    accounts.begin_transaction(database)
    accounts.update(database, "accounts", "ada", {"owner": "Ada"}, merge=False)
    accounts.commit()

    found = accounts.get(database, "accounts", "ada")
    assert found["owner"] == "Ada"
    assert "balance" not in found


def test_a_document_that_changed_meanwhile_is_a_conflict(
    accounts: Client, database: str, server: LocalServer
) -> None:
    accounts.begin_transaction(database)
    accounts.update(database, "accounts", "ada", {"balance": 1})
    with Client(server.url(database)) as other:
        other.update(database, "accounts", "ada", {"balance": 2})

    with pytest.raises(TransactionConflict):
        accounts.commit()
    assert not accounts.in_transaction
    assert balance(accounts, database) == 2


def test_a_commit_without_a_transaction_is_an_error(client: Client) -> None:
    with pytest.raises(TransactionError, match="no transaction is open"):
        client.commit()
    with pytest.raises(TransactionError, match="no transaction is open"):
        client.rollback()


def test_a_client_has_one_transaction_at_a_time(accounts: Client, database: str) -> None:
    accounts.begin_transaction(database)

    with pytest.raises(StateError, match="open transaction already"):
        accounts.begin_transaction(database)
    accounts.rollback()


def test_a_block_commits_at_its_end(accounts: Client, database: str) -> None:
    with accounts.transaction(database) as tx:
        tx.insert(database, "accounts", {"balance": 1}, "bob")
        assert tx.in_transaction

    assert balance(accounts, database, "bob") == 1


def test_a_block_that_fails_rolls_back(accounts: Client, database: str) -> None:
    with pytest.raises(ZeroDivisionError), accounts.transaction(database) as tx:  # noqa: PT012 - the block is it
        tx.insert(database, "accounts", {}, "bob")
        raise ZeroDivisionError

    with pytest.raises(DocumentNotFound):
        accounts.get(database, "accounts", "bob")


def test_a_block_may_roll_back_early_and_nothing_slips_past_it(accounts: Client, database: str) -> None:
    with accounts.transaction(database) as tx:
        tx.rollback()
        with pytest.raises(TransactionError, match="ended"):
            tx.insert(database, "accounts", {}, "bob")

    assert accounts.list(database, "accounts")[1] == 1


def test_the_client_itself_joins_the_block_of_its_thread(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        client.create_collection(database, "accounts")
        with pytest.raises(ZeroDivisionError), client.transaction(database):  # noqa: PT012 - the block is it
            client.insert(database, "accounts", {}, "bob")
            raise ZeroDivisionError

        assert client.list(database, "accounts")[1] == 0


def test_threads_have_blocks_of_their_own_on_one_client(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        client.create_collection(database, "accounts")
        together = threading.Barrier(16)

        def work(number: int) -> None:
            with client.transaction(database) as tx:
                together.wait()
                client.insert(database, "accounts", {}, f"c{number}")
                tx.insert(database, "accounts", {}, f"t{number}")
                if number % 2:
                    tx.rollback()

        with ThreadPoolExecutor(16) as threads:
            list(threads.map(work, range(16)))

        keys = {document.key for document in client.documents(database, "accounts")}
    assert keys == {f"{letter}{number}" for letter in "ct" for number in range(0, 16, 2)}


@pytest.mark.anyio
async def test_tasks_have_blocks_of_their_own_on_one_client(server: LocalServer, database: str) -> None:
    async with AsyncClient(server.url(database)) as client:
        await client.create_collection(database, "accounts")

        async def work(number: int) -> None:
            async with client.transaction(database) as tx:
                await client.insert(database, "accounts", {}, f"c{number}")
                await tx.insert(database, "accounts", {}, f"t{number}")
                if number % 2:
                    await tx.rollback()

        async with anyio.create_task_group() as group:
            for number in range(16):
                group.start_soon(work, number)

        keys = {document.key async for document in client.documents(database, "accounts")}
    assert keys == {f"{letter}{number}" for letter in "ct" for number in range(0, 16, 2)}


@pytest.mark.anyio
async def test_a_cancelled_block_rolls_back(server: LocalServer, database: str) -> None:
    async with AsyncClient(server.url(database)) as client:
        await client.create_collection(database, "accounts")
        with anyio.CancelScope() as scope:
            async with client.transaction(database) as tx:
                await tx.insert(database, "accounts", {}, "bob")
                scope.cancel()
                await anyio.sleep(1)

        assert (await client.list(database, "accounts"))[1] == 0


def test_closing_rolls_back(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        client.create_collection(database, "accounts")
        client.begin_transaction(database)
        client.insert(database, "accounts", {}, "bob")

    with Client(server.url(database)) as client:
        assert client.list(database, "accounts")[1] == 0


def test_state_can_be_asked_for_as_a_call(accounts: Client, database: str) -> None:
    assert not accounts.in_transaction()

    tx_id = accounts.begin_transaction(database)

    assert accounts.in_transaction() is True
    assert accounts.transaction_id is not None
    assert accounts.transaction_id() == tx_id
    accounts.rollback()


def test_a_client_may_begin_again_after_the_end(accounts: Client, database: str) -> None:
    for number in range(3):
        accounts.begin_transaction(database)
        accounts.update(database, "accounts", "ada", {"balance": number})
        accounts.commit()

    assert balance(accounts, database) == 2


def test_a_block_may_begin_again_after_its_rollback(accounts: Client, database: str) -> None:
    with accounts.transaction(database) as tx:
        tx.rollback()
        tx.begin_transaction(database)
        tx.insert(database, "accounts", {}, "bob")

    assert accounts.get(database, "accounts", "bob").key == "bob"


def test_a_transaction_whose_connection_broke_is_over(
    proxy: Proxy, server: LocalServer, database: str
) -> None:
    where = f"127.0.0.1:{proxy.port}"
    with Client(where, database=database, username=server.user, password=server.password) as client:
        client.create_collection(database, "accounts")
        client.begin_transaction(database)
        client.insert(database, "accounts", {}, "bob")
        proxy.cut = lambda request: request["cmd"] == "transaction_command"

        with pytest.raises(ConnectionLost):
            client.insert(database, "accounts", {}, "eve")

        assert not client.in_transaction
        assert client.list(database, "accounts")[1] == 0


@pytest.mark.parametrize("colour", COLOURS)
def test_a_commit_whose_answer_is_lost_is_found_to_have_happened(
    colour: str, proxy: Proxy, server: LocalServer, database: str
) -> None:
    with client_of(colour, _through(proxy, server, database)) as client:
        client.create_collection(database, "accounts")
        for key in ("ada", "bob"):
            client.insert(database, "accounts", {"balance": 1}, key)
        client.begin_transaction(database)
        client.update(database, "accounts", "ada", {"balance": 2})
        client.delete(database, "accounts", "bob")
        proxy.cut = lambda request: "after" if request["cmd"] == "commit_transaction" else False

        client.commit()

        assert proxy.commands.count("commit_transaction") == 1
        assert client.get(database, "accounts", "ada")["balance"] == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_a_commit_that_was_lost_on_its_way_is_found_not_to_have_happened(
    colour: str, proxy: Proxy, server: LocalServer, database: str
) -> None:
    with client_of(colour, _through(proxy, server, database)) as client:
        client.create_collection(database, "accounts")
        client.insert(database, "accounts", {"balance": 1}, "ada")
        client.begin_transaction(database)
        client.update(database, "accounts", "ada", {"balance": 2})
        proxy.cut = lambda request: request["cmd"] == "commit_transaction"

        with pytest.raises(CommitOutcomeUnknown, match="nothing was written") as raised:
            client.commit()

        assert raised.value.committed is False
        assert client.get(database, "accounts", "ada")["balance"] == 1


def test_how_a_commit_ended_is_not_known_when_the_server_is_gone(
    proxy: Proxy, server: LocalServer, database: str
) -> None:
    with client_of("blocking", _through(proxy, server, database)) as client:
        client.create_collection(database, "accounts")
        client.begin_transaction(database)
        client.insert(database, "accounts", {"balance": 2})
        proxy.cut = lambda request: request["cmd"] not in ("auth", "ping")

        with pytest.raises(CommitOutcomeUnknown, match="is not known") as raised:
            client.commit()

        assert raised.value.committed is None
        assert not client.in_transaction


def _through(proxy: Proxy, server: LocalServer, database: str) -> str:
    return f"solidb://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}"


@pytest.fixture
def owned(accounts: Client, database: str) -> Client:
    """Accounts of different owners, which a unique index demands."""
    index = {"cmd": "create_index", "database": database, "collection": "accounts", "name": "by_owner"}
    accounts.pipeline([{**index, "fields": ["owner"], "unique": True}])
    accounts.update(database, "accounts", "ada", {"owner": "Ada"})
    accounts.insert(database, "accounts", {"owner": "Bob"}, "bob")
    return accounts


def test_a_replacement_may_keep_a_unique_value(owned: Client, database: str) -> None:
    with owned.transaction(database) as tx:
        tx.update(database, "accounts", "ada", {"owner": "Ada"}, merge=False)

    assert "balance" not in owned.get(database, "accounts", "ada")


def test_a_replacement_that_is_refused_takes_the_transaction_with_it(owned: Client, database: str) -> None:
    owned.begin_transaction(database)

    with pytest.raises(TransactionError, match=r"rolled back: .* already holds"):
        owned.update(database, "accounts", "ada", {"owner": "Bob"}, merge=False)
    with pytest.raises(TransactionError):
        owned.commit()

    assert owned.get(database, "accounts", "ada")["balance"] == 10
