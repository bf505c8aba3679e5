"""Expired documents are gone for reads at once, before the engine deletes them; on every engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Field,
    Index,
    Link,
    Session,
    SoftDelete,
    TTLIndex,
    create_engine,
    delete,
    func,
    insert,
    k_shortest_paths,
    outgoing,
    sdbql,
    select,
    shortest_path,
    traverse,
    update,
    upsert,
)
from solidb_odm.errors import DocumentNotFound, DuplicateKey, StaleDocumentError, UniqueViolation, UsageError
from solidb_odm.model import expiry
from tools.server import LocalServer

NOW = datetime.now(UTC)
SOON, LATER = NOW + timedelta(hours=2), NOW + timedelta(days=30)
DAY = 86_400
"""When ``ahead(DAY)`` lets a day go by, SOON is over for the library; no engine deletes anything."""


class Life(BaseModel):
    until: datetime | None = Field(default=None, alias="untilWhen")


class Visit(Document, collection="ttl_visits"):
    at: Annotated[datetime | None, TTLIndex(seconds=60)] = None
    end: Annotated[int | None, TTLIndex()] = None
    life: Life = Life()
    number: int = 0

    class Settings:
        indexes = [TTLIndex("life.until", seconds=10)]


class LongVisit(Visit):
    hours: int = 0


class Note(Document, collection="ttl_notes"):
    visit: Link[Visit]


class Led(Edge[Visit, Visit], collection="ttl_led"):
    until: Annotated[datetime | None, TTLIndex()] = None


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Visit, LongVisit, Note, Led)
    with Session(engine) as opened:
        yield opened


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time go on by so many seconds for the library, and not for what deletes documents."""
    return lambda seconds: monkeypatch.setattr(expiry, "now", lambda: time.time() + seconds)


Ahead = Callable[[float], None]


def visits() -> list[Visit]:
    over = [
        Visit(key="a", at=SOON),
        LongVisit(key="b", end=int(SOON.timestamp())),
        Visit(key="c", life=Life.model_validate({"untilWhen": SOON})),
        Visit(key="d", at=SOON.replace(tzinfo=None)),
        Visit(key="e", at=NOW + timedelta(days=1) - timedelta(seconds=600)),
    ]
    lasting = [
        Visit(key="v"),
        Visit(key="w", at=NOW + timedelta(days=2)),
        LongVisit(key="x", end=int(LATER.timestamp()), at=LATER),
        Visit(key="y", life=Life.model_validate({"untilWhen": LATER})),
        Visit(key="z", at=LATER.replace(tzinfo=None)),
    ]
    return [*over, *lasting]


def put(session: Session, *documents: Document) -> None:
    session.add_all(documents)
    session.commit()
    session.expunge_all()


def keys(session: Session) -> str:
    return "".join(session.scalars(select(Visit.key).order_by(Visit.key)).all())


def test_selects_leave_expired_documents_out(session: Session, ahead: Ahead) -> None:
    put(session, *visits())
    ahead(DAY)

    assert keys(session) == "vwxyz"
    assert [each.key for each in session.scalars(select(Visit).order_by(Visit.key))] == list("vwxyz")
    assert session.scalars(select(LongVisit.key)).all() == ["x"]
    assert session.scalar(select(func.count(Visit))) == 5
    assert session.scalar(select(func.count(Visit)).where(Visit.number == 0)) == 5
    assert [row.key for row in session.page(select(Visit).order_by(Visit.key), size=3)] == list("vwx")


def test_get_leaves_expired_documents_out(session: Session, ahead: Ahead) -> None:
    put(session, *visits())
    ahead(DAY)

    assert session.get(Visit, "a") is None
    assert [each and each.key for each in session.get_many(Visit, list("abvx"))] == [None, None, "v", "x"]
    with pytest.raises(DocumentNotFound):
        session.get_one(Visit, "b")


def test_statements_leave_expired_documents_alone(session: Session, ahead: Ahead) -> None:
    put(session, *visits())
    ahead(DAY)

    assert session.execute(update(Visit).values(number=1)).rowcount == 5
    assert session.execute(delete(Visit).where(Visit.number == 1)).rowcount == 5
    session.commit()


def test_a_document_that_expires_while_it_is_held_is_gone(session: Session, ahead: Ahead) -> None:
    put(session, *visits())
    statement = select(Visit.key).order_by(Visit.key)
    held = session.get_one(Visit, "w")
    ahead(DAY)
    assert session.scalars(statement).all() == list("vwxyz")

    ahead(3 * DAY)

    assert session.get(Visit, "w") is None
    assert session.get_many(Visit, ["w"]) == [None]
    assert session.scalars(statement).all() == list("vxyz")
    with pytest.raises(DocumentNotFound, match="expired"):
        session.refresh(held)


def test_a_commit_writes_the_change_of_what_has_expired_unless_it_was_deleted(
    engine: Engine, session: Session, ahead: Ahead
) -> None:
    put(session, Visit(key="v", at=SOON), Visit(key="w", at=SOON))
    kept, gone = session.get_one(Visit, "v"), session.get_one(Visit, "w")
    ahead(DAY)
    kept.number = 5
    session.commit()
    assert session.get(Visit, "v") is None
    kept.at = LATER
    session.commit()
    with Session(engine) as other:
        assert other.get_one(Visit, "v").number == 5

    ahead(-DAY)
    with Session(engine) as other:  # in the place of the engine
        other.delete(other.get_one(Visit, "w"))
        other.commit()
    ahead(DAY)
    gone.number = 5
    with pytest.raises(StaleDocumentError):
        session.commit()


def test_a_change_of_the_time_counts_at_once(session: Session, ahead: Ahead) -> None:
    put(session, *visits())
    first, second = session.get_one(Visit, "v"), session.get_one(Visit, "a")
    first.at, second.at = SOON, LATER
    ahead(DAY)

    assert session.get(Visit, "v") is None
    assert session.get(Visit, "a") is second
    assert keys(session) == "awxyz"


def test_links_and_traversals_do_not_lead_to_expired_documents(session: Session, ahead: Ahead) -> None:
    over, lasting = visits()[0], visits()[-1]
    middle = Visit(key="m")
    put(session, over, lasting, middle, Note(key="1", visit=over), Note(key="2", visit=lasting))
    put(session, Led(middle, over), Led(middle, lasting))
    ahead(DAY)

    first, second = session.get_one(Note, "1"), session.get_one(Note, "2")
    session.load([first, second], Note.visit)
    assert (first.visit.is_loaded, second.visit.value.key) == (False, "z")
    start = session.get_one(Visit, "m")
    assert [each.key for each in session.scalars(traverse(start, Led))] == ["z"]
    near = outgoing(Led)
    session.load([start], near)
    assert [each.key for each in near.of(start)] == ["z"]


def test_expired_edges_are_not_followed(session: Session, ahead: Ahead) -> None:
    put(session, *(Visit(key=key) for key in "abc"))
    put(session, Led("ttl_visits/a", "ttl_visits/b", until=SOON), Led("ttl_visits/a", "ttl_visits/c"))
    ahead(DAY)

    start = session.get_one(Visit, "a")
    assert [each.key for each in session.scalars(traverse(start, Led))] == ["c"]
    assert [each.key for each in session.scalars(traverse(start, Led).where(Visit.number == 0))] == ["c"]


def test_what_is_marked_is_shown_only_until_it_expires(engine: Engine, ahead: Ahead) -> None:
    class Draft(SoftDelete, Document, collection="ttl_drafts"):
        at: Annotated[datetime | None, TTLIndex()] = None

    engine.create_all(Draft)
    with Session(engine) as session:
        put(session, Draft(key="a", at=SOON, deleted_at=SOON), Draft(key="b", at=LATER, deleted_at=SOON))
        ahead(DAY)
        shown = select(Draft).with_deleted().order_by(Draft.key)
        assert [each.key for each in session.scalars(shown)] == ["b"]
        assert session.get(Draft, "a", with_deleted=True) is None
        assert [each.key for each in session.page(shown, size=1)] == ["b"]


def test_the_key_of_an_expired_document_is_free_on_a_file() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        session.execute(insert(Visit).values(key="a", at=NOW - timedelta(days=1)))
        assert session.scalar(sdbql("FOR v IN ttl_visits RETURN v._key")) == "a"
        put(session, Visit(key="a", number=2))
        assert session.get_one(Visit, "a").number == 2


class Road(Edge[Visit, Visit], collection="ttl_roads"):
    length: int = 1


def test_shortest_ways_show_no_expired_documents(engine: Engine, session: Session, ahead: Ahead) -> None:
    engine.create_all(Road)
    put(session, *(Visit(key=key, at=SOON if key == "b" else None) for key in "abc"))
    put(session, Road("ttl_visits/a", "ttl_visits/b"), Road("ttl_visits/b", "ttl_visits/c"))
    ahead(DAY)

    for search in (shortest_path, partial(k_shortest_paths, k=2)):
        plain: Any = search("ttl_visits/a", "ttl_visits/c", Road)
        for statement in (
            plain,
            search("ttl_visits/a", "ttl_visits/c", Road, max_depth=3).follow(Road.length > 0),
        ):
            way = session.scalars(statement).one()
            assert ([each.key for each in way.vertices], way.weight) == (["a", "c"], 2)


def test_shortest_ways_do_not_follow_expired_edges(session: Session, ahead: Ahead) -> None:
    put(session, *(Visit(key=key) for key in "abc"))
    put(session, Led("ttl_visits/a", "ttl_visits/c", until=SOON))
    put(session, Led("ttl_visits/a", "ttl_visits/b"), Led("ttl_visits/b", "ttl_visits/c"))
    ahead(DAY)

    with pytest.raises(UsageError, match="max_depth"):
        shortest_path("ttl_visits/a", "ttl_visits/c", Led)
    way = session.scalars(shortest_path("ttl_visits/a", "ttl_visits/c", Led, max_depth=3)).one()
    assert [each.key for each in way.vertices] == list("abc")


class Seat(Document, collection="ttl_seats"):
    name: Annotated[str, Index(unique=True)]
    at: Annotated[datetime | None, TTLIndex()] = None
    row: int = 0


def test_an_upsert_stores_what_has_expired_anew(engine: Engine, ahead: Ahead) -> None:
    engine.create_all(Seat)
    with Session(engine) as session:
        put(
            session,
            *(Seat(key=key, name=key, at=SOON, row=7) for key in "ab"),
            Seat(key="c", name="c", row=7),
        )
        ahead(DAY)
        session.execute(upsert(Seat).values([{"key": "a", "name": "n"}, {"key": "c", "name": "c"}]))
        session.execute(upsert(Seat).on(Seat.name).values([{"name": "b"}, {"name": "d"}]))
        session.commit()
        shown = select(Seat.name, Seat.row).order_by(Seat.name)
        assert session.execute(shown).all() == [("b", 0), ("c", 7), ("d", 0), ("n", 0)]


@pytest.mark.parametrize("is_held", [True, False])
def test_a_merge_stores_what_has_expired_anew(engine: Engine, ahead: Ahead, is_held: bool) -> None:
    engine.create_all(Seat)
    with Session(engine) as session:
        session.add(held := Seat(key="a", name="a", at=SOON, row=7))
        session.commit()
        if not is_held:
            session.expunge_all()
        ahead(DAY)
        merged = session.merge(Seat(key="a", name="n"))
        assert (merged is held) == is_held
        session.commit()
        session.expunge_all()
        read = session.get_one(Seat, "a")
        assert (read.name, read.row, read.at) == ("n", 0, None)


def test_a_merge_stores_what_has_expired_and_was_deleted_meanwhile(engine: Engine, ahead: Ahead) -> None:
    engine.create_all(Seat)
    with Session(engine) as session:
        session.add(held := Seat(key="a", name="a", at=SOON))
        session.commit()
        session.execute(sdbql("REMOVE 'a' IN ttl_seats"))
        session.commit()
        ahead(DAY)
        assert session.merge(Seat(key="a", name="n")) is not held
        session.commit()
        assert session.get_one(Seat, "a").name == "n"


@pytest.mark.server
def test_a_server_keeps_the_keys_and_values_of_what_has_expired_and_the_error_says_so(
    server: LocalServer, database: str, ahead: Ahead
) -> None:
    with create_engine(server.url(database)) as engine, Session(engine) as session:
        engine.create_all(Seat)
        put(session, Seat(key="a", name="a", at=SOON))
        ahead(DAY)
        for again in (Seat(key="a", name="b"), Seat(key="b", name="a")):
            session.add(again)
            with pytest.raises((DuplicateKey, UniqueViolation), match="within a minute"):
                session.commit()
            session.rollback()
        with pytest.raises(DuplicateKey, match="within a minute"):
            session.execute(insert(Seat).values(key="a", name="b"))


@pytest.mark.parametrize("value", [True, 1.5, "2020", "2020-01-01", "x", None, [], {}])
def test_what_is_no_time_never_expires(value: Any) -> None:
    assert not expiry.has_expired(Visit, {"at": value})


@pytest.mark.parametrize("seconds", [0, 10**9, 10**12, 10**30])
def test_binds_are_moments_before_now_however_far(seconds: int) -> None:
    binds = expiry.binds_now({"p0": 1, expiry.CLOCK: {"a": (seconds, True), "b": (seconds, False)}})
    assert binds["p0"] == 1
    assert isinstance(binds["a"], str)
    assert isinstance(binds["b"], int)
    assert binds["b"] >= expiry.EARLIEST - 1
