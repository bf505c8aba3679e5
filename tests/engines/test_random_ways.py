"""Random traversals and shortest paths answer as a walk in plain Python does.

Small random graphs, with circles, loops and parallel edges; conditions on edges, on what is passed and on
what is reached, in each direction. ``SOLIDB_LAW_SEEDS=100`` looks further.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Session,
    delete,
    k_shortest_paths,
    shortest_path,
    some,
    traverse,
)
from tests.engines.builder_table import LAW_ENGINES, SEEDS, law_url


@pytest.fixture(params=LAW_ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a file and of a server."""
    return law_url(request, tmp_path)


class Place(Document, collection="way_places"):
    number: int


class Road(Edge[Place, Place], collection="random_way_roads"):
    since: int | None
    length: int


Direction = Literal["outbound", "inbound", "any"]
DIRECTIONS: tuple[Direction, ...] = ("outbound", "inbound", "any")
KEYS = [f"p{number}" for number in range(7)]


@dataclass(frozen=True)
class Way:
    """The keys of the places on a way, and its roads."""

    places: tuple[str, ...]
    roads: tuple[Road, ...]


class Graph:
    """Places and roads, as Python sees them."""

    def __init__(self, source: random.Random) -> None:
        self.places = {key: Place(key=key, number=source.randint(0, 3)) for key in KEYS}
        self.roads = [self._road(source, f"r{number:02}") for number in range(source.randint(5, 14))]

    def _road(self, source: random.Random, key: str) -> Road:
        ends = [f"way_places/{source.choice(KEYS)}" for _ in range(2)]
        return Road(*ends, key=key, since=source.choice((None, 1, 2, 3)), length=source.randint(1, 3))

    def steps(self, key: str, direction: Direction) -> Iterator[tuple[str, Road]]:
        """Yield where the roads of a place lead."""
        for road in self.roads:
            start, end = road.from_id.partition("/")[2], road.to_id.partition("/")[2]
            if direction != "inbound" and start == key:
                yield end, road
            if direction != "outbound" and end == key:
                yield start, road

    def ways(self, start: str, direction: Direction, most: int) -> Iterator[Way]:
        """Yield all ways from a place on which none comes twice."""
        waiting = [Way((start,), ())]
        while waiting:
            way = waiting.pop()
            yield way
            if len(way.roads) < most:
                for key, road in self.steps(way.places[-1], direction):
                    if key not in way.places:
                        waiting.append(Way((*way.places, key), (*way.roads, road)))


@dataclass(frozen=True)
class Wanted:
    """What is asked of ways: roads from a year on, places of a number or more, and which are reached."""

    since: int | None
    number: int | None
    reached: int | None
    last: int | None

    def follows(self, graph: Graph, way: Way) -> bool:
        """Return whether a way may be gone."""
        is_new = self.since is None or all(road.since and road.since >= self.since for road in way.roads)
        passed = [graph.places[key].number for key in way.places[1:-1]]
        return is_new and (self.number is None or all(number >= self.number for number in passed))

    def put_on(self, walk: Any, *, is_path: bool = False) -> Any:
        """Return a statement with the conditions."""
        walk = walk if self.since is None else walk.follow(some(Road.since) >= self.since)
        walk = walk if self.number is None else walk.through(Place.number >= self.number)
        if is_path:
            return walk
        walk = walk if self.reached is None else walk.where(Place.number <= self.reached)
        return walk if self.last is None else walk.where(some(Road.since) <= self.last)

    def reaches(self, graph: Graph, ways: list[Way], low: int) -> list[tuple[int, str, list[str]]]:
        """Return the least depth of each place that is reached, its key, and the roads that lead there."""
        found: dict[str, tuple[int, list[Road]]] = {}
        for way in sorted(ways, key=lambda way: len(way.roads)):
            depth, last = found.setdefault(way.places[-1], (len(way.roads), []))
            if depth == len(way.roads) and way.roads and way.roads[-1] not in last:
                last.append(way.roads[-1])
        rows: list[tuple[int, str, list[str]]] = []
        for key, (depth, last) in found.items():
            kept = [
                road.key for road in last if self.last is None or (road.since and road.since <= self.last)
            ]
            is_kept = self.reached is None or graph.places[key].number <= self.reached
            if depth >= low and is_kept and (kept or self.last is None):
                rows.append((depth, key, sorted(kept)))
        return sorted(rows)


def _maybe(source: random.Random, low: int, high: int) -> int | None:
    return source.randint(low, high) if source.random() < 0.4 else None


def _stored(session: Session, source: random.Random) -> Graph:
    for model in (Road, Place):
        session.execute(delete(model))
    session.commit()
    graph = Graph(source)
    session.add_all([*graph.places.values(), *graph.roads])
    session.commit()
    return graph


@pytest.mark.parametrize("seed", range(2 * SEEDS))
def test_traversals_and_shortest_paths_go_where_python_goes(engine: Engine, seed: int) -> None:
    engine.create_all(Place, Road)
    source = random.Random(f"ways {seed}")
    with Session(engine) as session:
        graph = _stored(session, source)
        for _ in range(12):
            start, direction, low = source.choice(KEYS), source.choice(DIRECTIONS), source.randint(0, 2)
            high = low + source.randint(0, 2)
            since, number = _maybe(source, 1, 3), _maybe(source, 0, 2)
            wanted = Wanted(since, number, _maybe(source, 0, 3), _maybe(source, 1, 3))
            walk = wanted.put_on(
                traverse(f"way_places/{start}", Road, depth=(low, high), direction=direction)
            )
            ways = [way for way in graph.ways(start, direction, high) if wanted.follows(graph, way)]
            reached = wanted.reaches(graph, ways, low)
            depths = {key: depth for depth, key, _ in reached}
            shown = (start, direction, low, high, wanted)
            keys = [place.key for place in session.scalars(walk)]
            assert sorted(keys) == sorted(depths), shown
            assert [depths[key] for key in keys] == sorted(depths.values()), shown
            rows = [
                (place.key, road and road.key, depth) for place, road, depth in session.execute(walk.rows())
            ]
            by_roads = [(key, road, depth) for depth, key, roads in reached for road in roads]
            assert [row for row in rows if row[1] is not None] == by_roads, shown
            _check_shortest(session, source, graph, wanted, (start, direction))


def _check_shortest(
    session: Session, source: random.Random, graph: Graph, wanted: Wanted, walk: tuple[str, Direction]
) -> None:
    start, direction = walk
    end, weight = source.choice(KEYS), source.choice((None, "length"))
    ways = [
        way for way in graph.ways(start, direction, 6) if way.places[-1] == end and wanted.follows(graph, way)
    ]
    weights = sorted(sum(road.length for road in way.roads) if weight else len(way.roads) for way in ways)
    ends = (f"way_places/{start}", f"way_places/{end}")
    shown = (start, end, direction, weight, wanted)
    best = shortest_path(*ends, Road, direction=direction, weight=weight, max_depth=6)
    found = session.scalars(wanted.put_on(best, is_path=True))
    assert [way.weight for way in found] == weights[:1], shown
    if wanted.since is not None:  # without conditions parallel edges count as one way
        several = k_shortest_paths(*ends, Road, k=3, direction=direction, weight=weight, max_depth=6)
        found = session.scalars(wanted.put_on(several, is_path=True))
        assert [way.weight for way in found] == weights[:3], shown
