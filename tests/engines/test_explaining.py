"""How a statement would run, to read."""

import pytest

from solidb_odm import AsyncSession, Session, func, select
from solidb_odm.errors import QuerySyntaxError, UsageError

from .conftest import Store
from .documents import Person


def test_an_explanation_says_what_is_read_and_how(store: Store, session: Session) -> None:
    session.add(Person(name="Ada"))
    found = session.explain(select(Person).where(Person.email == "a@x"))

    assert len(session.new) == 1
    assert "FILTER" in found.text
    assert found.binds == {"p0": "a@x"}
    assert "email_idx" in str(found)
    assert found._repr_html_().startswith("<pre>SDBQL")


def test_a_file_says_what_runs_in_python_and_why(store: Store, session: Session) -> None:
    in_sql = session.explain("FOR p IN people FILTER p.age > @age RETURN p.name", {"age": 3})
    in_python = session.explain(select(func.soundex(Person.name)))

    if session.engine.capabilities.name != "server":
        assert "in Python   nothing" in str(in_sql)
        assert "SOUNDEX" in str(in_python).partition("in Python")[2]


def test_what_cant_be_explained_is_refused(session: Session) -> None:
    with pytest.raises(QuerySyntaxError):
        session.explain("FOR p IN")
    with pytest.raises(UsageError, match="its own bind values"):
        session.explain(select(Person), {"age": 3})
    with pytest.raises(UsageError, match="takes a statement"):
        session.explain(Person)


@pytest.mark.anyio
async def test_statements_are_explained_when_awaited(async_session: AsyncSession) -> None:
    assert "people" in str(await async_session.explain(select(Person)))
