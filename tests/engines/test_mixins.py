"""Documents that are marked as deleted, and documents that hold their own times, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Link,
    Session,
    SoftDelete,
    Timestamped,
    delete,
    func,
    insert,
    select,
    traverse,
    update,
)
from solidb_odm.errors import DeclarationError, DuplicateKey, StaleDocumentError, StateError


class Note(SoftDelete, Timestamped, Document, collection="mixed_notes"):
    title: str
    size: int = 0


class Comment(Document, collection="note_comments"):
    note: Link[Note]


class Follows(Edge[Note, Note], collection="note_follows"):
    pass


EARLY = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Note, Comment, Follows)
    with Session(engine) as opened:
        notes = [Note(key=key, title=key, size=size) for size, key in enumerate("abc")]
        opened.add_all([*notes, Comment(key="x", note=notes[0]), Follows(notes[1], notes[0])])  # type: ignore[arg-type]
        opened.add(Follows(notes[0], notes[2]))
        opened.commit()
        yield opened


def keys(session: Session) -> list[str]:
    return session.scalars(select(Note.key).order_by(Note.key)).all()


def drop(session: Session, key: str) -> None:
    session.delete(session.get_one(Note, key))
    session.commit()


def test_a_deleted_document_is_marked_and_left_out(session: Session) -> None:
    drop(session, "a")

    assert keys(session) == ["b", "c"]
    assert session.scalar(select(func.count(Note))) == 2
    assert session.scalars(select(Note.key).with_deleted().order_by(Note.key)).all() == ["a", "b", "c"]


def test_get_leaves_deleted_documents_out_unless_told(session: Session) -> None:
    drop(session, "a")

    assert session.get(Note, "a") is None
    assert session.get_many(Note, ["a", "b"])[0] is None
    found = session.get(Note, "a", with_deleted=True)
    assert found is not None
    assert found.deleted_at is not None


def test_a_deletion_is_seen_before_the_commit(session: Session) -> None:
    session.delete(session.get_one(Note, "a"))

    assert keys(session) == ["b", "c"]
    session.rollback()
    assert keys(session) == ["a", "b", "c"]


def test_a_deleted_document_is_restored_by_its_field(session: Session) -> None:
    drop(session, "a")
    found = session.scalars(select(Note).where(Note.key == "a").with_deleted()).one()
    found.deleted_at = None
    session.commit()

    assert keys(session) == ["a", "b", "c"]


def test_a_document_is_deleted_for_good_when_asked(session: Session) -> None:
    session.delete(session.get_one(Note, "a"), permanently=True)
    session.commit()

    assert session.scalars(select(Note.key).with_deleted().order_by(Note.key)).all() == ["b", "c"]


def test_a_pending_document_just_leaves(session: Session) -> None:
    fresh = Note(title="n")
    session.add(fresh)
    session.delete(fresh)

    assert fresh not in session
    assert fresh.deleted_at is None


def test_deleting_what_the_session_does_not_hold_is_refused(session: Session) -> None:
    with pytest.raises(StateError, match="not in this session"):
        session.delete(Note(title="n"))


def test_the_statement_marks_too(session: Session) -> None:
    assert session.scalar(delete(Note).where(Note.size < 2)) == 2
    assert session.scalar(delete(Note).where(Note.size < 2)) == 0

    assert keys(session) == ["c"]
    assert session.scalar(select(func.count(Note)).with_deleted()) == 3


def test_the_statement_deletes_for_good_when_asked(session: Session) -> None:
    drop(session, "a")

    assert session.scalar(delete(Note).with_deleted().permanently()) == 3
    assert session.scalar(select(func.count(Note)).with_deleted()) == 0


def test_a_marking_statement_returns_what_it_marked(session: Session) -> None:
    marked = session.scalars(delete(Note).where(Note.key == "a").returning(Note.deleted_at)).one()

    assert marked is not None


def test_an_update_leaves_deleted_documents_alone(session: Session) -> None:
    drop(session, "a")

    assert session.scalar(update(Note).values(size=9)) == 2
    assert session.scalar(update(Note).with_deleted().values(size=9)) == 3


def test_joins_leave_deleted_documents_out(session: Session) -> None:
    joined = select(Comment.key).join(Note, Comment.note == Note.id)
    assert session.scalars(joined).all() == ["x"]
    drop(session, "a")

    assert session.scalars(joined).all() == []
    assert session.scalars(joined.with_deleted()).all() == ["x"]


def test_a_traversal_leaves_deleted_documents_out_but_goes_on_behind_them(session: Session) -> None:
    drop(session, "a")
    reached = traverse("mixed_notes/b", Follows, depth=(1, 2))

    assert [note.key for note in session.scalars(reached)] == ["c"]
    assert [note.key for note in session.scalars(reached.with_deleted())] == ["a", "c"]


def test_a_link_still_loads_a_deleted_document(session: Session) -> None:
    drop(session, "a")
    comment = session.get_one(Comment, "x")
    session.load([comment], Comment.note)

    assert comment.note.value.deleted_at is not None


def test_edges_are_not_marked() -> None:
    with pytest.raises(DeclarationError, match="can't be SoftDelete"):

        class Marked(SoftDelete, Edge[Note, Note], collection="marked"):
            pass


def test_times_are_noted_as_documents_are_written(session: Session) -> None:
    note = session.get_one(Note, "b")
    made = note.created_at
    assert note.updated_at == made
    note.size = 5
    session.commit()

    assert note.created_at == made
    assert note.updated_at > made
    assert session.scalars(select(Note.key).where(Note.updated_at > Note.created_at)).all() == ["b"]


def test_times_can_be_given_and_are_kept(session: Session) -> None:
    session.add(Note(key="old", title="o", created_at=EARLY))
    session.commit()
    session.expunge_all()

    assert session.get_one(Note, "old").created_at == EARLY
    assert session.scalars(
        select(Note.key).where(Note.created_at < datetime(2021, 1, 1, tzinfo=UTC))
    ).all() == ["old"]


def test_update_statements_note_the_time(session: Session) -> None:
    session.execute(update(Note).where(Note.key == "b").values(size=7))

    assert session.scalars(select(Note.key).where(Note.updated_at > Note.created_at)).all() == ["b"]


def test_a_document_that_was_not_changed_keeps_its_times(session: Session) -> None:
    note = session.get_one(Note, "b")
    before = note.rev, note.updated_at
    note.size = note.size
    session.commit()

    assert (note.rev, note.updated_at) == before


HEARD: list[str] = []


class Listening(SoftDelete, Document, collection="listening"):
    n: int = 0

    def before_delete(self) -> None:
        HEARD.append("before_delete")

    def after_delete(self) -> None:
        HEARD.append("after_delete")

    def before_update(self) -> None:
        HEARD.append("before_update")


def test_a_deletion_that_is_a_mark_is_heard_of_as_one(session: Session) -> None:
    document = Listening()
    session.add(document)
    session.commit()
    HEARD.clear()
    session.delete(document)
    session.commit()
    assert HEARD == ["before_delete", "before_update", "after_delete"]
    HEARD.clear()
    document.n = 1
    session.commit()
    assert HEARD == ["before_update"]
    document.deleted_at = None
    session.commit()
    HEARD.clear()
    session.delete(document, permanently=True)
    session.commit()
    assert HEARD == ["before_delete", "after_delete"]


@pytest.mark.parametrize("kind", [staticmethod, classmethod, property])
def test_a_hook_that_would_never_run_is_refused(kind: Any) -> None:
    with pytest.raises(DeclarationError, match=f"before_insert: is a {kind.__name__}, and would"):

        class Wrong(Document, collection="wrong_hooks"):
            before_insert = kind(lambda self: None)


def test_an_async_hook_is_refused() -> None:
    with pytest.raises(DeclarationError, match="after_load: is async, and would never be run"):

        class Wrong(Document, collection="wrong_hooks"):
            async def after_load(self) -> None:
                pass


def test_merging_a_deleted_document_brings_it_back(session: Session) -> None:
    drop(session, "a")
    session.expunge_all()
    merged = session.merge(Note(key="a", title="again"))
    session.commit()
    assert keys(session) == ["a", "b", "c"]
    assert (session.get_one(Note, "a") is merged, merged.title, merged.deleted_at) == (True, "again", None)


def test_the_time_of_the_change_is_no_conflict(engine: Engine, session: Session) -> None:
    ours = session.get_one(Note, "a")
    with Session(engine) as other:
        theirs = other.get_one(Note, "a")
        theirs.size = 7
        other.commit()
    ours.title = "ours"

    with pytest.raises(StaleDocumentError) as caught:
        session.commit()
    assert session.rebase(caught.value) == {}
    session.commit()

    assert (ours.title, ours.size) == ("ours", 7)
    assert ours.updated_at >= theirs.updated_at


def test_a_document_that_both_sides_deleted_is_no_conflict(engine: Engine, session: Session) -> None:
    note = session.get_one(Note, "a")
    with Session(engine) as other:
        drop(other, "a")
    session.delete(note)

    with pytest.raises(StaleDocumentError) as caught:
        session.commit()
    assert session.rebase(caught.value) == {}
    session.commit()

    assert keys(session) == ["b", "c"]


def test_the_error_of_a_key_that_a_marked_document_has_says_so(session: Session) -> None:
    session.delete(session.get_one(Note, "a"))
    session.commit()
    session.expunge_all()

    with pytest.raises(
        DuplicateKey, match=r"of Note that is marked as deleted keeps its key: upsert\(Note\)"
    ):
        session.execute(insert(Note).values(key="a", title="second"))
    session.rollback()
    session.add(Note(key="a", title="second"))
    with pytest.raises(DuplicateKey, match="of Note that is marked as deleted keeps its key"):
        session.commit()
