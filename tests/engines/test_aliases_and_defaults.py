"""What was set is written, also by those who hold a part of a document; what only reading made is not."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, FutureDatetime, computed_field, model_validator

from solidb_odm import Document, Engine, Session, create_engine, sdbql, select
from solidb_odm.errors import InvalidDocument, SchemaViolation, StaleDocumentError, StateError
from tests.garbage import collect_garbage
from tests.sizes import examples


@dataclass
class Point:
    x: int = 0
    tags: list[str] = field(default_factory=list)


class Theme(BaseModel):
    name: str = ""
    colours: list[str] = []
    more: dict[str, list[int]] = {}


class Home(Document, collection="homes"):
    theme: Theme = Theme()
    themes: list[Theme] = []
    by_name: dict[str, Theme] = {}
    pair: tuple[list[int], int] = ([], 0)
    labels: set[str] = set()
    point: Point = Point()
    anything: Any = None


HELD: dict[str, Callable[[Home], Any]] = {
    "embedded": lambda home: home.theme,
    "attributes of embedded": lambda home: vars(home.theme),
    "list in embedded": lambda home: home.theme.colours,
    "list in dict in embedded": lambda home: home.theme.more["a"],
    "element": lambda home: home.themes[0],
    "list": lambda home: home.themes,
    "method of a list": lambda home: home.theme.colours.append,
    "values of a dict": lambda home: home.by_name.values(),
    "part of a tuple": lambda home: home.pair[0],
    "set": lambda home: home.labels,
    "dataclass": lambda home: home.point,
    "list in a dataclass": lambda home: home.point.tags,
    "anything": lambda home: home.anything["deep"],
}


def change(held: Any, value: str) -> None:
    """Change what is held, whatever it is."""
    if isinstance(held, Theme):
        held.name = value
    elif isinstance(held, Point):
        held.x = len(value)
    elif isinstance(held, dict):
        held["name"] = value
    elif isinstance(held, set):
        held.add(value)
    elif isinstance(held, list):
        makes = {Theme: Theme, str: str, int: len}[type(held[0])]
        held.append(makes(name=value) if makes is Theme else makes(value))
    elif callable(held):
        held(value)
    else:
        next(iter(held)).name = value


def whole_home() -> Home:
    return Home(
        theme=Theme(colours=["red"], more={"a": [1]}),
        themes=[Theme()],
        by_name={"t": Theme()},
        pair=([1], 2),
        labels={"x"},
        point=Point(1, ["p"]),
        anything={"deep": [1]},
    )


@pytest.mark.parametrize("what", HELD)
@pytest.mark.parametrize("how", ["made", "read"])
def test_a_part_that_is_held_past_a_commit_is_written_at_the_next(
    engine: Engine, what: str, how: str
) -> None:
    engine.create_all(Home)
    with Session(engine) as session:
        home = whole_home()
        key = home.key
        session.add(home)
        if how == "read":
            session.commit()
            session.expunge_all()
            home = session.get_one(Home, key)
        held = HELD[what](home)
        del home
        expected = []
        for value in ("one", "second"):
            change(held, value)
            session.commit()
            gc.collect()
            with Session(engine) as other:
                expected.append(other.get_one(Home, key).model_dump())
        assert expected[0] != expected[1]
        assert session.get_one(Home, key).model_dump() == expected[1]


def test_documents_nobody_holds_a_part_of_are_let_go(engine: Engine) -> None:
    engine.create_all(Home)
    with Session(engine) as session:
        session.add(home := whole_home())
        session.commit()
        home.themes[0].name = "t"
        session.commit()
        key = home.key
        del home
        assert list(session) == []
        assert len(session.get_one(Home, key).themes) == 1  # read, and nothing kept
        session.commit()
        assert list(session) == []


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(HELD)), st.booleans(), st.booleans()), max_size=8))
def test_aliases_law(steps: list[tuple[str, bool, bool]]) -> None:
    """After a commit what is stored is what the caller's objects hold, whatever was held or dropped."""
    with create_engine("sqlite://") as engine, Session(engine) as session:
        home = whole_home()
        session.add(home)
        session.commit()
        key, mirror, held = home.key, pickle.loads(pickle.dumps(home)), {}
        del home
        for number, (what, commits, drops) in enumerate(steps):
            if what not in held:
                held[what] = HELD[what](session.get_one(Home, key))
                held[what, "mirror"] = HELD[what](mirror)
            change(held[what], f"v{number}")
            change(held[what, "mirror"], f"v{number}")
            if commits:
                session.commit()
            if drops:
                held.pop(what), held.pop((what, "mirror"))
        session.commit()
        with Session(engine) as other:
            assert other.get_one(Home, key).model_dump() == mirror.model_dump()


def test_a_rollback_restores_what_was_set_before_a_deletion_was_flushed(engine: Engine) -> None:
    engine.create_all(Home, Old)
    with Session(engine) as session:
        session.add(old := Old(title="a"))
        session.commit()
        old.title = "b"
        session.delete(old)
        session.flush()
        session.rollback()
        assert (old.title, session.get(Old, old.key), session.dirty) == ("a", old, [])


# --- what reading made up -------------------------------------------------------------------------


class Inner(BaseModel):
    flag: bool = False
    made: UUID = Field(default_factory=uuid4)


class Old(Document, collection="olds"):
    title: str = ""
    train: bool = False
    age: int = 0
    born: datetime | None = None
    tags: list[str] = []
    inner: Inner | None = None
    seen: datetime = Field(default_factory=lambda: datetime.now(UTC))

    @computed_field
    @property
    def now(self) -> datetime:
        return datetime.now(UTC)


def put(engine: Engine, text: str) -> None:
    engine.create_all(Old)
    with Session(engine) as session:
        session.execute(sdbql(f"INSERT {text} INTO olds"))
        session.commit()


def raw(engine: Engine) -> dict[str, Any]:
    with Session(engine) as session:
        row: Any = session.scalars(sdbql("FOR o IN olds RETURN o")).one()
        return {name: value for name, value in row.items() if not name.startswith("_")}


def test_reading_writes_nothing(engine: Engine) -> None:
    put(engine, "{_key: 'o', title: 't', tags: ['a'], inner: {flag: true}}")
    with Session(engine) as session:
        old = session.get_one(Old, "o")
        revision = old.rev
        assert [*old.tags, old.inner, old.seen, old.now, repr(old), old.model_dump()]
        assert session.dirty == []
        session.commit()
        assert old.rev == revision
    assert raw(engine) == {"title": "t", "tags": ["a"], "inner": {"flag": True}}


@pytest.mark.parametrize("way", ["assigned", "merged"])
def test_an_assigned_default_is_written(engine: Engine, way: str) -> None:
    put(engine, "{_key: 'o', title: 't'}")
    with Session(engine) as session:
        old = session.get_one(Old, "o")
        if way == "assigned":
            old.train = False
            old.tags = []
        else:
            session.merge(Old(key="o", title="t", train=False, tags=[]))
        session.commit()
        assert session.scalars(select(Old.key).where(Old.train == False)).all() == ["o"]  # noqa: E712
    stored = raw(engine)
    assert stored.pop("now")
    assert stored == {"title": "t", "train": False, "tags": []}


def test_an_assigned_coercion_is_written(engine: Engine) -> None:
    put(engine, "{_key: 'o', age: '41', born: '2020-01-01T02:00:00+02:00'}")
    with Session(engine) as session:
        old = session.get_one(Old, "o")
        old.age = int(old.age)
        old.born = old.born
        session.commit()
        assert session.scalars(select(Old.key).where(Old.age > 40)).all() == ["o"]
    assert raw(engine)["born"] == "2020-01-01T00:00:00+00:00"


def test_a_default_that_is_assigned_in_an_embedded_model_is_written(engine: Engine) -> None:
    put(engine, "{_key: 'o', inner: {made: '00000000-0000-0000-0000-000000000001'}}")
    with Session(engine) as session:
        inner = session.get_one(Old, "o").inner
        assert inner is not None
        session.commit()
        assert "flag" not in raw(engine)["inner"]
        inner.flag = False
        session.commit()
    assert raw(engine)["inner"]["flag"] is False


def test_an_unsent_assignment_is_sent_after_a_commit_that_failed(engine: Engine) -> None:
    put(engine, "{_key: 'o', title: 't'}")
    with Session(engine) as session:
        old = session.get_one(Old, "o")
        old.train = False
        with Session(engine) as other:
            other.get_one(Old, "o").title = "other"
            other.commit()
        with pytest.raises(StaleDocumentError):
            session.commit()
        session.rebase(old)
        session.commit()
    stored = raw(engine)
    assert (stored["title"], stored["train"]) == ("other", False)
    assert "seen" not in stored


def test_a_rollback_forgets_what_was_assigned(engine: Engine) -> None:
    put(engine, "{_key: 'o', title: 't'}")
    with Session(engine) as session:
        old = session.get_one(Old, "o")
        with session.begin_nested():
            old.train = False
        with suppress(ZeroDivisionError), session.begin_nested():
            old.age = 0
            raise ZeroDivisionError
        session.commit()
        assert raw(engine)["train"] is False
        assert "age" not in raw(engine)
        old.age = 0
        session.rollback()
        session.commit()
    assert "age" not in raw(engine)


class Total(Document, collection="totals"):
    parts: list[int] = []

    @computed_field
    @cached_property
    def total(self) -> int:
        return sum(self.parts)


def test_a_computed_field_that_keeps_its_value_is_stored_anew(engine: Engine) -> None:
    engine.create_all(Total)
    with Session(engine) as session:
        session.add(total := Total(parts=[1]))
        session.commit()
        assert total.total == 1
        total.parts.append(2)
        session.commit()
        assert total.total == 3
        assert session.scalars(select(Total.total)).all() == [3]


# --- taking back ---------------------------------------------------------------------------------


class Job(Document, collection="jobs"):
    at: FutureDatetime
    n: int = 0


def test_what_is_valid_for_a_time_only_is_read_and_taken_back_after_it(engine: Engine) -> None:
    engine.create_all(Job)
    with Session(engine) as session:
        jobs = [Job(at=datetime.now(UTC) + timedelta(seconds=0.2)) for _ in range(3)]
        session.add_all(jobs)
        session.commit()
        while datetime.now(UTC) < jobs[-1].at:
            pass
        for job in jobs:
            job.n = 9
        assert len(session.dirty) == 3
        session.rollback()
        assert [job.n for job in jobs] == [0, 0, 0]
        jobs[0].n = 1
        session.commit()
        session.expire(*jobs)
        assert session.get_one(Job, jobs[0].key).n == 1


strict_now = False


class Picky(Document, collection="pickies"):
    n: int = 0
    other: list[int] = []

    @model_validator(mode="after")
    def even(self) -> Picky:
        if strict_now and self.n % 2:
            raise ValueError("odd")
        return self


def test_a_rollback_goes_on_where_a_stored_form_no_longer_validates(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.create_all(Picky)
    with Session(engine) as session:
        documents = [Picky(n=1, other=[1]) for _ in range(3)]
        session.add_all(documents)
        session.commit()
        monkeypatch.setattr(f"{__name__}.strict_now", True)
        for each in documents:
            each.n = 9
            each.other.append(2)
        assert all(map(session.is_modified, documents))
        session.rollback()
        assert [(each.n, each.other) for each in documents] == [(1, [1])] * 3
        documents[0].n = 5
        session.expire(documents[0])
        assert documents[0].n == 1


# --- merging -------------------------------------------------------------------------------------


class Span(Document, collection="spans"):
    model_config = ConfigDict(validate_assignment=True)
    start: int
    end: int

    @model_validator(mode="after")
    def ordered(self) -> Span:
        if self.start >= self.end:
            raise ValueError("start must be before end")
        return self


class Half(Document, collection="halves"):
    name: str
    fixed: str = Field(frozen=True)


class Loose(Document, collection="merged_loose"):
    a: Any = None
    d: Decimal = Decimal(0)


def test_a_merge_takes_all_values_at_once_and_tells_equal_values_apart(engine: Engine) -> None:
    engine.create_all(Span, Loose)
    with Session(engine) as session:
        session.add_all([Span(key="k", start=1, end=2), Loose(key="k", a=1, d=Decimal("1.0"))])
        session.commit()
        merged = session.merge(Span(key="k", start=5, end=6))
        assert (merged.start, merged.end) == (5, 6)
        session.merge(Loose(key="k", a=True, d=Decimal("1.00")))
        session.commit()
    with Session(engine) as session:
        loose = session.get_one(Loose, "k")
        assert loose.a is True
        assert str(loose.d) == "1.00"


def test_a_merge_that_can_not_be_leaves_everything_as_it_was(engine: Engine) -> None:
    engine.create_all(Half, Span)
    with Session(engine) as session:
        session.add_all([Half(key="k", name="n", fixed="f"), Span(key="k", start=1, end=2)])
        session.commit()
        with pytest.raises(InvalidDocument, match="'fixed' is frozen"):
            session.merge(Half(key="k", name="other", fixed="g"))
        with pytest.raises(SchemaViolation, match="start must be before end"):
            session.merge(Span.model_construct({"start"}, key="k", start=7, end=8))
        assert session.dirty == []
        assert session.get_one(Half, "k").name == "n"
        assert session.get_one(Span, "k").start == 1


# --- moves ---------------------------------------------------------------------------------------


def test_a_document_that_was_deleted_for_good_is_not_added_again(engine: Engine) -> None:
    engine.create_all(Half)
    with Session(engine) as session:
        session.add(half := Half(key="k", name="n", fixed="f"))
        session.commit()
        session.delete(half)
        session.commit()
        with pytest.raises(StateError, match="was deleted"):
            session.add(half)
        session.add(half.model_copy())
        session.commit()
        assert session.get_one(Half, "k") is not half


def test_a_deletion_that_was_undone_leaves_the_document_in_the_session(engine: Engine) -> None:
    engine.create_all(Half)
    with Session(engine) as session:
        session.add(half := Half(key="k", name="n", fixed="f"))
        session.commit()
        session.delete(half)
        session.flush()
        session.rollback()
        half.name = "other"
        session.commit()
        assert session.get_one(Half, "k") is half


def test_a_pickled_document_knows_its_revision_and_what_was_set(engine: Engine) -> None:
    engine.create_all(Half)
    with Session(engine) as session:
        session.add(half := Half(key="k", name="n", fixed="f"))
        session.commit()
        half.name = "changed"
        again: Half = pickle.loads(pickle.dumps(half))
        assert again.rev == half.rev
        half.name = "first"
        session.commit()
    with Session(engine) as session:
        session.add(again)
        assert session.dirty == [again]
        with pytest.raises(StaleDocumentError):
            session.commit()


def test_documents_of_a_session_that_is_gone_can_join_another(engine: Engine) -> None:
    engine.create_all(Half)
    session = Session(engine)
    session.add(half := Half(key="k", name="n", fixed="f"))
    session.commit()
    del session
    collect_garbage()
    with Session(engine) as other:
        other.add(half)
        half.name = "changed"
        other.commit()
    with Session(engine) as other:
        assert other.get_one(Half, "k").name == "changed"


@given(st.lists(st.sampled_from(["look", "hold", "change", "assign", "ask", "commit"]), max_size=12))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
def test_a_question_after_a_look_is_answered_by_what_was_changed_since(steps: list[str]) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        session.add(Home(key="h", labels={"a"}, themes=[Theme(name="one")]))
        session.commit()
        home, held, expected = session.get_one(Home, "h"), list[Any](), {"a"}
        for number, step in enumerate(["look", "ask", *steps, "ask"]):
            if step == "hold":
                held.append(home.labels)
            elif step == "change":
                (held[-1] if held and held[-1] is vars(home)["labels"] else home.labels).add(str(number))
                expected = expected | {str(number)}
            elif step == "assign":
                expected = {str(number)}
                home.labels = {*expected}
            elif step == "commit":
                session.commit()
            elif step == "ask":
                found = session.execute(select(Home.labels).where(Home.key == "h")).all()
                assert found == [expected]
            else:
                assert home.labels == expected


def test_questions_after_looks_ask_nothing_else_of_the_engine(engine: Engine) -> None:
    with Session(engine) as session:
        session.add_all([Home(key=key, themes=[Theme(name=key)]) for key in "abc"])
        session.commit()
        homes = session.scalars(select(Home)).all()
        session.statistics.reset()
        for home in homes:
            assert home.themes[0].name == home.key
            assert session.scalars(select(Home).where(Home.key == home.key)).all() == [home]
        assert session.statistics.by_command == {"FetchDocuments": 3}
        homes[0].themes.append(Theme(name="new"))
        assert session.dirty == [homes[0]]


def test_a_flush_that_nothing_comes_of_is_heard_of_all_the_same(engine: Engine) -> None:
    heard: list[str] = []
    with Session(engine) as session:
        session.add(Home(key="h"))
        session.commit()
        session.on("before_flush", lambda _session: heard.append("flush"))
        assert session.get_one(Home, "h").themes == []
        session.scalars(select(Home)).all()
    assert heard == (["flush"] if engine.capabilities.interactive_transactions else [])
