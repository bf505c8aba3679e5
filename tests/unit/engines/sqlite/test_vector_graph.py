"""An approximate index finds nearly what the exact order has, sees what was written, and survives damage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from solidb_odm import Document, Session, Vector, VectorIndex, create_engine, nearest, select
from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    FetchDocuments,
    IndexSpec,
    Inserts,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver, vector_graph, vector_matrix
from solidb_odm.engines.sqlite.catalogue import StoredIndex
from solidb_odm.language.parser import parse

numpy = pytest.importorskip("numpy")
pytest.importorskip("usearch")

DIMENSION = 16
COUNT = 1_500
DEADLINE = 300.0


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_graph, "MANY", 500)
    monkeypatch.setattr(vector_graph, "_ENOUGH", 0.9)  # so that each of these graphs is asked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd [name]*.db"


@pytest.fixture
def driver(path: Path) -> Iterator[FileDriver]:
    driver = FileDriver("sqlite:///" + str(path))
    yield driver
    settle(driver)
    driver.close()


def settle(driver: FileDriver) -> None:
    driver._vectors.graphs.settle(DEADLINE)


def vector(random: Random) -> list[float]:
    return [random.gauss(0, 1) for _ in range(DIMENSION)]


def filled(driver: FileDriver, metric: Any = "cosine", count: int = COUNT) -> FileChannel:
    random, channel = Random(1), driver.channel()
    spec = IndexSpec("v_vector", "vector", ("v",), dimension=DIMENSION, metric=metric)
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", spec))
    rows: Any = [(f"k{n:05}", {"_key": f"k{n:05}", "n": n, "v": vector(random)}) for n in range(count)]
    channel.perform(Apply([Inserts("docs", rows)]))
    channel.perform(Commit())
    return channel


def query(metric: str = "cosine", condition: str = "", count: int = 10) -> Any:
    sign = "-" if metric == "dot" else ""
    key = f'LENGTH(d.v) == {DIMENSION} ? {sign}VECTOR_DISTANCE(d.v, @v, "{metric}") : @far'
    return parse(f"FOR d IN docs {condition} SORT {key}, d._key LIMIT {count} RETURN d")


def ask(channel: FileChannel, wanted: Any, asked: list[float], *, approximate: bool = True) -> list[str]:
    binds = {"v": asked, "far": 1e308}
    rows = channel.perform(FetchDocuments(wanted, binds, approximate))
    return [row[0] for row in rows if row is not None]


def built(driver: FileDriver, channel: FileChannel, metric: str = "cosine") -> Any:
    """Ask once, which starts the building, and return the graph when it is there."""
    ask(channel, query(metric), vector(Random(0)))
    settle(driver)
    graph = driver._vectors.graphs._known[1]
    assert graph is not None
    return graph


def run(channel: FileChannel, text: str, **binds: Any) -> None:
    channel.perform(RunQuery(parse(text), binds))


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
def test_it_finds_nearly_all_of_the_nearest(driver: FileDriver, metric: str) -> None:
    channel = filled(driver, metric)
    built(driver, channel, metric)
    random, found = Random(2), 0
    for _ in range(40):
        asked = vector(random)
        exact = ask(channel, query(metric), asked, approximate=False)
        found += len(set(exact) & set(ask(channel, query(metric), asked)))
    assert found >= 0.98 * 400
    channel.close()


def test_a_graph_is_searched_as_broadly_as_its_vectors_need(monkeypatch: pytest.MonkeyPatch) -> None:
    random, count, dimension = Random(3), 2_000, 24
    rows = numpy.array([[random.gauss(0, 1) for _ in range(dimension)] for _ in range(count)], "float32")
    rowids = list(range(1, count + 1))
    state = vector_matrix.Vectors.of(
        numpy, (1, 1), vector_matrix.Part.of(numpy, rowids, rows.tobytes(), dimension)
    )
    spec = IndexSpec("v", "vector", ("v",), dimension=dimension, metric="cosine")
    neighbours = vector_graph._empty(StoredIndex(1, spec, 0))
    neighbours.add(numpy.array(rowids, dtype="uint64"), rows, threads=1)
    monkeypatch.setattr(vector_graph, "_ENOUGH", 0.99)
    monkeypatch.setattr(vector_graph, "_BREADTH", 1)
    monkeypatch.setattr(vector_graph, "_LINKS", 0)
    monkeypatch.setattr(vector_graph, "_WORTH", 1)
    breadth = vector_graph._set_breadth(neighbours, state, "cosine")
    assert breadth > 1
    assert neighbours.expansion_search == breadth
    monkeypatch.setattr(vector_graph, "_WORTH", count)
    assert vector_graph._set_breadth(neighbours, state, "cosine") == 0


def test_a_graph_that_finds_too_little_is_not_asked(
    driver: FileDriver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_graph, "_set_breadth", lambda *_: 0)
    monkeypatch.setattr(vector_graph.Graph, "near", lambda *_: pytest.fail("it was asked"))
    channel = filled(driver)
    assert built(driver, channel).breadth == 0
    later = FileDriver("sqlite:///" + str(path))
    other, asked = later.channel(), vector(Random(2))
    for one in (channel, other):
        assert ask(one, query(), asked) == ask(one, query(), asked, approximate=False)
    assert later._vectors.graphs._known[1].breadth == 0
    other.close()
    later.close()
    channel.close()


def test_a_graph_is_asked_only_where_the_statement_lets_it(
    driver: FileDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = filled(driver)
    built(driver, channel)
    asks: list[int] = []
    near = vector_graph.Graph.near

    def counted(self: Any, asked: Any, count: int) -> list[int]:
        asks.append(count)
        return near(self, asked, count)

    monkeypatch.setattr(vector_graph.Graph, "near", counted)
    asked = vector(Random(3))
    ask(channel, query(), asked, approximate=False)
    ask(channel, query("cosine", "FILTER d.n > 3"), asked)
    assert asks == []
    ask(channel, query(), asked)
    assert len(asks) == 1
    channel.close()


def test_what_was_written_since_is_seen_at_once(driver: FileDriver) -> None:
    channel, other = filled(driver), driver.channel()
    built(driver, channel)
    asked = vector(Random(4))
    first, second, *_ = ask(channel, query(), asked)
    run(other, "INSERT @d INTO docs", d={"_key": "new", "v": asked})
    run(other, "REMOVE @k IN docs", k=first)
    run(other, "UPDATE @k WITH {v: @v} IN docs", k=second, v=[-each for each in asked])
    assert ask(channel, query(), asked)[:2] == [first, second]
    assert ask(other, query(), asked)[0] == "new"  # in its own transaction
    other.perform(Rollback())
    assert ask(other, query(), asked)[:2] == [first, second]
    run(other, "INSERT @d INTO docs", d={"_key": "new", "v": asked})
    run(other, "REMOVE @k IN docs", k=first)
    other.perform(Commit())
    for each in (channel, other):
        found = ask(each, query(), asked)
        assert found[0] == "new"
        assert first not in found
    channel.close()
    other.close()


def test_vectors_of_zeros_are_where_the_whole_order_has_them(driver: FileDriver) -> None:
    channel = filled(driver)
    run(channel, "UPDATE 'k00007' WITH {v: @v} IN docs", v=[0] * DIMENSION)
    channel.perform(Commit())
    built(driver, channel)
    asked = vector(Random(5))
    assert ask(channel, query(), asked)[0] == ask(channel, query(), asked, approximate=False)[0] == "k00007"
    channel.close()


def test_a_graph_that_is_out_of_date_is_brought_up_to_date(driver: FileDriver) -> None:
    channel = filled(driver)
    before = built(driver, channel)
    run(channel, "FOR d IN docs FILTER d.n % 20 == 0 UPDATE d WITH {v: d.v, n: -1} IN docs")
    run(channel, "FOR d IN docs FILTER d.n % 15 == 1 REMOVE d IN docs")
    run(channel, "FOR d IN docs FILTER d.n % 25 == 2 UPDATE d WITH {v: REVERSE(d.v)} IN docs")
    channel.perform(Commit())
    asked = vector(Random(6))
    ask(channel, query(), asked)
    settle(driver)
    after = driver._vectors.graphs._known[1]
    assert after is not None
    assert after.mark[0] > before.mark[0]
    assert len(after.neighbours) == len(ask(channel, query(count=10_000), asked, approximate=False))
    channel.close()


def test_the_next_process_reads_the_file(
    driver: FileDriver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = filled(driver)
    graph = built(driver, channel)
    asked = vector(Random(7))
    run(channel, "INSERT @d INTO docs", d={"_key": "new", "v": asked})
    channel.perform(Commit())
    monkeypatch.setattr(vector_graph.Graphs, "_build", lambda *_: pytest.fail("it was built again"))
    later = FileDriver("sqlite:///" + str(path))
    other = later.channel()
    assert ask(other, query(), asked)[0] == "new"
    known = later._vectors.graphs._known[1]
    assert known is not None
    assert known.mark == graph.mark
    other.close()
    later.close()
    channel.close()


def test_a_graph_that_another_process_wrote_meanwhile_is_taken_over(
    driver: FileDriver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = filled(driver)
    later = FileDriver("sqlite:///" + str(path))
    other = later.channel()
    asked = vector(Random(8))
    with monkeypatch.context() as patch:
        patch.setattr(vector_graph.Graphs, "_build", lambda *_: None)
        ask(other, query(), asked)  # there is none yet
    assert 1 not in later._vectors.graphs._known
    first = built(driver, channel)
    monkeypatch.setattr(later._vectors.graphs, "_build", lambda *_: pytest.fail("it was built twice"))
    ask(other, query(), asked)
    assert later._vectors.graphs._known[1].mark == first.mark
    run(channel, "FOR d IN docs FILTER d.n % 10 == 0 UPDATE d WITH {v: REVERSE(d.v)} IN docs")
    channel.perform(Commit())
    second = built(driver, channel)
    assert second.mark[0] > first.mark[0]
    ask(other, query(), asked)
    assert later._vectors.graphs._known[1].mark == second.mark
    for each in (other, channel):
        each.close()
    later.close()


@pytest.mark.parametrize("damage", ["cut", "other mark", "not there", "bytes"])
def test_what_a_crash_leaves_is_built_anew(driver: FileDriver, path: Path, damage: str) -> None:
    channel = filled(driver)
    built(driver, channel)
    (file,) = path.parent.glob("*.usearch")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif damage == "bytes":  # of which usearch, if it is let, makes a crash of the process now and then
        data = bytearray(file.read_bytes())
        for at in Random(2).sample(range(len(data)), 64):
            data[at] ^= 0xFF
        file.write_bytes(data)
    elif damage == "other mark":
        mark = file.stem.split("-")[-3]
        file.rename(file.with_name(file.name.replace(f"{mark}-", f"{mark[:-4]}0000-")))
    else:
        file.rename(f"{file}.{1}")  # it did not get its name
    later = FileDriver("sqlite:///" + str(path))
    other = later.channel()
    built(later, other)
    asked = vector(Random(8))
    assert ask(other, query(), asked)[0] == ask(other, query(), asked, approximate=False)[0]
    assert len(list(path.parent.glob("*.usearch*"))) == 1
    other.close()
    later.close()
    channel.close()


def test_many_threads_ask_one_graph(driver: FileDriver) -> None:
    channel = filled(driver)
    built(driver, channel)
    asked = vector(Random(9))
    wanted = ask(channel, query(), asked)
    found: list[list[str]] = []

    def work() -> None:
        own = driver.channel()
        found.append(ask(own, query(), asked))
        own.close()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(DEADLINE)
    assert found == [wanted] * 12
    channel.close()


def test_a_file_in_memory_and_an_encrypted_one_leave_no_graph_beside_them() -> None:
    driver = FileDriver("sqlite://")
    channel = filled(driver, count=600)
    built(driver, channel)
    assert driver._vectors.graphs._files(channel._catalogue.need("docs").indexes[0]) == []
    channel.close()
    driver.close()


def test_sessions_ask_for_exactness_by_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Chunk(Document, collection="graph_chunks"):
        embedding: Vector = []

        class Settings:
            indexes = [VectorIndex("embedding", dimension=DIMENSION, metric="cosine")]

    engine = create_engine(f"sqlite:///{tmp_path / 'chunks.db'}")
    engine.create_all(Chunk)
    asks: list[int] = []
    near = vector_graph.Graph.near

    def counted(self: Any, asked: Any, count: int) -> list[int]:
        asks.append(count)
        return near(self, asked, count)

    monkeypatch.setattr(vector_graph.Graph, "near", counted)
    random = Random(1)
    with Session(engine) as session:
        session.add_all([Chunk(embedding=vector(random)) for _ in range(700)])
        session.commit()
        asked = vector(random)
        ordered = select(Chunk).order_by(nearest(Chunk.embedding, asked)).limit(5)
        session.scalars(ordered).all()
        settle(engine.driver)  # type: ignore[arg-type]
        exact = select(Chunk).order_by(nearest(Chunk.embedding, asked, exact=True)).limit(5)
        inside = select(Chunk).where(nearest(Chunk.embedding, asked, k=5, exact=True))
        expected = {each.key for each in session.scalars(exact)}
        assert {each.key for each in session.scalars(inside)} == expected
        assert asks == []
        assert {each.key for each in session.scalars(ordered)} == expected
        assert {
            each.key for each in session.scalars(select(Chunk).where(nearest(Chunk.embedding, asked, k=5)))
        }
        assert len(asks) == 2
    engine.dispose()
