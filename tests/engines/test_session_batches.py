"""Many rows at once: as one by one, whatever the session holds already."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import AliasChoices, ConfigDict, Field

from solidb_odm import Document, Registry, Session, sdbql, select
from solidb_odm.errors import StateError
from solidb_odm.model.stored.codec import validate
from solidb_odm.model.stored.pydantic_attributes import set_fields_of
from solidb_odm.session.hydration import load_documents
from solidb_odm.work import UnitOfWork

from .conftest import Store
from .documents import Author, Knows, Person, Post


def people() -> list[Person]:
    return [Person(key=f"p{number:02}", name=f"n{number}", tags=["t"]) for number in range(50)]


@pytest.mark.parametrize("held", [[], [3], [0, 24, 49], list(range(25, 50))])
def test_many_rows_are_loaded_as_one_by_one_whatever_the_session_holds(
    store: Store, session: Session, held: list[int]
) -> None:
    store.put(*people())
    known = {number: session.get_one(Person, f"p{number:02}") for number in held}

    found = session.scalars(select(Person)).all()

    assert [each.key for each in found] == [f"p{number:02}" for number in range(50)]
    assert all(found[number] is each for number, each in known.items())
    assert all(session.get(Person, each.key) is each for each in found)
    assert all(each.rev and each.created_at == each.updated_at for each in found)


def test_what_is_changed_in_a_batch_is_committed_and_nothing_else(store: Store, session: Session) -> None:
    store.put(*people())
    found = session.scalars(select(Person)).all()
    found[7].tags.append("u")
    found[30].name = "m"
    session.commit()
    with store.session() as other:
        stored = other.scalars(select(Person)).all()
    assert [(each.name, each.tags) for each in stored] == [
        ("m" if number == 30 else f"n{number}", ["t", "u"] if number == 7 else ["t"]) for number in range(50)
    ]


def several(case: str) -> list[Any]:
    ada, bob = Person(key="ada", name="Ada"), Person(key="bob", name="Bob")
    changed = Person(key="cyd", name="Cyd")
    changed.name, author = "Cid", Author(key="a", name="A")
    return {
        "new ones": [ada, bob, changed],
        "one twice": [ada, bob, ada],
        "two of one key": [ada, bob, Person(key="ada", name="Eve")],
        "an edge brings its ends": [Knows(ada, bob, key="k"), Person(key="dan", name="Dan")],
        "no document": [ada, "bob"],
        "a post brings its author": [Post.model_validate({"key": "p", "title": "P", "author": author})],
    }[case]


CASES = ["new ones", "one twice", "two of one key", "an edge brings its ends", "no document"]


@pytest.mark.parametrize("case", [*CASES, "a post brings its author"])
def test_documents_are_added_together_as_one_by_one_or_not_at_all(store: Store, case: str) -> None:
    outcomes: list[tuple[str, list[str]]] = []
    for together in (True, False):
        with store.session() as session:
            documents, error = several(case), ""
            try:
                if together:
                    session.add_all(documents)
                else:
                    for document in documents:
                        session.add(document)
            except StateError as problem:
                error = str(problem)
            outcomes.append((error, [each.key for each in session.new]))
    (error, together), (error_of_one, one_by_one) = outcomes
    assert error == error_of_one
    assert together == ([] if error else one_by_one)  # all or none


def test_many_inserts_are_undone_by_a_rollback(store: Store, session: Session) -> None:
    documents = people()
    session.add_all(documents)
    session.flush()
    documents[3].name = "later"
    session.rollback()
    assert not list(session)
    assert all(each.rev is None for each in documents)
    session.add_all(documents)
    session.commit()
    assert len(session.scalars(select(Person)).all()) == 50
    assert all(each.rev for each in documents)


class Shelf(Document, collection="shelves_read_together"):
    name: str
    note: str | None = None
    labels: list[str] = []


def test_documents_that_were_read_together_have_fields_set_of_their_own(store: Store) -> None:
    store.engine.create_all(Shelf)
    store.put(*(Shelf(name=f"s{number}") for number in range(30)))
    everything = set(Shelf.model_fields)
    with store.session() as session:
        first, second, *others = session.scalars(select(Shelf)).all()
        first.name = "other"
        assert first.model_fields_set == everything
        first.model_fields_set.discard("note")
        assert "note" not in first.model_dump(exclude_unset=True)
        assert all(each.model_fields_set == everything for each in (second, *others))
        assert all(type(each.model_fields_set) is set for each in others)
        again = pickle.loads(pickle.dumps(others[0]))
        copied = others[1].model_copy(update={"name": "copied"})
        copied.model_fields_set.clear()
        assert (again.model_fields_set, others[1].model_fields_set) == (everything, everything)
        assert set(second.model_dump(exclude_unset=True)) == everything
        session.commit()
        session.refresh(first, second)
        assert (first.name, first.model_fields_set) == ("other", everything)


def test_documents_with_missing_fields_keep_what_was_set(store: Store, session: Session) -> None:
    store.put(*people())
    with store.session() as other:
        other.execute(sdbql("FOR p IN people FILTER p._key < 'p03' UPDATE p WITH {note: 'n'} IN people"))
        other.execute(sdbql("FOR p IN people FILTER p._key > 'p40' REPLACE p WITH {name: 'x'} IN people"))
        other.commit()
    found = session.scalars(select(Person)).all()
    short = [each for each in found if each.key > "p40"]
    assert all(each.model_fields_set == {"key", "name"} for each in short)
    assert len(short) == 9
    assert (session.dirty, session.new) == ([], [])


OPEN_SETS = Registry()


class Parcel(Document, collection="parcels_read_together", registry=OPEN_SETS):
    model_config = ConfigDict(extra="allow")
    name: str
    note: str | None = None


class CheckedParcel(Document, collection="checked_parcels_read_together", registry=OPEN_SETS):
    model_config = ConfigDict(extra="allow", validate_assignment=True)
    name: str
    note: str | None = None


def _copied(parcel: Any) -> None:
    parcel.model_copy(update={"fresh": 1}).model_fields_set.clear()
    copy.copy(parcel).fresh = 1
    copy.deepcopy(parcel).fresh = 1
    pickle.loads(pickle.dumps(parcel)).fresh = 1


CHANGES: list[tuple[Callable[[Any], object], set[str]]] = [
    (lambda parcel: setattr(parcel, "fresh", 1), {"fresh"}),
    (lambda parcel: setattr(parcel, "color", 1), set()),
    (lambda parcel: setattr(parcel, "name", "other"), set()),
    (lambda parcel: delattr(parcel, "color"), set()),
    (lambda parcel: parcel.model_extra.update(fresh=1), set()),
    (lambda parcel: parcel.model_fields_set.add("fresh"), {"fresh"}),
    (_copied, set()),
]


@pytest.mark.parametrize("model", [Parcel, CheckedParcel])
@pytest.mark.parametrize("change", range(len(CHANGES)))
def test_documents_with_extra_attributes_share_what_was_set_until_one_is_changed(
    store: Store, model: Any, change: int
) -> None:
    act, more = CHANGES[change]
    store.engine.create_all(model)
    store.put(*[model(key=f"a{number:02}", name="a", note=None, color=number) for number in range(20)])
    store.put(*[model(key=f"b{number:02}", name="b", note=None, weight=number) for number in range(20)])
    with store.session() as session:
        parcels = session.scalars(select(model).order_by(model.key)).all()
        sets = {id(set_fields_of(parcel)) for parcel in parcels}
        assert len(sets) == (2 if store.engine.capabilities.body == "text" else 40)
        act(parcels[0])

        fields = {"key", "name", "note"}
        assert set(parcels[0].model_fields_set) == fields | {"color"} | more
        assert all(set_fields_of(parcel) == fields | {"color"} for parcel in parcels[1:20])
        assert all(set_fields_of(parcel) == fields | {"weight"} for parcel in parcels[20:])
        session.commit()
        session.refresh(*parcels)
        assert all("fresh" not in parcel.model_dump(exclude_unset=True) for parcel in parcels[1:])


class SealedParcel(Document, collection="sealed_parcels", registry=OPEN_SETS):
    model_config = ConfigDict(extra="forbid")
    name: str = Field("", validation_alias=AliasChoices("name", "title"))
    note: Any = None


class RenamedParcel(Document, collection="renamed_parcels", registry=OPEN_SETS):
    model_config = ConfigDict(extra="allow")
    name: str = Field("", validation_alias=AliasChoices("n", "title", "náme"), serialization_alias="n")
    note: Any = None


PLAIN = [
    '{"_key":"a"}',
    '{"_key":"a","name":"x","note":1.0}',
    '{"_key":"a","n":"x","note":[1,{"b":null}]}',
    '{"_key":"a","n":"a\\nb","more":1}',
    '{"_key":"a","_version":3,"more":{"x":1}}',
    '{"_key":"a","n":5}',
    '{"_key":"a","n":"x"',
    '{"_key":"a","more":1e400,"n":"x"}',
    '{"_key":"a","more":123456789012345678901234567890}',
]
STRANGE = [
    '{"_key":"a","key":"b","n":"x"}',
    '{"key":"a","name":"x"}',
    '{"_key":"a","note":{"key":1,"_type":2}}',
    '{"_key":"a","\\u0074itle":"t","n":"x"}',
    '{"_key":"a","n\\u00e1me":"t","n":"x"}',
    '{"_key":"a","_type":"Other","n":"x"}',
    '{"_key":"a","\\u005ftype":"Other"}',
]
SOME = [
    '{"_key":"a","title":"t","n":"x"}',
    '{"_key":"a","title":"t","name":"x"}',
    '{"_key":"a","title":"t"}',
    '{"_key":"a","náme":"t","n":"x"}',
]
"""Of which it depends on the class whether they are read as they are."""


@pytest.mark.parametrize("model", [Parcel, CheckedParcel, SealedParcel, RenamedParcel])
def test_a_text_that_is_read_as_it_is_gives_what_a_closer_look_gives(model: Any) -> None:
    """Also of classes that take or refuse what is no field: a name a field was read by before is none."""
    work, mapping = UnitOfWork("text"), model.__solidb_mapping__

    def outcome(read: Callable[[], Any]) -> Any:
        try:
            document = read()
        except ValueError:
            return "refused"  # whoever looks closer says why
        return repr(document.__dict__), document.__pydantic_extra__, set_fields_of(document)

    load_documents(work, model, [])
    reader_of = work.readings[model].reader_of
    for text in (*PLAIN, *SOME):
        if (read := reader_of(text)) is not None:
            assert outcome(partial(read, text)) == outcome(partial(validate, mapping, text)), text
    assert [text for text in (*PLAIN, *STRANGE) if reader_of(text) is not None] == PLAIN


class Box(Document, collection="boxes_read_together", registry=OPEN_SETS):
    name: str = ""


class BigBox(Box):
    size: int = 0


class LabelledBox(BigBox):
    model_config = ConfigDict(extra="allow")


class Crate(Document, collection="crates_read_together", registry=OPEN_SETS):
    name: str = ""

    class Settings:
        version = 2

    @classmethod
    def upgrade_from(cls, stored: dict[str, Any], _version: int) -> dict[str, Any]:
        return stored


@pytest.mark.parametrize("model", [Parcel, SealedParcel, RenamedParcel, Box, BigBox, LabelledBox, Crate])
def test_one_reader_of_many_texts_is_that_of_each(model: Any) -> None:
    work = UnitOfWork("text")
    load_documents(work, model, [])
    reading = work.readings[model]
    told = [
        '{"_type":"BigBox","_key":"a","size":1}', '{"_type":"LabelledBox","_key":"a","more":1}',
        '{"_version":2,"_key":"a"}', '{"_version":1,"_key":"a"}', '{"_key":"a","_type":"BigBox"}',
    ]  # fmt: skip
    texts = [*PLAIN, *STRANGE, *SOME, *told]
    alike = 0
    for one in texts:
        for other in texts:
            readers = [reading.reader_of(one), reading.reader_of(other)]
            both = readers[0] if readers[0] is readers[1] else None
            assert reading.reader_of_all([one, other]) is both, (one, other)
            alike += both is not None
    assert alike
