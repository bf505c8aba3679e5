"""A large write on a file costs what its rows cost: SQLite keeps no pages for savepoints without need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Document, Session, create_engine, delete, select, update
from solidb_odm.commands import Apply, Commit, Get, Inserts, Rollback
from solidb_odm.engines.sqlite import FileDriver
from solidb_odm.errors import DuplicateKey


class Row(Document, collection="lw_rows"):
    number: int = 0


def test_the_first_write_of_a_transaction_needs_no_savepoint(tmp_path: Path) -> None:
    told: list[str] = []
    driver = FileDriver(f"sqlite:///{tmp_path}/a.db", on_statement=lambda sql, *_: told.append(sql))
    with create_engine(f"sqlite:///{tmp_path}/a.db") as engine:
        engine.create_all(Row)
    channel = driver.channel()
    told.clear()
    channel.perform(Apply([Inserts("lw_rows", [("a", '{"_key":"a"}')])]))
    assert not any("SAVEPOINT" in sql for sql in told), told
    channel.perform(Apply([Inserts("lw_rows", [("b", '{"_key":"b"}')])]))
    assert any("SAVEPOINT" in sql for sql in told)
    channel.perform(Rollback())
    channel.close()
    driver.close()


@pytest.mark.parametrize("is_first", [True, False], ids=["the first", "a later"])
def test_a_write_that_fails_leaves_what_was_written_before(tmp_path: Path, is_first: bool) -> None:
    with create_engine(f"sqlite:///{tmp_path}/a.db") as engine:
        engine.create_all(Row)
    driver = FileDriver(f"sqlite:///{tmp_path}/a.db")
    channel: Any = driver.channel()
    if not is_first:
        channel.perform(Apply([Inserts("lw_rows", [("a", '{"_key":"a"}')])]))
    rows = [("b", '{"_key":"b"}'), ("c", '{"_key":"c"}'), ("b", '{"_key":"b"}')]
    with pytest.raises(DuplicateKey):
        channel.perform(Apply([Inserts("lw_rows", rows)]))
    channel.perform(Apply([Inserts("lw_rows", [("d", '{"_key":"d"}')])]))
    channel.perform(Commit())
    found = [key for key in "abcd" if channel.perform(Get("lw_rows", key)) is not None]
    assert found == (["d"] if is_first else ["a", "d"])
    channel.close()
    driver.close()


def test_what_a_savepoint_keeps_need_not_be_in_memory(tmp_path: Path) -> None:
    told: list[str] = []
    driver = FileDriver(f"sqlite:///{tmp_path}/a.db", on_statement=lambda sql, *_: told.append(sql))
    driver.channel().close()
    driver.close()
    assert "PRAGMA temp_store = FILE" in told


def test_statements_change_and_delete_many_documents() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Row)
        session.add_all([Row(number=number) for number in range(3000)])
        session.execute(update(Row).where(Row.number >= 1000).values(number=Row.number + 1))
        session.execute(delete(Row).where(Row.number > 2000))
        session.commit()
        assert sorted(session.scalars(select(Row.number)).all()) == [*range(1000), *range(1001, 2001)]
