"""A unit of work without an engine: what it keeps, and what a broken write leaves behind."""

import itertools
import weakref
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from solidb_odm import Document, Edge, Link, Registry, SoftDelete
from solidb_odm.commands import Inserts, Patches, Removals
from solidb_odm.work import UnitOfWork, members
from solidb_odm.work.differences import document_difference
from solidb_odm.work.links import referred, referred_by
from tests.garbage import collect_garbage

PLACES = Registry()


class Item(Document, collection="work_items"):
    name: str
    tags: list[str] = []


def stored(work: UnitOfWork, *items: Item) -> None:
    for item in items:
        work.add(item)
    write(work)
    work.committed()


def write(work: UnitOfWork) -> None:
    plan = work.plan()
    work.applied(plan, [[(f"r{id(plan)}", "", "")] * len(batch.rows) for batch in plan.batches])


def test_deletions_come_first_and_new_documents_last() -> None:
    work = UnitOfWork("value")
    one, two = Item(name="1"), Item(name="2")
    stored(work, one, two)
    work.add(Item(name="3"))
    one.name = "changed"
    work.delete(two)
    assert [type(batch) for batch in work.plan().batches] == [Removals, Patches, Inserts]


def test_a_change_made_while_a_plan_is_carried_out_is_kept() -> None:
    work = UnitOfWork("text")
    item, new = Item(name="1"), Item(name="2")
    stored(work, item)
    item.name = "changed"
    work.add(new)
    plan = work.plan()

    item.name = new.name = "meanwhile"
    work.applied(plan, [[("r2", "", "")] * len(batch.rows) for batch in plan.batches])

    assert work.dirty() == [item, new]


class Ring(Document, collection="work_rings", registry=PLACES):
    n: int = 0

    def before_update(self) -> None:
        HEARD.append(self.key)
        for other in RINGS:
            if other.key == str(int(self.key) + 1) or (self.key == "5" and other.key == "0"):
                other.n += 1  # whose own hook runs then, in the next round


HEARD: list[str] = []
RINGS: list[Ring] = []


def test_hooks_of_documents_that_hooks_change_run_once_each_and_compare_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = UnitOfWork("text")
    RINGS[:] = [Ring(key=str(number)) for number in range(6)]
    lone = [Ring(key=str(number)) for number in range(10, 30)]
    stored(work, *RINGS, *lone)
    HEARD.clear()
    compared: list[str] = []

    def compare(mapping: Any, document: Any, state: Any) -> Any:
        compared.append(document.key)
        return document_difference(mapping, document, state)

    monkeypatch.setattr(members, "document_difference", compare)
    for ring in (RINGS[3], *lone):
        ring.n = 7
    plan = work.plan()

    assert sorted(HEARD) == sorted(ring.key for ring in (*RINGS, *lone))
    assert sorted(compared) == sorted(HEARD)
    assert [row.key for row in plan.batches[0].rows] == sorted(HEARD)  # type: ignore[union-attr]
    assert [ring.n for ring in RINGS] == [1, 1, 1, 8, 1, 1]


def test_a_failed_plan_leaves_everything_to_write() -> None:
    work = UnitOfWork("text")
    item, new = Item(name="1"), Item(name="2")
    stored(work, item)
    item.name = "changed"
    work.add(new)
    work.failed(work.plan())
    assert (work.dirty(), list(work.new.values())) == ([item], [new])


def test_a_document_flushed_and_deleted_again_is_nobodys_after_a_rollback() -> None:
    work = UnitOfWork("text")
    item = Item(name="1")
    work.add(item)
    write(work)
    work.delete(item)
    write(work)
    work.rollback()
    assert (work.has_work, item.rev, work.identity.get("work_items", item.key)) == (False, None, None)


def test_a_document_that_was_let_go_after_a_flush_stays_outside() -> None:
    work = UnitOfWork("text")
    item = Item(name="1")
    stored(work, item)
    revision = item.rev
    item.name = "2"
    write(work)
    work.expunge(item)
    work.rollback()
    assert (item.rev, work.has_work) == (revision, False)


def test_a_changed_document_is_held_and_a_written_one_let_go() -> None:
    work = UnitOfWork("text")
    stored(work, item := Item(name="1"))
    item.name = "changed"
    watched = weakref.ref(item)
    del item
    collect_garbage()
    assert watched() is not None
    write(work)
    work.committed()
    collect_garbage()
    assert watched() is None


def test_a_savepoint_gives_back_what_was_changed_back_within_it() -> None:
    work = UnitOfWork("text")
    stored(work, item := Item(name="1", tags=["a"]))
    item.tags.append("b")
    work.set_mark()
    item.tags.pop()
    assert work.dirty() == []
    work.return_to_mark()
    assert item.tags == ["a", "b"]
    assert work.dirty() == [item]


def test_values_kept_through_a_rollback_of_an_unchanged_document_stay_its_own() -> None:
    work = UnitOfWork("text")
    stored(work, item := Item(name="1", tags=["a"]))
    tags = item.tags
    work.rollback()
    tags.append("b")
    assert work.dirty() == [item]


def test_a_new_document_in_the_place_of_an_expired_one_that_is_gone_is_not_expired() -> None:
    work = UnitOfWork("text")
    item, gone = Item(name="1"), Item(name="2")
    work.add(item)
    work.expired[id(item)] = weakref.ref(gone)  # what was in its place in memory
    assert not work.is_expired(item)
    work.expired[id(item)] = weakref.ref(item)
    assert work.is_expired(item)


class Place(Document, collection="work_places", registry=PLACES):
    pass


class Sign(BaseModel):
    to: Link[Place] | None = None


class Way(Edge[Place, Place], collection="work_ways", registry=PLACES):
    by: Link[Place] | None = None


class Map(Document, collection="work_maps", registry=PLACES):
    one: Link[Place] | None = None
    more: list[Link[Place]] = []


class Guide(Document, collection="work_guides", registry=PLACES):
    sign: Sign = Sign()


ENDS: list[Any] = [None, "work_places/a", Link[Place]("work_places/b"), Place(key="c"), Link(Place(key="d"))]
"""What stands for a link, set past validation too."""
MADE: dict[str, list[Any]] = {
    "links": [
        Map.model_construct(one=one, more=[*more])
        for one in ENDS
        for more in itertools.chain([()], itertools.combinations(ENDS[1:], 2))
    ],
    "edges": [
        Way.model_construct(from_=start, to=end, by=by)
        for start, end, by in itertools.product(ENDS, ENDS, ENDS)
    ],
    "below": [Guide.model_construct(sign=Sign.model_construct(to=end)) for end in ENDS],
}


@pytest.mark.parametrize("kind", MADE)
def test_what_many_documents_refer_to_is_what_each_refers_to(kind: str) -> None:
    known = [(document, referred_by([document])) for document in MADE[kind]]
    assert any(references is None for _, references in known)
    sure = [document for document, references in known if references is not None]
    assert bool(sure) == (kind != "below")
    for document, references in known:
        if references is None:
            assert referred_by([*sure, document]) is None
    together = set[Any]()
    for document in sure:
        alone = {(id(made.document), *made[1:]) for made in referred(document)}
        assert {(id(made.document), *made[1:]) for made in referred_by([document]) or ()} == alone
        together |= alone
    if sure:
        assert {(id(made.document), *made[1:]) for made in referred_by(sure) or ()} == together
        assert together


class Heard(Document, collection="work_heard", registry=PLACES):
    n: int = 0
    heard: list[str] = []

    def before_insert(self) -> None:
        self.heard.append("insert")

    def before_update(self) -> None:
        self.heard.append("update")


class Silent(Item, collection="work_silent", registry=PLACES):
    pass


class Leaving(SoftDelete, Document, collection="work_leaving", registry=PLACES):
    n: int = 0

    def before_update(self) -> None:
        HEARD.append(f"update {self.key}")

    def before_delete(self) -> None:
        HEARD.append(f"delete {self.key}")
        for other in list(WAITING):
            WAITING.remove(other)
            other.n += 1


WAITING: list[Leaving] = []


def test_hooks_of_many_documents_of_several_classes_run_once_each_and_in_order() -> None:
    work = UnitOfWork("text")
    new = [Heard(), Silent(name="1"), Heard(), Item(name="2"), Heard()]
    stored(work, *new)
    leaving = [Leaving(key=str(number)) for number in range(4)]
    stored(work, *leaving)
    HEARD.clear()
    WAITING[:] = [leaving[3], leaving[0]]
    for document in leaving[:2]:
        document.deleted_at = datetime(2026, 1, 1, tzinfo=UTC)
    work.delete(leaving[2])
    new[0].n = 1  # type: ignore[attr-defined]
    work.add(again := Heard())
    write(work)
    work.committed()

    assert HEARD == ["delete 0", "update 0", "delete 1", "update 1", "delete 2", "update 3"]
    heard = [document.heard for document in (*new, again) if isinstance(document, Heard)]
    assert heard == [["insert", "update"], ["insert"], ["insert"], ["insert"]]
    assert work.dirty() == []
