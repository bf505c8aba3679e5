"""The catalogue follows the changes of its own transaction, as one that is read anew."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from solidb_odm.commands import Begin, CreateCollection, CreateIndex, IndexSpec
from solidb_odm.engines.sqlite import FileChannel
from solidb_odm.engines.sqlite.catalogue import (
    Catalogue,
    SharedCatalogue,
    StoredIndex,
    count_compilations,
    counting,
    lay_out,
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    lay_out(connection)
    yield connection
    connection.close()


INDEXES = (
    IndexSpec("i", "persistent", ("a", "b")),
    IndexSpec("i", "persistent", ("a",), unique=True, where=(("a", 1.5), ("b", None), ("c", "é"))),
    IndexSpec("i", "persistent", ("a", "b"), decimals=("b",)),
    IndexSpec("i", "vector", ("v",), dimension=3, metric="euclidean"),
    IndexSpec("i", "geo", ("place",)),
    IndexSpec("i", "ttl", ("at",), seconds=60),
)


def change(catalogue: Catalogue, connection: sqlite3.Connection, dice: random.Random) -> None:
    """Make one change of what there is, with the change of the schema that comes with it."""
    names = catalogue.names()
    name = dice.choice(names) if names else ""
    indexes: list[StoredIndex] = [*(catalogue.need(name).indexes if name else ())]
    kind = dice.randrange(6) if names else 0
    if kind == 0:
        catalogue.add_collection(f"c{dice.randrange(10**9)}", dice.choice(["document", "edge"]))
    elif kind == 1:
        number = dice.randrange(10**9)
        catalogue.add_index(name, replace(dice.choice(INDEXES), name=f"i{number}"))
        if dice.random() < 0.5:  # of two in one look at it, too
            catalogue.add_index(name, replace(dice.choice(INDEXES), name=f"i{number // 2}é"))
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


def test_what_it_made_itself_is_not_read_back(connection: sqlite3.Connection) -> None:
    catalogue, statements = Catalogue(connection), list[str]()
    connection.execute("BEGIN IMMEDIATE")
    catalogue.refresh()
    catalogue.add_collection("made", "edge")
    connection.execute("CREATE TABLE made (x)")
    connection.set_trace_callback(statements.append)
    catalogue.refresh()
    for number, index in enumerate(INDEXES):
        catalogue.add_index("made", replace(index, name=f"i{9 - number}"))
        connection.execute(f"CREATE TABLE t{number} (x)")
        catalogue.refresh()
    assert not [sql for sql in statements if sql.startswith("SELECT")]
    connection.execute("COMMIT")
    catalogue.settle()
    fresh = Catalogue(connection)
    assert fresh.names() == ["made"]
    assert catalogue.need("made") == fresh.need("made")


def test_making_a_collection_goes_through_no_list_of_those_there_are(channel: FileChannel) -> None:
    statements: list[str] = []
    channel.perform(Begin())
    channel._connection.set_trace_callback(statements.append)
    channel.perform(CreateCollection("more"))
    channel.perform(CreateIndex("more", INDEXES[0]))
    assert not [sql for sql in statements if "sqlite_master" in sql or " FROM _solidb" in sql]


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


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, factory=counting(sqlite3.Connection))
    count_compilations(connection)
    return connection


READS = ("SELECT name FROM _solidb_collections", "SELECT count(*) FROM _solidb_indexes", "SELECT 1 FROM kept")


def test_what_was_compiled_tells_whether_the_schema_has_moved(tmp_path: Path) -> None:
    one, other = _connected(tmp_path / "a.db"), _connected(tmp_path / "a.db")
    one.execute("PRAGMA journal_mode = WAL")
    lay_out(one)
    one.execute("CREATE TABLE kept (x)")
    dice, catalogue, seen = random.Random(5), Catalogue(one), set[bool]()
    for number in range(400):
        _at_random(dice, one, other, number)
        if dice.random() < 0.3:
            catalogue.refresh()
        running = one.execute(dice.choice(READS))
        moved = one.execute("PRAGMA schema_version").fetchone() != (catalogue.version,)
        assert [catalogue.has_moved(), catalogue.has_moved()] == [moved, moved]
        running.fetchall()
        seen.add(moved)
    assert seen == {True, False}
    one.close()
    other.close()


def _at_random(dice: random.Random, one: sqlite3.Connection, other: sqlite3.Connection, number: int) -> None:
    """Change the schema on some connection, undo such a change, or begin or end a state that is read."""
    kind = dice.randrange(8)
    if kind == 0 and not one.in_transaction:
        other.execute(f"CREATE TABLE other{number} (x)")
    elif kind == 1 and not one.in_transaction:
        one.execute(f"CREATE TABLE one{number} (x)")
    elif kind == 2 and not one.in_transaction:
        one.execute("BEGIN IMMEDIATE")
        one.execute(f"CREATE TABLE undone{number} (x)")
        one.execute(READS[number % 3]).fetchall()
        one.execute("ROLLBACK")
    elif kind == 3 and not one.in_transaction:
        one.execute("BEGIN")
        one.execute(READS[0]).fetchall()
        other.execute(f"CREATE TABLE later{number} (x)")
    elif one.in_transaction:
        one.execute("COMMIT")


def test_a_schema_that_stays_is_not_asked_for(tmp_path: Path) -> None:
    connection, statements = _connected(tmp_path / "a.db"), list[str]()
    lay_out(connection)
    catalogue = Catalogue(connection)
    catalogue.refresh()
    for _ in range(2):
        connection.execute(READS[0]).fetchall()
        assert not catalogue.has_moved()
    connection.set_trace_callback(statements.append)
    assert not catalogue.has_moved()
    connection.execute(READS[0]).fetchall()
    assert not catalogue.has_moved()
    assert statements == [READS[0]]
    connection.close()
