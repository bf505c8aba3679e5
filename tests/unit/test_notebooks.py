"""What a shell or a notebook shows of objects says what they are, and completes what can be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from solidb_odm import (
    AsyncSession,
    BackReference,
    Document,
    Link,
    Registry,
    Session,
    aliased,
    async_sessionmaker,
    back_reference,
    create_async_engine,
    create_engine,
    delete,
    func,
    insert,
    sdbql,
    select,
    sessionmaker,
    union,
    update,
)
from solidb_odm.migrations import Migrator
from solidb_odm.offline import OfflineSyncManager, SyncConfig

SHELF = Registry()


class Size(BaseModel):
    width: int = 1


class Shelf(Document, collection="shown_shelves", registry=SHELF):
    room: str
    size: Size = Size()
    boxes: ClassVar[BackReference[Box]] = back_reference("Box.shelf")


class Box(Document, collection="shown_boxes", registry=SHELF):
    label: str
    shelf: Link[Shelf] | None = None


B: Any = Box


def test_a_session_shows_its_engine_and_what_is_unsent() -> None:
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        session.add_all([kept := Box(label="a"), gone := Box(label="b")])
        assert repr(session) == "<Session of sqlite://, 2 documents, 2 new>"
        session.commit()
        kept.label = "c"
        session.delete(gone)
        assert repr(session) == "<Session of sqlite://, 2 documents, 1 changed, 1 deleted>"
    assert repr(session) == "<Session of sqlite://, closed>"
    assert repr(sessionmaker(engine)) == "<sessionmaker of sqlite://>"
    assert repr(async_sessionmaker()) == "<async_sessionmaker of no engine yet>"


def test_a_link_shows_whether_it_is_loaded() -> None:
    with Session(create_engine("sqlite://")) as session:
        session.add(Shelf(key="s", room="cellar"))
        session.commit()
        boxes = [Box(label=key, shelf=Link(f"shown_shelves/{key}")) for key in ("s", "no")]
        session.add_all(boxes)
        assert [repr(box.shelf) for box in boxes] == ["Link('shown_shelves/s')", "Link('shown_shelves/no')"]
        session.load(boxes, B.shelf)
        assert [repr(box.shelf) for box in boxes] == [
            "Link('shown_shelves/s', loaded)",
            "Link('shown_shelves/no', dangling)",
        ]


@pytest.mark.parametrize(
    "statement",
    [
        select(Box).where(B.label == "secret"),
        update(Box).values(label="secret"),
        insert(Box).values(label="secret"),
        delete(Box).where(B.label == "secret"),
        union(select(B.label), select(Shelf.room)),
        sdbql("FOR b IN shown_boxes FILTER b.label == @label RETURN b", label="secret"),
    ],
)
def test_a_statement_shows_its_text_and_no_values(statement: Any) -> None:
    name = type(statement).__name__

    assert repr(statement) == f"<{name} {statement}>"
    assert repr(statement.compile()) == f"<Compiled {statement}>"
    assert "secret" not in repr(statement)


def test_a_statement_that_can_not_be_run_says_why() -> None:
    assert "can't be run" in repr(select(func.count()).having(func.count() > 1))


def test_managers_show_where_they_are(tmp_path: Path) -> None:
    engine, config = create_engine("sqlite://"), SyncConfig(database="d", local_storage_path=tmp_path / "s")
    manager = OfflineSyncManager("solidb://root:secret@127.0.0.1:9", config)

    assert repr(manager).startswith("<OfflineSyncManager of 'd' in ")
    assert "secret" not in repr(manager)
    assert repr(Migrator(engine, "revisions")) == "<Migrator of 'revisions' for sqlite://>"


def test_blocks_streams_and_func_show_what_they_are() -> None:
    awaits = AsyncSession(create_async_engine("sqlite://"))
    with Session(create_engine("sqlite://")) as session:
        assert repr(session.begin()) == "<the block of with session.begin()>"
        assert repr(awaits.begin_nested()) == "<the block of async with session.begin_nested()>"
        assert "no_autoflush" in repr(session.no_autoflush)
    assert "async for" in repr(awaits.stream(select(Box)))
    assert repr(func) == "func"


def test_fields_are_completed_on_ways_and_other_readings() -> None:
    assert {"label", "shelf", "key"} <= set(dir(aliased(Box)))
    assert {"label", "shelf"} <= set(dir(Shelf.boxes))
    assert {"room", "size"} <= set(dir(B.shelf.value))


@pytest.mark.parametrize("made", [aliased(Box), Shelf.boxes, B.shelf.value, B.shelf, B.label, Box, SHELF])
def test_what_is_completed_is_there(made: Any) -> None:
    for name in dir(made):
        if not name.startswith("_"):
            getattr(made, name)
