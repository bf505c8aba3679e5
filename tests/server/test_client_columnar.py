"""``client.columnar`` on the real server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import (
    AlreadyExists,
    CollectionExists,
    CollectionNotFound,
    InvalidDocument,
    NotSupportedByServerError,
    QueryError,
    QuerySyntaxError,
    UsageError,
)

pytestmark = pytest.mark.server

COLUMNS = [
    {"name": "timestamp", "type": "datetime"},
    {"name": "metric_name", "type": "string"},
    {"name": "value", "type": "float"},
    {"name": "tags", "type": "string"},
    {"name": "size", "type": "int"},
    {"name": "ok", "type": "bool"},
]
ROWS = [
    ("2024-01-15T10:00:00Z", "cpu", 45, "server1", 1, True),
    ("2024-01-15T10:01:00Z", "cpu", 47.5, "server1", 2, False),
    ("2024-01-15T10:02:00Z", "cpu", 20.0, "server2", 2, True),
    ("2024-01-15T10:03:00Z", "disk", 90.0, "server2", None, True),
    ("2024-01-15T10:04:00Z", "disk", None, None, 3, None),
]


@pytest.fixture
def metrics(client: Client) -> Client:
    client.columnar.create("metrics", COLUMNS)
    names = [column["name"] for column in COLUMNS]
    client.columnar.insert("metrics", [dict(zip(names, row, strict=True)) for row in ROWS])
    return client


def values(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["value"] for row in rows]


def test_a_table_is_made_described_listed_and_dropped(client: Client) -> None:
    table = client.columnar.create("metrics", COLUMNS)

    assert [column["type"] for column in table["columns"]] == [
        "timestamp", "string", "float64", "string", "int64", "bool",
    ]  # fmt: skip
    assert client.columnar.describe("metrics") == table
    assert [known["name"] for known in client.columnar.list()] == ["metrics"]
    client.columnar.delete("metrics")
    assert client.columnar.list() == []


def test_the_query_of_other_clients_works(metrics: Client) -> None:
    text = "SELECT * FROM metrics WHERE value > @min ORDER BY timestamp DESC LIMIT 100"

    rows = metrics.columnar.query("metrics", text, {"min": 40.0})

    assert values(rows) == [90.0, 47.5, 45.0]
    assert rows[0].keys() == {column["name"] for column in COLUMNS}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("value = 45", [45.0]),
        ("45 = value", [45.0]),
        ("20 < value AND value < 90", [45.0, 47.5]),
        ("value <> 45", [47.5, 20.0, 90.0]),
        ("NOT value = 45", [47.5, 20.0, 90.0]),
        ("NOT (value = 45 OR value > 80)", [47.5, 20.0]),
        ("metric_name = 'disk' OR (tags = 'server1' AND value < 46)", [45.0, 90.0, None]),
        ("tags = 'server1' OR tags = 'server2' AND value > 50", [45.0, 47.5, 90.0]),
        ("value IS NULL", [None]),
        ("value IS NOT NULL AND size IS NULL", [90.0]),
        ("value IN (20, 90)", [20.0, 90.0]),
        ("value NOT IN (20, 90)", [45.0, 47.5]),
        ("value IN @list", [20.0]),
        ("value BETWEEN 45 AND 50", [45.0, 47.5]),
        ("value NOT BETWEEN 45 AND 50", [20.0, 90.0]),
        ("size >= 2.0", [47.5, 20.0, None]),
        ("ok = TRUE AND value > -1", [45.0, 20.0, 90.0]),
        ("timestamp >= '2024-01-15T10:03:00Z'", [90.0, None]),
    ],
)
def test_conditions_mean_what_they_mean_in_sql(metrics: Client, condition: str, expected: list[Any]) -> None:
    binds = {"list": [20, 1]} if "@list" in condition else None

    assert (
        values(metrics.columnar.query("metrics", f"select * from metrics where {condition}", binds))
        == expected
    )


def test_rows_are_sorted_by_several_columns_and_cut(metrics: Client) -> None:
    text = "SELECT value FROM metrics ORDER BY metric_name DESC, value LIMIT 3 OFFSET 1"

    assert metrics.columnar.query("metrics", text) == [{"value": 90.0}, {"value": 20.0}, {"value": 45.0}]


def test_rows_are_sorted_by_a_column_that_is_not_asked_for(metrics: Client) -> None:
    text = "SELECT tags FROM metrics ORDER BY value DESC LIMIT 2 OFFSET 1"

    assert metrics.columnar.query("metrics", text) == [{"tags": "server1"}, {"tags": "server1"}]


def test_a_limit_of_nothing_gives_nothing(metrics: Client) -> None:
    assert metrics.columnar.query("metrics", "SELECT * FROM metrics LIMIT 0") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT avg(value) FROM metrics", "functions are not supported"),
        ("SELECT value AS v FROM metrics", "AS is not supported"),
        ("SELECT value FROM metrics GROUP BY tags", "GROUP BY is not supported"),
        ("SELECT value FROM metrics WHERE value LIKE 'a'", "expected a comparison"),
        ("SELECT value FROM metrics WHERE value > tags", "expected a value"),
        ("SELECT value FROM metrics LIMIT 1.5", "expected a whole number"),
        ("SELECT value FROM metrics; DROP TABLE metrics", ";"),
        ("DELETE FROM metrics", "expected SELECT"),
        ("SELECT * FROM metrics JOIN b", "expected the end"),
    ],
)
def test_what_can_not_be_read_shows_the_place(client: Client, text: str, message: str) -> None:
    with pytest.raises(QuerySyntaxError, match="line 1, column") as caught:
        client.columnar.query("metrics", text)
    assert message in str(caught.value)


def test_queries_name_what_is_missing(metrics: Client) -> None:
    for text, binds, message in (
        ("SELECT nope FROM metrics", {}, "no column 'nope'"),
        ("SELECT * FROM metrics WHERE nope = 1", {}, "no column 'nope'"),
        ("SELECT * FROM metrics WHERE value = @x", {}, "@x has no value"),
        ("SELECT * FROM metrics", {"x": 1}, "@x is given but not used"),
        ("SELECT * FROM others", {}, "from 'others', not from 'metrics'"),
        ("SELECT * FROM metrics WHERE value < NULL", {}, "compared with null"),
    ):
        with pytest.raises(QueryError, match=message):
            metrics.columnar.query("metrics", text, binds)


def test_conditions_can_be_data(metrics: Client) -> None:
    select = metrics.columnar.select

    assert select("metrics", ["value"], {"tags": "server2", "metric_name": "cpu"}) == [{"value": 20.0}]
    either = {
        "or": [{"column": "value", "op": "GT", "value": 80}, {"column": "size", "op": "EQ", "value": 1}]
    }
    assert values(select("metrics", where=either, order_by="value DESC", limit=5)) == [90.0, 45.0]


def test_several_metrics_are_summed_up_by_several_groups(metrics: Client) -> None:
    rows = metrics.columnar.aggregate(
        "metrics",
        {
            "group_by": ["metric_name", "tags"],
            "metrics": [
                {"column": "value", "function": "avg"},
                {"column": "value", "function": "max"},
                {"column": "value", "function": "count"},
            ],
        },
    )

    assert sorted(rows, key=str) == [
        {"metric_name": "cpu", "tags": "server1", "value_avg": 46.25, "value_max": 47.5, "value_count": 2},
        {"metric_name": "cpu", "tags": "server2", "value_avg": 20.0, "value_max": 20.0, "value_count": 1},
        {"metric_name": "disk", "tags": "server2", "value_avg": 90.0, "value_max": 90.0, "value_count": 1},
        {"metric_name": "disk", "tags": None, "value_avg": None, "value_max": None, "value_count": 1},
    ]


def test_a_table_is_summed_up_without_groups(metrics: Client) -> None:
    wanted = [
        {"column": "value", "function": "SUM"},
        {"column": "*", "function": "count", "as": "rows"},
        {"column": "tags", "function": "count_distinct"},
    ]

    assert metrics.columnar.aggregate("metrics", {"metrics": wanted}) == [
        {"value_sum": 202.5, "rows": 5, "tags_count_distinct": 3}
    ]
    assert metrics.columnar.aggregate("metrics", {"metrics": wanted[:1], "where": {"tags": "server1"}}) == [
        {"value_sum": 92.5}
    ]


def test_groups_have_the_values_of_their_columns(metrics: Client) -> None:
    counted = [{"column": "*", "function": "count"}]

    sizes = metrics.columnar.aggregate("metrics", {"group_by": "size", "metrics": counted})
    truths = metrics.columnar.aggregate("metrics", {"group_by": ["ok"], "metrics": counted})

    assert {repr(row["size"]): row["count"] for row in sizes} == {"1": 1, "2": 2, "3": 1, "None": 1}
    assert {row["ok"]: row["count"] for row in truths} == {True: 3, False: 1, None: 1}


def test_aggregations_that_make_no_sense_are_refused(metrics: Client) -> None:
    for aggregation, error in (
        ({"metrics": [{"column": "value", "function": "median"}]}, UsageError),
        ({"metrics": []}, UsageError),
        ({"having": 1, "metrics": []}, UsageError),
        ({"metrics": [{"column": "tags", "function": "max"}]}, NotSupportedByServerError),
        ({"metrics": [{"column": "nope", "function": "max"}]}, QueryError),
        ({"metrics": [{"column": "value", "function": "max"}], "group_by": ["nope"]}, QueryError),
    ):
        with pytest.raises(error):
            metrics.columnar.aggregate("metrics", aggregation)


def test_stats_count_rows_and_bytes(metrics: Client) -> None:
    stats = metrics.columnar.stats("metrics")

    assert stats["row_count"] == stats.row_count == 5
    assert (stats.column_count, stats.name) == (6, "metrics")
    assert stats.uncompressed_size_bytes > 0


@pytest.mark.parametrize("row", [{"valu": 1}, {"value": "x"}, {"size": 1.5}, {"size": True}, {"tags": 5}])
def test_rows_that_do_not_fit_are_refused_before_they_are_sent(metrics: Client, row: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocument):
        metrics.columnar.insert("metrics", [{"value": 1.0}, row])
    assert metrics.columnar.stats("metrics").row_count == 5


def test_a_column_can_refuse_null(client: Client) -> None:
    client.columnar.create("strict", [{"name": "a", "type": "int", "nullable": False}])

    with pytest.raises(InvalidDocument, match=r"strict\.a needs a value"):
        client.columnar.insert("strict", [{}])


def test_times_may_be_datetimes(client: Client) -> None:
    client.columnar.create("times", [{"name": "at", "type": "datetime"}])

    client.columnar.insert("times", [{"at": datetime(2024, 1, 15, 10, tzinfo=UTC)}])

    assert client.columnar.query("times") == [{"at": "2024-01-15T10:00:00Z"}]


def test_a_column_is_added_with_a_default(metrics: Client) -> None:
    table = metrics.columnar.add_column("metrics", "host", "string", "here")

    assert (table.columns[-1].name, table.columns[-1].type, table.row_count) == ("host", "string", 5)
    assert {row["host"] for row in metrics.columnar.query("metrics")} == {"here"}
    assert [known.name for known in metrics.columnar.list()] == ["metrics"]
    with pytest.raises(AlreadyExists, match="'host'"):
        metrics.columnar.add_column("metrics", "host", "string")


def test_a_column_is_dropped_and_the_rows_stay(metrics: Client) -> None:
    before = metrics.columnar.query("metrics")

    metrics.columnar.drop_column("metrics", "tags")

    for row in before:
        del row["tags"]
    assert metrics.columnar.query("metrics") == before
    with pytest.raises(QueryError, match="no column 'tags'"):
        metrics.columnar.drop_column("metrics", "tags")


def test_what_an_interrupted_change_left_is_not_overwritten(metrics: Client) -> None:
    metrics.columnar.create("metrics__rebuilt", COLUMNS)

    with pytest.raises(AlreadyExists, match="metrics__rebuilt"):
        metrics.columnar.drop_column("metrics", "tags")


def test_tables_that_are_missing_doubled_or_empty_are_named(metrics: Client) -> None:
    for call in (metrics.columnar.delete, metrics.columnar.stats, metrics.columnar.query):
        with pytest.raises(CollectionNotFound, match="'nope'"):
            call("nope")
    with pytest.raises(CollectionExists, match="'metrics'"):
        metrics.columnar.create("metrics", COLUMNS)
    with pytest.raises(UsageError):
        metrics.columnar.create("none", [])
    with pytest.raises(UsageError, match="colour"):
        metrics.columnar.create("odd", [{"name": "a", "type": "colour"}])


def test_an_answer_over_the_limit_of_a_message_comes_over_http(client: Client) -> None:
    client.columnar.create("big", [{"name": "n", "type": "int"}, {"name": "text", "type": "string"}])
    client.columnar.insert("big", [{"n": n, "text": "x" * 1_000_000} for n in range(18)])

    rows = client.columnar.query("big", "SELECT * FROM big WHERE n > 0 ORDER BY n DESC LIMIT 17")

    assert [row["n"] for row in rows] == list(range(17, 0, -1))


def test_sums_over_conditions_that_the_server_misjudges_are_right(metrics: Client) -> None:
    where = {
        "and": [
            {"column": "tags", "op": "EQ", "value": "server2"},
            {"column": "ok", "op": "EQ", "value": True},
        ]
    }
    wanted = [{"column": "value", "function": name} for name in ("sum", "avg", "min", "max", "count")]

    total = metrics.columnar.aggregate("metrics", {"metrics": wanted, "where": where})
    grouped = metrics.columnar.aggregate(
        "metrics", {"metrics": wanted[:1], "where": where, "group_by": ["metric_name"]}
    )

    assert list(total[0].values()) == [110.0, 55.0, 20.0, 90.0, 2]
    assert grouped == [{"metric_name": "cpu", "value_sum": 20.0}, {"metric_name": "disk", "value_sum": 90.0}]


def test_sums_over_no_rows_are_those_of_the_server(metrics: Client) -> None:
    wanted = [{"column": "value", "function": name} for name in ("sum", "avg", "min", "count")]
    none = {"column": "tags", "op": "EQ", "value": "nowhere"}

    asked = metrics.columnar.aggregate("metrics", {"metrics": wanted, "where": none})
    here = metrics.columnar.aggregate("metrics", {"metrics": wanted, "where": {"and": [none, none]}})

    assert asked == here == [{"value_sum": 0.0, "value_avg": None, "value_min": None, "value_count": 0}]
