"""The nearest vectors are those of the whole order, whoever wrote what since the index was last read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Begin,
    Command,
    Commit,
    CreateCollection,
    CreateIndex,
    DropIndex,
    ExplainQuery,
    FetchDocuments,
    IndexSpec,
    Inserts,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver, vector_index, vector_matrix
from solidb_odm.engines.sqlite.vector_ranking import VectorRanking
from solidb_odm.language.parser import parse

pytest.importorskip("numpy")

METRICS = ["cosine", "euclidean", "dot"]
ODD: list[Any] = [
    None,
    "abc",
    [1, 2],
    [0, 0, 0],
    [1, 1, 1],
    [1, 1, 1],
    [-1, -1, -1],
    [1e-30, 0, 0],
    [7, 0, 0.5],
]
CONDITIONS = [
    "",
    "FILTER d.n % 2 == 0",
    "FILTER d.n == 7",
    "FILTER d.n < 0",
    "FILTER d.open AND d.n > 3",
    "FILTER LENGTH(d.words) > 1 FILTER d.n < 200",
    "FILTER LOWER(d.name) LIKE 'n1%'",
    "FILTER d.words[0] == 'a' OR d.n > 100",
]


def index(metric: Any) -> IndexSpec:
    return IndexSpec("v_vector", "vector", ("v",), dimension=3, metric=metric)


def document(random: Random, number: int, odd: float = 0.1) -> dict[str, Any]:
    vector = random.choice(ODD) if random.random() < odd else [random.gauss(0, 1) for _ in range(3)]
    words = random.choice([[], ["a"], ["b", "a"], None])
    found = {"_key": f"k{number:04}", "n": number, "v": vector, "open": number % 3 > 0, "words": words}
    return {**found, "name": f"N{number}"}


def query(metric: str, condition: str = "", page: str = "") -> Any:
    sign = "-" if metric == "dot" else ""
    key = f'LENGTH(d.v) == 3 ? {sign}VECTOR_DISTANCE(d.v, @v, "{metric}") : @far'
    return parse(f"FOR d IN docs {condition} SORT {key}, d._key {page} RETURN d")


def ask(channel: FileChannel, wanted: Any, vector: list[float]) -> list[Any]:
    return channel.perform(RunQuery(wanted, {"v": vector, "far": 1e308}))


def keys(rows: list[Any]) -> list[str]:
    return [row["_key"] for row in rows]


def fetched(channel: FileChannel, wanted: Any, vector: list[float]) -> list[str]:
    rows = channel.perform(FetchDocuments(wanted, {"v": vector, "far": 1e308}))
    return [row[0] for row in rows if row is not None]


def check(channel: FileChannel, metric: str, random: Random, condition: str = "") -> None:
    """Compare pages by the index with the whole order, which no index gives."""
    vector = [random.gauss(0, 1) for _ in range(3)]
    whole = keys(ask(channel, query(metric, condition), vector))
    for count in (1, 4, 30):
        page = query(metric, condition, f"LIMIT {count}")
        assert keys(ask(channel, page, vector)) == whole[:count]
        assert fetched(channel, page, vector) == whole[:count]
    assert fetched(channel, query(metric, condition, "LIMIT 3, 5"), vector) == whole[3:8]


@pytest.fixture(params=METRICS)
def metric(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[FileDriver]:
    driver = FileDriver(f"sqlite:///{tmp_path / 'vectors.db'}")
    yield driver
    driver.close()


def filled(driver: FileDriver, metric: str, count: int, odd: float = 0.1) -> FileChannel:
    random, channel = Random(1), driver.channel()
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", index(metric)))
    rows: Any = [(f"k{number:04}", document(random, number, odd)) for number in range(count)]
    channel.perform(Apply([Inserts("docs", rows)]))
    channel.perform(Commit())
    return channel


@pytest.mark.parametrize("condition", CONDITIONS)
def test_with_conditions_the_first_are_those_of_the_whole_order(
    driver: FileDriver, metric: str, condition: str
) -> None:
    channel = filled(driver, metric, 300)
    for seed in range(2):
        check(channel, metric, Random(seed), condition)
    channel.close()


def test_a_page_is_never_shorter_than_what_passes(driver: FileDriver, metric: str) -> None:
    channel = filled(driver, metric, 400)
    wanted = query(metric, "FILTER d.n % 50 == 49", "LIMIT 8")
    assert len(fetched(channel, wanted, [1.0, 0.5, -1.0])) == 8
    channel.close()


def test_one_who_waits_for_nobody_sees_what_others_wrote(
    driver: FileDriver, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_matrix, "_COPIED_FROM", 10)
    monkeypatch.setattr(vector_index, "_FEW_CHANGES", 20)
    channels = [filled(driver, metric, 60), driver.channel()]
    other = FileDriver(driver.url)
    channels.append(other.channel())
    for seed in range(20):
        random = Random(seed)
        channel = random.choice(channels)
        for command in _work(random):
            channel.perform(command)
            if random.random() < 0.3:
                check(channel, metric, random)
        check(random.choice([each for each in channels if each is not channel]), metric, random)
        channel.perform(random.choice([Commit(), Rollback()]))
        check(random.choice(channels), metric, random)
    for channel in channels:
        channel.close()
    other.close()


def _work(random: Random) -> list[Command[Any]]:
    """Return what a transaction does: writes, some of them undone."""
    commands: list[Command[Any]] = [Begin(), *_writes(random)]
    if random.random() < 0.5:
        commands += [Savepoint("s"), *_writes(random), RollbackTo("s"), *_writes(random)]
    return commands


def _writes(random: Random) -> list[Command[Any]]:
    texts = {
        "insert": "INSERT @d INTO docs",
        "other": "FOR d IN docs FILTER d.n % 7 == @n UPDATE d WITH {v: @v} IN docs",
        "same": "FOR d IN docs FILTER d.n % 5 == @n UPDATE d WITH {seen: @n} IN docs",
        "none": "FOR d IN docs FILTER d.n % 11 == @n UPDATE d WITH {v: null} IN docs",
        "remove": "FOR d IN docs FILTER d.n % 13 == @n REMOVE d IN docs",
    }
    chosen = random.sample(sorted(texts), random.randint(1, 3))
    return [RunQuery(parse(texts[each]), _binds(random, each)) for each in chosen]


def _binds(random: Random, kind: str) -> dict[str, Any]:
    made = document(random, random.randrange(10_000, 99_999))
    return {"d": made} if kind == "insert" else {"n": random.randrange(13), "v": made["v"]}


def test_after_a_write_only_what_changed_is_read(driver: FileDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, other = filled(driver, "euclidean", 200, odd=0), driver.channel()
    whole: list[int] = []
    read = vector_index.VectorIndexes._whole

    def counted(self: Any, stored: Any, mark: Any) -> Any:
        whole.append(1)
        return read(self, stored, mark)

    monkeypatch.setattr(vector_index.VectorIndexes, "_whole", counted)
    wanted = query("euclidean", page="LIMIT 3")
    for number in range(5):
        new = {"_key": f"new{number}", "v": [1 + number / 100, 2, 3]}
        other.perform(RunQuery(parse("INSERT @d INTO docs"), {"d": new}))
        if number % 2:
            assert f"new{number}" in fetched(other, wanted, new["v"])  # in its own transaction
        other.perform(Commit())
        assert f"new{number}" in fetched(channel, wanted, new["v"])
    assert len(whole) == 1
    channel.close()
    other.close()


def test_a_file_that_went_back_in_time_is_read_anew(tmp_path: Path) -> None:
    driver = FileDriver(f"sqlite:///{tmp_path / 'vectors.db'}")
    channel = filled(driver, "euclidean", 50, odd=0)
    channel._connection.execute(f"VACUUM INTO '{tmp_path / 'copy.db'}'")
    new = {"_key": "new", "v": [9, 9, 8]}
    wanted = query("euclidean", page="LIMIT 1")
    channel.perform(RunQuery(parse("INSERT @d INTO docs"), {"d": new}))
    channel.perform(Commit())
    assert fetched(channel, wanted, new["v"]) == ["new"]
    copy = FileDriver(f"sqlite:///{tmp_path / 'copy.db'}").channel()
    copy._connection.backup(channel._connection)
    for name, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        channel.perform(RunQuery(parse("INSERT @d INTO docs"), {"d": {"_key": name, "v": vector}}))
    channel.perform(Commit())
    check(channel, "euclidean", Random(1))
    copy.close()
    channel.close()
    driver.close()


def test_an_index_that_was_made_again_is_another(driver: FileDriver) -> None:
    channel = filled(driver, "cosine", 50)
    check(channel, "cosine", Random(1))
    channel.perform(DropIndex("docs", index("cosine")))
    channel.perform(RunQuery(parse("FOR d IN docs FILTER d.n < 25 REMOVE d IN docs"), {}))
    channel.perform(CreateIndex("docs", index("euclidean")))
    channel.perform(Commit())
    check(channel, "euclidean", Random(1))
    channel.close()


def test_many_changes_are_forgotten_and_all_is_read(driver: FileDriver) -> None:
    channel, other = filled(driver, "cosine", 40), driver.channel()
    check(other, "cosine", Random(1))
    rows: Any = [(f"m{n}", {"_key": f"m{n}", "n": n, "v": [n % 9, 1, 2]}) for n in range(1_500)]
    channel.perform(Apply([Inserts("docs", rows)]))
    channel.perform(RunQuery(parse("FOR d IN docs FILTER d.n > 100 REMOVE d IN docs"), {}))
    channel.perform(Commit())
    check(other, "cosine", Random(2))
    channel.close()
    other.close()


@pytest.mark.parametrize("spread", [1e-7, 1e-4, 1.0])
def test_vectors_that_32_bits_hardly_tell_apart_are_in_the_order_of_the_language(
    driver: FileDriver, metric: str, spread: float
) -> None:
    channel, random = filled(driver, metric, 0), Random(3)
    rows: Any = []
    for number in range(120):
        vector = [1_000 + spread * random.gauss(0, 1), -500 + spread * random.gauss(0, 1), 3.0]
        rows.append((f"k{number}", {"_key": f"k{number}", "n": number, "v": vector}))
    channel.perform(Apply([Inserts("docs", rows)]))
    vector = [1_000.0, -500.0, 3.0]
    whole = keys(ask(channel, query(metric), vector))
    assert fetched(channel, query(metric, page="LIMIT 7"), vector) == whole[:7]
    channel.close()


def test_the_plan_names_the_index_also_with_conditions(driver: FileDriver, metric: str) -> None:
    channel = filled(driver, metric, 20)
    wanted = query(metric, "FILTER d.n > 3", "LIMIT 2")
    explained: Any = channel.perform(ExplainQuery(wanted, {"v": [1.0, 2.0, 3.0], "far": 1e308}))
    assert explained["indexes"][0] == "docs.v_vector"
    channel.close()


def test_an_index_of_a_file_from_before_is_made_anew_or_not_used(driver: FileDriver) -> None:
    channel = filled(driver, "cosine", 30)
    for table in ("_solidb_changes_1", "_solidb_rest_1"):
        channel._connection.execute(f"DROP TABLE {table}")
    for event in ("insert", "update", "delete"):
        channel._connection.execute(f"DROP TRIGGER _solidb_vector_1_{event}")
    check(channel, "cosine", Random(1))
    channel.perform(DropIndex("docs", index("cosine")))
    channel.perform(CreateIndex("docs", index("cosine")))
    check(channel, "cosine", Random(1))
    channel.close()


@pytest.mark.parametrize("condition", ["FILTER d.n == 7", "FILTER d.n > 500", "FILTER d.n % 20 == 9", ""])
def test_fewer_than_are_wanted_are_ranked_too_whatever_else_comes(
    driver: FileDriver, metric: str, condition: str
) -> None:
    """With documents that have no vector, and with odd ones, which are told apart for each state."""
    channel = filled(driver, metric, 60, odd=0)
    check(channel, metric, Random(3), condition)
    for number, vector in enumerate((None, [1.0, 2.0], [0.0, 0.0, 0.0])):
        body = {"_key": f"m{number}", "n": 7, "v": vector, "open": True, "name": "x"}
        channel.perform(Apply([Inserts("docs", [(f"m{number}", body)])]))
        channel.perform(Commit())
        check(channel, metric, Random(number), condition)
    channel.close()


@pytest.mark.parametrize("condition", ["", "FILTER d.n < 900", "FILTER d.v != null", "FILTER d.open == null"])
def test_an_index_serves_pages_at_any_depth_and_documents_without_a_vector(
    driver: FileDriver, condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is behind the first thousand, and behind the last vector, where documents come by key."""
    channel = filled(driver, "euclidean", 0)
    random = Random(2)
    rows: Any = []
    for number in range(1_500):
        vector = [random.gauss(0, 1), random.choice([0, 1]), 1.0] if number % 4 == 0 else None
        rows.append((f"k{random.randrange(10**9):09}", {"n": number, "v": vector}))
    channel.perform(Apply([Inserts("docs", [(key, {"_key": key, **body}) for key, body in rows])]))
    channel.perform(Commit())
    vector = [0.5, 0.25, 1.0]
    whole = keys(ask(channel, query("euclidean", condition), vector))
    count = len(whole)
    pages = [(0, count * 3 // 4), (count // 2, 30), (max(0, count - 60), 50), (count - 5, 90), (count + 9, 4)]
    for offset, limit in pages:
        page = query("euclidean", condition, f"LIMIT {offset}, {limit}")
        explained: Any = channel.perform(ExplainQuery(page, {"v": vector, "far": 1e308}))
        assert explained["indexes"][0] == "docs.v_vector"
        assert keys(ask(channel, page, vector)) == whole[offset : offset + limit]
        with monkeypatch.context() as patch:
            patch.setattr(VectorRanking, "rows", lambda *_: pytest.fail("the evaluator was asked"))
            assert fetched(channel, page, vector) == whole[offset : offset + limit]
    channel.close()
