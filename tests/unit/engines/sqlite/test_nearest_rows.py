"""What is nearest is chosen by an index, and is what sorting all documents gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from random import Random
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    ExplainQuery,
    FetchDocuments,
    IndexSpec,
    Inserts,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver
from solidb_odm.errors import QueryError
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


@pytest.fixture(scope="module")
def filled() -> Iterator[Callable[[int, str], FileChannel]]:
    """What gives a channel to so many documents with an index of a metric, for tests that only read."""
    with ExitStack() as held:
        yield cache(partial(fill, held))


def fill(held: ExitStack, count: int, metric: str) -> FileChannel:
    """Return a channel to so many documents, which is closed at the end."""
    driver = FileDriver("sqlite://")
    held.callback(driver.close)
    channel = driver.channel()
    held.callback(channel.close)
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", IndexSpec("p_geo", "geo", ("p",))))
    channel.perform(CreateIndex("docs", IndexSpec("v_vector", "vector", ("v",), dimension=3, metric=metric)))
    rows: Any = [(document["_key"], document) for document in documents(count, count)]
    channel.perform(Apply([Inserts("docs", rows)]))
    return channel


@pytest.fixture(params=[3, 40, 400])
def channel(
    request: pytest.FixtureRequest, metric: str, filled: Callable[[int, str], FileChannel]
) -> FileChannel:
    return filled(request.param, metric)


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


KEYS = ["DISTANCE(d.p.lat, d.p.lon, {})", "DISTANCE(d.p.lat, d.p.lon, {}) ?? @far"]
ORDERS = ["d._key", "d._key DESC"]
GUARDED = "FILTER d.p != null AND DISTANCE(d.p.lat, d.p.lon, {0}) != null"
FILTERS = ["", "FILTER d.n % 3 == 0", "FILTER d.n < 9", "FILTER d.p != null", "FILTER d.p.lat > 20",
           "FILTER d.p != null AND DISTANCE(d.p.lat, d.p.lon, 10, 170) <= 9000000",
           "FILTER d.p != null AND DISTANCE(d.p.lat, d.p.lon, {0}) <= 3000000",
           "FILTER d.p != null AND DISTANCE(d.p.lat, d.p.lon, {0}) <= 4000 AND d.n % 2 == 0",
           "FILTER DISTANCE(d.p.lat, d.p.lon, {0}) <= 7000000 AND d.n < 30",
           "FILTER DISTANCE(d.p.lat, d.p.lon, {0}) != null FILTER DISTANCE(d.p.lat, d.p.lon, {0}) <= 7000000",
           GUARDED + " AND DISTANCE(d.p.lat, d.p.lon, {0}) <= 8000000",
           "FILTER d.p != null AND d.n > 3 AND UPPER(d._key) != 'K0004'"]  # fmt: skip


@pytest.mark.parametrize("kinds", ["any", "plain", "places", "nulls"])
def test_the_nearest_documents_are_those_of_the_whole_order(kinds: str) -> None:
    """The law: what an index chooses is the beginning of what sorting all documents gives, or its error."""
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    random, centres = Random(kinds), [*CENTRES, "-17, 179.999", "20.5, 20.5"]
    for fields in (("p",), ("n",)):
        name = f"docs{fields[0]}"
        channel.perform(CreateCollection(name))
        kind: Any = "geo" if fields == ("p",) else "persistent"
        channel.perform(CreateIndex(name, IndexSpec("x", kind, fields)))
    for round_ in range(3):
        rows = [(each["_key"], each) for each in scattered(random, kinds, 40 * (1 + round_ % 3))]
        for name in ("docsp", "docsn"):
            ask(channel, f"FOR d IN {name} REMOVE d IN {name}")
            channel.perform(Apply([Inserts(name, rows)]))  # type: ignore[arg-type]
        forms = list(itertools.product(KEYS, ORDERS, FILTERS))
        for key, order, condition in random.sample(forms, 20):
            centre = random.choice(centres)
            sort, condition = key.format(centre), condition.format(centre)
            page = random.choice(PAGES[:-1])
            text = f"FOR d IN {{}} {condition} SORT {sort}, {order} {page} RETURN d"
            assert fetched(channel, text.format("docsp")) == fetched(channel, text.format("docsn")), text
            text = text.replace("RETURN d", "RETURN [d.n, d.p]")
            assert outcome(channel, text.format("docsp")) == outcome(channel, text.format("docsn")), text
    channel.close()
    driver.close()


def scattered(random: Random, kinds: str, count: int) -> list[dict[str, Any]]:
    """Return documents whose places are anywhere, at the poles, at the date line and on top of each other."""
    spots = [(random.uniform(-90, 90), random.uniform(-180, 180)) for _ in range(3)]
    made: list[dict[str, Any]] = []
    for number in range(count):
        lat, lon = random.choice([
            (random.uniform(-90, 90), random.uniform(-180, 180)),
            (random.choice([-90, 90, 89.9999, -89.99]), random.uniform(-180, 180)),
            (random.uniform(-90, 90), random.choice([-180, 180, 179.9999999, -179.99])),
            (random.gauss(20.5, 0.00001), random.gauss(20.5, 0.00001)),
            *spots,
        ])  # fmt: skip
        place: Any = {"lat": max(-90, min(90, lat)), "lon": lon}
        if kinds == "nulls" and random.random() < 0.9:
            place = None
        elif kinds == "places" and random.random() < 0.5:
            place = random.choice([{"type": "Point", "coordinates": [lon, lat]}, {"lat": 1}, None, [lat, lon],
                                   {"lat": 95, "lon": 0}, {"type": "Point", **place}])  # fmt: skip
        elif kinds == "any" and random.random() < 0.1:
            place = random.choice(PLACES)
        made.append({"_key": f"k{random.randrange(10**6):06}{number}", "n": number, "p": place})
    return made


def outcome(channel: FileChannel, query: str) -> Any:
    """Return the rows, or that they are an error."""
    try:
        return ask(channel, query)
    except QueryError:
        return "refused"


def fetched(channel: FileChannel, query: str) -> Any:
    """Return key and text of the documents, or that they are an error."""
    binds = {"far": 1e308} if "@far" in query else {}
    try:
        return [row and (row[0], row[4]) for row in channel.perform(FetchDocuments(parse(query), binds))]
    except QueryError:
        return "refused"


def test_an_index_serves_however_many_documents_have_no_place() -> None:
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", IndexSpec("p_geo", "geo", ("p",))))
    rows: Any = [(f"k{n}", {"_key": f"k{n}", "p": None if n % 9 else {"lat": n / 100, "lon": 20}})
                 for n in range(3_000)]  # fmt: skip
    channel.perform(Apply([Inserts("docs", rows)]))
    far = "DISTANCE(d.p.lat, d.p.lon, 10, 20)"
    for query in (f"FOR d IN docs SORT {far} ?? 100000000, d._key LIMIT 2 RETURN d",
                  f"FOR d IN docs FILTER d.p != null SORT {far} LIMIT 2 RETURN d",
                  f"FOR d IN docs SORT {far} ?? 100000000, d._key LIMIT 400 RETURN d"):  # fmt: skip
        explained: Any = channel.perform(ExplainQuery(parse(query), {}))
        assert explained["indexes"] == ["docs.p_geo"]
        whole = query.replace("LIMIT 2 ", "").replace("LIMIT 400 ", "")
        documents = channel.perform(FetchDocuments(parse(query), {}))
        assert documents == channel.perform(FetchDocuments(parse(whole), {}))[: len(documents)]
        assert len(documents) in (2, 400)
    order = f"FOR d IN docs SORT {far} ?? 100000000, d._key"
    deep = f"{order} LIMIT 1290, 40 RETURN d"
    explained = channel.perform(ExplainQuery(parse(deep), {}))
    assert explained["indexes"] == ["docs.p_geo"]
    every = channel.perform(FetchDocuments(parse(f"{order} RETURN d"), {}))
    assert channel.perform(FetchDocuments(parse(deep), {})) == every[1290:1330]
    channel.close()
    driver.close()


def test_an_index_of_an_earlier_version_serves_until_it_is_made_again() -> None:
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    channel.perform(CreateCollection("docs"))
    spec = IndexSpec("p_geo", "geo", ("p",))
    channel.perform(CreateIndex("docs", spec))
    connection = channel._connection
    connection.execute("UPDATE _solidb_indexes SET spec = json_remove(spec, '$.layout')")
    connection.execute("DROP TABLE _solidb_rest_1")
    connection.execute("CREATE TABLE _solidb_rest_1 (rowid INTEGER PRIMARY KEY)")
    for event in ("insert", "update", "delete"):
        connection.execute(f"DROP TRIGGER _solidb_geo_1_{event}")
    box = ", ".join(f"new.doc ->> '$.p.{name}'" for name in ("lat", "lat", "lon", "lon"))
    is_place = "json_type(new.doc, '$.p') = 'object'"
    add = f"INSERT INTO _solidb_geo_1 SELECT new.rowid, {box} WHERE {is_place}"
    rest = "INSERT INTO _solidb_rest_1 SELECT new.rowid WHERE json_type(new.doc, '$.p') IS NOT 'object'"
    connection.execute(f"CREATE TRIGGER _solidb_geo_1_insert AFTER INSERT ON docs BEGIN {add}; END")
    connection.execute(f"CREATE TRIGGER _solidb_rest_1_insert AFTER INSERT ON docs BEGIN {rest}; END")
    rows: Any = [(f"k{n}", {"_key": f"k{n}", "p": {"lat": n / 10, "lon": 20} if n % 5 else None})
                 for n in range(50)]  # fmt: skip
    channel.perform(Apply([Inserts("docs", rows)]))
    channel.perform(Commit())
    near = "FOR d IN docs SORT DISTANCE(d.p.lat, d.p.lon, 1, 20) ?? 100000000, d._key LIMIT 3 RETURN d._key"
    within = "FOR d IN docs FILTER d.p != null AND DISTANCE(d.p.lat, d.p.lon, 1, 20) <= 12000 RETURN d._key"
    before = ask(channel, near), ask(channel, within)
    assert before == (["k9", "k11", "k12"], ["k11", "k9"])
    described: Any = channel.perform(DescribeCollection("docs"))
    assert described.indexes == ()
    channel.perform(CreateIndex("docs", spec))
    described = channel.perform(DescribeCollection("docs"))
    assert described.indexes == (spec,)
    assert (ask(channel, near), ask(channel, within)) == before
    ask(channel, "UPDATE 'k40' WITH {p: {lat: 1, lon: 20}} IN docs")
    assert ask(channel, near) == ["k40", "k9", "k11"]
    channel.close()
    driver.close()


def test_places_beyond_the_date_line_are_found_by_circles_and_polygons() -> None:
    random = Random(3)
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    channel.perform(CreateCollection("docs"))
    channel.perform(CreateIndex("docs", IndexSpec("p_geo", "geo", ("p",))))
    rows: Any = [(each["_key"], each) for each in scattered(random, "places", 300)]
    channel.perform(Apply([Inserts("docs", rows)]))
    documents = {row["_key"]: row["p"] for _, row in rows}
    for _ in range(60):
        lat, lon = (
            random.choice([random.uniform(-90, 90), 90, -90]),
            random.choice([random.uniform(-180, 180), 179.9]),
        )
        radius = 10 ** random.uniform(2, 7.2)
        circle = f"FOR d IN docs FILTER d.p != null AND DISTANCE(d.p.lat, d.p.lon, {lat}, {lon}) <= {radius}"
        measured = ask(
            channel, f"FOR d IN docs LET m = DISTANCE(d.p.lat, d.p.lon, {lat}, {lon}) RETURN [d._key, m]"
        )
        expected = sorted(
            key for key, far in measured if documents[key] is not None and (far is None or far <= radius)
        )
        assert sorted(ask(channel, f"{circle} RETURN d._key")) == expected
        near = ask(channel, f"FOR d IN NEAR('docs', {{lat: {lat}, lon: {lon}}}, {radius}, 'p') RETURN d._key")
        plain = {key for key in expected if "lat" in documents[key] and "type" not in documents[key]}
        assert {key for key, far in measured if far is not None} & plain <= set(near)
    corners = [[170, -20], [180, -20], [180, 40], [170, 45], [170, -20]]
    inside = f"GEO_WITHIN(d.p, {{type: 'Polygon', coordinates: [{corners}]}})"
    chosen = "FOR d IN docs FILTER d.p != null AND d.p.lon != null AND d.p.type == null"
    whole = ask(channel, f"{chosen} LET is = {inside} RETURN [d._key, is]")
    assert sorted(ask(channel, f"{chosen} AND {inside} == true RETURN d._key")) == sorted(
        key for key, found in whole if found
    )
    channel.close()
    driver.close()


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
