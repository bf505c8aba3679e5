"""Unique indexes for some of the documents: those not marked as deleted, or with given values."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, TypeVar

import pytest

from solidb_odm import Document, Engine, Index, Session, SoftDelete, create_engine, delete, select, upsert
from solidb_odm.commands import CreateIndex, DescribeCollection, DropIndex, IndexSpec, call
from solidb_odm.errors import (
    DeclarationError,
    IndexNotFound,
    NotSupportedByServerError,
    UniqueViolation,
)
from tools.server import LocalServer


class Member(SoftDelete, Document, collection="unique_members"):
    email: Annotated[str | None, Index(unique=True)] = None
    city: str = ""
    nick: str = ""

    class Settings:
        indexes = [Index("city", "nick", unique=True)]


class Officer(Member):
    rank: Annotated[int | None, Index(unique=True)] = None


class State(Enum):
    OPEN = "open"
    SHUT = "shut"


class Ticket(Document, collection="tickets"):
    seat: Annotated[str, Index(unique=True, where={"state": State.OPEN})]
    state: State = State.OPEN
    is_paid: bool = False

    class Settings:
        indexes = [Index("seat", unique=True, where={"is_paid": True}, name="paid")]


M = TypeVar("M", bound=Member)


def commit(engine: Engine, *documents: Document) -> None:
    with Session(engine) as session:
        session.add_all(documents)
        session.commit()


def held(session: Session, model: type[M], key: str) -> M:
    return session.scalars(select(model).where(model.key == key).with_deleted()).one()


def drop(engine: Engine, model: type[Document], key: str) -> None:
    with Session(engine) as session:
        session.delete(session.get_one(model, key))
        session.commit()


# --- documents that are marked as deleted ---------------------------------------------------------


@pytest.mark.parametrize("model", [Member, Officer])
def test_the_unique_values_of_a_deleted_document_are_free(engine: Engine, model: type[Member]) -> None:
    engine.create_all(Member, Officer)
    commit(engine, model(key="a", email="x", nick="n"))
    drop(engine, model, "a")
    commit(engine, model(key="b", email="x", nick="n"))
    drop(engine, model, "b")
    commit(engine, model(key="c", email="x", nick="n"))
    with pytest.raises(UniqueViolation) as caught:
        commit(engine, Member(key="d", email="x"))
    assert (caught.value.index, caught.value.fields) == ("email_idx", ("email",))
    with Session(engine) as session:
        assert [each.key for each in session.scalars(select(Member).where(Member.email == "x"))] == ["c"]


def test_fields_of_a_subclass_are_freed_too(engine: Engine) -> None:
    engine.create_all(Member, Officer)
    commit(engine, Officer(key="a", rank=1, nick="a"))
    drop(engine, Officer, "a")
    commit(engine, Officer(key="b", rank=1, nick="b"))
    with pytest.raises(UniqueViolation):
        commit(engine, Officer(key="c", rank=1, nick="c"))


def test_a_document_cannot_come_back_to_a_value_that_is_taken(engine: Engine) -> None:
    engine.create_all(Member)
    commit(engine, Member(key="a", email="x", nick="a"))
    drop(engine, Member, "a")
    commit(engine, Member(key="b", email="x", nick="b"))
    with Session(engine) as session:
        held(session, Member, "a").deleted_at = None
        with pytest.raises(UniqueViolation):
            session.commit()


def test_documents_without_a_value_can_be_deleted_together(engine: Engine) -> None:
    engine.create_all(Member)
    commit(engine, *(Member(key=key, nick=key) for key in "abc"))
    with Session(engine) as session:
        for member in session.scalars(select(Member)).all():
            session.delete(member)
        session.commit()
        assert session.scalars(select(Member)).all() == []
        assert len(session.scalars(select(Member).with_deleted()).all()) == 3


def test_a_value_that_is_given_up_in_a_commit_can_be_taken_in_the_next(engine: Engine) -> None:
    engine.create_all(Member)
    commit(engine, Member(key="a", email="x", nick="a"))
    with Session(engine) as session:
        session.delete(session.get_one(Member, "a"))
        session.add(Member(key="b", email="x", nick="b"))
        if engine.capabilities.interactive_transactions:
            session.commit()
            return
        with pytest.raises(UniqueViolation, match=r"unique_members/a gives up in the same commit"):
            session.commit()


def test_all_documents_count_where_that_is_said(engine: Engine) -> None:
    class Code(SoftDelete, Document, collection="unique_codes"):
        code: Annotated[str, Index(unique=True, where={})]

    commit(engine, Code(key="a", code="x"))
    drop(engine, Code, "a")
    with pytest.raises(UniqueViolation):
        commit(engine, Code(key="b", code="x"))


def test_a_class_that_marks_and_its_parent_that_does_not_share_an_index(engine: Engine) -> None:
    class Base(Document, collection="unique_bases"):
        code: Annotated[str, Index(unique=True)]

    class Marked(SoftDelete, Base):
        pass

    commit(engine, Base(key="a", code="x"), Marked(key="b", code="y"))
    drop(engine, Marked, "b")
    commit(engine, Base(key="c", code="y"))
    with pytest.raises(UniqueViolation):
        commit(engine, Base(key="d", code="x"))


# --- upsert ----------------------------------------------------------------------------------------


def test_an_upsert_by_a_unique_field_passes_by_what_is_deleted(engine: Engine) -> None:
    engine.create_all(Member)
    commit(engine, Member(key="a", email="x", nick="old"))
    drop(engine, Member, "a")
    with Session(engine) as session:
        session.execute(upsert(Member).on(Member.email).values(email="x", nick="new"))
        session.execute(upsert(Member).on(Member.email).values(email="x", nick="newer"))
        session.commit()
        assert [each.nick for each in session.scalars(select(Member))] == ["newer"]
        assert held(session, Member, "a").nick == "old"


@pytest.mark.parametrize(
    "row", [{"key": "a", "nick": "new"}, Member(key="a", nick="new")], ids=["dict", "document"]
)
def test_an_upsert_of_a_deleted_key_stores_it_anew(engine: Engine, row: Any) -> None:
    engine.create_all(Member)
    commit(engine, Member(key="a", email="x", nick="old"), Member(key="b", email="y", nick="b"))
    drop(engine, Member, "a")
    with Session(engine) as session:
        session.execute(upsert(Member).values([row, {"key": "b", "city": "Rome"}]))
        session.commit()
        again, other = session.get_one(Member, "a"), session.get_one(Member, "b")
        assert (again.email, again.nick, again.deleted_at) == (None, "new", None)
        assert (other.email, other.city) == ("y", "Rome")


# --- conditions of one's own -----------------------------------------------------------------------


def test_values_are_unique_among_the_documents_of_a_condition() -> None:
    with create_engine("sqlite://") as engine:
        engine.create_all(Ticket)
        commit(engine, Ticket(key="a", seat="1A"), Ticket(key="b", seat="1A", state=State.SHUT))
        commit(engine, Ticket(key="c", seat="1A", state=State.SHUT))
        with pytest.raises(UniqueViolation):
            commit(engine, Ticket(key="d", seat="1A"))
        with Session(engine) as session:
            session.get_one(Ticket, "b").is_paid = True
            session.commit()
            session.get_one(Ticket, "c").is_paid = True
            with pytest.raises(UniqueViolation) as caught:
                session.commit()
            assert caught.value.index == "paid"
            session.rollback()
            assert len(session.scalars(select(Ticket).where(Ticket.seat == "1A")).all()) == 3


@pytest.mark.server
@pytest.mark.parametrize("keys", ["ab", "ba"])
def test_a_value_passes_on_by_what_it_is_unique_among(keys: str) -> None:
    with create_engine("sqlite://") as engine:
        first, second = keys
        commit(engine, Ticket(key=first, seat="1"), Ticket(key=second, seat="1", state=State.SHUT))
        with Session(engine) as session:
            session.get_one(Ticket, first).state = State.SHUT
            session.get_one(Ticket, second).state = State.OPEN
            session.commit()
        with Session(engine) as session:
            assert session.get_one(Ticket, second).state is State.OPEN


def test_a_server_refuses_what_it_has_no_index_for(server: LocalServer, database: str) -> None:
    with (
        create_engine(server.url(database)) as engine,
        pytest.raises(NotSupportedByServerError, match="computed field"),
    ):
        engine.create_all(Ticket)


def test_an_index_for_some_documents_is_described_and_dropped(engine: Engine) -> None:
    engine.create_all(Member)
    index = IndexSpec("email_idx", "persistent", ("email",), unique=True, where=(("deleted_at", None),))
    described = engine.run(call(DescribeCollection("unique_members")))
    assert described is not None
    assert index in described.indexes
    engine.create_all(Member)
    engine.run(call(DropIndex("unique_members", index)))
    with pytest.raises(IndexNotFound):
        engine.run(call(DropIndex("unique_members", index)))
    commit(engine, Member(key="a", email="x", nick="a"), Member(key="b", email="x", nick="b"))
    with pytest.raises(UniqueViolation):
        engine.run(call(CreateIndex("unique_members", index)))
    drop(engine, Member, "b")
    engine.run(call(CreateIndex("unique_members", index)))


def test_an_index_for_some_documents_is_json_and_back() -> None:
    index = IndexSpec("i", "persistent", ("a",), unique=True, where=(("b", None), ("c.d", "x")))
    assert index.to_json()["where"] == {"b": None, "c.d": "x"}
    assert IndexSpec.from_json(index.to_json()) == index


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Index("a", where={"b": 1}), "not unique"),
        (lambda: Index("a", unique=True, where="b"), "where='b'"),  # type: ignore[arg-type]
        (lambda: _declared({"missing": 1}), "no field 'missing'"),
        (lambda: _declared({"state": "nowhere"}), "no value of the field"),
        (lambda: _declared({"tags": ["x"]}), "stored as"),
        (lambda: _declared({1: 2}), "where="),
    ],
)
def test_a_condition_that_says_nothing_is_refused(make: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        make()


def _declared(where: Any) -> None:
    class Wrong(Document, collection="unique_wrong"):
        a: str
        state: State = State.OPEN
        tags: list[str] = []

        class Settings:
            indexes = [Index("a", unique=True, where=where)]

    assert Wrong


def test_a_statement_that_marks_frees_the_values(engine: Engine) -> None:
    engine.create_all(Member)
    commit(engine, Member(key="a", email="x", nick="a"), Member(key="b", email="y", nick="b"))
    with Session(engine) as session:
        session.execute(delete(Member).where(Member.deleted_at == None))  # noqa: E711
        session.commit()
    commit(engine, Member(key="c", email="x", nick="a"))
    with Session(engine) as session:
        gone = held(session, Member, "a")
        assert gone.deleted_at is not None
        assert gone.deleted_at <= datetime.now(UTC)


def test_a_statement_marks_documents_without_a_unique_value_too(engine: Engine) -> None:
    engine.create_all(Member, Officer)
    commit(
        engine, *(Member(city=str(number), nick="n") for number in range(5)), Member(email="a@x", nick="a")
    )
    with Session(engine) as session:
        assert session.execute(delete(Member).where(Member.city != "4")).rowcount == 5
        assert session.execute(delete(Member).where(Member.city == "none")).rowcount == 0
        session.commit()
        assert session.scalars(select(Member.city)).all() == ["4"]
        moments = session.scalars(select(Member.deleted_at).with_deleted().where(Member.city != "4")).all()
    assert len(set(moments)) == 5
    assert None not in moments


def test_what_a_statement_marks_is_given_back(engine: Engine) -> None:
    engine.create_all(Member, Officer)
    commit(engine, Member(key="a"), Member(key="b", nick="b"))
    with Session(engine) as session:
        found = session.scalars(delete(Member).returning(Member)).all()
        session.commit()
        assert sorted(each.key for each in found) == ["a", "b"]
        assert all(each.deleted_at is not None for each in found)
        assert session.scalars(select(Member)).all() == []
