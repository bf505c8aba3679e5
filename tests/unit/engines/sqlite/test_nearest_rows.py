"""What is nearest is chosen by an index, and is what sorting all documents gives."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    IndexSpec,
    Inserts,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver
from solidb_odm.language.parser import parse

PLACES: list[Any] = [None, "text", {"lat": 1}, {"lat": "1", "lon": 2}, {"lat": 95, "lon": 0}, [1, 2],
                     {"lat": 0, "lon": 400}, {"lat": 90, "lon": 0}, {"lat": -90, "lon": 10},
                     {"lat": 0, "lon": 180}, {"lat": 0, "lon": -180}, {"lat": 10.5, "lon": 20.5},
                     {"lat": 10.5, "lon": 20.5}]  # fmt: skip
VECTORS: list[Any] = [None, "text", [1, 2], [0, 0, 0], [0, 0, 0], ["a", 1, 2], [None, None, None], [1, 1, 1],
                      [1, 1, 1], [-1, -1, -1], [1e30, 0, 0], [1e-30, 0, 1e-30]]  # fmt: skip
CENTRES = ["10.5, 20.5", "0, 179.99", "0, -179.99", "89.9, 5", "-90, 0", "0, 0", "45, -100", "200, 0"]
ASKED = ["[1, 1, 1]", "[0, 0, 0]", "[-3, 0.5, 2]", "[0.00001, 0, 0]", "[1, 2]", "[1, null, 2]"]
PAGES = ["LIMIT 1", "LIMIT 5", "LIMIT 3, 7", "LIMIT 0", "LIMIT 900, 200"]


def documents(seed: int, count: int) -> list[dict[str, Any]]:
    random = Random(seed)
    found: list[dict[str, Any]] = []
    for number in range(count):
        document: dict[str, Any] = {"_key": f"k{number:04}", "n": number}
        document["p"] = {"lat": random.gauss(20, 30) % 90, "lon": random.uniform(-180, 180)}
        document["v"] = [random.gauss(0, 1) for _ in range(3)]
        if random.random() < 0.1:
            document["p"] = random.choice(PLACES)
        if random.random() < 0.1:
            document["v"] = random.choice(VECTORS)
        if random.random() < 0.03:
            del document["p"], document["v"]
        found.append(document)
    return found


@pytest.fixture(params=["cosine", "euclidean"])
def metric(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[3, 40, 400])
def channel(request: pytest.FixtureRequest, metric: str) -> Iterator[FileChannel]:
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", IndexSpec("p_geo", "geo", ("p",))))
    channel.perform(CreateIndex("docs", IndexSpec("v_vector", "vector", ("v",), dimension=3, metric=metric)))
    rows: Any = [(each["_key"], each) for each in documents(request.param, request.param)]
    channel.perform(Apply([Inserts("docs", rows)]))
    yield channel
    channel.close()
    driver.close()


def ask(channel: FileChannel, query: str) -> Any:
    return channel.perform(RunQuery(parse(query), {"far": 1e308} if "@far" in query else {}))


def page_of(rows: list[Any], page: str) -> list[Any]:
    first, _, count = page.removeprefix("LIMIT ").partition(", ")
    return rows[int(first) : int(first) + int(count)] if count else rows[: int(first)]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("centre", CENTRES)
def test_the_nearest_places_are_those_of_the_whole_order(
    channel: FileChannel, centre: str, page: str
) -> None:
    query = f"FOR d IN docs SORT DISTANCE(d.p.lat, d.p.lon, {centre}), d._key"
    assert ask(channel, f"{query} {page} RETURN d._key") == page_of(
        ask(channel, f"{query} RETURN d._key"), page
    )


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("asked", ASKED)
def test_the_nearest_vectors_are_those_of_the_whole_order(
    channel: FileChannel, metric: str, asked: str, page: str
) -> None:
    pytest.importorskip("numpy")
    key = f'(LENGTH(d.v) == 3) ? VECTOR_DISTANCE(d.v, {asked}, "{metric}") : @far'
    query = f"FOR d IN docs SORT {key}, d._key"
    assert ask(channel, f"{query} {page} RETURN d.n") == page_of(ask(channel, f"{query} RETURN d.n"), page)


def test_what_else_a_query_says_is_not_left_out(channel: FileChannel) -> None:
    near = "SORT DISTANCE(d.p.lat, d.p.lon, 10, 20)"
    for form in ("FOR d IN docs FILTER d.n > 2 {}, d._key LIMIT 4 RETURN d.n",
                 "FOR d IN docs {} DESC, d._key LIMIT 4 RETURN d.n",
                 "FOR d IN docs {}, d.n DESC LIMIT 4 RETURN [d.n, LENGTH(FOR e IN docs RETURN 1)]",
                 "FOR d IN docs {}, d._key LIMIT 4 RETURN DISTINCT d.p.lat > 0",
                 "FOR d IN docs FOR e IN [1, 2] {}, d._key, e LIMIT 4 RETURN [d.n, e]"):  # fmt: skip
        whole = form.format(near)
        rows = ask(channel, whole.replace("LIMIT 4", "LIMIT 100000"))
        if "DISTINCT" in whole:
            assert set(ask(channel, whole)) <= set(rows)
        else:
            assert ask(channel, whole) == rows[:4]


def test_what_is_nearest_follows_what_is_written() -> None:
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", IndexSpec("p_geo", "geo", ("p",))))
    query = "FOR d IN docs SORT DISTANCE(d.p.lat, d.p.lon, 10, 20), d._key LIMIT 2 RETURN d._key"
    rows: Any = [(f"k{n}", {"_key": f"k{n}", "p": {"lat": 10 + n / 10, "lon": 20}}) for n in range(1, 60)]
    channel.perform(Apply([Inserts("docs", rows)]))
    assert ask(channel, query) == ["k1", "k2"]
    explained: Any = channel.perform(ExplainQuery(parse(query), {}))
    assert explained["indexes"] == ["docs.p_geo"]
    ask(channel, "UPDATE 'k40' WITH {p: {lat: 10, lon: 20}} IN docs")
    ask(channel, "REMOVE 'k1' IN docs")
    ask(channel, "INSERT {_key: 'odd', p: null} INTO docs")
    assert ask(channel, query) == ["odd", "k40"]
    channel.close()
    driver.close()
