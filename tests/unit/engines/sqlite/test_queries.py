"""Which queries become SQL, which indexes they use, and what the rest does."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    FetchDocuments,
    Get,
    IndexSpec,
    Inserts,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver
from solidb_odm.errors import QueryError
from solidb_odm.language import nodes
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse

_BINDS = {
    "n": 30,
    "x": 30.5,
    "t": "Ada",
    "list": [1, "a", None],
    "many": list(range(2000)),
    "p": "A%b_",
    "none": None,
}


@pytest.fixture
def people(channel: FileChannel) -> FileChannel:
    channel.perform(CreateCollection("follows", "edge"))
    for name, fields in {"age": ("age",), "name": ("name",), "place": ("address.city", "age")}.items():
        channel.perform(CreateIndex("users", IndexSpec(name, "persistent", fields)))
    rows = [
        (f"{n:03}", {"_key": f"{n:03}", "name": f"N{n}", "age": n % 50, "address": {"city": f"C{n % 7}"}})
        for n in range(200)
    ]
    edges = [(f"{n}", {"_key": f"{n}", "_from": "users/001", "_to": f"users/{n:03}"}) for n in range(3)]
    channel.perform(Apply([Inserts("users", rows), Inserts("follows", edges)]))
    channel.perform(Commit())
    return channel


def _explain(channel: FileChannel, text: str) -> Any:
    return channel.perform(ExplainQuery(parse(text), _BINDS))


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("FILTER u.age == 30 RETURN u", "users.age"),
        ("FILTER u.age == @n RETURN u", "users.age"),
        ("FILTER @n == u.age RETURN u", "users.age"),
        ("FILTER u.age == null RETURN u", "users.age"),
        ("FILTER u.age > @x RETURN u.name", "users.age"),
        ("FILTER u.age >= 18 AND u.age < 30 RETURN u", "users.age"),
        ("FILTER u.age >= 18 FILTER u.age < 30 SORT u.name RETURN u", "users.age"),
        ("FILTER u.age < 5 RETURN u", "users.age"),
        ("FILTER u.age IN @list RETURN u", "users.age"),
        ("FILTER u.age IN @many RETURN u", "users.age"),
        ("FILTER u.age IN [1, 2] RETURN u", "users.age"),
        ("FILTER u.name == @t RETURN u", "users.name"),
        ('FILTER u.name LIKE "N1%" RETURN u', "users.name"),
        ("FILTER u.name LIKE @p RETURN u", "users.name"),
        ('FILTER STARTS_WITH(u.name, "N1") RETURN u', "users.name"),
        ('FILTER u.address.city == "C1" RETURN u', "users.place"),
        ('FILTER u.address.city == "C1" AND u.age > 3 RETURN u', "users.place"),
        ("FILTER u.age == 1 OR u.name == @t RETURN u", "users.age"),
        ("SORT u.age RETURN u", "users.age"),
        ("SORT u.age DESC LIMIT 5 RETURN u", "users.age"),
        ("SORT u.address.city, u.age LIMIT 5 RETURN u", "users.place"),
        ("COLLECT a = u.age WITH COUNT INTO n RETURN [a, n]", "users.age"),
        ('FILTER u._key == "001" RETURN u', "_key"),
        ('FILTER u._key IN ["001", "002"] RETURN u', "_key"),
        ('FILTER u._key >= "001" AND u._key < "003" RETURN u', "_key"),
    ],
)
def test_an_index_serves(people: FileChannel, text: str, index: str) -> None:
    explained = _explain(people, f"FOR u IN users {text}")
    assert explained["python"] is None
    assert index in explained["indexes"], explained["steps"]


@pytest.mark.parametrize(
    "text", ["SORT u.age LIMIT 5 RETURN u", "SORT u._key LIMIT 5 RETURN u", "LIMIT 5 RETURN u"]
)
def test_the_first_rows_are_read_without_sorting_all(people: FileChannel, text: str) -> None:
    steps = _explain(people, f"FOR u IN users {text}")["steps"]
    assert not any(step == "USE TEMP B-TREE FOR ORDER BY" for step in steps), steps


@pytest.mark.parametrize(
    "text",
    [
        "FOR u IN users FOR f IN follows FILTER f._from == CONCAT('users/', u._key) RETURN f._to",
        "FOR u IN users LET n = LENGTH((FOR o IN users FILTER o.age == u.age RETURN 1)) RETURN n",
        "FOR u IN users RETURN {u, old: u.age > 40 ? 'old' : 'young', pair: [u.age, {x: u.name}]}",
        "FOR u IN users COLLECT c = u.name AGGREGATE n = COUNT(), a = AVG(u.age) SORT n RETURN {c, n, a}",
        "FOR u IN users FILTER LOWER(u.name) == 'n1' AND u.age + 1 < 3 RETURN DISTINCT u.age",
        "FOR u IN users FILTER 'y' IN u.tags RETURN FIRST((FOR o IN users RETURN o))",
    ],
)
def test_one_statement_answers(people: FileChannel, text: str) -> None:
    assert _explain(people, text)["python"] is None
    people.perform(RunQuery(parse(text), _BINDS))


def test_python_gets_rows_that_sql_has_narrowed(people: FileChannel) -> None:
    explained = _explain(
        people, "FOR u IN users FILTER u.age == 3 FILTER WORD_COUNT(u.name) == 1 RETURN u._key"
    )
    assert explained["indexes"] == ["users.age"]
    assert "WORD_COUNT" in explained["python"]["why"]


def test_documents_come_as_they_are_stored(people: FileChannel) -> None:
    query = parse("FOR u IN users FILTER u.age == @n SORT u.name RETURN u")
    rows = people.perform(FetchDocuments(query, {"n": 3}))
    assert rows == [people.perform(Get("users", key)) for key in ("103", "153", "003", "053")]


def test_documents_of_a_query_in_python_come_in_the_same_form(people: FileChannel) -> None:
    reached = people.perform(FetchDocuments(parse('FOR v IN OUTBOUND "users/001" follows RETURN v')))
    assert [row and row[0] for row in reached] == ["000", "002"]
    stored = people.perform(Get("users", "000"))
    assert stored is not None
    assert reached[0] is not None
    assert reached[0][:4] == stored[:4]
    assert json.loads(str(reached[0][4])) == json.loads(str(stored[4]))
    assert people.perform(FetchDocuments(parse("RETURN null"))) == [None]


def test_what_are_no_documents_can_not_be_fetched(people: FileChannel) -> None:
    with pytest.raises(QueryError, match="whole documents"):
        people.perform(FetchDocuments(parse("FOR u IN users RETURN u.age")))


def test_a_query_sees_what_its_channel_wrote(people: FileChannel) -> None:
    count = RunQuery(parse("FOR u IN users COLLECT WITH COUNT INTO n RETURN n"))
    people.perform(RunQuery(parse("INSERT {age: 1} INTO users")))
    assert people.perform(count) == [201]
    people.perform(Rollback())
    assert people.perform(count) == [200]


def test_a_new_index_is_used_at_once(people: FileChannel) -> None:
    text = "FOR u IN users FILTER u.other == 1 RETURN u"
    assert _explain(people, text)["indexes"] == []
    people.perform(CreateIndex("users", IndexSpec("other", "persistent", ("other",))))
    assert _explain(people, text)["indexes"] == ["users.other"]


def test_a_text_key_never_meets_a_number(people: FileChannel) -> None:
    people.perform(Apply([Inserts("users", [("5", {"_key": "5", "v": 5})])]))
    for text in ("u._key == 5", "u._key == u.v", "u._key IN [5]", "u._key < 6", "u._key IN @many"):
        query = parse(f"FOR u IN users FILTER u.v == 5 AND {text} RETURN u._key")
        assert people.perform(RunQuery(query, _BINDS)) == [], text


def test_strict_mode_raises_what_a_filter_swallows() -> None:
    query = RunQuery(parse("FOR u IN users FILTER LOWER(u.age) == 'x' RETURN u"))
    answers: list[Any] = []
    for strict in (False, True):
        channel = FileDriver("sqlite://", strict=strict).channel()
        channel.perform(CreateCollection("users"))
        channel.perform(Apply([Inserts("users", [("a", {"_key": "a", "age": 5})])]))
        try:
            answers.append(channel.perform(query))
        except QueryError as error:
            answers.append(type(error))
    assert answers[0] == []
    assert isinstance(answers[1], type)


@pytest.mark.parametrize(
    "text",
    [
        "FOR u IN users FILTER u.age == 3 FOR o IN users FILTER WORD_COUNT(o.name) == 1 RETURN o._key",
        'FOR u IN users FILTER u._key == "003" FILTER WORD_COUNT(u.name) RETURN LENGTH(SAMPLE("users", 200))',
        'FOR u IN users FILTER u._key == "003" FILTER WORD_COUNT(u.name) RETURN LENGTH(SAMPLE(@users, 200))',
    ],
)
def test_rows_are_not_narrowed_where_the_collection_is_read_again(people: FileChannel, text: str) -> None:
    answer = people.perform(RunQuery(parse(text), {"users": "users"}))
    assert answer == [200] or len(answer) == 800


def test_plans_are_shared_by_the_channels_of_a_driver(path: Path) -> None:
    driver = FileDriver(f"sqlite:///{path}")
    one, two = driver.channel(), driver.channel()
    one.perform(CreateCollection("users"))
    query = parse("FOR u IN users FILTER u.a == 1 RETURN u")
    assert one._queries._entry(query, {}) is two._queries._entry(query, {})
    one.perform(Apply([Inserts("users", [("a", {"_key": "a", "a": 1})])]))
    one.perform(CreateIndex("users", IndexSpec("a", "persistent", ("a",))))
    assert one._queries._entry(query, {}) is not two._queries._entry(query, {})


def test_a_function_that_fails_in_or_or_not_makes_the_whole_condition_false(channel: FileChannel) -> None:
    documents = [("list", {"_key": "list", "name": []}), ("text", {"_key": "text", "name": "b"})]
    channel.perform(Apply([Inserts("users", documents)]))

    def keys(condition: str) -> list[Any]:
        return channel.perform(
            RunQuery(parse(f"FOR u IN users FILTER {condition} SORT u._key RETURN u._key"))
        )

    assert keys('STARTS_WITH(u.name, "a") OR u._key != ""') == ["text"]
    assert keys('NOT (u._key == "" AND STARTS_WITH(u.name, "a"))') == ["list", "text"]
    assert keys('NOT (STARTS_WITH(u.name, "a") AND u._key == "")') == ["text"]


@pytest.mark.parametrize("again", ["LET o = {name: u.name}", "LET u = {name: 'none'}", "LET v = 1"])
def test_a_join_tests_what_a_name_means_where_it_stands(people: FileChannel, again: str) -> None:
    query = parse(f"FOR u IN users FOR o IN users {again} FILTER o.name == u.name RETURN o._key")
    in_sql = people.perform(RunQuery(query))
    source = MemorySource({"users": people.perform(RunQuery(parse("FOR u IN users RETURN u")))})
    assert in_sql == evaluate(query, source)


_EQUAL = parse("FOR u IN users FILTER u.v == @v SORT u._key RETURN u._key")
_PARTS = [
    "",
    "a",
    "A",
    "7",
    "t7",
    "t70",
    '"',
    "\\",
    "/",
    "\n",
    "\x01",
    "\x7f",
    "é",
    "𝄞",
    "*",
    "?",
    "[",
    "]",
    "%",
    "_",
    "' ",
]
_FOUND = [
    *_PARTS,
    *(first + last for first in _PARTS for last in ("a", "\\", '"', "*")),
    "a" * 99,
    "a" * 101,
    "ab" * 90_000,
]


def test_a_text_that_no_index_knows_is_found_however_it_is_written(channel: FileChannel) -> None:
    bodies: list[tuple[str, Any]] = [(f"k{n:03}", {"v": text}) for n, text in enumerate(_FOUND)]
    bodies += [(f"l{n:03}", {"v": [text], "w": text}) for n, text in enumerate(_FOUND[:30])]
    written = {text: json.dumps({"v": text}) for text in _FOUND}  # with escapes for what is not ASCII
    bodies += [(f"m{n:03}", body) for n, body in enumerate(written.values())]
    escaped = {"a/b": r'{"v": "a\/b"}', "Ada": r'{"v": "\u0041d\u0061"}', "t\t": r'{ "v" : "t\u0009" }'}
    bodies += [(f"n{n}", body) for n, body in enumerate(escaped.values())]
    channel.perform(Apply([Inserts("users", bodies)]))
    texts = {key: (body if isinstance(body, dict) else json.loads(body))["v"] for key, body in bodies}
    for text in {*_FOUND, *escaped, "b", "aa/"}:
        assert channel.perform(RunQuery(_EQUAL, {"v": text})) == [k for k, v in texts.items() if v == text]
    mirrored = parse('FOR u IN users FILTER "t7" == u.v RETURN u.v')
    assert channel.perform(RunQuery(mirrored)) == ["t7", "t7"]


def test_json_is_read_for_a_text_only_where_it_may_be(people: FileChannel) -> None:
    def sql(query: str) -> str:
        found: str = people.perform(ExplainQuery(parse(query), _BINDS))["sql"]
        return found

    for condition in ("u.nick == @t", "@t == u.address.street", "u.nick == 'x' AND u.age == 1"):
        assert "t1.doc GLOB" in sql(f"FOR u IN users FILTER {condition} RETURN u._key")
    for condition in ("u.name == @t", "u.address.city == @t", "u.nick == @n", "u.nick != @t", "u._key == @t"):
        assert "GLOB" not in sql(f"FOR u IN users FILTER {condition} RETURN u._key")
    assert "GLOB" not in sql("FOR e IN follows FILTER e._from == @t RETURN e")


@pytest.mark.parametrize(
    "condition",
    [
        "v.n == u.age + 1",
        "u.age * 2 == v.n AND u.age > 1",
        "LOWER(u.name) == v.name",
        "CONCAT(u.name, '') == v.name AND u.age < 40",
        "(u.age > 3 ? u.age : 0 - u.age) == v.n",
        "u.age + 1 == v.n + 2",
    ],
)
def test_a_join_by_what_is_computed_reads_the_inner_collection_once(
    people: FileChannel, condition: str
) -> None:
    odd: list[Any] = [None, True, 1.0, 2.5, "N3", "n4", [1], {"a": 1}, 49, 2**53]
    rows = [{"_key": f"o{n}", "n": n, "name": odd[n]} for n in range(len(odd))]
    people.perform(CreateCollection("others"))
    people.perform(Apply([Inserts("others", [(str(row["_key"]), row) for row in rows])]))
    text = f"FOR v IN others FOR u IN users FILTER {condition} SORT u._key, v._key RETURN [u._key, v._key]"
    users = people.perform(RunQuery(parse("FOR u IN users RETURN u")))

    wanted = evaluate(parse(text), MemorySource({"users": users, "others": rows}))

    assert people.perform(RunQuery(parse(text))) == wanted
    assert " AS MATERIALIZED " in people.perform(ExplainQuery(parse(text)))["sql"]


def test_a_join_by_what_an_index_is_sorted_by_goes_by_the_index(people: FileChannel) -> None:
    people.perform(CreateCollection("prices"))
    spec = IndexSpec("price", "persistent", ("price",), decimals=("price",))
    people.perform(CreateIndex("prices", spec))
    text = "FOR u IN users FOR v IN prices FILTER DECIMAL_KEY(v.price) == u.name RETURN 1"
    query = parse(text.replace("DECIMAL_KEY(v.price)", "v.price"))
    assert isinstance(query, nodes.Block)
    test = query.body[2]
    assert isinstance(test, nodes.Filter)
    assert isinstance(test.condition, nodes.Compare)
    keyed = nodes.Compare(nodes.DecimalCall("KEY", (test.condition.left,)), "==", test.condition.right)
    query = replace(query, body=(*query.body[:2], nodes.Filter(keyed)))

    assert " AS MATERIALIZED " not in people.perform(ExplainQuery(query))["sql"]
