"""Documents of which the caller keeps parts: what a session sees of them, and that looking again is cheap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel, computed_field

from solidb_odm import Document, Engine, Link, Registry, Session, create_engine, select
from solidb_odm.errors import SolidbError
from solidb_odm.model.document_state import state_of
from solidb_odm.work import exposure, members
from solidb_odm.work.exposure import Exposure, Look, look_at
from tests.counts import calls_of


class Kept(Document, abstract=True, registry=Registry()):
    pass


class Size(BaseModel):
    unit: str = "cm"
    steps: list[int] = []


class Coat(Kept, collection="kept_coats"):
    tags: list[str] = []
    numbers: list[Any] = []
    prices: dict[str, float] = {}
    labels: set[str] = set()
    rows: list[list[int]] = []
    size: Size = Size()
    sizes: list[Size] = []
    others: list[Link[Coat]] = []
    note: str = ""


class Summed(Kept, collection="kept_summed"):
    numbers: list[int] = []

    @computed_field
    def total(self) -> int:
        return sum(self.numbers)


class Asked(Kept, collection="kept_asked"):
    number: int = 0


def _engine() -> Engine:
    engine = create_engine("sqlite://")
    engine.create_all(Coat, Summed, Asked)
    return engine


def _coat(number: int) -> Coat:
    return Coat(
        key=f"c{number:03}", tags=["a", "b"], numbers=[1, 2.0, "x"], prices={"eur": 1.0, "usd": 2.0},
        labels={"x", "y"}, rows=[[1], [2]], size=Size(steps=[1]), sizes=[Size(), Size(steps=[2])],
        others=[Link[Coat]("kept_coats/c000")],
    )  # fmt: skip


def _of_tags(key: str, tags: list[str]) -> Coat:
    """Return a document that holds a list itself, and not the copy that validation makes."""
    coat = Coat(key=key)
    coat.tags = tags
    return coat


def _ask(session: Session) -> None:
    assert session.scalars(select(Asked).where(Asked.number == 1)).all() == []


def _exposed(session: Session) -> int:
    return len(session._work.exposed)  # pyright: ignore[reportPrivateUsage]


# --- the same is seen as by comparing all of it ---------------------------------------------------------


class Forgetful(Exposure):
    """Notes nothing, so that every document is compared at every look."""

    __slots__ = ()

    def note(self, document: Document, look: Look | None) -> None:
        pass


class Undo(Exception):
    """What a block raises to be undone."""


PARTS: dict[str, Callable[[Coat], Any]] = {
    "tags": lambda coat: coat.tags,
    "numbers": lambda coat: coat.numbers,
    "prices": lambda coat: coat.prices,
    "labels": lambda coat: coat.labels,
    "rows": lambda coat: coat.rows,
    "row": lambda coat: coat.rows[0] if coat.rows else coat.rows,
    "size": lambda coat: coat.size,
    "steps": lambda coat: coat.size.steps,
    "sizes": lambda coat: coat.sizes,
    "one of sizes": lambda coat: coat.sizes[0],
    "others": lambda coat: coat.others,
}


def _replace(numbers: list[Any]) -> None:
    """Put an equal number of another class in the place of one."""
    following: dict[Any, Any] = {int: float, float: bool, bool: int}
    for place, value in enumerate(numbers):
        if type(value) in following and value in (0, 1):
            numbers[place] = following[type(value)](value)


def _turn(values: dict[str, float]) -> None:
    for name in list(values)[:1]:
        values[name] = values.pop(name)


CHANGES: dict[str, list[Callable[[Any], object]]] = {
    "tags": [lambda part: part.append("t"), lambda part: part.reverse(), lambda part: part.clear()],
    "numbers": [_replace, lambda part: part.append(1), lambda part: part.append([True])],
    "prices": [_turn, lambda part: part.update(gbp=3.0), lambda part: part.pop("gbp", None)],
    "labels": [lambda part: part.add("z"), lambda part: part.discard("z")],
    "rows": [lambda part: part.append([9]), lambda part: part.sort()],
    "row": [lambda part: part.append(3), lambda part: part.clear()],
    "size": [lambda part: setattr(part, "unit", "mm"), lambda part: setattr(part, "unit", "cm")],
    "steps": [lambda part: part.append(5), lambda part: part.clear()],
    "sizes": [lambda part: part.append(Size()), lambda part: part.reverse()],
    "one of sizes": [lambda part: setattr(part, "unit", "in"), lambda part: part.steps.append(1)],
    "others": [lambda part: part.append(Link[Coat]("kept_coats/c001")), lambda part: part.reverse()],
}


class Program:
    """A session, and what its caller keeps of the documents in it."""

    def __init__(self, session: Session, looks: Exposure) -> None:
        self.session, self.kept = session, dict[tuple[str, str], Any]()
        self.errors: list[str] = []
        session._work.looks = looks  # pyright: ignore[reportPrivateUsage]
        shared = ["s"]
        session.add_all([_coat(number) for number in range(6)])
        session.add_all([_of_tags(f"s{number}", shared) for number in range(2)])
        self.kept["s0", "tags"] = shared
        session.commit()

    def step(self, chosen: Random) -> None:
        """Do one thing that the random numbers say."""
        session, key = self.session, f"c{chosen.randrange(6):03}"
        name = chosen.choice(sorted(PARTS))
        place, other = chosen.randrange(3), chosen.randrange(8)
        held = sorted(self.kept)
        coat = session.get(Coat, key)
        kind = chosen.choice("kkkkccccccccdqqfmrsatelx")
        if kind == "k" and coat is not None:
            self.kept[key, name] = PARTS[name](coat)
        elif kind == "c" and held:
            of = held[other % len(held)]
            changes = CHANGES[of[1]]
            changes[place % len(changes)](self.kept[of])
        elif kind == "d" and held:
            del self.kept[held[other % len(held)]]
        elif kind == "a" and coat is not None:
            coat.tags, coat.note = ["n"], "x"
        elif kind == "t" and coat is not None and held:
            tags = [of for of in held if of[1] == "tags"]
            coat.tags = self.kept[tags[other % len(tags)]] if tags else []
        elif kind == "e" and coat is not None:
            session.refresh(coat)
        elif kind == "l" and coat is not None and place == 0:
            session.delete(coat)
        elif kind == "x" and coat is not None and place == 0:
            session.expunge(coat)
        elif kind == "s":
            with suppress(Undo), session.begin_nested():
                if held:
                    CHANGES[held[0][1]][0](self.kept[held[0]])
                if place:
                    raise Undo
        elif kind in "qfmr":
            {"q": _ask, "f": Session.flush, "m": Session.commit, "r": Session.rollback}[kind](session)

    def told(self) -> list[Any]:
        """Return what the session says of its documents."""
        dirty = sorted(document.key for document in self.session.dirty)
        return [dirty, sorted(self.kept), self.errors, _exposed(self.session)]

    def stored(self) -> list[Any]:
        """Return what is stored of them, and what they hold."""
        rows = self.session.execute(select(Coat.key, Coat.tags, Coat.numbers, Coat.prices, Coat.size)).all()
        coats = self.session.scalars(select(Coat).order_by(Coat.key)).all()
        held = [(coat.model_dump(exclude={"labels"}), sorted(coat.labels)) for coat in coats]
        return [sorted(map(repr, rows)), repr(held)]


@pytest.mark.parametrize("seed", range(24))
def test_a_session_sees_the_same_of_what_is_kept_as_by_comparing_whole_documents(seed: int) -> None:
    with _engine() as one, _engine() as other, Session(one) as session, Session(other) as slow:
        programs = (Program(session, Exposure()), Program(slow, Forgetful()))
        for number in range(60):
            for program in programs:
                try:
                    program.step(Random(1000 * seed + number))
                except SolidbError as error:
                    program.errors.append(type(error).__name__)
            fast, whole = (program.told() for program in programs)
            assert fast == whole, number
        for program in programs:
            program.session.commit()
        fast, whole = (program.stored() for program in programs)
        assert fast == whole


# --- each look is cheap ----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["tags", "numbers", "prices", "labels"])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_query_costs_hardly_more_however_many_parts_are_kept(what: str, is_read: bool) -> None:
    costs: list[int] = []
    for count in (10, 160):
        with _engine() as engine, Session(engine) as session:
            coats = [_coat(number) for number in range(160)]
            kept = [PARTS[what](coat) for coat in coats[:count]]
            session.add_all(coats)
            session.commit()
            if is_read:
                kept.clear()
                session.expunge_all()
                kept += [PARTS[what](coat) for coat in session.scalars(select(Coat).limit(count))]
            del coats
            for _ in range(3):
                _ask(session)
            assert _exposed(session) == len(kept) == count
            costs.append(calls_of(lambda: _ask(session)))
    few, many = costs
    assert many <= 1.2 * few, f"{few:,} calls with 10 kept, {many:,} with 160"


def test_a_query_costs_the_same_however_many_parts_are_kept_of_another_collection(engine: Engine) -> None:
    costs: list[int] = []
    engine.create_all(Coat, Asked)
    with Session(engine) as session:
        session.add_all([_coat(number) for number in range(160)])
        session.commit()
    for count in (10, 160):
        with Session(engine) as session:
            kept = [(coat.tags, coat.labels) for coat in session.scalars(select(Coat).limit(count))]
            for _ in range(3):
                _ask(session)
            costs.append(calls_of(lambda: _ask(session)))
            kept[3][0].append("x")
            assert [document.tags for document in session.dirty] == [["a", "b", "x"]]
    few, many = costs
    assert many <= 1.2 * few, f"{few:,} calls with 10 kept, {many:,} with 160"


def test_a_list_that_new_documents_share_is_not_compared_with_each() -> None:
    costs: list[int] = []
    for count in (10, 160):
        shared = ["a"]
        with _engine() as engine, Session(engine) as session:
            coats = [_of_tags(f"c{number:03}", shared) for number in range(count)]
            session.add_all(coats)
            session.commit()
            for _ in range(3):
                _ask(session)
            costs.append(calls_of(lambda: _ask(session)))
            shared.append("b")
            assert len(session.dirty) == count
            del coats
    few, many = costs
    assert many <= 1.2 * few, f"{few:,} calls with 10 documents, {many:,} with 160"


def test_a_change_of_one_part_costs_the_same_however_many_are_kept() -> None:
    costs: list[int] = []
    for count in (10, 160):
        with _engine() as engine, Session(engine) as session:
            session.add_all([_coat(number) for number in range(count)])
            session.commit()
            kept = [coat.tags for coat in session.scalars(select(Coat))]

            def work(kept: list[list[str]] = kept, session: Session = session) -> None:
                kept[7].append("x")
                _ask(session)

            for _ in range(3):
                work()
            costs.append(calls_of(work))
    few, many = costs
    assert many <= 1.2 * few, f"{few:,} calls with 10 kept, {many:,} with 160"


@pytest.mark.parametrize("what", ["size", "others", "row"])
def test_what_has_to_be_compared_whole_is_not_looked_through_each_time(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _engine() as engine, Session(engine) as session:
        coat = _kept_of_one(session)
        kept = PARTS[what](coat)
        for _ in range(3):
            _ask(session)
        with monkeypatch.context() as patch:
            patch.delattr(exposure, "held_fields")
            _ask(session)
            assert session.dirty == []
        CHANGES[what][0](kept)
        assert session.dirty == [coat]
        del kept
        session.commit()
        tags = coat.tags
        for _ in range(3):
            _ask(session)
        tags.append("c")
        assert session.dirty == [coat]


# --- and nothing is missed -------------------------------------------------------------------------------


def _kept_of_one(session: Session) -> Coat:
    session.add(coat := _coat(1))
    session.commit()
    return coat


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, True), (1, 1.0), (True, 1), ("1", 1), (2**53, float(2**53))],
)
def test_values_that_are_equal_and_not_the_same_are_told_apart(before: Any, after: Any) -> None:
    with _engine() as engine, Session(engine) as session:
        coat = _kept_of_one(session)
        numbers = coat.numbers
        numbers[:] = [before]
        session.commit()
        for _ in range(3):
            _ask(session)
        assert session.dirty == []
        numbers[0] = after
        assert session.dirty == [coat]


def test_a_second_part_that_is_kept_later_is_seen_too() -> None:
    with _engine() as engine, Session(engine) as session:
        coat = _kept_of_one(session)
        tags = coat.tags
        for _ in range(3):
            _ask(session)
        prices = coat.prices
        for _ in range(3):
            _ask(session)
        prices["eur"] = 7.0
        assert session.dirty == [coat]
        session.commit()
        tags.append("c")
        assert session.dirty == [coat]


def test_a_document_of_which_nobody_keeps_a_part_any_more_is_let_go_of() -> None:
    with _engine() as engine, Session(engine) as session:
        session.add_all([_coat(number) for number in range(30)])
        session.commit()
        kept = [coat.tags for coat in session.scalars(select(Coat))]
        for _ in range(3):
            _ask(session)
        assert _exposed(session) == 30
        del kept[10:]
        _ask(session)
        assert _exposed(session) == 10
        kept.clear()
        _ask(session)
        assert _exposed(session) == 0


def test_a_change_that_comes_while_a_document_is_compared_is_seen_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _engine() as engine, Session(engine) as session:
        coat = _kept_of_one(session)
        tags = coat.tags
        for _ in range(2):
            _ask(session)
        compare = members.document_difference

        def changed_after(*arguments: Any) -> Any:
            try:
                return compare(*arguments)
            finally:
                tags.append("late")

        with monkeypatch.context() as patch:
            patch.setattr(members, "document_difference", changed_after)
            session._work.looks.clear()  # pyright: ignore[reportPrivateUsage]
            assert session.dirty == []
        assert session.dirty == [coat]


def test_what_is_written_in_another_way_than_its_values_say_is_compared_each_time() -> None:
    with _engine() as engine, Session(engine) as session:
        session.add(summed := Summed(numbers=[1]))
        session.add(coat := _coat(1))
        session.commit()
        numbers, tags, sizes = summed.numbers, coat.tags, coat.sizes
        assert look_at(summed) is None
        assert look_at(coat) is None
        del sizes
        look = look_at(coat)
        assert look is not None
        assert (look.fields, look.body) == (("tags",), state_of(coat).body)
        assert (numbers, tags) == ([1], ["a", "b"])
