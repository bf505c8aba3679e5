"""Cascades do what they are declared to, in one commit, and nothing happens where none is declared."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, ClassVar

import pytest

from solidb_odm import (
    AsyncSession,
    BackReference,
    Cascade,
    Document,
    Edge,
    Link,
    Session,
    SoftDelete,
    back_reference,
    delete,
    func,
    select,
)
from solidb_odm.errors import DeclarationError, StateError

from .conftest import Store


class Owner(Document, collection="owners"):
    name: str = ""
    pets: ClassVar[BackReference[Pet]] = back_reference("Pet.owner", cascade=Cascade("delete-orphan"))


class Toy(Document, collection="toys"):
    name: str = ""


class Pet(Document, collection="pets"):
    name: str = ""
    owner: Link[Owner] | None = None
    toys: Annotated[list[Link[Toy]], Cascade("all", "delete-orphan")] = []


class Vet(Document, collection="vets"):
    name: str = ""
    office: Link[Owner] | None = None
    assistant: Annotated[Link[Vet] | None, Cascade("save")] = None


class Treats(Edge[Vet, Pet], collection="treats"):
    class Settings:
        cascade = Cascade("delete")


class Likes(Edge[Pet, Pet], collection="likes"):
    pass


class Note(SoftDelete, Document, collection="vet_notes"):
    about: Link[Pet] | None = None


def count(session: Session, model: type[Document]) -> int | None:
    return session.scalar(select(func.count(model)))


def test_a_link_to_what_will_not_be_stored_is_refused_and_says_why(store: Store, session: Session) -> None:
    vet = Vet(key="v", office=Owner(key="o"))
    session.add(vet)

    with pytest.raises(StateError, match="to Owner 'o', which is neither") as caught:
        session.commit()

    assert 'office: Annotated[Link[Owner], Cascade("save")]' in (caught.value.hint or "")
    session.add(vet.office.value)
    session.commit()
    assert store.get(vet) == vet


def test_a_link_to_what_was_deleted_since_does_not_hinder_changes(store: Store, session: Session) -> None:
    store.put(office := Owner(key="o"), Vet(key="v", office=office))
    vet = session.scalars(select(Vet).load(Vet.office)).one()
    session.delete(vet.office.value)
    session.commit()

    vet.name = "Changed"
    session.commit()

    assert store.get(vet).name == "Changed"
    session.add(Vet(key="w", office=vet.office.value))
    with pytest.raises(StateError, match="neither stored nor in this session"):
        session.commit()


def test_a_saving_link_brings_new_documents_along(store: Store, session: Session) -> None:
    first = Vet(key="a", assistant=Vet(key="b", assistant=Vet(key="c")))
    session.add(first)
    assert len(session.new) == 3
    session.commit()

    first.assistant = Vet(key="d")
    session.commit()
    assert count(session, Vet) == 4


@pytest.mark.parametrize("move", ["add", "merge"])
def test_what_can_not_come_along_leaves_nothing_behind(session: Session, move: str) -> None:
    session.add(held := Vet(key="b", name="held"))
    session.commit()
    detached = Vet(key="c")
    session.add(detached)
    session.commit()
    session.expunge(detached)
    detached.assistant = Link(Vet(key="b", name="other"))
    third = Vet(key="d", assistant=Link(Vet(key="e", assistant=Link(detached))))
    with pytest.raises(StateError, match="holds another object for vets/b"):
        getattr(session, move)(third)

    assert [held in session, session.new, session.dirty] == [True, [], []]
    session.commit()
    assert session.scalars(select(Vet.key).order_by(Vet.key)).all() == ["b", "c"]
    detached.assistant = Link(held)
    getattr(session, move)(third)
    session.commit()
    assert session.scalars(select(Vet.key).order_by(Vet.key)).all() == ["b", "c", "d", "e"]


def test_links_in_a_circle_are_saved(session: Session) -> None:
    one, other = Vet(), Vet()
    one.assistant, other.assistant = other, one
    session.add(one)
    session.commit()
    assert count(session, Vet) == 2


def test_new_documents_come_after_those_they_link_to(store: Store, session: Session) -> None:
    owner, toy = Owner(key="o"), Toy(key="t")
    session.add_all([Likes("pets/p", "pets/p"), Pet(key="p", owner=owner, toys=[toy]), owner])
    session.commit()
    order = list(dict.fromkeys(written.collection for written in store.engine.inserts))
    assert order == ["owners", "toys", "pets", "likes"]


def test_what_a_document_links_to_is_deleted_with_it_where_declared(store: Store, session: Session) -> None:
    toys = [Toy(key=f"t{number}") for number in range(3)]
    store.put(Pet(key="p", toys=toys[:2]), toys[2])

    session.delete(session.get_one(Pet, "p"))
    session.commit()

    assert [each.key for each in session.scalars(select(Toy))] == ["t2"]


def test_orphans_are_deleted_unless_another_document_takes_them(store: Store, session: Session) -> None:
    toys = [Toy(key=f"t{number}") for number in range(3)]
    store.put(Pet(key="p", toys=toys), Pet(key="q"))
    first, second = session.get_one(Pet, "p"), session.get_one(Pet, "q")

    taken = first.toys.pop()
    second.toys.append(taken)
    del first.toys[0]
    session.commit()

    assert [each.key for each in session.scalars(select(Toy))] == ["t1", "t2"]


def test_an_orphan_that_was_never_stored_is_not_stored(session: Session) -> None:
    pet = Pet(key="p", toys=[Link(Toy(key="a")), Link(Toy(key="b"))])
    session.add(pet)
    pet.toys.pop(0)
    session.add(kept := Toy(key="k"))
    pet.toys.append(Link(kept))
    pet.toys.pop()
    session.add(owner := Owner(key="w"))
    session.commit()
    session.add(Pet(key="o", toys=[Link(Toy(key="c"))], owner=owner))
    session.delete(owner)
    session.commit()
    assert sorted(session.scalars(select(Toy.key))) == ["b", "k"]
    assert session.scalars(select(Pet.key)).all() == ["p"]


@pytest.mark.parametrize("moves", ["let go", "let go and flush", "add by hand"])
def test_an_orphan_stays_one_when_a_savepoint_is_rolled_back(session: Session, moves: str) -> None:
    toy = Toy(key="a")
    session.add(pet := Pet(key="p", toys=[Link(toy)]))
    with suppress(KeyError), session.begin_nested():
        if moves == "add by hand":
            session.add(toy)
        pet.toys.clear()
        if moves == "let go and flush":
            session.flush()
        raise KeyError
    assert (toy in session, [link.id for link in pet.toys]) == (True, ["toys/a"])
    pet.toys.clear()
    session.commit()
    assert session.scalars(select(Toy.key)).all() == []
    assert toy not in session


def test_what_a_link_leads_to_is_stored_when_a_rollback_set_the_link_anew(session: Session) -> None:
    session.add(pet := Pet(key="p", toys=[Link(Toy(key="a"))]))
    with suppress(KeyError), session.begin_nested():
        pet.toys.append(Link(Toy(key="b")))
        session.flush()
        raise KeyError
    session.commit()
    assert session.scalars(select(Toy.key)).all() == ["a"]
    assert [link.id for link in pet.toys] == ["toys/a"]


def test_what_was_deleted_before_a_savepoint_stays_so_when_it_is_rolled_back(session: Session) -> None:
    session.add(vet := Vet(key="v"))
    session.delete(vet)
    with suppress(KeyError), session.begin_nested():
        session.add(vet)
        raise KeyError
    session.add(Vet(key="w", assistant=Link(vet)))
    with pytest.raises(StateError, match=r"Vet .v., which is neither stored"):
        session.commit()
    session.rollback()
    assert session.scalars(select(Vet.key)).all() == []


def test_what_refers_to_a_deleted_document_is_deleted_with_it_and_so_on(
    store: Store, session: Session
) -> None:
    owner, other = Owner(key="o"), Owner(key="x")
    stays = Pet(key="stays", owner=other)
    store.put(owner, other, stays, Pet(key="p", owner=owner, toys=[Toy()]))

    moved = session.get_one(Pet, "p")
    session.add(Pet(key="unsent", owner=session.get_one(Owner, "o")))
    session.delete(session.get_one(Owner, "o"))
    session.commit()

    assert [each.key for each in session.scalars(select(Pet))] == ["stays"]
    assert (count(session, Toy), moved in session) == (0, False)


def test_a_document_that_was_moved_in_time_stays(store: Store, session: Session) -> None:
    owner, other = Owner(key="o"), Owner(key="x")
    store.put(owner, other, Pet(key="p", owner=owner))
    session.get_one(Pet, "p").owner = session.get_one(Owner, "x")
    session.delete(session.get_one(Owner, "o"))
    session.commit()
    assert store.get(Pet(key="p")).owner == other


def test_a_child_without_its_owner_is_an_orphan(store: Store, session: Session) -> None:
    store.put(owner := Owner(key="o"), Pet(key="p", owner=owner), Pet(key="stray"))
    session.get_one(Pet, "p").owner = None
    session.get_one(Pet, "stray").name = "Stray"
    session.commit()
    assert [each.key for each in session.scalars(select(Pet))] == ["stray"]


def test_edges_are_deleted_with_their_ends_where_declared(store: Store, session: Session) -> None:
    vet, pet, other = Vet(key="v"), Pet(key="p"), Pet(key="q")
    store.put(Treats(vet, pet), Treats(vet, other, key="kept"), Likes(pet, other), Likes(other, pet))

    session.delete(session.get_one(Pet, "p"))
    session.commit()

    assert [each.key for each in session.scalars(select(Treats))] == ["kept"]
    assert count(session, Likes) == 2


def test_a_rollback_takes_cascaded_deletions_back(store: Store, session: Session) -> None:
    vet, pet = Vet(key="v"), Pet(key="p")
    store.put(Treats(vet, pet, key="t"))
    edge = session.get_one(Treats, "t")
    session.delete(session.get_one(Vet, "v"))
    session.flush()
    session.rollback()
    assert session.deleted == []
    assert edge in session
    assert session.get(Treats, "t") is edge


def test_deletions_cost_nothing_more_where_no_cascade_is_declared(store: Store, session: Session) -> None:
    store.put(toy := Toy(key="t"))
    found = session.get_one(Toy, toy.key)
    session.delete(found)
    before = session.statistics.statements
    session.commit()
    assert session.statistics.statements - before <= 2


def test_links_to_a_document_marked_as_deleted_stay(store: Store, session: Session) -> None:
    pet = Pet(key="p")
    store.put(pet, Note(key="n", about=pet))
    session.delete(session.get_one(Note, "n"))
    session.commit()
    assert count(session, Pet) == 1


@pytest.mark.anyio
async def test_cascades_when_awaited(async_session: AsyncSession) -> None:
    owner = Owner(key="o")
    async_session.add_all([owner, Pet(key="p", owner=owner)])
    await async_session.commit()
    async_session.delete(owner)
    await async_session.commit()
    assert (await async_session.scalars(select(Pet))).all() == []


def test_wrong_cascades_are_refused() -> None:
    with pytest.raises(DeclarationError, match="there is no cascade 'merge'"):
        Cascade("merge")
    with pytest.raises(DeclarationError, match=r"Wrong\.name: has a Cascade, but holds no links"):

        class Wrong(Document, collection="wrong"):
            name: Annotated[str, Cascade("save")]


def test_wrong_cascades_of_edges_and_back_references_are_refused() -> None:
    with pytest.raises(DeclarationError, match="an Edge class can say"):

        class Wrong(Edge[Vet, Pet], collection="wrong_edges"):
            class Settings:
                cascade = Cascade("save")

    with pytest.raises(DeclarationError, match="adds no new documents"):
        back_reference("Pet.owner", cascade=Cascade("all"))
    assert Cascade("save-update, delete") == Cascade("all")


def test_what_refers_to_a_document_that_was_deleted_before_it_was_stored_does_not_store_it(
    session: Session,
) -> None:
    owner, vet, other = Owner(key="o"), Vet(key="v"), Vet(key="w", assistant=None)
    pet = Pet(key="p", owner=owner)
    session.add_all([owner, vet, other, pet, Treats(vet, pet)])
    session.delete(owner)
    session.delete(vet)
    session.commit()

    for model in (Owner, Pet, Treats):
        assert session.scalars(select(model)).all() == []
    assert [each.key for each in session.scalars(select(Vet))] == ["w"]


def test_a_link_that_saves_does_not_save_what_was_deleted(session: Session) -> None:
    assistant = Vet(key="a")
    vet = Vet(key="v", assistant=assistant)
    session.add(vet)
    session.delete(assistant)
    with pytest.raises(StateError, match="Vet 'v' refers by 'assistant' to Vet 'a', which is neither stored"):
        session.commit()
    session.add(assistant)
    session.commit()
    assert session.get(Vet, "a") is assistant


def test_what_refers_to_the_successor_of_a_deleted_document_stays(session: Session) -> None:
    first = Owner(key="o")
    session.add_all([first, Pet(key="old", owner=first)])
    session.commit()

    session.delete(first)
    second = Owner(key="o", name="again")
    session.add_all([Pet(key="late", owner=first), second, Pet(key="new", owner=second)])
    session.commit()

    assert session.scalars(select(Owner.name)).all() == ["again"]
    assert session.scalars(select(Pet.key)).all() == ["new"]


def test_what_a_statement_deleted_is_not_stored_again_by_what_refers_to_it(session: Session) -> None:
    assistant = Vet(key="a")
    vet = Vet(key="v", assistant=assistant)
    session.add(vet)
    session.commit()

    assert session.scalar(delete(Vet).where(Vet.key == "a")) == 1
    for name in ("in the same transaction", "in the next"):
        vet.name = name
        session.commit()
        assert session.scalars(select(Vet.key)).all() == ["v"]
    assert assistant.key == "a"  # an object that the link leads to all the while


def test_a_link_to_the_successor_of_a_deleted_document_is_kept(session: Session) -> None:
    first, pet = Owner(key="o"), Pet(key="p", owner=Owner(key="other"))
    session.add_all([first, Pet(key="old", owner=first), pet.owner.value, pet] if pet.owner else [])
    session.commit()

    session.delete(first)
    second = Owner(key="o", name="again")
    session.add(second)
    pet.owner = Link(second)
    session.commit()

    assert session.scalars(select(Pet.key)).all() == ["p"]
