"""What work costs, counted in calls: it goes by what changed, never by what is held."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial, reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, create_model

from solidb_odm import (
    AsyncSession,
    Document,
    Engine,
    Index,
    Link,
    Session,
    case,
    create_async_engine,
    create_engine,
    sdbql,
    select,
)
from solidb_odm.commands import CreateCollection, call
from solidb_odm.engines.sqlite.threads import Threads
from solidb_odm.errors import QueryLimitError
from solidb_odm.query.statement import Statement
from tests.counts import calls_of, traced_lines


class Colour(Enum):
    RED = "red"


class Place(BaseModel):
    town: str = ""


class Costed(Document, collection="costed"):
    number: int = 0
    names: list[str] = []
    place: Place = Place()


def _change(session: Session, documents: list[Costed]) -> Callable[[], None]:
    def work() -> None:
        for document in documents[:10]:
            document.number += 1
            document.names.append("more")
            document.place.town += "x"
        session.commit()

    return work


@pytest.mark.parametrize("is_looked_at", [False, True])
def test_a_commit_costs_what_changed_and_not_what_is_held(tmp_path: Path, is_looked_at: bool) -> None:
    costs: list[int] = []
    for held in (50, 1_500):
        with create_engine(f"sqlite:///{tmp_path}/{held}.db") as engine, Session(engine) as session:
            session.add_all(Costed(key=f"{number:04}", number=number) for number in range(held))
            session.commit()
            session.expunge_all()
            documents = session.scalars(select(Costed).order_by(Costed.id)).all()
            if is_looked_at:
                assert not any(document.names for document in documents)
            _change(session, documents)()  # what is planned once
            costs.append(calls_of(_change(session, documents)))
    few, many = costs
    assert many <= 1.05 * few, f"{few:,} calls with 50 documents held, {many:,} with 1,500"


def test_a_commit_of_new_documents_costs_what_is_new(tmp_path: Path) -> None:
    costs: list[int] = []
    with create_engine(f"sqlite:///{tmp_path}/new.db") as engine, Session(engine) as session:
        engine.create_all(Costed)
        kept: list[Costed] = []

        def insert(count: int) -> None:
            new = [Costed() for _ in range(count)]
            kept.extend(new)
            session.add_all(new)
            session.commit()

        insert(400)
        costs += [calls_of(partial(insert, count)) for count in (400, 800, 800)]
    first, double, again = costs
    assert double <= 2.05 * first
    assert again <= 1.05 * double  # the session holds 1,600 by now


def test_a_session_that_writes_costs_the_same_however_many_collections_there_are(tmp_path: Path) -> None:
    costs: list[int] = []
    for others in (1, 40):
        with create_engine(f"sqlite:///{tmp_path}/{others}.db") as engine:
            engine.create_all(Costed)
            for number in range(others):
                engine.run(call(CreateCollection(f"other_{number}")))

            def write(opened: Engine = engine) -> None:
                with Session(opened) as session:
                    session.add(Costed(number=1))
                    session.commit()

            write()
            costs.append(calls_of(write))
    few, many = costs
    assert many <= 1.05 * few


def test_deleting_many_costs_as_much_for_each_as_deleting_few(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/deleted.db") as engine, Session(engine) as session:
        engine.create_all(Costed)

        def lines_of(count: int) -> int:
            documents = [Costed(number=number) for number in range(count)]
            session.add_all(documents)
            session.commit()
            for document in documents:
                session.delete(document)
            return traced_lines(session.commit)

        lines_of(10)
        few, many = lines_of(100), lines_of(800)
        assert many <= 8.4 * few


def test_one_changed_field_of_many_is_not_read_with_all_others(tmp_path: Path) -> None:
    fields: dict[str, Any] = {f"field_{number}": (str, "x") for number in range(40)}
    wide: Any = create_model("CostedWide", __base__=Document, **fields, label=(str, ""))
    read: list[object] = []
    with create_engine(f"sqlite:///{tmp_path}/wide.db") as engine, Session(engine) as session:
        engine.create_all(wide)
        document: Any = wide()
        session.add(document)
        session.commit()
        mapping = wide.__solidb_mapping__
        validator = mapping.validator

        class Counting:
            def validate_json(self, *given: Any, **options: Any) -> Any:
                read.append(given)
                return validator.validate_json(*given, **options)

        mapping.validator = Counting()
        document.label = "changed"
        session.commit()
        mapping.validator = validator
    assert read == []


class Once(Document, collection="costed_once"):
    label: Annotated[str, Index()] = ""
    place: Place = Place()
    colour: Colour = Colour.RED


class Twice(Document, collection="costed_twice"):
    label: Annotated[str, Index()] = ""
    place: Place = Place()
    colour: Colour = Colour.RED
    former: list[Place] = []
    other: Place | None = None


class Linked(Document, collection="costed_linked"):
    label: Annotated[str, Index()] = ""
    to: Link[Once] | None = None


def test_a_model_that_is_held_twice_costs_no_more_than_one_held_once(tmp_path: Path) -> None:
    costs: list[tuple[int, int]] = []
    with create_engine(f"sqlite:///{tmp_path}/parts.db") as engine, Session(engine) as session:
        engine.create_all(Once, Twice)
        for model in (Once, Twice):

            def insert(model: type[Any] = model) -> None:
                session.add_all([model(label=str(number)) for number in range(200)])
                session.commit()

            def ask(model: type[Any] = model) -> None:
                assert session.scalars(select(model).where(model.label == "none")).all() == []

            insert(), ask()
            costs.append((calls_of(insert), calls_of(ask)))
    (insert_once, ask_once), (insert_twice, ask_twice) = costs
    assert insert_twice < 1.5 * insert_once
    assert ask_twice == ask_once


def test_new_documents_with_links_cost_a_few_calls_more_each(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/links.db") as engine, Session(engine) as session:
        engine.create_all(Once, Linked)
        target = Once()
        session.add(target)
        session.commit()

        def insert(to: Once | None) -> None:
            session.add_all([Linked(to=to) for _ in range(200)])
            session.commit()

        insert(target)
        alone, linked = calls_of(partial(insert, None)), calls_of(partial(insert, target))
        assert (linked - alone) / 200 < 60


@pytest.mark.anyio
async def test_a_request_goes_to_a_thread_once_to_read_and_twice_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_async_engine(f"sqlite:///{tmp_path}/hops.db")
    await engine.create_all(Costed)
    hops = 0
    put = Threads.put

    def counted(self: Threads, worker: Any) -> None:
        nonlocal hops
        hops += 1
        put(self, worker)

    async with AsyncSession(engine) as session:
        session.add(Costed(key="a"))
        await session.commit()
    monkeypatch.setattr(Threads, "put", counted)
    async with AsyncSession(engine) as session:
        found = await session.get_one(Costed, "a")
    assert hops == 1
    async with AsyncSession(engine) as session:
        session.add(found)
        found.number = 7
        await session.commit()
    assert hops == 3
    await engine.dispose()


def _long_with(count: int) -> Statement[Any]:
    tables = ["t0 AS (RETURN 1)", *(f"t{n} AS (FOR x IN t{n - 1} RETURN x)" for n in range(1, count))]
    return sdbql(f"WITH {', '.join(tables)} FOR x IN t{count - 1} RETURN x")


def _doubled(n: int) -> str:
    return f"LET a{n + 1} = a{n} + a{n}"


LONG: dict[str, Callable[[int], Statement[Any]]] = {
    "LET": lambda count: sdbql(f"LET a0 = 1 {' '.join(map(_doubled, range(count)))} RETURN a{count} > 0"),
    "FOR": lambda count: sdbql(f"{' '.join(f'FOR a{n} IN [1]' for n in range(count))} RETURN 1"),
    "WITH": _long_with,
    "case": lambda count: select(case(*((Costed.number == n, n) for n in range(count)), else_=0)),
    "or": lambda count: select(Costed).where(reduce(or_, (Costed.number == n for n in range(count)))),
    "order_by": lambda count: select(Costed).order_by(*(Costed.number + n for n in range(count))),
}


@pytest.mark.parametrize("form", LONG)
def test_a_long_query_costs_by_its_length(form: str) -> None:
    """Four times as long costs four times as much, and not sixteen times."""
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Costed)

        def run(count: int) -> None:
            with suppress(QueryLimitError):
                session.execute(LONG[form](count)).all()

        run(4)
        few, many = (calls_of(partial(run, count)) for count in (200, 800))
        assert many < 5.2 * few
