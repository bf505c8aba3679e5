"""What a declaration says counts; one that would say nothing is an error that names the way."""

from __future__ import annotations

import copy
import cProfile
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model, field_serializer
from pydantic.errors import PydanticUserError

from solidb_odm import (
    Cascade,
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    Index,
    Link,
    SoftDelete,
    Timestamped,
    TTLIndex,
)
from solidb_odm.errors import DeclarationError


class Model(BaseModel):
    n: int = 0


class Friend(Document, collection="declared_friends"):
    email: Annotated[str, Index(unique=True)] = ""
    name: str = ""

    class Settings:
        indexes = [Index("name")]


def index_class() -> None:
    class Wrong(Document, collection="wrong"):
        n: Annotated[int, Index]


def cascade_class() -> None:
    class Wrong(Document, collection="wrong"):
        n: Annotated[Link[Friend], Cascade]


def index_as_default() -> None:
    class Wrong(Document, collection="wrong"):
        n: Any = Index()


def unknown_setting() -> None:
    class Wrong(Document, collection="wrong"):
        class Settings:
            index = [Index("n")]


def settings_that_are_no_class() -> None:
    class Wrong(Document, collection="wrong"):
        Settings = {"indexes": []}


def geo_index_on_numbers() -> None:
    class Wrong(Document, collection="wrong"):
        place: Annotated[list[float], GeoIndex()]


def dotted_alias_under_an_index() -> None:
    class Wrong(Document, collection="wrong"):
        clicks: Annotated[int, Index()] = Field(alias="fields.clicks")


def default_name_that_is_none() -> None:
    class _Hidden(Document):
        pass


def document_as_a_part() -> None:
    class Wrong(Document, collection="wrong"):
        friends: dict[str, list[Friend]] = {}


def alias_that_is_no_text() -> None:
    class Wrong(Document, collection="wrong"):
        x: str = Field(alias=["foo", "bar"])  # type: ignore[call-overload]


def unknown_option() -> None:
    class Wrong(Document, colection="wrong"):  # type: ignore[call-arg]
        pass


class Line(BaseModel):
    sku: Annotated[str, Index()] = ""


def index_of_a_model_in_a_list() -> None:
    class Wrong(Document, collection="wrong"):
        lines: list[Line] = []


def index_of_a_model_deep_in_a_dict() -> None:
    class Box(BaseModel):
        lines: tuple[Line, ...] = ()

    class Wrong(Document, collection="wrong"):
        boxes: dict[str, Box | None] = {}


def index_of_an_element() -> None:
    class Wrong(Document, collection="wrong"):
        tags: list[Annotated[str, Index()]] = []


def underscored_field() -> None:
    class Wrong(Document, collection="wrong"):
        _key: str = Field(default="")


def name_of_a_method() -> None:
    class Wrong(Document, collection="wrong"):
        model_dump: int = 0


def untyped_attribute() -> None:
    class Wrong(Document, collection="wrong"):
        n = object()


def annotation_that_is_no_type() -> None:
    class Wrong(Document, collection="wrong"):
        n: "no type at all"  # type: ignore[valid-type]  # noqa: F722


def part_with_another_default() -> None:
    class Wrong(Document, collection="wrong"):
        part: Model = range(3)  # type: ignore[assignment]


def time_that_is_a_constant() -> None:
    class Wrong(Timestamped, collection="wrong"):
        created_at: ClassVar[int] = 0  # type: ignore[misc, assignment]


def mark_that_is_no_time() -> None:
    class Wrong(SoftDelete, collection="wrong"):
        deleted_at: bool = False  # type: ignore[assignment]


def field_of_the_name_of_a_hook() -> None:
    class Wrong(Timestamped, collection="wrong"):
        before_insert: int = 0  # type: ignore[assignment]


WRONG: list[tuple[Callable[[], None], str]] = [
    (index_class, r"Wrong\.n: has the class Index .*parentheses"),
    (cascade_class, r"Wrong\.n: has the class Cascade .*parentheses"),
    (index_as_default, r"Wrong\.n: has Index\(\) as its default value.*Annotated"),
    (unknown_setting, r"there is no setting 'index'.*did you mean 'indexes'"),
    (settings_that_are_no_class, "write class Settings"),
    (geo_index_on_numbers, r"Wrong\.place: a GeoIndex needs .* GeoPoint"),
    (dotted_alias_under_an_index, r"'fields\.clicks'.*choose another alias"),
    (default_name_that_is_none, "_Hidden: .*'_hidden'"),
    (document_as_a_part, r"Wrong\.friends: holds a Friend.*Link\[Friend\]"),
    (alias_that_is_no_text, r"Wrong\.x: has the alias .*AliasChoices"),
    (unknown_option, "colection.*collection="),
    (index_of_a_model_in_a_list, r"Wrong\.lines: .*the indexes that Line declares"),
    (index_of_a_model_deep_in_a_dict, r"Wrong\.boxes: .*the indexes that Box declares"),
    (index_of_an_element, r'Wrong\.tags: .*Index\(\) would be of one.*Index\("tags\[\]"\)'),
    (underscored_field, "Wrong: Fields must not use names with leading underscores"),
    (name_of_a_method, "Wrong: .*model_dump"),
    (untyped_attribute, "Wrong: .*non-annotated"),
    (annotation_that_is_no_type, "Wrong: .*SyntaxError"),
    (part_with_another_default, r"Wrong\.part: has the default range\(0, 3\)"),
    (time_that_is_a_constant, r"Wrong\.created_at: .*Timestamped sets"),
    (mark_that_is_no_time, r"Wrong\.deleted_at: .*SoftDelete sets"),
    (field_of_the_name_of_a_hook, r"Wrong\.before_insert: .*hook of Timestamped"),
    (lambda: TTLIndex("n", seconds="x"), "seconds= a whole number"),  # type: ignore[arg-type]
    (lambda: FulltextIndex("n", minimum_length=0), "minimum_length= 1 or more"),
    (lambda: Index("n", unique=1), "unique= True or False"),  # type: ignore[arg-type]
    (lambda: Index("n", name=""), "name= a text"),
]


@pytest.mark.filterwarnings("ignore:Field name .* shadows")
@pytest.mark.parametrize(("declare", "said"), WRONG, ids=[declare.__name__ for declare, _ in WRONG])
def test_a_declaration_that_says_nothing_is_an_error(declare: Callable[[], None], said: str) -> None:
    with pytest.raises(DeclarationError, match=f"(?s){said}"):
        declare()


def test_what_pydantic_refuses_is_an_error_of_both() -> None:
    for declare, kind in ((underscored_field, PydanticUserError), (annotation_that_is_no_type, SyntaxError)):
        with pytest.raises(kind) as caught:
            declare()
        assert isinstance(caught.value, DeclarationError)
        assert type(caught.value.__cause__) in type(caught.value).__mro__


def test_what_a_program_raises_while_its_class_is_made_is_its_own() -> None:
    class Strict(Document, abstract=True):
        def __init_subclass__(cls, **_: Any) -> None:
            raise LookupError("not here")

    with pytest.raises(LookupError, match="not here"):

        class Wrong(Strict):
            pass


def test_an_edge_has_no_indexes_of_its_ends() -> None:
    class Knows(Edge[Friend, Friend], collection="declared_knows"):
        since: Annotated[int, Index()] = 0

    assert [index.name for index in Knows.__collection_spec__().indexes] == ["since_idx"]


def test_an_open_model_may_index_its_extra_attributes() -> None:
    class Part(BaseModel):
        model_config = ConfigDict(extra="allow")

    class Open(Document, collection="declared_open"):
        model_config = ConfigDict(extra="allow")
        part: Part = Part()

        class Settings:
            indexes = [Index("colour", "part.size.width")]

    (index,) = Open.__collection_spec__().indexes
    assert index.fields == ("colour", "part.size.width")


# --- what Pydantic takes is taken -----------------------------------------------------------------


class Shape(BaseModel, ABC):
    @abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    kind: Literal["square"] = "square"

    def area(self) -> float:
        return 1.0


class Root(RootModel[int]):
    @field_serializer("root")
    def ser(self, value: int) -> int:
        return value


def test_abstract_parts_and_root_models_with_serializers_are_taken() -> None:
    class Holder(Document, collection="declared_parts"):
        shape: Square | Shape
        root: Root

    assert Holder(shape=Square(), root=Root(1)).root.root == 1


def test_classes_are_made_in_time_that_grows_with_their_number() -> None:
    def calls(depth: int) -> int:
        classes: list[Any] = []
        for number in range(depth):
            parts = {f"part{at}": (each | None, None) for at, each in enumerate(classes[-2:])}
            classes.append(create_model(f"Part{number}", at=(datetime | None, None), n=(int, 1), **parts))  # type: ignore[call-overload]
        profile = cProfile.Profile()
        profile.runcall(
            type(Document), f"Deep{depth}", (Document,), {"__annotations__": {"top": classes[-1]}}
        )
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(14) < 4 * calls(7)  # exponential would be 1.6 ** 7 for each of the steps


def test_fields_classes_and_documents_can_be_copied() -> None:
    assert copy.deepcopy(Friend.model_fields).keys() == Friend.model_fields.keys()
    assert copy.deepcopy(Friend.__pydantic_core_schema__)
    assert pickle.loads(pickle.dumps(Friend(key="k", name="n"))) == Friend(key="k", name="n")
