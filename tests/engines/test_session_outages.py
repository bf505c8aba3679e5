"""Sessions on a file that is locked or damaged, and on a server that goes away."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidb_odm import Engine, Session, create_engine
from solidb_odm.engines.solidb import ServerDriver
from solidb_odm.errors import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    StoreCorrupt,
    StoreLocked,
)
from tests.server.proxy import Proxy
from tools.server import LocalServer

from .documents import MODELS, Person

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


def test_a_file_another_process_writes_to_can_be_committed_to_later(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    with create_engine(f"sqlite:///{path}?timeout=0.05") as engine:
        engine.create_all(*MODELS)
        ada = Person(name="Ada")
        with Session(engine) as session:
            session.add(ada)
            with subprocess.Popen(
                [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as other:
                assert other.stdout is not None
                assert other.stdout.readline() == b"locked\n"
                with pytest.raises(StoreLocked, match=r"shared\.db"):
                    session.commit()
                assert session.new == [ada]
                assert session.get(Person, "nobody") is None
                other.communicate(b"\n")
            session.commit()
        assert engine.count(Person) == 1


def test_a_unit_of_work_waits_for_the_file(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'shared.db'}?timeout=0.01") as engine:
        engine.create_all(*MODELS)
        runs = list[int]()
        with Session(engine) as holder, Session(engine) as session:
            holder.add(Person(name="Bob"))
            holder.flush()

            def work(session: Session) -> None:
                runs.append(1)
                if len(runs) == 2:
                    holder.commit()
                session.add(Person(name="Ada"))

            session.run(work)
        assert (len(runs), engine.count(Person)) == (2, 2)


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are notes, not a database\n" * 100)
    with create_engine(f"sqlite:///{path}") as engine, Session(engine) as session:
        session.add(Person(name="Ada"))
        with pytest.raises(StoreCorrupt, match="notes"):
            session.commit()
    assert path.read_text().startswith("these are notes")


@pytest.fixture
def proxied(server: LocalServer, database: str) -> Iterator[tuple[Engine, Proxy]]:
    """An engine behind a proxy that can hang up, and the proxy."""
    with create_engine(server.url(database)) as direct:
        direct.create_all(*MODELS)
    proxy = Proxy(server.host, server.port)
    url = f"solidb://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}"
    with create_engine(url) as engine:
        engine.complete |= direct.complete  # it asks for that over HTTP, which the proxy does not speak
        yield engine, proxy
    proxy.close()


@pytest.mark.server
@pytest.mark.parametrize("command", ["begin_transaction", "transaction_command", "batch"])
def test_a_connection_lost_before_the_commit_keeps_the_changes(
    proxied: tuple[Engine, Proxy], command: str
) -> None:
    engine, proxy = proxied
    ada, bob = Person(name="Ada"), Person(name="Bob")
    with Session(engine) as session:
        session.add(ada)
        session.commit()
        ada.tags.append("kept")
        session.add_all([bob, Person(name="Eve")])
        proxy.cut = lambda request: request["cmd"] == command
        with pytest.raises(ConnectionFailed):
            session.commit()
        proxy.cut = lambda request: False
        with Session(engine) as other:
            assert other.get_one(Person, ada.key).tags == []
            assert other.get(Person, bob.key) is None
        session.commit()
    with Session(engine) as other:
        assert other.get_one(Person, ada.key) == ada
        assert other.get_one(Person, bob.key) == bob


@pytest.mark.server
def test_a_commit_whose_answer_is_lost_is_found_to_have_happened(proxied: tuple[Engine, Proxy]) -> None:
    engine, proxy = proxied
    ada = Person(name="Ada")
    with Session(engine) as session:
        session.add(ada)
        proxy.cut = lambda request: "after" if request["cmd"] == "commit_transaction" else False
        session.commit()
        proxy.cut = lambda request: False
        ada.age = 1
        session.commit()
    with Session(engine) as other:
        assert other.get_one(Person, ada.key).age == 1


@pytest.mark.server
def test_a_commit_that_never_arrived_can_be_made_again(proxied: tuple[Engine, Proxy]) -> None:
    engine, proxy = proxied
    ada = Person(name="Ada")
    with Session(engine) as session:
        session.add(ada)
        session.commit()
        ada.age = 1
        proxy.cut = lambda request: request["cmd"] == "commit_transaction"
        with pytest.raises(CommitOutcomeUnknown) as caught:
            session.commit()
        assert isinstance(caught.value, ConnectionLost)
        assert caught.value.committed is False
        proxy.cut = lambda request: False
        session.commit()
        assert session.dirty == []
    with Session(engine) as other:
        assert other.get_one(Person, ada.key).age == 1


@pytest.mark.server
def test_a_commit_of_any_size_takes_three_round_trips_and_an_empty_one_none(
    server: LocalServer, database: str
) -> None:
    people = [Person(key=f"{number:04}", name="N") for number in range(600)]
    with create_engine(server.url(database)) as engine, Session(engine) as session:
        session.add_all(people)
        session.commit()
        for each in people:
            each.age = 1
        session.delete(people.pop())
        assert isinstance(engine.driver, ServerDriver)
        counted = engine.driver.statistics
        before = counted.round_trips
        session.commit()
        assert counted.round_trips - before == 3
        session.commit()
        session.rollback()
        assert counted.round_trips - before == 3
