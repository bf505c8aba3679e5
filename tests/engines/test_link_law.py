"""The law of the builder for what names documents: links, optional and in lists, ends of edges, ids.

Every operator, of every such field, with documents, ids, fields, statements and nulls: each answers as Python
does on the ids, or is refused where it is written. What names documents of two collections is never compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Link,
    Registry,
    Session,
    aliased,
    all_,
    any_,
    coalesce,
    contains,
    func,
    in_,
    is_null,
    not_in,
    select,
    unnest,
    update,
)
from solidb_odm.errors import SchemaViolation, UsageError
from tests.engines.builder_table import LAW_ENGINES, law_url


class Base(Document, abstract=True, registry=Registry()):
    pass


class Person(Base, collection="linklaw_people"):
    age: int


class Pet(Base, collection="linklaw_pets"):
    owner: Link[Person]
    vet: Link[Person] | None = None
    friends: list[Link[Person]] = []
    mother: Link[Pet] | None = None


class Walks(Edge[Person, Pet], collection="linklaw_walks"):
    pass


SOURCE = random.Random(9)
PEOPLE = [Person(key=f"p{n}", age=SOURCE.randrange(60)) for n in range(5)]
PETS: list[Pet] = []
for _n in range(12):
    PETS.append(
        Pet(
            key=f"t{_n:02}",
            owner=SOURCE.choice(PEOPLE),
            vet=SOURCE.choice([None, *PEOPLE]),
            friends=SOURCE.sample(PEOPLE, SOURCE.randrange(4)),
            mother=SOURCE.choice([None, *PETS]),
        )
    )
WALKS = [Walks(SOURCE.choice(PEOPLE), SOURCE.choice(PETS), key=f"w{n}") for n in range(9)]


@pytest.fixture(params=LAW_ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a file and of a server."""
    return law_url(request, tmp_path)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Person, Pet, Walks)
    with Session(engine) as opened:
        for each in (*PEOPLE, *PETS, *WALKS):
            opened.add(type(each).model_validate(each.model_dump(exclude={"rev"}) | {"key": each.key}))
        opened.commit()
        yield opened


def _id(link: Any) -> Any:
    return link if link is None or isinstance(link, str) else link.id


older = aliased(Person)
OLD = {each.id for each in PEOPLE if each.age > 30}
FIELDS: dict[str, tuple[Any, Callable[[Any], Any], list[Any]]] = {
    "link": (Pet.owner, lambda pet: _id(pet.owner), PETS),
    "optional link": (Pet.vet, lambda pet: _id(pet.vet), PETS),
    "end of an edge": (Walks.from_, lambda walk: _id(walk.from_), WALKS),
    "id": (Person.id, lambda person: person.id, PEOPLE),
}
OTHERS: dict[str, tuple[Any, Any]] = {
    "document": (PEOPLE[1], PEOPLE[1].id),
    "its id": (PEOPLE[2].id, PEOPLE[2].id),
    "no one": ("linklaw_people/none", "linklaw_people/none"),
    "null": (None, None),
}
WRONG: dict[str, Any] = {
    "another class": PETS[0],
    "its id": PETS[0].id,
    "a key": "p1",
    "a number": 5,
    "a class": Person,
    "a field": Pet.mother,
    "an end": Walks.to,
    "an id field": Pet.id,
}


def _cases() -> Iterator[tuple[str, Any, list[str]]]:
    for name, (field, read, rows) in FIELDS.items():
        key = {id(PETS): Pet, id(WALKS): Walks, id(PEOPLE): Person}[id(rows)].key

        def case(
            shown: str,
            wanted: Any,
            test: Callable[[Any], bool],
            name: str = name,
            key: Any = key,
            rows: Any = rows,
            read: Any = read,
        ) -> tuple[str, Any, list[str]]:
            kept = [each.key for each in rows if test(read(each))]
            return f"{name} {shown}", select(key).where(wanted).order_by(key), kept

        for shown, (value, wanted) in OTHERS.items():
            yield case(f"== {shown}", field == value, lambda has, wanted=wanted: has == wanted)
            yield case(f"!= {shown}", field != value, lambda has, wanted=wanted: has != wanted)
            yield case(f"in {shown}", in_(field, [value]), lambda has, wanted=wanted: has == wanted)
            yield case(f"not in {shown}", not_in(field, [value]), lambda has, wanted=wanted: has != wanted)
        yield case("is null", is_null(field), lambda has: has is None)
        yield case("in documents", in_(field, select(older).where(older.age > 30)), lambda has: has in OLD)
        yield case("in ids", in_(field, select(older.id).where(older.age > 30)), lambda has: has in OLD)
        yield case(
            "not in documents", not_in(field, select(older).where(older.age > 30)), lambda has: has not in OLD
        )
    for value, wanted in OTHERS.values():
        if value is None:
            continue
        has = [(each.key, [_id(friend) for friend in each.friends]) for each in PETS]
        for made, test in (
            (any_(Pet.friends) == value, lambda ids, w=wanted: w in ids),
            (all_(Pet.friends) != value, lambda ids, w=wanted: w not in ids),
            (contains(Pet.friends, value), lambda ids, w=wanted: w in ids),
            (in_(any_(Pet.friends), [value]), lambda ids, w=wanted: w in ids),
        ):
            kept = [each for each, ids in has if test(ids)]
            yield f"friends {made!r}", select(Pet.key).where(made).order_by(Pet.key), kept
    yield (
        "friends == owner",
        select(Pet.key).where(any_(Pet.friends) == Pet.owner).order_by(Pet.key),
        [each.key for each in PETS if each.owner.id in map(_id, each.friends)],
    )
    yield (
        "owner == vet",
        select(Pet.key).where(Pet.owner == Pet.vet).order_by(Pet.key),
        [each.key for each in PETS if _id(each.vet) == each.owner.id],
    )


def test_what_names_documents_is_compared_by_them(session: Session) -> None:
    found = list(_cases())

    assert len(found) > 80
    wrong = [name for name, statement, kept in found if session.scalars(statement).all() != kept]
    assert wrong == []


def test_links_are_grouped_counted_told_apart_and_chosen(session: Session) -> None:
    vets = [_id(each.vet) for each in PETS]
    friends = [_id(friend) for each in PETS for friend in each.friends]
    friend = unnest(Pet.friends)

    assert session.scalar(select(func.count(Pet.vet))) == sum(each is not None for each in vets)
    assert session.scalar(select(func.count_distinct(Pet.vet))) == len(set(vets))
    assert {_id(each) for each in session.scalars(select(Pet.vet).distinct())} == set(vets)
    grouped = session.execute(select(Pet.vet, func.count()).group_by(Pet.vet))
    assert {_id(vet): count for vet, count in grouped} == {each: vets.count(each) for each in vets}
    grouped = session.execute(select(friend, func.count()).group_by(friend))
    assert {_id(each): count for each, count in grouped} == {each: friends.count(each) for each in friends}
    chosen = session.scalars(select(coalesce(Pet.vet, PEOPLE[0])).order_by(Pet.key))
    assert [_id(each) for each in chosen] == [each or PEOPLE[0].id for each in vets]
    sorted_by = session.scalars(select(Pet.key).order_by(Pet.vet, Pet.key)).all()
    assert sorted_by == [each.key for each in sorted(PETS, key=lambda pet: (_id(pet.vet) or "", pet.key))]
    session.execute(update(Pet).values(mother=None, vet=Pet.owner))
    assert session.scalars(select(Pet.key).where(Pet.vet != Pet.owner)).all() == []


@pytest.mark.parametrize("other", WRONG)
@pytest.mark.parametrize("name", FIELDS)
def test_what_names_no_such_document_is_refused(name: str, other: str) -> None:
    field, value = FIELDS[name][0], WRONG[other]

    for make in (
        lambda: field == value,
        lambda: field != value,
        lambda: value == field,
        lambda: in_(field, [value]) if not hasattr(value, "__solidb_build__") else field == value,
        lambda: field == value if name == "id" else field < value,  # ids are texts, which have an order
    ):
        with pytest.raises(UsageError):
            make()


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: in_(Pet.owner, select(Pet)), "those of 'linklaw_pets'"),
    (lambda: in_(Pet.owner, select(Pet.id)), "those of 'linklaw_pets'"),
    (lambda: in_(Person.age, select(Person)), "select(Person.key)"),
    (lambda: in_(Person.key, select(Person)), "select(Person.key)"),
    (lambda: in_(Person.age, select(Person.age, Person.key)), "2 columns"),
    (lambda: Pet.owner < PEOPLE[0], "Pet.owner.id"),
    (lambda: func.max(Pet.owner), "can't order"),
    (lambda: func.sum(Pet.owner), "takes numbers"),
    (lambda: Pet.owner + "x", "a link + a text"),
    (lambda: any_(Pet.friends) == PETS[0], "leads to documents of 'linklaw_people'"),
    (lambda: contains(Pet.friends, PETS[0]), "leads to documents of 'linklaw_people'"),
    (lambda: contains(Pet.friends, Pet.id), "those of"),
    (lambda: contains(Pet.friends, Pet.mother), "those of"),
    (lambda: Pet.friends == [PETS[0]], "leads to documents of 'linklaw_people'"),
    (lambda: update(Pet).values(owner=PETS[0]), "Pet.owner can't be"),
    (lambda: update(Pet).values(owner=Pet.id), "those of 'linklaw_pets'"),
    (lambda: update(Pet).values(owner=Pet.mother), "those of 'linklaw_pets'"),
    (lambda: update(Pet).values(vet=select(Pet.id).limit(1).scalar_subquery()), "those of 'linklaw_pets'"),
    (lambda: update(Pet).values(owner=Pet.vet), "coalesce"),
    (lambda: update(Pet).values(owner=func.first(Pet.friends)), "coalesce"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_a_link_can_not_be_is_refused_where_it_is_written(number: int) -> None:
    make, way = REFUSED[number]

    with pytest.raises((UsageError, SchemaViolation)) as caught:
        make()
    assert way in str(caught.value)
