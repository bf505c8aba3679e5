"""The catalogue follows the changes of its own transaction, as one that is read anew."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator

import pytest

from solidb_odm.commands import IndexSpec
from solidb_odm.engines.sqlite.catalogue import Catalogue, SharedCatalogue, StoredIndex, lay_out


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    lay_out(connection)
    yield connection
    connection.close()


def change(catalogue: Catalogue, connection: sqlite3.Connection, dice: random.Random) -> None:
    """Make one change of what there is, with the change of the schema that comes with it."""
    names = catalogue.names()
    name = dice.choice(names) if names else ""
    indexes: list[StoredIndex] = [*(catalogue.need(name).indexes if name else ())]
    kind = dice.randrange(6) if names else 0
    if kind == 0:
        catalogue.add_collection(f"c{dice.randrange(10**9)}", dice.choice(["document", "edge"]))
    elif kind == 1:
        catalogue.add_index(name, IndexSpec(f"i{dice.randrange(10**9)}", "persistent", ("a", "b")))
    elif kind == 2 and indexes:
        catalogue.remove_index(dice.choice(indexes))
    elif kind == 3:
        catalogue.set_schema(name, {"type": "object"}, "strict")
    elif kind == 4:
        catalogue.rename_collection(name, f"r{dice.randrange(10**9)}")
    elif kind == 5 and len(names) > 3:
        catalogue.remove_collection(name)
    connection.execute(f"CREATE TABLE t{dice.randrange(10**9)} (x)")


def test_what_it_knows_is_what_one_that_is_read_anew_knows(connection: sqlite3.Connection) -> None:
    dice, shared = random.Random(3), SharedCatalogue()
    catalogue = Catalogue(connection, shared)
    for _ in range(30):
        connection.execute("BEGIN IMMEDIATE")
        catalogue.settle()
        catalogue.refresh()
        for _ in range(8):
            change(catalogue, connection, dice)
            if dice.random() < 0.7:
                catalogue.refresh()
        if dice.random() < 0.3:
            connection.execute("ROLLBACK")
            catalogue.forget()
        else:
            connection.execute("COMMIT")
        catalogue.settle()
        fresh = Catalogue(connection)
        names = fresh.names()
        for other in (catalogue, Catalogue(connection, shared), Catalogue(connection, shared)):
            assert other.names() == names
            assert list(map(other.find, names)) == list(map(fresh.find, names))


def test_many_changes_do_not_read_it_whole_again(connection: sqlite3.Connection) -> None:
    catalogue, statements = Catalogue(connection), list[str]()
    connection.execute("BEGIN IMMEDIATE")
    catalogue.refresh()
    connection.set_trace_callback(statements.append)
    for number in range(20):
        catalogue.add_collection(f"c{number:02}", "document")
        connection.execute(f"CREATE TABLE t{number} (x)")
        catalogue.refresh()
    whole = [each for each in statements if each.endswith("FROM _solidb_collections")]
    assert catalogue.names() == [f"c{number:02}" for number in range(20)]
    assert not whole


def test_what_one_connection_read_the_next_one_need_not(connection: sqlite3.Connection) -> None:
    shared, statements = SharedCatalogue(), list[str]()
    connection.execute("CREATE TABLE here (x)")
    Catalogue(connection).add_collection("here", "document")
    assert Catalogue(connection, shared).names() == ["here"]

    connection.set_trace_callback(statements.append)
    assert Catalogue(connection, shared).names() == ["here"]
    assert statements == ["PRAGMA schema_version"]


def test_what_is_not_committed_is_read_by_nobody_else(connection: sqlite3.Connection) -> None:
    shared = SharedCatalogue()
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE here (x)")
    Catalogue(connection).add_collection("here", "document")
    assert Catalogue(connection, shared).names() == ["here"]
    connection.execute("ROLLBACK")
    connection.execute("CREATE TABLE other (x)")  # which has the number of the change that was undone

    assert Catalogue(connection, shared).names() == []
