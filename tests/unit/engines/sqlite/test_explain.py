"""EXPLAIN says which SQL runs, which declared indexes serve it, and what is left to Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from solidb_odm import Engine, create_engine
from solidb_odm.commands import CreateCollection, CreateIndex, ExplainQuery, IndexSpec, Operation, call
from solidb_odm.language.parser import parse

_INDEXES = {
    "age": (("age",), False),
    "city_age": (("address.city", "age"), False),
    "email": (("email",), True),
}


def _declare() -> Operation[None]:
    yield from call(CreateCollection("people"))
    yield from call(CreateCollection("knows", "edge"))
    for name, (fields, unique) in _INDEXES.items():
        yield from call(CreateIndex("people", IndexSpec(name, "persistent", fields, unique=unique)))


@pytest.fixture
def engine() -> Iterator[Engine]:
    with create_engine("sqlite://") as opened:
        opened.run(_declare())
        yield opened


def _explained(engine: Engine, text: str, **binds: Any) -> dict[str, Any]:
    answer: dict[str, Any] = engine.run(call(ExplainQuery(parse(text), binds)))
    return answer


SERVED = {
    "FOR p IN people FILTER p.age == 30 RETURN p": "people.age",
    "FOR p IN people FILTER p.age >= 30 AND p.age < 40 RETURN p.name": "people.age",
    "FOR p IN people FILTER p.age IN [30, 31] RETURN p": "people.age",
    "FOR p IN people FILTER p.address.city == 'Rome' AND p.age > 30 RETURN p": "people.city_age",
    "FOR p IN people FILTER p.address.city == 'Rome' RETURN p": "people.city_age",
    "FOR p IN people FILTER p.email == 'ada@x.org' RETURN p": "people.email",
    "FOR p IN people FILTER p.email LIKE 'ada%' RETURN p": "people.email",
    "FOR p IN people FILTER p._key == 'ada' RETURN p": "_key",
    "FOR p IN people SORT p.age LIMIT 10 RETURN p": "people.age",
    "FOR p IN people SORT p.age DESC LIMIT 10 RETURN p": "people.age",
    "FOR p IN people FILTER p.age > 30 COLLECT WITH COUNT INTO n RETURN n": "people.age",
    "FOR p IN people COLLECT age = p.age WITH COUNT INTO n RETURN [age, n]": "people.age",
    "FOR p IN people FOR q IN people FILTER q.age == p.limit RETURN q": "people.age",
    "FOR age IN @ages FOR p IN people FILTER p.age == age RETURN p": "people.age",
    "FOR p IN people FILTER p.age IN @ages RETURN p": "people.age",
    "FOR p IN people FILTER p.age IN (FOR k IN knows RETURN k.since) RETURN p": "people.age",
    "LET ages = (FOR k IN knows RETURN k.since) FOR p IN people FILTER p.age IN ages RETURN p": "people.age",
    "FOR k IN knows LEFT JOIN people ON people.email == k.email RETURN people[*].name": "people.email",
    "FOR p IN people FILTER p.age == 1 RETURN p.name UNION FOR p IN people FILTER p.age == 2 RETURN p.name": (
        "people.age"
    ),
    "WITH old AS (FOR p IN people FILTER p.age > 60 RETURN p) FOR p IN old RETURN p.name": "people.age",
    "FOR k IN knows FILTER k._from == 'people/ada' RETURN k": "_solidb__from:knows",
    "FOR k IN knows FILTER k._to == 'people/ada' RETURN k": "_solidb__to:knows",
}


@pytest.mark.parametrize("text", SERVED)
def test_a_declared_index_serves(engine: Engine, text: str) -> None:
    explained = _explained(engine, text, ages=[30, 31])

    assert explained["indexes"] == [SERVED[text]]
    assert explained["python"] is None


UNSERVED = [
    "FOR p IN people FILTER p.name == 'Ada' RETURN p",
    "FOR p IN people FILTER p.age != 30 RETURN p",
    "FOR p IN people FILTER LOWER(p.email) == 'ada@x.org' RETURN p",
]


@pytest.mark.parametrize("text", UNSERVED)
def test_no_index_is_named_where_none_is_searched(engine: Engine, text: str) -> None:
    explained = _explained(engine, text)

    assert explained["indexes"] == []
    assert "people" in explained["sql"]


def test_the_first_rows_of_an_order_are_read_without_sorting_all(engine: Engine) -> None:
    steps = _explained(engine, "FOR p IN people SORT p.age LIMIT 10 RETURN p")["steps"]
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


ORDERED = {
    "FOR p IN people FILTER p.email == 'ada@x.org' SORT p.name RETURN p": False,
    "FOR p IN people FILTER p._key == @x AND p.age > 3 RETURN p": False,
    "FOR p IN people FILTER p.email == @none RETURN p": True,
    "FOR p IN people FILTER p.email != 'ada@x.org' RETURN p": True,
    "FOR p IN people FILTER p.email == p.name RETURN p": True,
    "FOR p IN people FILTER p.age == 30 RETURN p": True,
    "FOR p IN people FILTER p.email == 'ada@x.org' FOR q IN people RETURN q": True,
}


@pytest.mark.parametrize("text", ORDERED)
def test_one_row_at_most_is_not_sorted(engine: Engine, text: str) -> None:
    explained = _explained(engine, text, x="ada", none=None)

    assert ("ORDER BY" in explained["sql"]) == ORDERED[text]


def test_parameters_carry_the_values(engine: Engine) -> None:
    explained = _explained(engine, "FOR p IN people FILTER p.age == @age RETURN p", age=30)

    assert 30 in explained["parameters"].values()
    assert ":p0" in explained["sql"]


def test_what_python_does_is_said_with_the_reason(engine: Engine) -> None:
    explained = _explained(engine, "FOR p IN people FILTER p.age == 30 RETURN SOUNDEX(p.name)")

    assert explained["indexes"] == ["people.age"]  # SQL has narrowed the rows
    assert "rows of the SQL" in explained["python"]["what"]
    assert explained["python"]["why"] == "the function SOUNDEX"


WALKED = {
    "FOR v IN 1..3 OUTBOUND 'people/ada' knows RETURN v": ["_solidb__from:knows", "_key"],
    "FOR v IN INBOUND @who knows RETURN v.name": ["_solidb__to:knows", "_key"],
    "FOR v, e, p IN 2 ANY @who knows RETURN p": ["_solidb__from:knows", "_solidb__to:knows", "_key"],
    "FOR p IN people FOR v IN OUTBOUND CONCAT('people/', p._key) knows RETURN v": [
        "_solidb__from:knows",
        "_key",
    ],
    "MATCH (a:people {_key: 'ada'})<-[:knows*1..2]-(b) RETURN b": ["_solidb__to:knows", "_key"],
}


@pytest.mark.parametrize("text", WALKED)
def test_a_traversal_is_one_statement_that_the_indexes_of_the_ends_serve(engine: Engine, text: str) -> None:
    explained = _explained(engine, text, who="people/ada")

    assert "WITH RECURSIVE" in explained["sql"]
    assert set(explained["indexes"]) == set(WALKED[text])
    assert explained["python"] is None


UNWALKED = {
    "FOR v IN OUTBOUND @number knows RETURN v": "something else than a text",
    "FOR v IN OUTBOUND 'people/ada' people RETURN v": "not a collection of edges",
    "FOR v IN OUTBOUND 'people/ada' knows PRUNE UPPER(v.name) == 'A' RETURN v": "may fail",
    "FOR p IN people FOR v IN OUTBOUND p.boss knows FILTER p.age > 3 RETURN v": "may not be a text",
    "FOR v IN SHORTEST_PATH 'people/ada' TO 'people/bo' OUTBOUND knows RETURN v": "PATHSEARCH",
}


@pytest.mark.parametrize("text", UNWALKED)
def test_a_traversal_that_python_walks_says_why(engine: Engine, text: str) -> None:
    explained = _explained(engine, text, number=5)

    assert UNWALKED[text] in explained["python"]["why"]


def test_what_stands_behind_a_traversal_may_be_left_to_python(engine: Engine) -> None:
    explained = _explained(engine, "FOR v IN 1..2 OUTBOUND 'people/ada' knows RETURN SOUNDEX(v.name)")

    assert "WITH RECURSIVE" in explained["sql"]
    assert "RETURN" in explained["python"]["what"]


def test_a_query_that_writes_runs_in_python(engine: Engine) -> None:
    explained = _explained(engine, "FOR p IN people UPDATE p WITH {seen: true} IN people")

    assert explained["sql"] is None
    assert explained["python"]["why"] == "it writes"


NARROWED = {
    "FOR p IN people FILTER p.age == 3 FILTER SOUNDEX(p.name) == 'A300' RETURN p": (["people.age"], False),
    "LET s = SOUNDEX(@xs) FOR p IN people FILTER p.age == s RETURN p": (["people.age"], True),
    "FOR p IN people LET s = SOUNDEX(p.name) JOIN people ON people.email == s RETURN s": (
        ["people.email"],
        True,
    ),
    "FOR k IN knows FILTER k._from == 'people/a' RETURN DOCUMENT(k._to)": (["_solidb__from:knows"], False),
    "FOR p IN people FILTER p.age < 3 UPDATE p WITH {young: true} IN people": (["people.age"], False),
    "FOR p IN people FILTER p.age > LENGTH(@xs) REMOVE p IN people": (["people.age"], False),
}


@pytest.mark.parametrize("text", NARROWED)
def test_what_python_reads_is_narrowed_by_an_index(engine: Engine, text: str) -> None:
    explained = _explained(engine, text, xs=[1])

    indexes, by_row = NARROWED[text]
    assert explained["indexes"] == indexes
    assert [read["by row"] for read in explained["python"]["reads"]] == [by_row]


HASHED = [
    "FOR p IN people FOR q IN people FILTER q.name == p.name RETURN [p._key, q._key]",
    "FOR p IN people FOR q IN people FILTER q.name == p.name AND q.age == 3 RETURN [p._key, q._key]",
    "FOR p IN people RETURN LENGTH(FOR q IN people FILTER q.name == p.name RETURN 1)",
    "FOR p IN people LEFT JOIN knows ON knows.since == p.name RETURN LENGTH(knows)",
]


@pytest.mark.parametrize("text", HASHED)
def test_a_join_without_an_index_reads_the_inner_collection_once(engine: Engine, text: str) -> None:
    explained = _explained(engine, text)

    assert explained["python"] is None
    assert any(step.startswith("MATERIALIZE") for step in explained["steps"])


def test_an_index_on_either_side_of_a_join_is_searched(engine: Engine) -> None:
    for condition in ("q.email == p.name", "q.name == p.email"):
        explained = _explained(engine, f"FOR p IN people FOR q IN people FILTER {condition} RETURN 1")
        assert explained["indexes"] == ["people.email"]


BY_INDEX = [
    "FOR p IN people FILTER p.address.city == 'Rome' SORT p.age RETURN p",
    "FOR p IN people FILTER p.address.city == @city SORT p.age DESC LIMIT 5 RETURN p.name",
    "FOR p IN people SORT p.address.city, p.age LIMIT 3 RETURN p",
]


@pytest.mark.parametrize("text", BY_INDEX)
def test_the_order_comes_from_a_composite_index_behind_its_equal_prefix(engine: Engine, text: str) -> None:
    explained = _explained(engine, text, city="Rome")

    assert explained["indexes"] == ["people.city_age"]
    assert "USE TEMP B-TREE FOR ORDER BY" not in explained["steps"]


HEADS = {
    "FOR p IN people SORT p.age LIMIT 10 RETURN MERGE(p, {x: 1})": (["people.age"], "RETURN"),
    "FOR p IN people FOR q IN people FILTER q.age == p.limit COLLECT s = SOUNDEX(p.name) RETURN s": (
        ["people.age"],
        "COLLECT, RETURN",
    ),
    "FOR p IN people COLLECT age = p.age WITH COUNT INTO n FILTER SOUNDEX(age) RETURN n": (
        ["people.age"],
        "FILTER, RETURN",
    ),
}


@pytest.mark.parametrize("text", HEADS)
def test_sql_begins_what_python_ends(engine: Engine, text: str) -> None:
    explained = _explained(engine, text)

    indexes, left = HEADS[text]
    assert explained["indexes"] == indexes
    assert explained["python"]["what"] == f"{left}, over the rows of the SQL"
    assert "USE TEMP B-TREE FOR ORDER BY" not in explained["steps"] or "SORT" not in text


def test_what_sqlite_can_not_parse_runs_in_python(engine: Engine) -> None:
    explained = _explained(engine, f"FOR p IN people RETURN {' + '.join(['p.age'] * 100)}")

    assert explained["sql"] is None
    assert explained["python"]["why"]
