"""``echo``: the query in its own language and its values first, then one line of SQL, and no secrets."""

from __future__ import annotations

from contextlib import suppress

import pytest

from solidb_odm import Document, Session, create_engine, sdbql, select
from solidb_odm.errors import SolidbError


class Login(Document, collection="logins_echoed"):
    name: str
    password: str = ""


def test_echo_shows_the_query_its_values_and_one_line_of_sql(capsys: pytest.CaptureFixture[str]) -> None:
    with create_engine("sqlite://", echo=True) as engine, Session(engine) as session:
        session.add(Login(name="Ada", password="hunter2"))
        session.commit()
        capsys.readouterr()
        session.scalars(select(Login).where(Login.name == "Ada", Login.password == "hunter2")).all()
        session.execute(sdbql("RETURN @token == @plain", token="hunter2", plain="seen")).all()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FOR ")
    assert "'Ada'" in lines[0]
    assert "SELECT" in lines[1]
    assert not any("hunter2" in line or "PRAGMA" in line for line in lines)
    assert any("@token = ***, @plain = 'seen'" in line or "@plain = ***" in line for line in lines)


def test_the_log_of_slow_queries_holds_no_values(caplog: pytest.LogCaptureFixture) -> None:
    query = "FOR l IN logins_echoed FILTER l.name == @who RETURN MERGE(l, {x: TYPE_OF(l)})"
    with create_engine("sqlite://", slow_query=0) as engine, Session(engine) as session:
        session.add(Login(name="hunter2"))
        session.commit()
        session.execute(sdbql(query, who="hunter2")).all()
    assert "FILTER" in caplog.text
    assert "hunter2" not in caplog.text


def test_one_engine_echoes_and_another_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    with create_engine("sqlite://", echo=True) as loud, create_engine("sqlite://") as quiet:
        loud.create_all(Login)
        assert "CreateCollection" in capsys.readouterr().out
        quiet.create_all(Login)
        with Session(quiet) as session:
            session.scalars(select(Login)).all()
    printed = capsys.readouterr()
    assert printed.out + printed.err == ""


def test_what_no_encoding_has_is_printed_as_its_escape(capsys: pytest.CaptureFixture[str]) -> None:
    with create_engine("sqlite://", echo=True) as engine, Session(engine) as session:
        engine.create_all(Login)
        with suppress(SolidbError):
            session.get(Login, "half \ud800")
    printed = capsys.readouterr().out
    printed.encode()
    assert "/half \\ud800" in printed
