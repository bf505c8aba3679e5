"""How work grows, counted: what it costs by what is held, and by how much there is of it.

Counted are calls or lines of Python, or steps of SQLite, never time. The factors are generous: what is
quadratic takes sixteen times as much for four times as many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Annotated, Any, ClassVar

import pytest

from solidb_odm import (
    BackReference,
    Cascade,
    Document,
    Edge,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    Timestamped,
    back_reference,
    create_engine,
    delete,
    desc,
    in_,
    insert,
    outgoing,
    select,
    union,
    update,
    upsert,
)
from solidb_odm.query.select import Select
from tests.counts import Steps, calls_of, traced_lines


class Grown(Document, abstract=True, registry=Registry()):
    pass


class Parcel(Grown, collection="grown_parcels"):
    code: Annotated[str, Index(unique=True)] = ""
    weight: Annotated[int | None, Index()] = None
    note: str = ""
    marks: list[str] = []


class Stamped(Timestamped, Grown, collection="grown_stamped"):
    note: str = ""


class Sender(Grown, collection="grown_senders"):
    name: str = ""
    letters: ClassVar[BackReference[Letter]] = back_reference("Letter.sender", cascade=Cascade("delete"))


class Letter(Grown, collection="grown_letters"):
    sender: Annotated[Link[Sender] | None, Index()] = None
    parcels: list[Link[Parcel]] = []


class Sheet(Grown, collection="grown_sheets"):
    number: int = 0


class Folder(Grown, collection="grown_folders"):
    sheets: Annotated[list[Link[Sheet]], Cascade("all", "delete-orphan")] = []


class Route(Edge[Sender, Parcel], collection="grown_routes"):
    class Settings:
        cascade = Cascade("delete")


class Beside(Edge[Parcel, Parcel], collection="grown_beside"):
    pass


MODELS = (Parcel, Stamped, Sender, Letter, Sheet, Folder, Route, Beside)


def _engine() -> Engine:
    engine = create_engine("sqlite://")
    engine.create_all(*MODELS)
    return engine


def _parcels(count: int) -> list[Parcel]:
    return [Parcel(key=f"p{n:04}", code=f"c{n:04}", weight=n % 9, marks=["a"]) for n in range(count)]


class Undo(Exception):
    """What a block raises to be undone."""


def _undone(session: Session, work: Callable[[], object]) -> None:
    with suppress(Undo), session.begin_nested():
        work()
        raise Undo


def _note(session: Session, document: Parcel) -> None:
    document.note = "x"
    session.flush()


# --- what is held costs nothing ---------------------------------------------------------------------


def _one_by_one(session: Session) -> None:
    session.execute(update(Parcel).where(Parcel.key == "p0003").values(note="seen"))


def _by_a_condition(session: Session) -> None:
    session.execute(update(Parcel).where(Parcel.code == "c0003").values(note="seen"))


def _where_none_is(session: Session) -> None:
    assert session.scalar(update(Parcel).where(Parcel.code == "none").values(note="seen")) == 0


def _with_columns(session: Session) -> None:
    changed = update(Parcel).where(Parcel.code == "c0003").values(note="seen").returning(Parcel.note)
    assert session.scalars(changed).all() == ["seen"]


def _with_documents(session: Session) -> None:
    changed = update(Parcel).where(Parcel.code == "c0003").values(note="seen").returning(Parcel)
    assert session.scalars(changed).one().key == "p0003"


def _inserted_and_deleted(session: Session) -> None:
    session.execute(insert(Parcel).values({"key": "other", "code": "other"}))
    session.execute(delete(Parcel).where(Parcel.code == "other"))


def _stored_by_key(session: Session) -> None:
    session.execute(upsert(Parcel).values({"key": "p0003", "note": "kept"}))


def _stored_by_code(session: Session) -> None:
    session.execute(upsert(Parcel).on(Parcel.code).values({"code": "c0003", "note": "kept"}))


def _taken_back(session: Session) -> None:
    _one_by_one(session)
    session.rollback()


def _taken_back_to_a_savepoint(session: Session) -> None:
    _undone(session, lambda: _one_by_one(session))


def _added(session: Session) -> None:
    session.add(Stamped(note="new"))
    session.commit()


def _changed(session: Session) -> None:
    session.get_one(Parcel, "p0003").marks.append("b")
    session.commit()


def _refused(session: Session) -> None:
    _undone(session, lambda: session.get_one(Parcel, "p0003").marks.append("b"))


def _paged(session: Session) -> None:
    first = session.page(select(Parcel).order_by(desc(Parcel.code)), 5)
    session.page(select(Parcel).order_by(desc(Parcel.code)), 5, after=first.next)


def _merged(session: Session) -> None:
    session.merge(Parcel(key="p0003", code="c0003", note="merged"))
    session.rollback()


def _deleted_along(session: Session) -> None:
    sender = Sender()
    session.add_all([sender, Letter(sender=Link(sender))])
    session.commit()
    session.delete(sender)
    session.commit()


OPERATIONS: Sequence[Callable[[Session], None]] = (
    _one_by_one,
    _by_a_condition,
    _where_none_is,
    _with_columns,
    _with_documents,
    _inserted_and_deleted,
    _stored_by_key,
    _stored_by_code,
    _taken_back,
    _taken_back_to_a_savepoint,
    _added,
    _changed,
    _refused,
    _paged,
    _merged,
    _deleted_along,
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_costs_the_same_however_many_documents_the_session_holds(
    operation: Callable[[Session], None],
) -> None:
    costs: list[int] = []
    for held in (10, 160):
        with _engine() as engine, Session(engine) as session:
            session.add_all(_parcels(160))
            session.commit()
            session.expunge_all()
            documents = session.scalars(select(Parcel).order_by(Parcel.key).limit(held)).all()
            assert all(document.marks for document in documents)
            operation(session)  # what is planned once
            costs.append(calls_of(lambda: operation(session)))
    few, many = costs
    assert many <= 1.1 * few, f"{few:,} calls with 10 documents held, {many:,} with 160"


# --- many cost as much each as few -------------------------------------------------------------------


def _statements_in_a_loop(session: Session, count: int) -> Callable[[], None]:
    documents = _parcels(count)
    session.add_all(documents)
    session.commit()

    def work() -> None:
        for document in documents:
            session.execute(update(Parcel).where(Parcel.key == document.key).values(note="x"))
        session.rollback()

    return work


def _statements_in_savepoints(session: Session, count: int) -> Callable[[], None]:
    documents = _parcels(count)
    session.add_all(documents)
    session.commit()

    def work() -> None:
        for document in documents:
            with session.begin_nested():
                session.execute(update(Parcel).where(Parcel.key == document.key).values(note="x"))
        session.rollback()

    return work


def _deletions(session: Session, count: int) -> Callable[[], None]:
    senders = [Sender() for _ in range(count)]
    session.add_all([*senders, *(Letter(sender=Link(sender)) for sender in senders)])
    session.add_all(Route(sender, parcel) for sender, parcel in zip(senders, _parcels(count), strict=True))
    session.commit()

    def work() -> None:
        for sender in senders:
            session.delete(sender)
        session.commit()

    return work


def _deletions_of_new_ones(session: Session, count: int) -> Callable[[], None]:
    senders = [Sender() for _ in range(count)]
    letters = [Letter(sender=Link(sender)) for sender in senders]

    def work() -> None:
        session.add_all([*senders, *letters])
        for sender in senders:
            session.delete(sender)
        session.commit()

    return work


def _deletions_and_others_of_their_keys(session: Session, count: int) -> Callable[[], None]:
    documents = _parcels(count)
    session.add_all(documents)
    session.commit()

    def work() -> None:
        for document in documents:
            session.delete(document)
        session.add_all(_parcels(count))
        session.rollback()

    return work


def _reads_of_a_long_list_of_links(session: Session, count: int) -> Callable[[], None]:
    parcels = _parcels(count)
    letter = Letter(parcels=[Link(parcel) for parcel in parcels])
    session.add_all([letter, *parcels])
    session.commit()

    def work() -> None:
        for place in range(count):
            assert letter.parcels[place].key == parcels[place].key

    return work


def _orphans(session: Session, count: int) -> Callable[[], None]:
    folder = Folder(sheets=[Link(Sheet(number=number)) for number in range(count)])
    session.add(folder)
    session.commit()

    def work() -> None:
        while folder.sheets:
            folder.sheets.pop()
        session.commit()

    return work


def _pages(session: Session, count: int) -> Callable[[], None]:
    session.add_all(_parcels(count))
    session.commit()

    def work() -> None:
        page = session.page(select(Parcel).order_by(desc(Parcel.weight)), 8)
        while page.next is not None:
            page = session.page(select(Parcel).order_by(desc(Parcel.weight)), 8, after=page.next)

    return work


def _questions_after_each_change(session: Session, count: int) -> Callable[[], None]:
    documents = _parcels(count)
    session.add_all(documents)
    session.commit()

    def work() -> None:
        for document in documents:
            document.marks.append("b")
            assert session.scalars(select(Sheet).where(Sheet.number == 1)).all() == []
        session.rollback()

    return work


def _savepoints_that_are_undone(session: Session, count: int) -> Callable[[], None]:
    documents = _parcels(count)
    session.add_all(documents)
    session.commit()

    def work() -> None:
        for document in documents:
            _undone(session, partial(_note, session, document))
        session.commit()

    return work


def _unions(session: Session, count: int) -> Callable[[], None]:
    session.add_all(_parcels(count))
    session.commit()
    asked = [select(Parcel).where(Parcel.code == f"c{number:04}") for number in range(count)]

    def work() -> None:
        union(*asked).compile()

    return work


SCENES: Sequence[Callable[[Session, int], Callable[[], None]]] = (
    _statements_in_a_loop,
    _statements_in_savepoints,
    _deletions,
    _deletions_of_new_ones,
    _deletions_and_others_of_their_keys,
    _reads_of_a_long_list_of_links,
    _orphans,
    _pages,
    _questions_after_each_change,
    _savepoints_that_are_undone,
    _unions,
)


@pytest.mark.parametrize("scene", SCENES)
def test_four_times_as_much_work_costs_four_times_as_much(
    scene: Callable[[Session, int], Callable[[], None]],
) -> None:
    costs: list[int] = []
    for count in (5, 30, 120):
        with _engine() as engine, Session(engine) as session:
            costs.append(traced_lines(scene(session, count)))
    _, few, many = costs
    assert many <= 5 * few, f"{few:,} lines for 30, {many:,} for 120"


def test_neighbours_cost_as_much_as_there_are_however_far_they_may_be() -> None:
    costs: list[int] = []
    with _engine() as engine, Session(engine) as session:
        first, second = _parcels(2)
        session.add(Beside(first, second))
        session.commit()
        for depth in (9, 10, 10_000):
            costs.append(calls_of(partial(session.load, [first], outgoing(Beside, depth=(1, depth)))))
    _, near, far = costs
    assert far <= near + 50


# --- a page costs the same wherever it is -----------------------------------------------------------


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("is_down", [False, True])
def test_sqlite_takes_as_many_steps_for_each_page_of_an_indexed_order(
    monkeypatch: pytest.MonkeyPatch, backwards: bool, is_down: bool
) -> None:
    steps = Steps(monkeypatch)
    order = desc(Parcel.code) if is_down else Parcel.code
    asked: Select[Any] = select(Parcel).order_by(order)
    with _engine() as engine, Session(engine) as session:
        session.add_all(_parcels(800))
        session.commit()
        page = session.page(asked, 20)

        def onwards() -> None:
            nonlocal page
            page = session.page(asked, 20, after=page.next)

        def back() -> None:
            nonlocal page
            page = session.page(asked, 20, before=page.previous)

        taken = [steps.of(onwards) for _ in range(39)]
        taken = [steps.of(back) for _ in range(39)] if backwards else taken
    assert 0 < max(taken) <= 1.5 * min(taken) + 4, taken


# --- and what is held is as it is stored --------------------------------------------------------------


def _steps(chosen: Random) -> list[Callable[[Session], object]]:
    """Return statements over keys and codes, of which some are there."""
    key, other = (f"p{chosen.randrange(12):04}" for _ in range(2))
    code, note = f"c{chosen.randrange(12):04}", str(chosen.random())
    changed = update(Parcel).values(note=note)
    return [
        lambda session: session.execute(changed.where(Parcel.key == key)),
        lambda session: session.execute(changed.where(in_(Parcel.key, [key, other]))),
        lambda session: session.execute(changed.where(Parcel.weight == chosen.randrange(9))),
        lambda session: session.execute(changed.where(Parcel.code == code).returning(Parcel.note)).all(),
        lambda session: session.execute(changed.where(Parcel.code == code).returning(Parcel)).all(),
        lambda session: session.execute(upsert(Parcel).values({"key": key, "note": note, "code": key})),
        lambda session: session.execute(upsert(Parcel).on(Parcel.code).values({"code": code, "note": note})),
        lambda session: session.execute(delete(Parcel).where(Parcel.key == key)),
        lambda session: session.execute(
            delete(Parcel).where(Parcel.code == code).returning(Parcel.key)
        ).all(),
        lambda session: session.rollback(),
        lambda session: session.commit(),
    ]


def _check_held(session: Session, documents: list[Parcel]) -> None:
    """Compare the documents that are in the session with their columns, which nothing is loaded for."""
    rows = session.execute(select(Parcel.key, Parcel.note, Parcel.code, Parcel.rev)).all()
    stored = {row[0]: tuple(row) for row in rows}
    for held in filter(session.__contains__, documents):
        assert (held.key, held.note, held.code, held.rev) == stored.get(held.key)


@pytest.mark.parametrize("seed", range(6))
def test_what_a_session_holds_is_as_it_is_stored_after_any_statement(engine: Engine, seed: int) -> None:
    chosen = Random(seed)
    engine.create_all(Parcel)
    with Session(engine) as session:
        session.add_all(_parcels(12))
        session.commit()
        documents = [*session.scalars(select(Parcel)).all()]
        for _ in range(12):
            chosen.choice(_steps(chosen))(session)
            _check_held(session, documents)
            first, second = (chosen.choice(_steps(chosen)[:-2]) for _ in range(2))
            with suppress(Undo), session.begin_nested():
                first(session)
                with suppress(Undo), session.begin_nested():
                    second(session)
                    _check_held(session, documents)
                    if chosen.random() < 0.5:
                        raise Undo
                _check_held(session, documents)
                if chosen.random() < 0.5:
                    raise Undo
            _check_held(session, documents)
            documents += [parcel for parcel in session.scalars(select(Parcel)) if parcel not in documents]
