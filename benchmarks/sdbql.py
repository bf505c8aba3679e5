"""Queries in the language on a file: beside hand-written SQL on it, and beside other document stores."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from solidb_odm import Engine, Session, create_engine, sdbql
from solidb_odm.commands import Apply, Commit, CreateCollection, CreateIndex, IndexSpec, Inserts
from solidb_odm.engines.sqlite.plan_cache import Known, PlanCache
from solidb_odm.engines.sqlite.sql.parameters import signature
from solidb_odm.engines.sqlite.sql_names import table_sql
from solidb_odm.language.parser import parse

from . import documents, stores
from .area import OURS, Area, Row, Setting, Steps, at_most
from .timing import Side, Timing, contest

SQL, POINT = "SQL by hand", "a point query"
PEOPLE, KNOWS = table_sql("people"), table_sql("knows")
FRIENDS = 10
"""How many edges leave a vertex, on average."""

BY_HAND = f"""
    CREATE UNIQUE INDEX hand_email ON {PEOPLE} (json_extract(doc, '$.email'));
    CREATE INDEX hand_age ON {PEOPLE} (json_extract(doc, '$.age'));
    CREATE INDEX hand_score ON {PEOPLE} (json_extract(doc, '$.score'));
    CREATE INDEX hand_city ON {PEOPLE} (json_extract(doc, '$.address.city'));
    CREATE INDEX hand_from ON {KNOWS} (json_extract(doc, '$._from'));
    ANALYZE;
"""
WHOLE = f"SELECT key, rev, created, updated, doc FROM {PEOPLE}"
HOP = f"""
    WITH RECURSIVE hops(vertex, depth) AS (
        VALUES (?1, 0)
        UNION
        SELECT json_extract(e.doc, '$._to'), depth + 1 FROM hops JOIN {KNOWS} AS e
        ON json_extract(e.doc, '$._from') = vertex WHERE depth < 2
    )
    SELECT DISTINCT p.key FROM hops JOIN {PEOPLE} AS p ON p.key = substr(vertex, 8)
    WHERE depth > 0 AND vertex <> ?1
"""


@dataclass(frozen=True)
class Step:
    """One kind of query: in the language, in SQL, and how the rows of the SQL are read."""

    title: str
    kind: str
    text: str
    sql: str
    argument: Callable[[random.Random, int], tuple[Any, ...]]
    whole: bool = False
    times: int = 200
    aim: float = 1.5


def _email(chance: random.Random, size: int) -> tuple[Any, ...]:
    return (f"user{chance.randrange(size)}@example.org",)


def _scores(chance: random.Random, size: int) -> tuple[Any, ...]:
    low = round(chance.random() * 99, 3)
    return (low, low + 10_000 / size)


def _nothing(_chance: random.Random, _size: int) -> tuple[Any, ...]:
    return ()


STEPS = [
    Step(
        "point, indexed",
        "point",
        "FOR p IN people FILTER p.email == @a RETURN p",
        f"{WHOLE} WHERE json_extract(doc, '$.email') = ?",
        _email,
        whole=True,
        times=1000,
    ),
    Step(
        "range, indexed, about 100 documents",
        "range",
        "FOR p IN people FILTER p.score >= @a AND p.score < @b RETURN p",
        f"{WHOLE} WHERE json_extract(doc, '$.score') >= ? AND json_extract(doc, '$.score') < ? ORDER BY key",
        _scores,
        whole=True,
        times=100,
    ),
    Step(
        "sort and limit, indexed",
        "sort",
        "FOR p IN people FILTER p.score >= @a SORT p.score LIMIT 20 RETURN p",
        f"{WHOLE} WHERE json_extract(doc, '$.score') >= ?"
        " ORDER BY json_extract(doc, '$.score'), key LIMIT 20",
        lambda chance, size: _scores(chance, size)[:1],
        whole=True,
        times=300,
    ),
    Step(
        "count, indexed",
        "count",
        "FOR p IN people FILTER p.address.city == @a COLLECT WITH COUNT INTO n RETURN n",
        f"SELECT count(*) FROM {PEOPLE} WHERE json_extract(doc, '$.address.city') = ?",
        lambda chance, _size: (chance.choice(documents.CITIES)[0],),
        times=20,
    ),
    Step(
        "group by",
        "group",
        "FOR p IN people COLLECT city = p.address.city AGGREGATE n = COUNT(), age = AVG(p.age)"
        " RETURN [city, n, age]",
        "SELECT json_extract(doc, '$.address.city') AS city, count(*), avg(json_extract(doc, '$.age'))"
        f" FROM {PEOPLE} GROUP BY city ORDER BY city",
        _nothing,
        times=3,
    ),
    Step(
        "two hops of a graph, about 100 vertices",
        "hops",
        "FOR v IN 1..2 OUTBOUND @a knows RETURN v._key",
        HOP,
        lambda chance, size: (f"people/p{chance.randrange(max(1, size // FRIENDS))}",),
        times=200,
        aim=2.0,
    ),
]


def measure(setting: Setting) -> Steps:
    """Fill one file, and let both sides ask it in turns; keep the best of each."""
    times: dict[str, dict[str, Timing]] = {}
    counts: dict[str, int] = {}
    size, folder = setting.size, setting.folder
    path = folder / "queries.db"
    engine = create_engine(f"sqlite:///{path}")
    people = _fill(engine, size)
    file = sqlite3.connect(path)
    file.executescript(BY_HAND)
    with Session(engine) as session:
        for step in STEPS:
            arguments = _arguments(step, size, 0)
            sides = {
                OURS: Side(lambda step=step, values=arguments: [_ours(session, step, one) for one in values]),
                SQL: Side(lambda step=step, values=arguments: [_by_hand(file, step, one) for one in values]),
            }
            times[step.title] = contest(sides, setting.repetitions, per=step.times)
            counts[step.title] = _check(session, file, step, arguments[0])
    file.close()
    engine.dispose()
    with stores.tinydb(folder / "tiny.json", people) as store:
        _ask_store(store, "TinyDB", times, counts, size, 3)
    with stores.mongita(folder / "mongita", people) as store:
        _ask_store(store, "mongita", times, counts, size, 20)
    planning = _planning()
    return {**times, "planning": {OURS: Timing(planning, planning), POINT: times[STEPS[0].title][OURS]}}


def _fill(engine: Engine, size: int) -> list[dict[str, Any]]:
    chance = random.Random(5)
    people = [{"_key": f"p{i}", **row} for i, row in enumerate(documents.rows(size))]
    crowd = max(1, size // FRIENDS)
    knows = [
        {
            "_key": f"k{i}",
            "_from": f"people/p{chance.randrange(crowd)}",
            "_to": f"people/p{chance.randrange(crowd)}",
        }
        for i in range(size)
    ]
    channel = engine.driver.channel()
    for name, rows in (("people", people), ("knows", knows)):
        channel.perform(CreateCollection(name, "edge" if name == "knows" else "document"))
        channel.perform(Apply([Inserts(name, [(row["_key"], row) for row in rows])]))
    channel.perform(Commit())
    for field in ("email", "age", "score", "address.city"):
        spec = IndexSpec(field.replace(".", "_"), "persistent", (field,), unique=field == "email")
        channel.perform(CreateIndex("people", spec))
    channel.close()
    return people


def _arguments(step: Step, size: int, repetition: int) -> list[tuple[Any, ...]]:
    chance = random.Random(repetition)
    return [step.argument(chance, size) for _ in range(step.times)]


def _each(arguments: list[tuple[Any, ...]], ask: Callable[[tuple[Any, ...]], object]) -> float:
    started = perf_counter()
    for values in arguments:
        ask(values)
    return (perf_counter() - started) * 1000 / len(arguments)


def _ours(session: Session, step: Step, values: tuple[Any, ...]) -> list[Any]:
    return session.execute(sdbql(step.text, **dict(zip("ab", values, strict=False)))).all()


def _by_hand(file: sqlite3.Connection, step: Step, values: tuple[Any, ...]) -> list[Any]:
    rows = file.execute(step.sql, values).fetchall()
    if not step.whole:
        return rows
    return [
        {
            **json.loads(doc),
            "_id": f"queries:people/{key}",
            "_rev": rev,
            "_created_at": new,
            "_updated_at": changed,
        }
        for key, rev, new, changed, doc in rows
    ]


def _ask_by_hand(file: sqlite3.Connection, step: Step, arguments: list[tuple[Any, ...]]) -> float:
    return _each(arguments, lambda values: _by_hand(file, step, values))


def _check(session: Session, file: sqlite3.Connection, step: Step, values: tuple[Any, ...]) -> int:
    """Return how many documents a query tells of, having seen that both sides say the same."""
    ours, hand = _ours(session, step, values), _by_hand(file, step, values)
    if step.whole and ours != hand:
        raise RuntimeError(f"{step.title}: the answers differ")
    if len(ours) != len(hand):
        raise RuntimeError(f"{step.title}: {len(ours)} and {len(hand)} rows")
    return ours[0] if step.kind == "count" else len(ours)


def _planning() -> float:
    """Time what happens to a known text before SQLite is asked."""
    text = STEPS[0].text
    cache = PlanCache()
    cache.put((1, parse(text), signature({"a": "x"})), Known(writes=False))
    return _each([()] * 2000, lambda _: cache.get((1, parse(text), signature({"a": "x"}))))


def _ask_store(
    store: dict[str, stores.Asking],
    name: str,
    times: dict[str, dict[str, Timing]],
    counts: dict[str, int],
    size: int,
    repetitions: int,
) -> None:
    """Ask another store a few times, for it may take long, having seen that it finds as much."""
    for step in STEPS:
        ask = store.get(step.kind)
        if ask is None:
            continue
        arguments = _arguments(step, size, 0)[:repetitions]
        number = stores.number(ask(arguments[0]))
        if number != counts[step.title]:
            raise RuntimeError(f"{step.title}: {number} documents instead of {counts[step.title]}")
        taken = _each(arguments, ask)
        times[step.title][name] = Timing(taken, taken)


TEXT = """
Nested documents and as many edges in one file. *By hand* is SQL over the same tables, with indexes of its
own on the same attributes, and documents made of its rows. Ours is a text given to `Session.execute`, read
and planned before. TinyDB searches its JSON file, which has no index; mongita has the same indexes as we,
and keeps in memory what it once read: what it answers faster it answers without looking at the file.
Neither has joins, groups or graphs. A point query by hand takes some ten microseconds, to which ours adds
some sixty calls of Python and of C, between the text and the row.
"""
OTHERS = {
    "point": ("TinyDB", "mongita"),
    "range": ("TinyDB", "mongita"),
    "sort": ("mongita",),
    "count": ("TinyDB", "mongita"),
}
AREA = Area(
    "sdbql",
    "Queries in the language",
    TEXT,
    (5_000, 20_000, 100_000),
    measure,
    (
        *(Row(step.title, step.title, SQL, at_most(step.aim)) for step in STEPS),
        *(Row(step.title, step.title, other) for step in STEPS for other in OTHERS.get(step.kind, ())),
        Row("planning", "finding the plan of a known text", POINT, at_most(0.05)),
    ),
)
