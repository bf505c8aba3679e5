"""What threads share of queries: right for each, whatever the others ask, and bounded."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Document, Session, create_engine, sdbql
from solidb_odm.engine.engine import Engine
from solidb_odm.engines.sqlite import plan_cache
from solidb_odm.engines.sqlite.plan_cache import Known, PlanCache, Trust, weight_of
from solidb_odm.errors import QueryError, SolidbError
from solidb_odm.language.parser import parse


class Dated(Document, collection="dated"):
    n: int = 0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with create_engine(f"sqlite:///{tmp_path}/plans.db") as opened:
        with Session(opened) as session:
            session.add_all(Dated(n=n) for n in range(5))
            session.commit()
        yield opened


def ask(engine: Engine, query: str, **binds: Any) -> list[Any]:
    with Session(engine) as session:
        return session.execute(sdbql(query, **binds)).all()


BY_SQL = "FOR d IN dated FILTER d.n < 3 SORT d.n RETURN d.n + DATE_YEAR(@m)"
BY_HEAD = (
    "FOR d IN dated FILTER d.n < 3 SORT d.n + DATE_YEAR(@m) LIMIT 5 LET x = {a: d.n} RETURN MERGE(x, {b: 1})"
)


def test_a_bind_that_sql_gives_up_leaves_the_plan_to_the_next(engine: Engine) -> None:
    expected = [2020, 2021, 2022]
    assert ask(engine, BY_SQL, m="2020-01-01") == expected
    for _ in range(3):
        with pytest.raises(QueryError):
            ask(engine, BY_SQL, m="soon")
    for _ in range(20):
        assert ask(engine, BY_SQL, m="2020-01-01") == expected
    with Session(engine) as session:
        assert session.explain(BY_SQL, {"m": "2020-01-01"}).plan["python"] is None  # type: ignore[index,call-overload]


def test_threads_with_odd_values_leave_the_rows_of_others_alone(engine: Engine) -> None:
    wrong: list[Any] = []
    over = threading.Event()
    expected = {BY_SQL: 3, BY_HEAD: 3}

    def ask_right() -> None:
        for turn in range(120):
            query = (BY_SQL, BY_HEAD)[turn % 2]
            found = ask(engine, query, m="2020-01-01")
            if len(found) != expected[query]:
                wrong.append(found)

    def ask_wrong() -> None:
        while not over.is_set():
            for query in expected:
                try:
                    ask(engine, query, m="soon")
                except SolidbError:
                    continue

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        odd = threading.Thread(target=ask_wrong)
        threads = [threading.Thread(target=ask_right) for _ in range(3)]
        for thread in (odd, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        odd.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_trust_comes_back_at_once_after_one_setback_and_slowly_after_many() -> None:
    trust = Trust()
    trust.lower("odd")
    assert trust.holds()
    for _ in range(10):
        trust.lower("odd")
    assert [trust.holds() for _ in range(63)] == [False] * 62 + [True]
    trust.restore()
    trust.lower("odd")
    assert trust.holds()


def test_the_cache_is_bounded_by_what_it_holds_not_only_by_the_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_cache, "_WEIGHT", 1000)
    cache = PlanCache()
    queries = [parse("RETURN [" + ", ".join(map(str, range(n, n + 50))) + "]") for n in range(100)]
    for query in queries:
        cache.put((1, query, ()), Known(False))
    kept = [query for query in queries if cache.get((1, query, ())) is not None]
    assert kept == queries[-len(kept) :]
    assert sum(map(weight_of, kept)) <= 1000 < sum(map(weight_of, kept)) + weight_of(queries[0])


def test_a_query_too_long_to_keep_is_not_kept() -> None:
    cache, long = PlanCache(), parse(f"RETURN '{'x' * 2_000_000}'")
    cache.put((1, long, ()), Known(False))
    assert cache.get((1, long, ())) is None
