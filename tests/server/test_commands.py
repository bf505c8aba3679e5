"""Every command on a real server."""

import pytest

from solidb_odm.commands import (
    CollectionSpec,
    Commit,
    CommitBatches,
    CountDocuments,
    CreateCollection,
    CreateDatabase,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    DropDatabase,
    DropIndex,
    ExplainQuery,
    FetchDocuments,
    Get,
    GetMany,
    IndexSpec,
    Inserts,
    ListCollections,
    Rollback,
    RunQuery,
    SetSchema,
)
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.errors import (
    AuthError,
    CollectionExists,
    CollectionNotFound,
    DatabaseNotFound,
    IndexExists,
    IndexNotFound,
    QueryError,
    QuerySyntaxError,
    SchemaViolation,
    UniqueViolation,
    UsageError,
)
from solidb_odm.language.parser import parse
from solidb_odm.wire.exchange import send
from tools.server import LocalServer

pytestmark = pytest.mark.server


def fill(driver: ServerDriver, *bodies: dict[str, object]) -> list[str]:
    """Make a collection ``c`` with these documents, keyed k0, k1, ..; return their revisions."""
    channel = driver.channel()
    channel.perform(CreateCollection("c"))
    rows = [(f"k{number}", {"_key": f"k{number}", **body}) for number, body in enumerate(bodies)]
    (receipts,) = channel.perform(CommitBatches([Inserts("c", rows)]))
    return [receipt[0] for receipt in receipts]


def test_a_stored_document_comes_back_in_parts(server_driver: ServerDriver) -> None:
    (revision,) = fill(server_driver, {"n": 1, "x": 1.0, "deep": {"a": [None, True]}})

    found = server_driver.channel().perform(Get("c", "k0"))

    assert found is not None
    key, rev, created, updated, body = found
    assert (key, rev) == ("k0", revision)
    assert created == updated
    assert body == {"_key": "k0", "n": 1, "x": 1.0, "deep": {"a": [None, True]}}
    assert isinstance(body, dict)
    assert type(body["x"]) is float


def test_a_missing_document_is_none(server_driver: ServerDriver) -> None:
    fill(server_driver)

    assert server_driver.channel().perform(Get("c", "nobody")) is None


def test_many_documents_come_in_one_round_trip(server_driver: ServerDriver) -> None:
    fill(server_driver, *({"n": n} for n in range(2500)))
    before = server_driver.statistics.round_trips

    found = server_driver.channel().perform(GetMany("c", [*(f"k{n}" for n in range(2500)), "k1", "nobody"]))

    assert server_driver.statistics.round_trips == before + 1
    assert sorted(row[0] for row in found) == sorted(f"k{n}" for n in range(2500))


def test_many_documents_over_16_mib_come_in_several(server_driver: ServerDriver) -> None:
    fill(server_driver, *({"text": "x" * 3_000_000} for _ in range(8)))

    found = server_driver.channel().perform(GetMany("c", [f"k{n}" for n in range(8)]))

    assert len(found) == 8


def test_the_answer_of_a_query_over_16_mib_comes_in_pages(server_driver: ServerDriver) -> None:
    fill(server_driver, *({"text": "x" * 3_000_000, "n": 1.0} for _ in range(8)))

    found = server_driver.channel().perform(RunQuery(parse("FOR d IN c SORT d._key RETURN [d._key, d.n]")))
    whole = server_driver.channel().perform(RunQuery(parse("FOR d IN c SORT d._key RETURN d")))

    assert [row["_key"] for row in whole] == [f"k{n}" for n in range(8)]
    assert [[row["_key"], row["n"]] for row in whole] == found
    assert all(type(row["n"]) is float and len(row["text"]) == 3_000_000 for row in whole)


def test_queries_answer_with_rows(server_driver: ServerDriver) -> None:
    fill(server_driver, {"n": 1}, {"n": 2}, {"n": 3})
    query = parse("FOR d IN c FILTER d.n >= @n SORT d.n RETURN d.n")

    assert server_driver.channel().perform(RunQuery(query, {"n": 2})) == [2, 3]


def test_documents_come_as_stored_or_none(server_driver: ServerDriver) -> None:
    revisions = fill(server_driver, {"n": 1})
    query = parse('RETURN DOCUMENT("c", "k0")')
    (row,) = server_driver.channel().perform(FetchDocuments(query))
    missing = server_driver.channel().perform(FetchDocuments(parse('RETURN DOCUMENT("c", "no")')))

    assert row is not None
    assert row[:2] == ("k0", revisions[0])
    assert missing == [None]


def test_rows_that_are_not_documents_are_refused(server_driver: ServerDriver) -> None:
    with pytest.raises(QueryError, match="not a whole document"):
        server_driver.channel().perform(FetchDocuments(parse("RETURN 1")))


def test_a_query_is_explained(server_driver: ServerDriver) -> None:
    fill(server_driver, {"n": 1})

    plan = server_driver.channel().perform(
        ExplainQuery(parse("FOR d IN c FILTER d.n == @n RETURN d"), {"n": 1})
    )

    assert plan["collections"][0]["name"] == "c"


def test_a_missing_bind_is_refused_before_it_is_sent(server_driver: ServerDriver) -> None:
    query = parse("FOR d IN c FILTER d.n == @n RETURN d")

    with pytest.raises(QueryError, match="@n"):
        server_driver.channel().perform(RunQuery(query, {"m": 1}))

    assert server_driver.statistics.round_trips == 0


@pytest.mark.parametrize("value", [{1}, b"bytes", float("nan"), {1: 2}, 2**64])
def test_a_bind_that_json_lacks_is_refused(server_driver: ServerDriver, value: object) -> None:
    with pytest.raises(QueryError, match=r"query: bind_vars\.x "):
        server_driver.channel().perform(RunQuery(parse("RETURN @x"), {"x": value}))


def test_a_persons_own_text_is_sent_and_shown_in_errors(server_driver: ServerDriver) -> None:
    text = "FOR d IN nowhere RETRN d"
    with pytest.raises(QuerySyntaxError) as raised:
        server_driver.channel().perform(RunQuery(parse("RETURN 1"), text=text))

    assert raised.value.query == text


def test_a_runtime_error_holds_query_and_binds(server_driver: ServerDriver) -> None:
    with pytest.raises(QueryError) as raised:
        server_driver.channel().perform(RunQuery(parse("RETURN TO_UNKNOWN(@x)"), {"x": 1}))

    assert "TO_UNKNOWN" in raised.value.query
    assert raised.value.binds == {"x": 1}


def test_a_query_on_a_missing_collection_names_it(server_driver: ServerDriver) -> None:
    with pytest.raises(CollectionNotFound) as raised:
        server_driver.channel().perform(RunQuery(parse("FOR d IN nowhere RETURN d")))

    assert raised.value.name == "nowhere"


# --- collections ----------------------------------------------------------------------------------


def test_collections_are_made_listed_and_dropped(server_driver: ServerDriver) -> None:
    channel = server_driver.channel()
    channel.perform(CreateCollection("b"))
    channel.perform(CreateCollection("a", "edge"))
    channel.perform(CreateCollection("_hidden"))
    assert channel.perform(ListCollections()) == ["a", "b"]

    channel.perform(DropCollection("b"))
    assert channel.perform(ListCollections()) == ["a"]


def test_a_collection_is_made_once(server_driver: ServerDriver) -> None:
    server_driver.channel().perform(CreateCollection("c"))

    with pytest.raises(CollectionExists) as raised:
        server_driver.channel().perform(CreateCollection("c"))

    assert raised.value.name == "c"


@pytest.mark.parametrize("command", [DropCollection("no"), CountDocuments("no"), Get("no", "k")])
def test_a_missing_collection_is_named(server_driver: ServerDriver, command: object) -> None:
    with pytest.raises(CollectionNotFound) as raised:
        server_driver.channel().perform(command)  # type: ignore[arg-type]

    assert raised.value.name == "no"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "a`b"])
def test_names_that_could_not_be_queried_are_refused(server_driver: ServerDriver, name: str) -> None:
    with pytest.raises(UsageError):
        server_driver.channel().perform(CreateCollection(name))


def test_documents_are_counted(server_driver: ServerDriver) -> None:
    fill(server_driver, {}, {}, {})

    assert server_driver.channel().perform(CountDocuments("c")) == 3


@pytest.mark.parametrize("kind", ["document", "edge", "blob", "timeseries"])
def test_the_kind_of_a_collection_is_read_back(server_driver: ServerDriver, kind: str) -> None:
    server_driver.channel().perform(CreateCollection("c", kind))  # type: ignore[arg-type]

    spec = server_driver.channel().perform(DescribeCollection("c"))

    assert spec == CollectionSpec("c", kind)  # type: ignore[arg-type]


def test_a_collection_that_is_not_there_is_none(server_driver: ServerDriver) -> None:
    assert server_driver.channel().perform(DescribeCollection("nowhere")) is None


# --- indexes --------------------------------------------------------------------------------------

INDEXES = (
    IndexSpec("by_city", "persistent", ("address.city", "age")),
    IndexSpec("by_mail", "persistent", ("email",), unique=True),
    IndexSpec("by_place", "geo", ("home",)),
    IndexSpec("by_text", "fulltext", ("bio",), minimum_length=4),
    IndexSpec("by_face_c", "vector", ("face",), dimension=3, metric="cosine"),
    IndexSpec("by_face_d", "vector", ("face2",), dimension=4, metric="dot"),
    IndexSpec("by_face_e", "vector", ("face3",), dimension=5, metric="euclidean"),
    IndexSpec("by_time", "ttl", ("seen",), seconds=3600),
)


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.name)
def test_an_index_is_read_back_as_it_was_declared_and_dropped(
    server_driver: ServerDriver, index: IndexSpec
) -> None:
    fill(server_driver, {"email": "a"})
    channel = server_driver.channel()
    channel.perform(CreateIndex("c", index))
    spec = channel.perform(DescribeCollection("c"))
    assert spec is not None
    assert spec.indexes == (index,)

    channel.perform(DropIndex("c", index))
    assert channel.perform(DescribeCollection("c")) == CollectionSpec("c")
    with pytest.raises(IndexNotFound):
        channel.perform(DropIndex("c", index))


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.name)
def test_a_name_is_taken_by_an_index_of_any_kind(server_driver: ServerDriver, index: IndexSpec) -> None:
    fill(server_driver)
    server_driver.channel().perform(CreateIndex("c", IndexSpec(index.name, "geo", ("other",))))

    with pytest.raises(IndexExists) as raised:
        server_driver.channel().perform(CreateIndex("c", index))

    assert raised.value.name == index.name


def test_a_unique_index_over_duplicates_is_refused_and_not_left_behind(server_driver: ServerDriver) -> None:
    fill(server_driver, {"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}}, {"a": 1, "b": {"c": 3}}, {}, {})
    index = IndexSpec("u", "persistent", ("a", "b.c"), unique=True)

    with pytest.raises(UniqueViolation, match="hold 1, 3") as raised:
        server_driver.channel().perform(CreateIndex("c", index))

    assert raised.value.fields == ("a", "b.c")
    assert server_driver.channel().perform(DescribeCollection("c")) == CollectionSpec("c")


def test_a_unique_index_over_missing_values_is_fine(server_driver: ServerDriver) -> None:
    fill(server_driver, {}, {"a": None}, {"a": 1})

    server_driver.channel().perform(CreateIndex("c", IndexSpec("u", "persistent", ("a",), unique=True)))


def test_a_ttl_index_takes_in_the_documents_there_are(server_driver: ServerDriver) -> None:
    revisions = fill(server_driver, *({"seen": 4_000_000_000} for _ in range(3)))

    server_driver.channel().perform(CreateIndex("c", IndexSpec("t", "ttl", ("seen",), seconds=1)))

    found = server_driver.channel().perform(GetMany("c", ["k0", "k1", "k2"]))
    assert not {row[1] for row in found} & set(revisions)  # written again, hence indexed


@pytest.mark.parametrize(
    "index",
    [
        IndexSpec("v", "vector", ("a",), dimension=0),
        IndexSpec("g", "geo", ("a", "b")),
        IndexSpec("t", "ttl", ("a",), seconds=-1),
        IndexSpec("f", "fulltext", ("a", "b")),
        IndexSpec("p", "persistent", ()),
    ],
    ids=lambda index: index.kind,
)
def test_an_index_that_the_server_would_spoil_is_refused(
    server_driver: ServerDriver, index: IndexSpec
) -> None:
    fill(server_driver)

    with pytest.raises(UsageError):
        server_driver.channel().perform(CreateIndex("c", index))


def test_a_unique_value_taken_is_a_violation_of_the_index(server_driver: ServerDriver) -> None:
    fill(server_driver, {"email": "a@x"})
    server_driver.channel().perform(CreateIndex("c", INDEXES[1]))

    with pytest.raises(UniqueViolation) as raised:
        server_driver.channel().perform(CommitBatches([Inserts("c", [("n", {"_key": "n", "email": "a@x"})])]))

    assert (raised.value.index, raised.value.fields, raised.value.key) == ("by_mail", ("email",), "n")


# --- schemas --------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}


@pytest.mark.parametrize("mode", ["off", "lenient", "strict"])
def test_a_schema_is_read_back_and_taken_away(server_driver: ServerDriver, mode: str) -> None:
    fill(server_driver)
    channel = server_driver.channel()
    channel.perform(SetSchema("c", SCHEMA, mode))  # type: ignore[arg-type]
    assert channel.perform(DescribeCollection("c")) == CollectionSpec(
        "c",
        schema=SCHEMA,
        validation=mode,  # type: ignore[arg-type]
    )

    channel.perform(SetSchema("c", None))
    assert channel.perform(DescribeCollection("c")) == CollectionSpec("c")


def test_a_closed_schema_lets_system_attributes_pass(server_driver: ServerDriver) -> None:
    fill(server_driver, {"n": 1})
    server_driver.channel().perform(SetSchema("c", SCHEMA))

    server_driver.channel().perform(RunQuery(parse('UPDATE "k0" WITH {n: 2} IN c')))
    with pytest.raises(SchemaViolation):
        server_driver.channel().perform(RunQuery(parse('UPDATE "k0" WITH {m: 2} IN c RETURN NEW')))

    assert server_driver.channel().perform(RunQuery(parse("FOR d IN c RETURN d.n"))) == [2]


# --- databases and logins -------------------------------------------------------------------------


def test_a_database_is_made_used_and_dropped(server: LocalServer) -> None:
    driver = ServerDriver(server.url("made_by_command"))
    channel = driver.channel()
    with pytest.raises(DatabaseNotFound) as raised:
        channel.perform(ListCollections())
    assert raised.value.name == "made_by_command"
    assert "create_database" in (raised.value.hint or "")
    with pytest.raises(DatabaseNotFound, match="'made_by_command'"):
        channel.perform(DescribeCollection("any"))

    channel.perform(CreateDatabase())
    channel.perform(CreateDatabase())
    assert channel.perform(ListCollections()) == []

    channel.perform(DropDatabase())
    with pytest.raises(DatabaseNotFound):
        channel.perform(DropDatabase())
    driver.close()


def test_a_wrong_password_is_an_auth_error(server: LocalServer) -> None:
    driver = ServerDriver(f"solidb://{server.user}:wrong@{server.host}:{server.port}/_system")

    with pytest.raises(AuthError) as raised:
        driver.channel().perform(ListCollections())

    assert "URL" in (raised.value.hint or "")


def test_a_wrong_password_over_http_is_an_auth_error(server: LocalServer) -> None:
    driver = ServerDriver(f"solidb://{server.user}:wrong@{server.host}:{server.port}/_system")

    with pytest.raises(AuthError):
        driver.channel().perform(DescribeCollection("c"))
    driver.close()


def test_no_user_at_all_is_said(server: LocalServer) -> None:
    driver = ServerDriver(f"solidb://{server.host}:{server.port}/_system")

    with pytest.raises(AuthError) as raised:
        driver.channel().perform(ListCollections())

    assert "names no user" in (raised.value.hint or "")


def test_an_api_key_logs_in_on_both_ways(
    server: LocalServer, server_driver: ServerDriver, database: str
) -> None:
    request = {"cmd": "create_api_key", "name": database, "permissions": ["admin"]}
    key = server_driver.run(send(request)).data["key"]
    driver = ServerDriver(f"solidb://{server.host}:{server.port}/{database}", api_key=key)

    driver.channel().perform(CreateCollection("c"))
    assert driver.channel().perform(DescribeCollection("c")) == CollectionSpec("c")
    driver.close()


def test_commit_and_rollback_have_nothing_to_do(server_driver: ServerDriver) -> None:
    server_driver.channel().perform(Commit())
    server_driver.channel().perform(Rollback())

    assert server_driver.statistics.round_trips == 0


# --- awaited --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_awaited_commands_do_the_same(server: LocalServer, database: str) -> None:
    driver = AsyncServerDriver(server.url(database))
    channel = await driver.channel()

    await channel.perform(CreateCollection("c"))
    await channel.perform(CreateIndex("c", INDEXES[3]))
    rows = [(f"k{n}", {"_key": f"k{n}", "n": n}) for n in range(3000)]
    (receipts,) = await channel.perform(CommitBatches([Inserts("c", rows)]))
    found = await channel.perform(Get("c", "k2999"))
    spec = await channel.perform(DescribeCollection("c"))

    assert found is not None
    assert found[1] == receipts[2999][0]
    assert spec == CollectionSpec("c", indexes=(INDEXES[3],))
    with pytest.raises(CollectionNotFound):
        await channel.perform(Get("nowhere", "k"))
    await driver.aclose()
