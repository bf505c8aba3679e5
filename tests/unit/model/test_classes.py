"""What a Pydantic user does with classes works with documents."""
# ruff: noqa: DTZ001  naive times are cases too

import copy
import pickle
import threading
import typing
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    computed_field,
    create_model,
    field_validator,
    model_validator,
)

from solidb_odm import Document, Edge, Index, Link, select
from solidb_odm.errors import DeclarationError
from solidb_odm.model.declaration.registry import registry
from solidb_odm.model.stored.codec import decode, encode_text, encode_value

T = TypeVar("T")
D = TypeVar("D", bound=Document)


def stored(document: Document) -> dict[str, Any]:
    value = encode_value(type(document).__solidb_mapping__, document)
    del value["_key"]
    return value


def reloaded(document: D) -> D:
    mapping = type(document).__solidb_mapping__
    return decode(mapping, document.key, encode_text(mapping, document))


class Pickled(Document):
    name: str
    tags: list[str] = []


def test_the_collection_is_named_after_the_class() -> None:
    class HTTPLogEntry(Document):
        pass

    assert HTTPLogEntry.__solidb_collection__ == "http_log_entry"


def test_a_subclass_lives_in_its_parents_collection_and_is_marked() -> None:
    class Animal(Document, collection="zoo"):
        name: str

    class Dog(Animal):
        barks: bool = True

    assert stored(Dog(name="Rex")) == {"_type": "Dog", "name": "Rex", "barks": True}
    assert stored(Animal(name="x")) == {"name": "x"}
    assert select(Dog).compile().bind_vars == {"p0": ["Dog"]}
    assert reloaded(Dog(name="Rex", key="rex")) == Dog(name="Rex", key="rex")


def test_an_abstract_base_has_no_collection() -> None:
    class Base(Document, abstract=True):
        owner: Annotated[str, Index()] = "me"

    class Made(Base):
        pass

    assert str(select(Made).where(Made.owner == "x")).startswith("FOR `_v0` IN `made`")
    assert [index.fields for index in Made.__collection_spec__().indexes] == [("owner",)]
    with pytest.raises(DeclarationError, match="Base: has no collection of its own"):
        select(Base).compile()


@pytest.mark.parametrize("order", ["before", "after"])
def test_plain_models_mix_in(order: str) -> None:
    class Stamped(BaseModel):
        by: str = "me"

    bases = (Stamped, Document) if order == "before" else (Document, Stamped)
    mixed: Any = type(Document)("Mixed", bases, {"__module__": __name__, "__annotations__": {"a": int}})

    assert stored(mixed(a=1)) == {"a": 1, "by": "me"}
    assert select(mixed).where(mixed.by == "x").compile().bind_vars == {"p0": "x"}


def test_a_generic_class_is_a_template() -> None:
    class Page(Document, Generic[T]):
        item: T
        more: list[T] = []

    class Numbers(Page[int], collection="numbers"):
        pass

    assert reloaded(Numbers(item=1, more=[2])).more == [2]
    assert select(Numbers).where(Numbers.item > 3).compile().bind_vars == {"p0": 3}
    with pytest.raises(DeclarationError, match="has no collection of its own"):
        select(Page[str]).compile()


def test_a_generic_class_with_a_collection_is_usable_itself() -> None:
    class Crate(Document, Generic[T], collection="crates"):
        item: T

    assert Crate[int].__solidb_collection__ == "crates"
    assert stored(Crate[int](item=1)) == {"_type": "Crate[int]", "item": 1}
    assert stored(Crate(item=1)) == {"item": 1}


def test_forward_references_resolve_later() -> None:
    class Node(Document, collection="nodes"):
        child: "Leaf | None" = None
        parent: "Link[Node] | None" = None

    class Leaf(BaseModel):
        size: int

    Node.model_rebuild()
    assert select(Node).where(Node.child.size > 1).compile().bind_vars == {"p0": 1}
    assert reloaded(Node(child=Leaf(size=3), key="n")) == Node(child=Leaf(size=3), key="n")


def test_a_class_made_again_takes_the_place_of_the_first() -> None:
    def make(field: str) -> type[Document]:
        class Cell(Document, collection="cells"):
            __annotations__ = {field: int}

        return Cell

    make("a")
    second = make("b")

    assert registry.claimants("cells") == [second]


def test_aliases_are_the_stored_names() -> None:
    class Aliased(Document):
        model_config = ConfigDict(alias_generator=str.upper, validate_by_name=True)
        name: str
        number: int = Field(alias="n")
        read: int = Field(validation_alias="r", default=0)
        written: int = Field(serialization_alias="w", default=0)

    document = Aliased(name="a", n=1, r=2, written=3, key="k")  # type: ignore[call-arg]
    assert stored(document) == {"NAME": "a", "n": 1, "READ": 2, "w": 3}
    assert reloaded(document) == document
    assert "`_v0`.`NAME`" in str(select(Aliased.name))


def test_computed_fields_are_stored_and_left_out_again() -> None:
    class Square(Document):
        model_config = ConfigDict(extra="forbid")
        side: int

        @computed_field
        @property
        def area(self) -> int:
            return self.side**2

    assert stored(Square(side=3)) == {"side": 3, "area": 9}
    assert reloaded(Square(side=3, key="k")) == Square(side=3, key="k")


def test_extra_attributes_are_kept_where_they_are_allowed() -> None:
    class Open(Document):
        model_config = ConfigDict(extra="allow")
        a: int

    document = Open(a=1, more={"x": [1]}, key="k")  # type: ignore[call-arg]
    assert stored(document) == {"a": 1, "more": {"x": [1]}}
    assert reloaded(document) == document


def test_extra_attributes_are_refused_where_they_are_forbidden() -> None:
    class Closed(Document):
        model_config = ConfigDict(extra="forbid")

    with pytest.raises(ValidationError, match="more"):
        Closed(more=1)  # type: ignore[call-arg]


def test_frozen_models_stay_frozen() -> None:
    class Frozen(Document):
        model_config = ConfigDict(frozen=True)
        a: int
        tags: list[str] = []

    document = Frozen(a=1, tags=["x"])
    assert reloaded(document) == document
    with pytest.raises(ValidationError, match="frozen"):
        document.a = 2


def test_private_attributes_are_not_stored() -> None:
    class Private(Document):
        a: int
        _cache: dict[str, int] = PrivateAttr(default_factory=dict)

        def model_post_init(self, context: Any) -> None:
            self._cache["made"] = 1

    document = Private(a=1)
    assert stored(document) == {"a": 1}
    assert document._cache == {"made": 1}
    assert copy.deepcopy(document)._cache == {"made": 1}


def test_validators_of_all_modes_run() -> None:
    class Checked(Document):
        a: int
        seen: list[str] = []

        @field_validator("a", mode="before")
        @classmethod
        def from_text(cls, value: Any) -> Any:
            return int(value.strip("#")) if isinstance(value, str) else value

        @field_validator("a")
        @classmethod
        def positive(cls, value: int) -> int:
            if value < 0:
                raise ValueError("must not be negative")
            return value

        @model_validator(mode="before")
        @classmethod
        def rename(cls, data: Any) -> Any:
            return {**data, "a": data.get("a", data.get("old", 0))}

        @model_validator(mode="after")
        def note(self) -> "Checked":
            assert self.seen is not None
            return self

        @model_validator(mode="wrap")
        @classmethod
        def around(cls, data: Any, handler: Any) -> Any:
            return handler(data)

    assert Checked(a="#5").a == 5  # type: ignore[arg-type]
    assert Checked.model_validate({"old": 3}).a == 3
    with pytest.raises(ValidationError, match="must not be negative"):
        Checked(a=-1)
    assert str(Checked.a) == "Checked.a"


def test_discriminated_unions_are_read_through() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"] = "cat"
        lives: int

    class Dog(BaseModel):
        kind: Literal["dog"] = "dog"
        bark: str

    class Owner(Document):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]

    assert reloaded(Owner(pet=Dog(bark="wuff"), key="k")) == Owner(pet=Dog(bark="wuff"), key="k")
    text = str(select(Owner).where(Owner.pet.lives > 3, Owner.pet.bark == "x"))  # type: ignore[union-attr]
    assert "`_v0`.`pet`.`lives`" in text


def test_own_times_take_the_place_of_the_engines() -> None:
    class Article(Document):
        created_at: datetime
        updated_at: datetime | None = None

    document = Article(created_at=datetime(2026, 1, 1))
    assert stored(document) == {"created_at": "2026-01-01T00:00:00", "updated_at": None}
    assert "`_v0`.`created_at`" in str(select(Article.created_at))


def test_copies_are_new_documents() -> None:
    document = Pickled(name="a", tags=["x"], key="k")

    for copied in (
        document.model_copy(),
        copy.copy(document),
        copy.deepcopy(document),
        pickle.loads(pickle.dumps(document)),
    ):
        assert copied == document
        assert copied.rev is None
    assert document.model_copy(update={"key": "l"}).id == "pickled/l"
    assert document.model_copy(deep=True).tags is not document.tags


def test_documents_can_be_in_sets_and_stay_there_when_they_change() -> None:
    document, other = Pickled(name="a", key="k"), Pickled(name="a", key="l")
    several = {document, other, document.model_copy()}

    document.name = "b"

    assert document in several
    assert len({document, document.model_copy(), other}) == 2


def test_construct_skips_validation_and_still_makes_a_document() -> None:
    document = Pickled.model_construct(name=5, key="k")  # type: ignore[arg-type]

    assert (document.name, document.id, document.rev) == (5, "pickled/k", None)


def test_a_document_has_an_id_at_once_and_times_once_stored() -> None:
    document = Pickled(name="a", key="k")

    assert document.id == "pickled/k"
    assert (document.rev, document.created_at, document.updated_at) == (None, None, None)


@pytest.mark.parametrize("key", ["", "a/b", "a\nb", "x" * 255])
def test_impossible_keys_are_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="key"):
        Pickled(name="a", key=key)


def test_keys_are_given_under_both_names() -> None:
    assert Pickled.model_validate({"_key": "k", "name": "a"}).key == "k"
    assert Pickled.model_validate({"key": "k", "name": "a"}).key == "k"
    assert Pickled.model_validate_json('{"_key": "k", "name": "a"}').key == "k"


def test_inherited_defaults_stay_defaults() -> None:
    class Base(Document, abstract=True):
        tags: list[str] = []
        name: str = "x"

    class Child(Base):
        more: int

    assert Child(more=1).tags == []
    assert Child.model_fields["name"].default == "x"
    assert Child.model_fields["more"].is_required()


def test_unknown_attributes_of_a_class_are_errors_with_a_guess() -> None:
    with pytest.raises(AttributeError, match="no field or attribute 'nmae'; did you mean 'name'"):
        Pickled.nmae  # type: ignore[attr-defined]  # noqa: B018


def test_a_key_declared_anew_is_still_a_key() -> None:
    class Slugged(Document):
        key: str = "home"

        @field_validator("key")
        @classmethod
        def lower(cls, value: str) -> str:
            return value.lower()

    assert encode_text(Slugged.__solidb_mapping__, Slugged(key="ABOUT")) == '{"_key":"about"}'
    assert Slugged.model_validate({"_key": "X"}).key == "x"
    assert select(Slugged).where(Slugged.key == "a").compile().bind_vars == {"p0": "a"}
    with pytest.raises(ValidationError, match="key"):
        Slugged(key="a/b")


def test_a_key_may_be_made_by_a_validator_or_be_one_of_some() -> None:
    Slug = NewType("Slug", str)

    class Page(Document):
        key: Slug = Field(default_factory=lambda: Slug("x"))

    class Switch(Document):
        key: Literal["on", "off"]

    class Mailbox(Document):
        address: str

        @model_validator(mode="after")
        def name(self) -> "Mailbox":
            self.key = self.address.partition("@")[0]
            return self

    assert (Page().id, Switch(key="on").id, Mailbox(address="a@b").id) == ("page/x", "switch/on", "mailbox/a")


def test_strict_models_read_what_they_stored() -> None:
    class Strict(Document):
        model_config = ConfigDict(strict=True)
        when: datetime
        numbers: set[int]
        pair: tuple[int, int]

    document = Strict(when=datetime(2026, 1, 1), numbers={1}, pair=(1, 2), key="k")
    mapping = Strict.__solidb_mapping__
    assert reloaded(document) == document == decode(mapping, "k", encode_value(mapping, document))


def test_an_edge_says_what_its_ends_must_be() -> None:
    class Road(Edge[Pickled, Pickled]):
        pass

    with pytest.raises(ValidationError, match="must be in 'pickled', not 'towns/a'"):
        Road("pickled/a", "towns/a")
    with pytest.raises(ValidationError, match="must be a Pickled, not a Road"):
        Road("pickled/a", Road("pickled/a", "pickled/b"))  # type: ignore[arg-type]
    assert Road.model_validate({"_from": "pickled/a", "to": "pickled/b"}).to_id == "pickled/b"


def test_documents_that_are_equal_have_one_hash() -> None:
    class Box(Document, Generic[T], collection="hash_boxes"):
        n: T

    box, same = Box(key="a", n=1), Box[int](key="a", n=1)
    assert box == same
    assert hash(box) == hash(same)


def test_a_frozen_document_names_the_computed_field_that_was_set() -> None:
    class Square(Document, collection="frozen_squares"):
        model_config = ConfigDict(frozen=True)
        side: int = 2

        @computed_field  # type: ignore[prop-decorator]
        @property
        def area(self) -> int:
            return self.side**2

        @area.setter
        def area(self, area: int) -> None:
            self.side = area

    with pytest.raises(ValidationError, match="area\n  Instance is frozen"):
        Square().area = 4


BARE = [dict, list, tuple[()], *(getattr(typing, name) for name in ("Dict", "List", "Set", "Tuple"))]


@pytest.mark.parametrize("annotation", BARE)
def test_containers_without_parameters_are_types(annotation: Any) -> None:
    model: Any = create_model("Bare", __base__=Document, a=(annotation, ...))
    empty = typing.get_origin(annotation) or annotation
    assert reloaded(model(a=empty())).a == empty()


class Shared(BaseModel):
    n: float = 0.5


def test_threads_that_are_first_to_use_a_class_all_find_what_it_needs() -> None:
    together = threading.Barrier(4, timeout=60)
    for number in range(20):
        made: Any = create_model(
            f"Made{number}", __base__=Document, part=(Shared | None, None), tags=(list[str], []), n=(int, 1)
        )
        mapping = made.__solidb_mapping__

        def use(made: Any = made, mapping: Any = mapping) -> tuple[Any, ...]:
            together.wait()
            read = decode(mapping, "a", '{"_key":"a","part":{"n":1.5},"tags":["x"]}')
            return encode_text(mapping, read), mapping.numbers, mapping.embedded, mapping.deep_numbers, made

        with ThreadPoolExecutor(4) as pool:
            found = [each.result(timeout=60) for each in [pool.submit(use) for _ in range(4)]]
        text = '{"_key":"a","part":{"n":1.5},"tags":["x"],"n":1}'
        assert found == [(text, ("n",), (Shared,), True, made)] * 4
