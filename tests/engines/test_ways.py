"""Traversals and shortest ways with conditions answer as Python does over the same edges, on every engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Session,
    all_,
    any_,
    func,
    k_shortest_paths,
    shortest_path,
    traverse,
)
from solidb_odm.errors import UsageError


class Stop(Document, collection="way_stops"):
    name: str
    open: bool = True


class Road(Edge[Stop, Stop], collection="way_roads"):
    since: int
    toll: int = 1


NAMES = "abcdef"


def _graph() -> tuple[list[Stop], list[Road]]:
    source = random.Random(3)
    stops = [Stop(key=name, name=name, open=name not in "ce") for name in NAMES]
    pairs = [(source.choice(stops), source.choice(stops)) for _ in range(15)]
    roads = [
        Road(one, other, key=f"r{number:02}", since=source.randint(1, 4), toll=source.randint(1, 9))
        for number, (one, other) in enumerate([*pairs, *pairs[:5]])  # some of them twice
    ]
    return stops, roads


STOPS, ROADS = _graph()
BY_NAME = {stop.name: stop for stop in STOPS}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Stop)
    engine.create_all(Road)
    with Session(engine) as opened:
        opened.add_all([each.model_copy(deep=True) for each in STOPS])
        opened.add_all([Road(r.from_id, r.to_id, key=r.key, since=r.since, toll=r.toll) for r in ROADS])
        opened.commit()
        yield opened


def ways(start: str, most: int) -> Iterator[tuple[list[str], list[Road]]]:
    """Yield all ways on which no stop comes twice, shorter ones first."""
    level: list[tuple[list[str], list[Road]]] = [([start], [])]
    for _ in range(most + 1):
        yield from level
        level = [
            ([*stops, road.to_id[-1]], [*roads, road])
            for stops, roads in level
            for road in ROADS
            if road.from_id[-1] == stops[-1] and road.to_id[-1] not in stops
        ]


def least(start: str, low: int, high: int, keep: Callable[[Any, Any], bool]) -> dict[str, int]:
    """Return what is reached over the ways that are kept, with its least depth."""
    depths: dict[str, int] = {}
    for stops, roads in ways(start, high):
        if keep(stops, roads):
            depths.setdefault(stops[-1], len(roads))
    return {name: depth for name, depth in depths.items() if depth >= low}


def in_order(depths: dict[str, int]) -> list[str]:
    return sorted(depths, key=lambda name: (depths[name], name))


@pytest.mark.parametrize("depth", [(0, 2), (1, 1), (1, 3), (2, 3)])
@pytest.mark.parametrize("start", NAMES)
def test_ways_are_those_of_python(session: Session, start: str, depth: tuple[int, int]) -> None:
    walk = traverse(BY_NAME[start], Road, depth=depth)

    def names(statement: Any) -> list[str]:
        return [stop.name for stop in session.scalars(statement)]

    everything = least(start, *depth, lambda _stops, _roads: True)
    assert sorted(names(walk)) == sorted(everything)
    assert names(walk.follow(Road.since >= 2)) == in_order(
        least(start, *depth, lambda _stops, roads: all(road.since >= 2 for road in roads))
    )
    assert names(walk.through(Stop.open)) == in_order(
        least(start, *depth, lambda stops, _roads: all(BY_NAME[name].open for name in stops[1:-1]))
    )
    assert names(walk.where_way(lambda way: any_(way.edges).toll > 6)) == in_order(
        least(start, *depth, lambda _stops, roads: any(road.toll > 6 for road in roads))
    )
    assert names(walk.where_way(lambda way: all_(way.vertices).open)) == in_order(
        least(start, *depth, lambda stops, _roads: all(BY_NAME[name].open for name in stops))
    )
    assert names(walk.where_way(lambda way: func.length(way.edges) != 2)) == in_order(
        least(start, *depth, lambda _stops, roads: len(roads) != 2)
    )


@pytest.mark.parametrize("start", NAMES)
def test_a_condition_on_the_last_edge_is_asked_of_each_by_which_one_is_reached_first(
    session: Session, start: str
) -> None:
    walk = traverse(BY_NAME[start], Road, depth=(1, 2))
    depths = least(start, 1, 2, lambda _stops, _roads: True)
    last = {
        (stops[-1], roads[-1].key, len(roads))
        for stops, roads in ways(start, 2)
        if roads and depths[stops[-1]] == len(roads)
    }
    since = {road.key: road.since for road in ROADS}

    found = session.execute(walk.rows()).all()
    assert sorted((stop.name, road.key, depth) for stop, road, depth in found) == sorted(last)
    recent = session.scalars(walk.where(Road.since == 1)).all()
    assert sorted(stop.name for stop in recent) == sorted({n for n, key, _ in last if since[key] == 1})
    rows = session.execute(walk.where(Road.since == 1, Stop.open).rows()).all()
    assert sorted(road.key for _, road, _ in rows) == sorted(
        key for name, key, _ in last if since[key] == 1 and BY_NAME[name].open
    )


@pytest.mark.parametrize("end", "bcdef")
def test_the_shortest_way_with_conditions_is_that_of_python(session: Session, end: str) -> None:
    a, b = BY_NAME["a"], BY_NAME[end]
    kept = [
        (sum(road.toll for road in roads), len(roads))
        for stops, roads in ways("a", 5)
        if stops[-1] == end and all(road.since >= 2 for road in roads)
    ]

    fewest = session.scalars(shortest_path(a, b, Road, max_depth=5).follow(Road.since >= 2)).first()
    asked = k_shortest_paths(a, b, Road, k=3, weight="toll", max_depth=5).follow(Road.since >= 2)
    cheapest = session.scalars(asked).all()

    assert (fewest and len(fewest)) == (min(count for _, count in kept) if kept else None)
    assert [way.weight for way in cheapest] == sorted(toll for toll, _ in kept)[:3]
    assert all(way.vertices[0].name == "a" and way.vertices[-1].name == end for way in cheapest)
    plain = session.scalars(k_shortest_paths(a, b, Road, k=2)).all()
    assert len(plain) <= 2
    assert [len(way) for way in plain] == sorted(len(way) for way in plain)


def test_a_way_with_conditions_says_how_long_it_may_be() -> None:
    with pytest.raises(UsageError, match="max_depth=6"):
        shortest_path("way_stops/a", "way_stops/b", Road).follow(Road.since > 1).compile()
