"""Mistakes are errors that name the thing."""

from __future__ import annotations

import pytest

from solidb_odm import Session, create_engine, sdbql
from solidb_odm.errors import (
    CollectionNotFound,
    DatabaseError,
    QueryError,
    QuerySyntaxError,
    SolidbError,
)

from .asking import Ask, fill


def test_a_syntax_error_shows_the_place(ask: Ask) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        ask("FOR d IN docs\nFILTER d.n >= RETURN d")

    assert (caught.value.line, caught.value.column) == (2, 15)
    assert "^^^^^^" in str(caught.value)


def test_an_unknown_collection_is_named(ask: Ask) -> None:
    with pytest.raises(CollectionNotFound, match="'nowhere'"):
        ask("FOR d IN nowhere RETURN d")


def test_an_unknown_function_is_named(ask: Ask) -> None:
    with pytest.raises(QueryError, match="LENGHT"):
        ask("FOR d IN docs RETURN LENGHT(d.s)")


def test_an_unknown_variable_is_named(ask: Ask) -> None:
    with pytest.raises(QueryError, match="'e'"):
        ask("FOR d IN docs RETURN e.n")


def test_a_missing_bind_variable_is_named(ask: Ask) -> None:
    with pytest.raises(QueryError, match="@low"):
        ask("FOR d IN docs RETURN d.n + @low", high=3)


WRONG_TYPES = {
    "RETURN FIRST(5)": "FIRST",
    "RETURN SUBSTRING(5, 1)": "SUBSTRING",
    "RETURN DATE_YEAR('soon')": "soon",
    "RETURN 1.5 .. 'x'": "end",
    "RETURN [1][true]": "key|index|bool",
    "RETURN 1 << 'a'": "<<|number|integer",
    "RETURN 'a' =~ '('": "regex|pattern",
    "RETURN SUM(5)": "SUM",
    "FOR d IN docs RETURN ASIN(d.n + 2)": "ASIN",
    "FOR d IN docs UPDATE 5 WITH {} IN docs": "_key|selector|key",
    "INSERT {_key: 5} INTO docs": "_key",
}


@pytest.mark.parametrize("query", WRONG_TYPES)
def test_a_wrong_type_is_refused_by_what_wants_another(ask: Ask, query: str) -> None:
    with pytest.raises(DatabaseError, match=f"(?i){WRONG_TYPES[query]}"):
        ask(query)


SWALLOWED = [
    "FOR d IN docs FILTER LENGHT(d.s) > 3 RETURN d",
    "FOR d IN docs FILTER FIRST(d.n) RETURN d",
    "FOR d IN docs FILTER nowhere.x RETURN d",
    "FOR d IN docs FILTER d.n == 1 OR FIRST(d.n) RETURN d",
    "FOR d IN docs FILTER d.n == FIRST(5) RETURN d",
    "FOR d IN docs FILTER d.s =~ '(' RETURN d",
    "FOR d IN docs FILTER d.n > ROW_NUMBER() OVER (ORDER BY d.n) RETURN d",
    "FOR d IN docs COLLECT n = d.n FILTER d.s RETURN n",
    "RETURN (FOR d IN docs FILTER FIRST(d.n) RETURN d)",
    "FOR d IN docs SORT FIRST(d.n) RETURN d",
    "FOR d IN docs SORT NOPE(1) RETURN d",
    "FOR d IN docs SORT ROW_NUMBER() OVER (ORDER BY d.n) RETURN d",
    "FOR d IN docs SORT d.n LIMIT FIRST(5) RETURN d",
    "FOR d IN docs SORT d.n LIMIT 'x' RETURN d",
    "FOR d IN docs SORT d.n LIMIT -1 RETURN d",
    "FOR d IN docs SORT d.n LIMIT 2.0 RETURN d",
    "FOR d IN docs SORT d.n OFFSET null RETURN d",
    "FOR d IN docs JOIN docs ON FIRST(docs.n) RETURN d",
    "FOR d IN docs LEFT JOIN docs ON NOPE(docs.n) RETURN d",
    "FOR d IN docs UPDATE d WITH {x: 1} IN docs FILTER FIRST(NEW.x) RETURN d",
]


@pytest.mark.parametrize("query", SWALLOWED)
def test_strict_mode_raises_what_is_swallowed_without(query: str) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        fill(engine)
        session.execute(sdbql(query))
    with create_engine("sqlite://?strict=true") as engine, Session(engine) as session:
        fill(engine)
        with pytest.raises(QueryError):
            session.execute(sdbql(query))


def test_a_failed_query_leaves_the_session_usable(ask: Ask) -> None:
    for query in ("FOR d IN", "FOR d IN nowhere RETURN d", "RETURN FIRST(5)"):
        with pytest.raises(SolidbError):
            ask(query)
    assert ask("RETURN 1 + 1") == [2]
