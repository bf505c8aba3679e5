"""Computed fields, extra attributes and classes that share a collection, in queries on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Index,
    Link,
    Session,
    any_,
    attribute,
    desc,
    func,
    sdbql,
    select,
    shortest_path,
    traverse,
    update,
)
from solidb_odm.errors import LoadError, UsageError

EARLY = datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=5)))


class Buyer(Document, collection="buyers"):
    model_config = ConfigDict(extra="allow")
    first: str
    last: str = "X"
    price: Decimal = Decimal(2)
    start: datetime = EARLY

    class Settings:
        indexes = [Index("full_name")]

    @computed_field(alias="fullName")  # type: ignore[prop-decorator]
    @property
    def full_name(self) -> str:
        return f"{self.first} {self.last}"

    @full_name.setter
    def full_name(self, value: str) -> None:
        self.first, self.last = value.split()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> Decimal:
        return self.price * 2

    @computed_field
    @cached_property
    def ends(self) -> datetime:
        return self.start + timedelta(days=1)


class Being(Document, collection="beings"):
    name: str


class Flying(Being, abstract=True):
    height: int = 5


class Bird(Flying):
    wings: int = 2


class Parrot(Bird):
    words: list[str] = []


class Feeds(Edge[Being, Being], collection="feeds"):
    pass


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    breed: str = ""


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Cage(Document, collection="cages"):
    inmate: Link[Being]
    pets: list[Pet] = []


full_name: Any = Buyer.full_name
being, bird, parrot = "plain", "bird", "parrot"


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Buyer, Being, Feeds, Cage)
    with Session(engine) as opened:
        opened.add_all([
            Buyer(key="a", first="Ann", price=Decimal(10), zip="75001", more={"floor": 3}),  # type: ignore[call-arg]
            Buyer(key="b", first="Bob", start=datetime(2024, 1, 1, 4, tzinfo=UTC)),
        ])  # fmt: skip
        opened.add_all([Being(key=being, name="B"), Bird(key=bird, name="I"), Parrot(key=parrot, name="P")])
        opened.add_all(
            [Feeds(f"beings/{being}", f"beings/{bird}"), Feeds(f"beings/{bird}", f"beings/{parrot}")]
        )
        opened.add(Cage(key="c", inmate=f"beings/{parrot}", pets=[Cat(), Dog(breed="pug")]))  # type: ignore[arg-type]
        opened.commit()
        opened.expunge_all()
        yield opened


def test_computed_fields_stand_in_conditions_orders_and_columns(session: Session) -> None:
    assert session.scalars(select(Buyer.key).where(full_name == "Ann X")).all() == ["a"]
    assert session.scalars(select(full_name).order_by(desc(full_name))).all() == ["Bob X", "Ann X"]
    assert session.scalars(select(Buyer.key).where(attribute(Buyer, "full_name", str) == "Bob X")).all() == [
        "b"
    ]


def test_computed_values_have_their_own_types(session: Session) -> None:
    found = select(attribute(Buyer, "twice", Decimal), attribute(Buyer, "ends", datetime)).order_by(Buyer.key)

    assert session.execute(found).all() == [
        (Decimal(20), EARLY + timedelta(days=1)),
        (Decimal(4), datetime(2024, 1, 2, 4, tzinfo=UTC)),
    ]


def test_computed_decimals_and_times_sort_by_value(session: Session) -> None:
    twice, ends = attribute(Buyer, "twice", Decimal), attribute(Buyer, "ends", datetime)

    assert session.scalars(select(Buyer.key).where(twice > Decimal(4)).order_by(twice)).all() == ["a"]
    assert session.scalars(select(Buyer.key).order_by(ends)).all() == ["a", "b"]
    assert session.scalars(select(Buyer.key).where(ends == EARLY + timedelta(days=1))).all() == ["a"]


def test_computed_fields_are_stored_anew_with_what_they_come_from(session: Session) -> None:
    session.get_one(Buyer, "a").full_name = "Zoe Y"
    session.commit()

    assert session.scalars(select(Buyer.key).where(full_name == "Zoe Y")).all() == ["a"]


def test_an_update_statement_sets_computed_fields_itself(session: Session) -> None:
    session.execute(
        update(Buyer).where(Buyer.key == "a").values(first="Eve", full_name="Eve X", twice=Decimal(3))
    )

    assert session.scalars(select(Buyer.first).where(full_name == "Eve X")).all() == ["Eve"]
    assert session.scalars(
        select(attribute(Buyer, "twice", Decimal)).where(Buyer.key == "a")
    ).one() == Decimal(3)


def test_extra_attributes_stand_in_queries(session: Session) -> None:
    zip_code, more = attribute(Buyer, "zip", str), attribute(Buyer, "more")

    assert session.scalars(select(Buyer.key).where(zip_code == "75001")).all() == ["a"]
    assert session.scalars(select(Buyer.key).where(more["floor"] > 2)).all() == ["a"]
    assert session.scalars(select(zip_code).order_by(zip_code)).all() == [None, "75001"]


def test_an_unknown_attribute_is_refused_with_the_way_out(session: Session) -> None:
    with pytest.raises(UsageError, match="did you mean 'name'") as caught:
        attribute(Being, "nmae")
    assert "extra" in str(caught.value.hint)


def test_each_document_is_of_the_class_it_was_stored_as(session: Session) -> None:
    found = session.scalars(select(Being).order_by(Being.name))

    assert {document.key: type(document) for document in found} == {being: Being, bird: Bird, parrot: Parrot}
    assert [d.key for d in session.scalars(select(Bird).order_by(Bird.key))] == [bird, parrot]


def test_get_gives_the_class_of_the_document_or_nothing(session: Session) -> None:
    assert type(session.get(Being, parrot)) is Parrot
    assert session.get(Parrot, being) is None
    assert session.get_many(Bird, [being, bird, parrot])[0] is None


def test_ways_through_a_graph_give_the_classes_of_their_documents(session: Session) -> None:
    reached = session.scalars(traverse(f"beings/{being}", Feeds, depth=(1, 2))).all()
    path = session.scalars(shortest_path(f"beings/{being}", f"beings/{parrot}", Feeds)).one()

    assert [type(document) for document in reached] == [Bird, Parrot]
    assert [type(document) for document in path.vertices] == [Being, Bird, Parrot]


def test_a_link_loads_the_class_of_its_document(session: Session) -> None:
    cage = session.get_one(Cage, "c")
    session.load([cage], Cage.inmate)

    assert type(cage.inmate.value) is Parrot


def test_embedded_unions_are_found_and_read_as_their_classes(session: Session) -> None:
    pugs: Any = any_(Cage.pets)
    cage = session.scalars(select(Cage).where(pugs.breed == "pug")).one()

    assert cage.pets == [Cat(), Dog(breed="pug")]


def test_elements_of_lists_are_read_as_their_types(session: Session) -> None:
    parts = select(
        func.first(Cage.pets), func.last(Cage.pets), func.nth(Cage.pets, 7), func.reverse(Cage.pets)
    )

    assert session.execute(parts).one() == (Cat(), Dog(breed="pug"), None, [Dog(breed="pug"), Cat()])
    assert session.scalars(select(func.slice(Cage.pets, 1, 5))).one() == [Dog(breed="pug")]


def test_a_class_that_was_not_imported_is_an_error_not_its_parent(session: Session) -> None:
    session.execute(sdbql('INSERT {_key: "z", name: "g", _type: "Ghost"} INTO beings'))
    session.commit()

    with pytest.raises(LoadError, match="beings/z was stored as a 'Ghost'") as caught:
        session.get(Being, "z")
    assert caught.value.hint == "import the module that declares it"


def test_a_class_without_subclasses_does_not_take_documents_of_others(session: Session) -> None:
    session.execute(sdbql('INSERT {_key: "z", inmate: "beings/bird", _type: "Big"} INTO cages'))
    session.commit()

    with pytest.raises(LoadError, match="no such subclass of Cage"):
        session.scalars(select(Cage)).all()
