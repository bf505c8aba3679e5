"""Classes of one family in one collection: what is asked of one, or written through it, reaches all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from solidb_odm import (
    Document,
    Engine,
    Registry,
    Session,
    SoftDelete,
    Timestamped,
    coalesce,
    create_engine,
    delete,
    select,
    update,
    upsert,
)
from solidb_odm.errors import DeclarationError, SchemaViolation, SolidbError, UsageError
from solidb_odm.session import hydration
from solidb_odm.session.hydration import Reading, load_documents
from solidb_odm.work import UnitOfWork

registry = Registry()


class Ship(Document, collection="shared_ships", registry=registry):
    crew: int | None = 1
    name: str = ""


class Ferry(Timestamped, Ship):
    crew: Annotated[int, Field(ge=1)] = 1
    decks: int = 3

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return self.crew * 2


class Tug(Ship):
    decks: int = 1
    twice: int = 6


class Wreck(SoftDelete, Ship):
    pass


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(registry)
    with Session(engine) as opened:
        opened.add_all([Ship(key="s"), Ferry(key="f", crew=3), Tug(key="t"), Wreck(key="w")])
        opened.commit()
        yield opened


def test_a_condition_on_a_subclass_is_never_true_of_others(session: Session) -> None:
    assert session.scalars(select(Ship.key).where(Ferry.decks < 5)).all() == ["f"]
    assert session.scalars(select(Ship.key).where(Ferry.twice == 6)).all() == ["f"]
    assert session.scalar(update(Ship).where(Tug.decks <= 1).values(name="x")) == 1
    assert session.scalar(delete(Tug).where(Tug.decks < 5, Ship.name == "x")) == 1


def test_an_update_of_a_class_computes_what_the_classes_below_it_store(session: Session) -> None:
    made = session.get_one(Ferry, "f").updated_at
    session.commit()

    assert session.scalar(update(Ship).values(crew=5)) == 4
    session.commit()

    session.expunge_all()
    assert session.scalars(select(Ferry.key).where(Ferry.twice == 10)).all() == ["f"]
    assert session.get_one(Ferry, "f").updated_at > made
    assert session.get_one(Tug, "t").twice == 6


def test_an_update_of_a_class_fits_the_classes_below_it(session: Session) -> None:
    for value in (None, 0):
        with pytest.raises(SchemaViolation, match=r"Ferry\.crew can't be"):
            update(Ship).values(crew=value)
    with pytest.raises(UsageError, match=r"Ship\.crew can be null, and Ferry\.crew can't"):
        update(Ship).values(crew=Ship.crew)
    with pytest.raises(UsageError, match=r"Ferry\.twice is computed of crew"):
        update(Ship).values(crew=coalesce(Ship.crew, 1) + 1)
    assert update(Tug).values(crew=None).compile().text


def test_an_upsert_of_a_class_fits_the_classes_below_it(session: Session) -> None:
    with pytest.raises(SchemaViolation, match=r"Ferry\.crew can't be 0"):
        upsert(Ship).values(key="f", crew=0)
    with pytest.raises(UsageError, match=r"may find documents of Ferry, which store twice otherwise"):
        upsert(Ship).values(key="f", crew=4)
    session.execute(upsert(Ship).values(key="f", name="x"))
    session.commit()
    assert session.get_one(Ferry, "f").name == "x"


def test_a_deletion_of_a_class_does_not_delete_for_good_what_is_marked(session: Session) -> None:
    with pytest.raises(UsageError, match=r"delete\(Ship\) would delete documents of Wreck permanently"):
        session.execute(delete(Ship))
    assert session.scalar(delete(Wreck)) == 1
    session.commit()
    assert session.scalar(select(Ship.key).where(Ship.key == "w").with_deleted()) == "w"
    assert session.scalar(delete(Ship).with_deleted().permanently()) == 4


class Place(BaseModel):
    name: str = ""


class Port(Place):
    depth: int = 0


class ShortNamed(Place):
    name: str = Field("", serialization_alias="n", validation_alias="n")


class Loud(Place):
    @field_serializer("name")
    def write_name(self, name: str) -> str:
        return f"{name}!"

    @field_validator("name", mode="before")
    @classmethod
    def read_name(cls, name: str) -> str:
        return name.removesuffix("!")


class Flat(Place):
    @model_serializer(mode="plain")
    def write(self) -> str:
        return self.name

    @model_validator(mode="before")
    @classmethod
    def read(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data


class Parent(Document, collection="shared_parents", registry=registry):
    text: str = ""
    number: int = 0
    place: Place | None = None
    price: Decimal = Decimal(1)
    data: list[bytes] = []
    tags: list[str] = []
    marks: list[int] = []

    @field_serializer("marks")
    def write_marks(self, marks: list[int]) -> list[str]:
        return [str(mark) for mark in marks]


@pytest.mark.parametrize(
    ("problem", "annotations", "body"),
    [
        (r"text: is int, but str in Parent", {"text": int}, {}),
        (r"text: is str \| None, but str in Parent", {"text": str | None}, {}),
        (r"tags: is set\[str\], but list\[str\] in Parent", {"tags": set[str]}, {}),
        (
            r"text: is stored as 'Text', but Parent",
            {},
            {"model_config": ConfigDict(alias_generator=str.title)},
        ),
        (
            r"data: is stored in another way than in Parent",
            {},
            {"model_config": ConfigDict(ser_json_bytes="hex")},
        ),
        (
            r"text: is stored in another way than in Parent",
            {},
            {"write": field_serializer("text")(lambda self, value: value)},
        ),
        (
            r"marks: is stored in another way than in Parent",
            {"other": int},
            {"write_marks": field_serializer("other")(lambda self, value: value)},
        ),
        (
            r"number: is stored in another way .* as \"20200101\"",
            {"number": Annotated[int, PlainSerializer(str)]},
            {},
        ),
        (r"place: is stored in another way .*\"n\":", {"place": ShortNamed | None}, {}),
        (r"place: is stored in another way .*!", {"place": Loud | None}, {}),
        (r"place: is stored in another way", {"place": Flat | None}, {}),
        (r"text: is not stored, but Parent", {"text": str}, {"text": Field(default="", exclude=True)}),
        (r"text: is int", {"text": int}, {"model_config": ConfigDict(defer_build=True)}),
    ],
)
def test_a_field_is_kept_alike_in_a_whole_collection(
    problem: str, annotations: dict[str, Any], body: dict[str, Any]
) -> None:
    namespace = {"__module__": __name__, "__annotations__": annotations, **body}
    with pytest.raises(DeclarationError, match=rf"Child\.{problem}"):
        type(Document)("Child", (Parent,), namespace)


def test_the_whole_of_a_document_is_written_alike_in_a_collection() -> None:
    whole = model_serializer(mode="wrap")(lambda self, handler: {**handler(self), "shown": "x"})
    with pytest.raises(
        DeclarationError, match=r"Child: is stored in another way than Parent.* model_serializer"
    ):
        type(Document)("Child", (Parent,), {"__module__": __name__, "__annotations__": {}, "write": whole})


def test_a_field_may_be_narrower_below() -> None:
    class Parent(Document, collection="shared_wide", registry=Registry()):
        size: float | str | None = None
        place: Place = Place()
        anything: Any = None

    class Child(Parent):
        size: int = 1  # pyright: ignore[reportIncompatibleVariableOverride]
        place: Port = Port()
        anything: timedelta = timedelta(1)

    assert Child(size=3).size == 3


def test_encoders_of_a_class_are_those_of_its_collection() -> None:
    with (
        pytest.warns(DeprecationWarning, match="json_encoders"),
        pytest.raises(DeclarationError, match=r"Child\.price: is stored in another way"),
    ):

        class Child(Parent):
            model_config = ConfigDict(json_encoders={Decimal: float})


def test_a_narrower_field_may_be_written_with_more() -> None:
    class Added(Place):
        @model_serializer(mode="wrap")
        def write(self, handler: Any) -> Any:
            return {**handler(self), "shown": 1}

    class Child(Parent):
        number: Annotated[int, Field(ge=1)] = 1
        place: Added | None = None

    assert Child(place=Added()).number == 1


T = TypeVar("T")


class Crate(Document, Generic[T], collection="shared_crates", registry=registry):
    item: T
    pair: tuple[T, T] | None = None


def test_the_parametrisations_of_a_generic_class_are_told_apart(engine: Engine) -> None:
    """Else ``Crate[int]`` would read the text "1" as a number, and list the documents of all others."""
    engine.create_all(Crate)
    with Session(engine) as session:
        session.add_all([Crate[int](key="i", item=1, pair=(1, 2)), Crate[str](key="s", item="1")])
        session.commit()
        session.expunge_all()
        for model, kept in ((Crate[int], ["i"]), (Crate[str], ["s"]), (Crate, ["i", "s"])):
            documents = session.scalars(select(model).order_by(model.key)).all()
            assert [each.key for each in documents] == kept
            assert [type(each) for each in documents] == [
                {"i": Crate[int], "s": Crate[str]}[key] for key in kept
            ]
            assert [each for each in "is" if session.get(model, each) is not None] == kept
        assert session.scalars(select(Crate[int].key).where(Crate[int].item == 1)).all() == ["i"]


def test_parametrisations_by_two_classes_of_one_name_are_refused() -> None:
    class Box(Document, Generic[T], collection="shared_boxes", registry=Registry()):
        item: T

    def part() -> type[BaseModel]:
        return type("Part", (BaseModel,), {"__module__": f"shared_boxes_{len(made)}"})

    made: list[Any] = []
    made.append(Box[part()])  # type: ignore[misc]
    with pytest.raises(DeclarationError, match=r"is stored as 'Box\[Part\]' in 'shared_boxes'"):
        made.append(Box[part()])  # type: ignore[misc]


def test_settings_that_say_what_holds_anyway_are_no_difference() -> None:
    class Parent(Document, collection="shared_settings", registry=Registry()):
        took: timedelta = timedelta(1)
        data: bytes = b""

    class Child(Parent):
        model_config = ConfigDict(ser_json_timedelta="float", ser_json_bytes="base64")

    assert Child(took=timedelta(2)).took == timedelta(2)


def test_a_computed_field_may_be_a_function_of_another_name() -> None:
    class Named(Document, collection="shared_computed", registry=Registry()):
        n: int = 1
        double = computed_field(return_type=int)(property(lambda self: self.n * 2))

    found: Any = Named
    assert select(Named).where(found.double == 2).compile().bind_vars == {"p0": 2}


def test_a_strict_model_with_a_validator_takes_times_in_statements() -> None:
    class Timed(Document, collection="shared_strict", registry=Registry()):
        model_config = ConfigDict(strict=True)
        at: datetime | None = None

        @model_validator(mode="after")
        def checked(self) -> Timed:
            return self

    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Timed)
        session.add(Timed(key="a"))
        session.commit()
        moment = datetime(2020, 1, 2, tzinfo=UTC)
        session.execute(update(Timed).values(at=moment))
        assert session.get_one(Timed, "a").at == moment


def test_a_class_that_was_refused_is_not_made_with_those_of_its_registry() -> None:
    own = Registry()

    class Wide(Document, collection="shared_waiting", registry=own):
        n: int = 0

    kept: list[Any] = []  # the error's traceback holds the class, as a debugger does
    try:
        type(Document)(
            "Narrow",
            (Wide,),
            {
                "__module__": __name__,
                "__annotations__": {"n": str},
                "model_config": ConfigDict(defer_build=True),
            },
        )
    except DeclarationError as error:
        kept.append(error)
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(own)
        session.add(Wide(key="a"))
        session.commit()
    assert len(kept) == 1


FOLK = Registry()


class Being(Document, collection="beings", registry=FOLK):
    name: str = ""
    words: list[str] = []


class Bird(Being):
    wings: int = 2


class Fish(Being):
    model_config = ConfigDict(extra="forbid")
    depth: float = 0.0


class Gadget(Being):
    model_config = ConfigDict(extra="allow")


class Ghost(Being):
    class Settings:
        version = 2

    @classmethod
    def upgrade_from(cls, stored: dict[str, Any], version: int) -> dict[str, Any]:
        return {**stored, "name": f"{stored['name']} of {version}"}


class Plant(Document, collection="plants", registry=FOLK):
    name: str = ""

    class Settings:
        version = 3

    @classmethod
    def upgrade_from(cls, stored: dict[str, Any], version: int) -> dict[str, Any]:
        return {**stored, "name": f"{stored['name']} of {version}"}


class Tree(Plant):
    height: int = 0


TEXTS = [
    '{"_key":"k","name":"a"}',
    '{"_key":"k","name":"a","words":["_type"]}',
    '{"_key":"k","name":"\\"_type\\":","words":[]}',
    '{"name":"a","_key":"k","more":1}',
    '{"_type":"Bird","_key":"k","name":"a","words":["x"],"wings":3}',
    '{"_type":"Bird","_key":"k","name":"a","wings":"many"}',
    '{"_type": "Bird", "_key":"k","name":"a","wings":4}',
    '{"_key":"k","name":"a","wings":5,"_type":"Bird"}',
    '{"_type":"Birds","_key":"k"}',
    '{"_type":null,"_key":"k"}',
    '{"_type":"Fish","_key":"k","name":"a","depth":1}',
    '{"_type":"Fish","_key":"k","name":"a","more":1}',
    '{"_type":"Gadget","_key":"k","name":"a","more":1}',
    '{"_type":"Ghost","_key":"k","name":"a"}',
    '{"_version":2,"_type":"Ghost","_key":"k","name":"a"}',
    '{"_version":1,"_type":"Ghost","_key":"k","name":"a"}',
    '{"_type":"Ghost","_version":2,"_key":"k","name":"a"}',
    '{"_version":3,"_key":"k","name":"a"}',
    '{"_version":3,"_type":"Tree","_key":"k","name":"a","height":3}',
    '{"_version":3,"_type":"Plant","_key":"k","name":"a"}',
    '{"_version":2,"_key":"k","name":"a"}',
    '{"_version":30,"_key":"k","name":"a"}',
    '{"_key":"k","name":"a","_version":2}',
    '{"_key":"k"',
    "[]",
]


def _loaded(model: type[Any], texts: list[str]) -> list[Any]:
    keys = [f"k{place}" for place in range(len(texts))]
    bodies = [text.replace('"k"', f'"{key}"') for key, text in zip(keys, texts, strict=True)]
    rows: Any = [(key, "r", "", "", body) for key, body in zip(keys, bodies, strict=True)]
    try:
        documents = load_documents(UnitOfWork("text"), model, rows)
    except SolidbError as error:
        return [type(error), re.sub("k[0-9]+", "k", str(error))]
    values = [document.model_dump(exclude={"key"}) for document in documents]
    return [(type(one), given, one.model_fields_set) for one, given in zip(documents, values, strict=True)]


@pytest.mark.parametrize("model", [Being, Bird, Plant, Tree])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_alike_alone_among_many_and_closely(
    model: type[Document], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = '{"_version":3,"_key":"k","name":"b"}' if issubclass(model, Plant) else '{"_key":"k","name":"b"}'
    alone, several = _loaded(model, [text]), _loaded(model, [text, first, text])
    monkeypatch.setattr(Reading, "reader_of", lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr(hydration, "_load_fresh", lambda *_: None)
        assert _loaded(model, [text]) == alone
        assert _loaded(model, [text, first, text]) == several
    if not isinstance(alone[0], type):
        assert several == [*alone, *_loaded(model, [first]), *alone]


@pytest.mark.parametrize(
    ("model", "texts"),
    [(Being, [0, 2, 3, 4, 5, 14, 17, 20, 21, 22]), (Plant, [17, 18])],
    ids=["beings", "plants"],
)
def test_texts_in_our_own_form_are_read_as_they_are(model: type[Document], texts: list[int]) -> None:
    load_documents(UnitOfWork("text"), model, [])
    reading: Reading = model.__dict__["__solidb_reading__"][1]
    own = [place for place, text in enumerate(TEXTS[:-2]) if reading.reader_of(text) is not None]
    assert own == texts
