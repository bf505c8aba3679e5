"""Wrong declarations fail when the class is made, and the error names the class and the field."""

import types
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Optional, TypedDict
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    Field,
    PlainSerializer,
    SecretBytes,
    SecretStr,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from solidb_odm import (
    Cascade,
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Registry,
    RenamedFrom,
    TTLIndex,
    Vector,
    VectorIndex,
)
from solidb_odm.errors import DeclarationError
from solidb_odm.model.stored.codec import encode_value


def declare(
    annotation: Any = int, *, settings: dict[str, Any] | None = None, **options: Any
) -> type[Document]:
    """Make a class ``Made`` with one field ``field`` of a type."""
    namespace = {
        "__annotations__": {"field": annotation},
        "__module__": __name__,
        "__qualname__": "declare.<locals>.Made",
    }
    if settings is not None:
        namespace["Settings"] = type("Settings", (), settings)
    return type(Document)("Made", (Document,), namespace, **options)


def refusal(annotation: Any = int, **more: Any) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        declare(annotation, **more)
    return caught.value


class Face(BaseModel):
    vector: Annotated[Vector | None, VectorIndex()] = None


@pytest.mark.parametrize(
    ("annotation", "field"),
    [
        (Annotated[Vector, VectorIndex()], "field"),
        (Annotated[Vector, VectorIndex(dimension=0)], "field"),
        (Optional[Annotated[Vector, VectorIndex()]], "field"),  # noqa: UP045  as people write it
        (Annotated[Vector | None, VectorIndex(dimension=True)], "field"),
        (Face | None, "field.vector"),
    ],
    ids=["missing", "zero", "inside Optional", "a bool", "in an embedded model"],
)
def test_a_vector_index_needs_a_dimension(annotation: Any, field: str) -> None:
    error = refusal(annotation)

    assert "needs a dimension of 1 or more" in str(error)
    assert (error.model, error.field) == ("Made", field)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Annotated[Vector, VectorIndex(dimension=2, metric="manhattan")], "no metric 'manhattan'"),
        (Annotated[int, FulltextIndex()], "needs a field that holds text"),
        (Annotated[int, VectorIndex(dimension=2)], "needs a field that holds a list of numbers"),
        (Annotated[str, GeoIndex()], "needs a field that holds a GeoPoint"),
        (Annotated[str, TTLIndex(seconds=1)], "needs a field that holds a datetime"),
        (Annotated[int, Index("other")], "names fields, but belongs to this one"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_an_index_must_fit_its_field(annotation: Any, expected: str) -> None:
    error = refusal(annotation)

    assert expected in str(error)
    assert str(error).startswith("Made.field: ")


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([Index("missing")], "names 'missing', but Made has no field 'missing'"),
        ([Index("field.deep")], "names 'field.deep'"),
        ([Index()], "names no field"),
        (["field"], "which is not an index declaration"),
        ([GeoIndex("field", "key")], "takes one field, not 2"),
        ([Index("field", name="a"), Index("key", name="a")], "two indexes are called 'a'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_listed_indexes_must_name_fields(listed: list[Any], expected: str) -> None:
    error = refusal(settings={"indexes": listed})

    assert expected in str(error)
    assert error.model == "Made"


@pytest.mark.parametrize("name", ["", "a/b", "1users", "_users", "us ers", "ü", "a" * 129])
def test_a_collection_name_must_be_safe_everywhere(name: str) -> None:
    error = refusal(collection=name)

    assert error.model == "Made"
    assert repr(name) in str(error)


def test_settings_can_name_the_collection_too() -> None:
    assert declare(settings={"collection": "made_here"}).__solidb_collection__ == "made_here"
    assert refusal(settings={"collection": "a/b"}).model == "Made"


def test_schema_validation_is_one_of_three_words() -> None:
    assert "schema_validation='hard'" in str(refusal(settings={"schema_validation": "hard"}))


@pytest.mark.parametrize("kind", [int, UUID, str | None], ids=str)
def test_a_key_is_text(kind: Any) -> None:
    with pytest.raises(DeclarationError, match=r"Keyed\.key: a key is text"):
        type(Document)("Keyed", (Document,), {"__annotations__": {"key": kind}, "__module__": __name__})


@pytest.mark.parametrize("default", ["", "a/b"])
def test_the_default_of_a_key_is_a_key(default: str) -> None:
    namespace = {"__annotations__": {"key": str}, "key": default, "__module__": __name__}
    with pytest.raises(DeclarationError, match=r"Keyed\.key: .* is not a key"):
        type(Document)("Keyed", (Document,), namespace)


@pytest.mark.parametrize("name", ["id", "rev"])
def test_names_of_the_documents_own_attributes_are_kept(name: str) -> None:
    with pytest.raises(DeclarationError, match=rf"Taken\.{name}: is reserved"):
        type(Document)("Taken", (Document,), {"__annotations__": {name: str}, "__module__": __name__})


def test_a_property_can_not_hide_the_id() -> None:
    with pytest.raises(DeclarationError, match=r"Hidden\.id"):

        class Hidden(Document):
            @property
            def id(self) -> str: ...  # type: ignore[override]


class Login(BaseModel):
    password: SecretStr


@pytest.mark.parametrize(
    ("annotation", "field"),
    [(SecretStr, "field"), (list[SecretBytes] | None, "field"), (Login | None, "Login.password")],
    ids=["itself", "in a list", "in an embedded model"],
)
def test_a_secret_is_not_stored_as_asterisks(annotation: Any, field: str) -> None:
    error = refusal(annotation)

    assert "stored as asterisks" in str(error)
    assert (error.model, error.field) == ("Made", field)


def test_a_secret_that_says_how_it_is_stored_is_taken() -> None:
    shown = PlainSerializer(lambda secret: secret.get_secret_value(), when_used="json")

    made: Any = declare(Annotated[SecretStr, shown])
    assert encode_value(made.__solidb_mapping__, made(field="x", key="k")) == {"_key": "k", "field": "x"}


def test_a_field_can_not_be_stored_under_a_name_of_the_server() -> None:
    with pytest.raises(DeclarationError, match=r"Stored\.mine: is stored as '_rev'"):

        class Stored(Document):
            mine: str = Field(serialization_alias="_rev")


def test_two_fields_can_not_be_stored_under_one_name() -> None:
    with pytest.raises(DeclarationError, match=r"Twice\.b: is stored as 'x', as 'a' is"):

        class Twice(Document):
            a: str = Field(alias="x")
            b: str = Field(alias="x")


def test_classes_that_share_a_collection_inherit_from_one_that_has_it() -> None:
    class First(Document, collection="shared"):
        a: Annotated[int, Index()] = 0

    with pytest.raises(DeclarationError, match=r"Second: declares the collection 'shared' that .*First has"):

        class Second(Document, collection="shared"):
            b: Annotated[int, Index()] = 0

    with pytest.raises(DeclarationError, match=r"Reader: declares the collection 'shared' that .*First has"):

        class Reader(Document, collection="shared"):
            a: int = 0

    class Child(First):
        b: Annotated[int, Index()] = 0

    class Sibling(First):
        c: Annotated[int, Index()] = 0

    assert Child.__solidb_collection__ == Sibling.__solidb_collection__ == "shared"


def test_documents_and_edges_can_not_share_a_collection() -> None:
    class Node(Document, collection="mixed"):
        pass

    with pytest.raises(DeclarationError, match=f"as edges, where .*{Node.__name__} declares documents"):

        class Line(Edge[Node, Node], collection="mixed"):
            pass


def test_indexes_are_found_wherever_annotated_stands() -> None:
    class Place(BaseModel):
        at: Annotated[GeoPoint | None, GeoIndex()] = None
        code: Annotated[str, Index(unique=True)] | None = None

    class Shop(Document):
        name: Annotated[str, Index(), FulltextIndex()]
        place: Place | None = None
        maybe: Annotated[int, Index()] | None = Field(default=None, alias="perhaps")

        class Settings:
            indexes = [Index("place.code", "name"), TTLIndex("seen", seconds=5)]

        seen: int = 0

    spec = Shop.__collection_spec__()
    assert {(index.kind, index.fields, index.unique) for index in spec.indexes} == {
        ("persistent", ("name",), False),
        ("fulltext", ("name",), False),
        ("geo", ("place.at",), False),
        ("persistent", ("place.code",), True),
        ("persistent", ("perhaps",), False),
        ("persistent", ("place.code", "name"), False),
        ("ttl", ("seen",), False),
    }


def test_an_old_name_is_no_name_of_now() -> None:
    """Documents would not say which of the two they mean."""
    with pytest.raises(
        DeclarationError, match=r"Swapped\.one: RenamedFrom\('two'\) names what 'two' is stored as"
    ):

        class Swapped(Document):
            one: Annotated[int, RenamedFrom("two")]
            two: Annotated[int, RenamedFrom("one")]

    class Part(BaseModel):
        one: Annotated[int, RenamedFrom("TWO")]
        two: int = Field(alias="TWO")

    with pytest.raises(
        DeclarationError, match=r"Part\.one: RenamedFrom\('TWO'\) names what 'two' is stored as"
    ):

        class Holder(Document):
            parts: list[Part]


def test_an_index_over_the_elements_may_stand_beside_the_field() -> None:
    class Part(BaseModel):
        labels: Annotated[list[str], Index("labels[]")] = []

    class Tagged(Document):
        tags: Annotated[list[str], Index("tags[]", name="by_tag")] = Field([], alias="t")
        part: Part = Part()

    declared = {index.name: index.fields for index in Tagged.__solidb_mapping__.indexes}
    assert declared["by_tag"] == ("t[]",)
    assert ("part.labels[]",) in declared.values()


@pytest.mark.parametrize(
    ("word", "value", "way"),
    [
        ("__tablename__", "users", "collection='users'"),
        ("__collection__", "users", "collection='users'"),
        ("__table_args__", {}, "indexes = "),
        ("__mapper_args__", {}, "revisions"),
        ("model_config", {"collection": "users"}, "collection='users'"),
        ("model_config", {"indexes": list}, "indexes = "),
    ],
)
def test_what_other_mappers_read_of_a_class_is_not_passed_over(word: str, value: Any, way: str) -> None:
    with pytest.raises(DeclarationError, match=f"^Foreign: .*has no effect here\n.*write .*{way}"):
        types.new_class("Foreign", (Document,), {}, lambda namespace: namespace.update({word: value}))


PASSED_OVER = {
    "__indexes__": [Index("name", unique=True)],
    "__unique__": ("name",),
    "__primary_key__": "name",
    "__collection_name__": "users",
    "_indexes": [Index("name")],
    "indexes": (Index("name"),),
    "by_name": {"a": Index("name")},
    "Meta": type("Meta", (), {"collection": "users"}),
    "settings": type("settings", (), {"indexes": [Index("name")]}),
    "Indexes": type("Indexes", (), {"by_name": Index("name")}),
    "Others": type("Others", (), {"by_name": [Index("name")]}),
}


@pytest.mark.parametrize("word", PASSED_OVER)
def test_what_looks_like_settings_is_not_passed_over(word: str) -> None:
    body = {word: PASSED_OVER[word]}
    with pytest.raises(
        DeclarationError, match=rf"^Foreign: '{word}' has no effect here\n.*write (class|key)"
    ):
        types.new_class("Foreign", (Document,), {}, lambda namespace: namespace.update(body))


def test_an_annotation_does_not_make_settings_of_indexes() -> None:
    with pytest.raises(DeclarationError, match="'indexes' has no effect here"):

        class Noted(Document):
            indexes: ClassVar = [Index("name")]

    with pytest.raises(DeclarationError, match=r"Settings: indexes has no value"):

        class Stated(Document):
            class Settings:
                indexes: list[Index]


def test_what_is_no_setting_may_have_such_a_name() -> None:
    class Meta(BaseModel):
        author: str = ""

    class Free(Document):
        class Index(StrEnum):
            A = "a"

        class Collection(TypedDict):
            name: str

        __slots__ = ()
        COMMON: ClassVar[list[Any]] = [Index]
        meta: Meta = Meta()

    assert Free(meta=Meta(author="x")).meta.author == "x"


def test_settings_of_an_embedded_model_are_not_passed_over() -> None:
    class Address(BaseModel):
        city: str = ""

        class Settings:
            indexes = [Index("city")]

    with pytest.raises(DeclarationError, match=r"homes: the indexes in the Settings of Address say nothing"):

        class Housed(Document):
            homes: list[Address] = []


@pytest.mark.parametrize("word", ["before_save", "on_insert", "post_load"])
def test_methods_that_others_call_are_not_passed_over(word: str) -> None:
    with pytest.raises(DeclarationError, match=rf"{word}\(\) is not called by anything\n.*before_insert"):
        types.new_class(
            "Foreign", (Document,), {}, lambda namespace: namespace.update({word: lambda self: None})
        )


async def waits(self: Any, value: Any = None) -> Any:
    return value


async def waits_first(cls: Any, value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    "decorated",
    [
        field_validator("name")(classmethod(waits_first)),
        model_validator(mode="before")(classmethod(waits_first)),
        model_validator(mode="after")(waits),
        field_serializer("name")(waits_first),
        model_serializer()(waits),
        computed_field(return_type=str)(property(waits)),
    ],
)
def test_what_nobody_would_await_is_refused(decorated: Any) -> None:
    body = {"__annotations__": {"name": str}, "decorated": decorated}
    with pytest.raises(DeclarationError, match=r"decorated: is async"):
        types.new_class("Waiting", (Document,), {}, lambda namespace: namespace.update(body))


@pytest.mark.parametrize("word", ["unique", "index", "primary_key"])
def test_options_of_fields_that_pydantic_takes_for_json_schema_are_refused(word: str) -> None:
    with pytest.raises(
        DeclarationError, match=rf"email: Field\({word}=\.\.\) has no effect\n.*(Index|key: str)"
    ):

        class Wrong(Document):
            email: str = Field("", json_schema_extra={word: True})


def test_one_index_is_no_list_of_indexes() -> None:
    with pytest.raises(DeclarationError, match=r"Settings: indexes = Index\('name'\) is no list"):

        class Wrong(Document):
            name: str = ""

            class Settings:
                indexes = Index("name")


MEANT: dict[str, list[Any]] = {
    "cascade": [None, Cascade("delete")],
    "collection": [None, "text"],
    "indexes": [[], (), [Index("field")]],
    "renamed_from": [None, "text"],
    "schema_validation": ["strict"],
    "version": [1, 2],
}
ODD: list[Any] = [
    None, True, False, 0, 1, 2, -1, 1.5, "", "text", "strict", "Strict", b"text", [], ["text"], [None], (),
    ("text",), {}, {"a": 1}, {"a"}, object(), date(2026, 1, 2), int, Index, Index("field"), [Index("field")],
    [Index()], Cascade("delete"), len,
]  # fmt: skip


class Ends(Document, registry=Registry(), collection="settings_ends"):
    pass


def has_meaning(name: str, value: Any, is_edge: bool, is_abstract: bool) -> bool:
    if isinstance(value, Cascade):
        return name == "cascade" and is_edge
    is_text = name in ("collection", "renamed_from") and value in ("strict", "Strict", "text")
    meant = [(type(known), repr(known)) for known in MEANT[name]]
    is_upgraded = name != "version" or value == 1 or is_abstract
    return is_text or ((type(value), repr(value)) in meant and is_upgraded)


@pytest.mark.parametrize("is_abstract", [False, True])
@pytest.mark.parametrize("base", [Document, Edge[Ends, Ends]])
@pytest.mark.parametrize("name", sorted(MEANT))
def test_a_setting_of_a_wrong_type_is_refused(name: str, base: Any, is_abstract: bool) -> None:
    registry = Registry() if base is Document else Ends.__solidb_registry__
    for value in ODD:
        body = {
            "__annotations__": {"field": str},
            "__module__": __name__,
            "__qualname__": "Made",
            "Settings": type("Settings", (), {name: value}),
        }
        words = {"registry": registry, "abstract": is_abstract}
        refused = ""
        try:
            types.new_class("Made", (base,), words, lambda namespace, body=body: namespace.update(body))
        except DeclarationError as error:
            refused = str(error)
        is_meant = has_meaning(name, value, base is not Document, is_abstract)
        assert (name in refused) is not is_meant, (name, value, refused)


def test_settings_of_a_plain_base_are_held_to_the_same() -> None:
    class Shared:
        class Settings:
            renamed_from = 3

    with pytest.raises(DeclarationError, match=r"Settings: renamed_from = 3 has no meaning"):

        class Wrong(Shared, Document, registry=Registry()):
            name: str = ""
