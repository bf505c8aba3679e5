"""Neighbours leave out what is marked as deleted, and links that lead nowhere say so."""

from __future__ import annotations

import copy
import pickle

import pytest

from solidb_odm import Document, Edge, Engine, Link, Session, SoftDelete, outgoing, select
from solidb_odm.errors import DocumentNotFound, UsageError


class Person(SoftDelete, Document, collection="hidden_people"):
    name: str


class Likes(Edge[Person, Person], collection="hidden_likes"):
    pass


class Note(Document, collection="hidden_notes"):
    by: Link[Person]


def test_neighbours_leave_out_what_is_marked_as_deleted(engine: Engine) -> None:
    ann, ben, cat = (Person(key=name, name=name) for name in ("ann", "ben", "cat"))
    with Session(engine) as session:
        session.add_all([Likes(ann, ben), Likes(ann, cat)])
        session.commit()
        session.delete(ben)
        session.commit()
    with Session(engine) as session:
        found = session.get_one(Person, "ann")
        near = outgoing(Likes)
        session.load([found], near)

        assert [person.name for person in near.of(found)] == ["cat"]


def test_a_link_that_leads_nowhere_says_so_once_it_was_looked_for(engine: Engine) -> None:
    with Session(engine) as session:
        session.add_all([Note(key="a", by="hidden_people/gone"), Person(key="ann", name="Ann")])
        session.add(Note(key="b", by="hidden_people/ann"))
        session.commit()
    with Session(engine) as session:
        lost, kept = session.scalars(select(Note).order_by(Note.key)).all()
        with pytest.raises(UsageError, match="is not loaded"):
            _ = lost.by.value
        session.load([lost, kept], Note.by)

        assert (lost.by.is_dangling, kept.by.is_dangling, kept.by.value.name) == (True, False, "Ann")
        with pytest.raises(DocumentNotFound, match="there is no document hidden_people/gone"):
            _ = lost.by.value
        session.add(Person(key="gone", name="Back"))
        session.commit()
        session.load([lost], Note.by)
        assert (lost.by.is_dangling, lost.by.value.name) == (False, "Back")


def test_a_link_keeps_what_it_leads_to_in_copies() -> None:
    link: Link[Person] = Link("hidden_people/ann")

    assert copy.copy(link) == pickle.loads(pickle.dumps(link)) == link
    assert not copy.copy(link).is_dangling
