"""What generated revisions make of documents, on every engine; and that the way back gives all of it back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Union

import pytest
from pydantic import BaseModel, Field

from solidb_odm import Document, Edge, Index, Link, Session, SoftDelete
from solidb_odm.errors import DataLossRefused, DecisionNeeded, InvalidDocuments, MigrationError
from solidb_odm.migrations import Operations

from .conftest import Place


def first() -> list[Any]:
    class Address(BaseModel):
        city: str

    class Line(BaseModel):
        sku: str
        count: int = 1

    class Wine(Document, collection="wines"):
        label: Annotated[str, Index(unique=True)]
        colour: Literal["red", "rosé"] = "red"
        nose: str = ""
        cellar: Address | None = None
        lines: list[Line] = []
        rooms: dict[str, Line] = {}
        year: int

    return [Wine]


def second() -> list[Any]:
    class Address(BaseModel):
        town: str
        zip: int

    class Line(BaseModel):
        code: str
        count: int = 1
        price: float = 1.5

    class Wine(Document, collection="wines"):
        title: Annotated[str, Index(unique=True)]
        colour: Literal["red", "white"] = "red"
        cellar: Address | None = None
        lines: list[Line] = []
        rooms: dict[str, Line] = {}
        stars: int
        year: str

    return [Wine]


RENAMES = {
    "wines.label": "title",
    "wines.cellar.city": "town",
    "wines.lines[].sku": "code",
    "wines.rooms{}.sku": "code",
}
SECOND: dict[str, Any] = {
    "rename": RENAMES,
    "drop": ["wines.nose"],
    "fill": {"wines.stars": 3, "wines.cellar.zip": 0},
    "values": {"wines.colour": {"rosé": "red"}},
}
OLD = {
    "_key": "a",
    "label": "x",
    "colour": "rosé",
    "nose": "plum",
    "cellar": {"city": "Paris"},
    "lines": [{"sku": "s", "count": 2}],
    "rooms": {"r": {"sku": "t", "count": 3}},
    "year": 1999,
    "extra": [1],
}


def test_a_revision_changes_documents_at_every_depth_and_undoes_it(place: Place) -> None:
    place.go(*first())
    place.put("wines", OLD, {**OLD, "_key": "b", "label": "y", "colour": "red", "cellar": None})
    before, made = place.stored("wines"), place.times("wines")

    migrator = place.go(*second(), **SECOND)

    assert place.stored("wines")[0] == {
        "_key": "a",
        "title": "x",
        "colour": "red",
        "cellar": {"town": "Paris", "zip": 0},
        "lines": [{"code": "s", "count": 2, "price": 1.5}],
        "rooms": {"r": {"code": "t", "count": 3, "price": 1.5}},
        "year": "1999",
        "stars": 3,
        "extra": [1],
    }
    assert place.times("wines") == made
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("wines") == before
    assert place.times("wines") == made


def test_nothing_is_written_for_models_that_did_not_change(place: Place) -> None:
    place.go(*first())
    assert place.migrator(*first()).revision("again", autogenerate=True) == []


def test_a_decision_that_is_open_names_its_flags_and_writes_no_file(place: Place) -> None:
    place.go(*first())
    with pytest.raises(DecisionNeeded) as caught:
        place.migrator(*second()).revision("second", autogenerate=True)
    flags = [flag for question in caught.value.questions for flag in question.flags]
    assert "--rename wines.label=title" in flags
    assert "--drop wines.nose" in flags
    assert "--fill wines.stars=JSON" in flags
    assert len(list(place.folder.glob("*.py"))) == 1


def test_a_fill_that_does_not_fit_is_refused(place: Place) -> None:
    place.go(*first())
    with pytest.raises(MigrationError, match=r'wines.stars="three" does not fit'):
        place.go(*second(), **{**SECOND, "fill": {"wines.stars": "three", "wines.cellar.zip": 0}})


def test_a_collection_is_renamed_with_the_edges_and_links_that_name_it(place: Place) -> None:
    def old() -> list[Any]:
        class Wine(Document, collection="wines"):
            name: str

        class Jotting(Document, collection="jottings"):
            about: list[Link[Wine]]

        class Likes(Edge[Jotting, Wine], collection="fancies"):
            pass

        return [Wine, Jotting, Likes]

    def new() -> list[Any]:
        class Bottle(Document, collection="bottles"):
            name: str

            class Settings:
                renamed_from = "wines"

        class Jotting(Document, collection="jottings"):
            about: list[Link[Bottle]]

        class Likes(Edge[Jotting, Bottle], collection="fancies"):
            pass

        return [Bottle, Jotting, Likes]

    place.go(*old())
    place.put("wines", {"_key": "w", "name": "x"})
    place.put("jottings", {"_key": "n", "about": ["wines/w"]})
    place.put("fancies", {"_key": "l", "_from": "jottings/n", "_to": "wines/w"})

    migrator = place.go(*new())

    assert place.stored("bottles") == [{"_key": "w", "name": "x"}]
    assert place.stored("jottings")[0]["about"] == ["bottles/w"]
    assert place.stored("fancies")[0]["_to"] == "bottles/w"
    assert migrator.check().ok
    migrator.downgrade("-1")
    assert place.stored("fancies")[0]["_to"] == "wines/w"


def test_a_dropped_collection_comes_back_from_the_attic(place: Place) -> None:
    class Keep(Document, collection="keeps"):
        name: str

    wines = first()
    place.go(Keep, *wines)
    place.put("wines", OLD)
    migrator = place.go(Keep, drop=["wines"])
    assert migrator.check().ok

    migrator.downgrade("-1")

    assert place.stored("wines") == [OLD]
    assert place.migrator(Keep, *wines).check().database == []


def test_duplicates_under_a_unique_index_are_found_before_the_first_write(place: Place) -> None:
    def plain() -> type[Document]:
        class Wine(Document, collection="wines"):
            label: str

        return Wine

    def unique() -> type[Document]:
        class Wine(Document, collection="wines"):
            label: Annotated[str, Index(unique=True)]
            stars: int = 3

        return Wine

    place.go(plain())
    place.put("wines", {"_key": "a", "label": "x"}, {"_key": "b", "label": "x"})
    with pytest.raises(InvalidDocuments) as caught:
        place.go(unique())
    assert (caught.value.collection, caught.value.count, caught.value.keys) == ("wines", 1, ["b"])
    assert "stars" not in place.stored("wines")[0]


def test_what_is_dropped_for_good_has_to_be_allowed(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("wines", {"fields": {"nose": "str"}})')
    place.write("bbbb", "aaaa", 'op.drop_field("wines", "nose", keep=False)')
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("wines", {"_key": "a", "nose": "plum"})
    with pytest.raises(DataLossRefused, match="1 document of wines would lose nose permanently"):
        migrator.upgrade()
    migrator.upgrade(allow_loss=True)
    assert place.stored("wines") == [{"_key": "a"}]


def test_members_of_a_union_are_changed_by_their_tag(place: Place) -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int

    class Dog(BaseModel):
        kind: Literal["dog"]

    class OldDog(BaseModel):
        kind: Literal["dog"]
        age: int

    class CatNow(BaseModel):
        kind: Literal["cat"]
        lives_left: int

    def owner(pets: Any) -> type[Document]:
        class PetHolder(Document, collection="pet_holders"):
            pet: Annotated[pets, Field(discriminator="kind")]

        return PetHolder

    place.go(owner(Cat | Dog))
    place.put(
        "pet_holders",
        {"_key": "a", "pet": {"kind": "cat", "lives": 9}},
        {"_key": "b", "pet": {"kind": "dog"}},
    )
    migrator = place.go(
        owner(CatNow | OldDog),
        rename={"pet_holders.pet[kind=cat].lives": "lives_left"},
        fill={"pet_holders.pet[kind=dog].age": 1},
    )
    assert [row["pet"] for row in place.stored("pet_holders")] == [
        {"kind": "cat", "lives_left": 9},
        {"kind": "dog", "age": 1},
    ]
    migrator.downgrade("-1")
    assert [row["pet"] for row in place.stored("pet_holders")] == [
        {"kind": "cat", "lives": 9},
        {"kind": "dog"},
    ]


def test_values_that_were_there_before_a_field_was_added_stay(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("wines")')
    place.write("bbbb", "aaaa", 'op.add_field("wines", "stars", "int", fill=3)')
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("wines", {"_key": "a", "stars": 5}, {"_key": "b"})
    migrator.upgrade()
    assert [row["stars"] for row in place.stored("wines")] == [5, 3]
    migrator.downgrade("-1")
    assert place.stored("wines") == [{"_key": "a", "stars": 5}, {"_key": "b"}]


def test_documents_that_a_step_leaves_alone_keep_their_revision(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("wines")')
    place.write("bbbb", "aaaa", 'op.add_field("wines", "stars", "int", fill=3)')
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("wines", {"_key": "a", "stars": 5})
    revisions = [row["_rev"] for row in place.stored("wines", system=True)]
    migrator.upgrade()
    assert [row["_rev"] for row in place.stored("wines", system=True)] == revisions


def test_what_is_dropped_of_documents_with_long_keys_comes_back(place: Place) -> None:
    def note(*fields: str) -> Any:
        class Jotting(Document, collection="jottings"):
            __annotations__ = dict.fromkeys(fields, str)

        return Jotting

    place.go(note("text", "mood"))
    documents = [{"_key": "k" * 253 + end, "text": "t", "mood": end} for end in "abc"]
    place.put("jottings", *documents)

    place.go(note("text"), drop=["jottings.mood"]).downgrade("-1")

    assert place.stored("jottings") == documents


def test_a_unique_index_for_some_of_the_documents_is_generated_and_undone(place: Place) -> None:
    class Member(Document, collection="members"):
        email: Annotated[str, Index(unique=True)]
        gone: datetime | None = None

    place.go(Member)
    place.put("members", {"_key": "a", "email": "x", "gone": "2020-02-03T00:00:00Z"})

    class Member(SoftDelete, Document, collection="members"):  # type: ignore[no-redef]
        email: Annotated[str, Index(unique=True)]

    migrator = place.go(Member, rename={"members.gone": "deleted_at"})
    texts = [path.read_text() for path in place.folder.glob("*.py")]
    assert sum('where={"deleted_at": None}' in text for text in texts) == 1
    assert migrator.check().ok
    place.put("members", {"_key": "b", "email": "x"})
    with Session(place.engine) as session:
        session.delete(session.get_one(Member, "b"), permanently=True)
        session.commit()
    migrator.downgrade("-1")
    assert [row["gone"] for row in place.stored("members")] == ["2020-02-03T00:00:00Z"]
    migrator.upgrade()
    assert migrator.check().ok


def owners(*pets: Any) -> list[Any]:
    union: Any = Union[pets]  # noqa: UP007  made of values
    tagged = union if len(pets) == 1 else Annotated[union, Field(discriminator="kind")]

    class Owner(Document, collection="union_owners"):
        __annotations__ = {"pet": tagged | None, "pets": list[tagged], "by_name": dict[str, tagged]}
        pet = None

    return [Owner]


def test_values_of_a_member_of_a_union_that_goes_are_taken_away_and_come_back(place: Place) -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int = 9

    class Dog(BaseModel):
        kind: Literal["dog"]

    cat, dog = {"kind": "cat", "lives": 9}, {"kind": "dog"}
    place.go(*owners(Cat, Dog))
    documents = [
        {"_key": "a", "pet": dog, "pets": [dog, cat, dog], "by_name": {"x": dog, "y": cat}},
        {"_key": "b", "pet": cat, "pets": [], "by_name": {}},
    ]
    place.put("union_owners", *documents)
    paths = [f"union_owners.{each}[kind=dog]" for each in ("pet", "pets[]", "by_name{}")]
    with pytest.raises(DecisionNeeded) as caught:
        place.migrator(*owners(Cat)).revision("next", autogenerate=True)
    assert [each.path for each in caught.value.questions] == [paths[2], paths[0], paths[1]]

    migrator = place.go(*owners(Cat), drop=paths)

    assert place.stored("union_owners") == [
        {"_key": "a", "pets": [cat], "by_name": {"y": cat}},
        documents[1],
    ]
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("union_owners") == documents


def test_paths_are_said_with_old_names_or_new_ones(place: Place) -> None:
    def old() -> list[Any]:
        class Inner(BaseModel):
            city: str

        class Wine(Document, collection="path_wines"):
            address: Inner

        return [Wine]

    def new() -> list[Any]:
        class Inner(BaseModel):
            town: str
            zip: int

        class Bottle(Document, collection="path_bottles"):
            place: Inner

        return [Bottle]

    place.go(*old())
    place.put("path_wines", {"_key": "a", "address": {"city": "P"}})
    names = {"path_wines": "path_bottles", "path_wines.address": "place"}
    with pytest.raises(DecisionNeeded) as caught:
        place.migrator(*new()).revision("next", autogenerate=True, rename=names)
    assert {each.path for each in caught.value.questions} == {
        "path_wines.address.city",
        "path_wines.address.town",
        "path_wines.address.zip",
    }
    names["path_wines.address.city"] = "town"
    migrator = place.go(*new(), rename=names, fill={"path_bottles.place.zip": 1})
    assert place.stored("path_bottles") == [{"_key": "a", "place": {"town": "P", "zip": 1}}]
    migrator.downgrade("-1")
    assert place.stored("path_wines") == [{"_key": "a", "address": {"city": "P"}}]


def test_a_path_that_ends_with_no_name_is_refused() -> None:
    op = Operations()
    for call in (
        lambda: op.rename_field("owners", "pet[kind=cat]", "lion"),
        lambda: op.drop_field("owners", "lines[]"),
        lambda: op.add_field("owners", "rooms{}", "int"),
    ):
        with pytest.raises(MigrationError, match="does not end with the name of a field"):
            call()
    assert op.steps == []


HEAD = """
def inside(d):
    d["parts"][0]["n"] = 2
    d["parts"].append({"n": 3})
    return d

def alike(d):
    return {**d, "n": float(d["n"])}

def left(d):
    d["parts"].clear()
    return None
"""


def test_what_a_function_changes_inside_values_is_seen_and_undone(place: Place) -> None:
    documents = [{"_key": "a", "n": 1, "parts": [{"n": 1}]}, {"_key": "b", "n": 2, "parts": [{"n": 2}]}]
    place.write("aaaa", None, 'op.create_collection("things")')
    migrator = place.migrator()
    migrator.upgrade()
    place.put("things", *documents)
    for name, down, function in (
        ("bbbb", "aaaa", "left"),
        ("cccc", "bbbb", "inside"),
        ("dddd", "cccc", "alike"),
    ):
        place.write(name, down, f'op.for_each("things", {function})', head=HEAD)
    migrator.upgrade("bbbb")
    assert place.stored("things") == documents
    migrator.upgrade("cccc")
    assert [row["parts"] for row in place.stored("things")] == [[{"n": 2}, {"n": 3}]] * 2
    migrator.upgrade("dddd")
    assert [type(row["n"]) for row in place.stored("things")] == [float, float]
    migrator.downgrade("aaaa")
    assert place.stored("things") == documents
    assert [type(row["n"]) for row in place.stored("things")] == [int, int]


def test_one_of_several_models_that_hold_themselves_changes_by_hand_or_not_at_all(place: Place) -> None:
    def tree(**fields: Any) -> Any:
        namespace: dict[str, Any] = {
            "__annotations__": {"children": "list[Twig]", **fields},
            "children": [],
            "__module__": __name__,
            **({"more": None} if "more" in fields else {}),
        }
        twig = type(BaseModel)("Twig", (BaseModel,), namespace)

        class Leaf(BaseModel):
            leaf: int
            leaves: list[Leaf] = []

        class Tree(Document, collection="twig_trees"):
            root: twig | Leaf  # type: ignore[valid-type]

        return Tree

    place.go(tree(name=str))
    place.put("twig_trees", {"_key": "a", "root": {"name": "x", "children": [{"name": "y", "children": []}]}})
    migrator = place.go(tree(name=str, more=int | None))
    assert migrator.check(documents=True).ok
    with pytest.raises(
        MigrationError, match=r"Twig holds itself, and its label(.|\n)*op.set_schema"
    ) as caught:
        place.go(tree(label=str, more=int | None))
    assert caught.value.hint is not None
    call = caught.value.hint.partition(": ")[2].rpartition(" and ")[0]
    head = """
def relabelled(part):
    rest = {name: value for name, value in part.items() if name not in ("name", "children")}
    return {**rest, "label": part["name"], "children": [relabelled(each) for each in part["children"]]}

def change(d):
    return {**d, "root": relabelled(d["root"])}
"""
    last = migrator.heads()[0].id
    place.write("zzzz", last, f'{call}\nop.for_each("twig_trees", change)', head=head)
    migrator = place.migrator(tree(label=str, more=int | None))
    migrator.upgrade()
    assert migrator.check(documents=True).ok
    root = place.stored("twig_trees")[0]["root"]
    assert root == {"label": "x", "children": [{"label": "y", "children": []}]}


def test_a_default_that_a_required_field_gets_is_written_where_it_is_missing(place: Place) -> None:
    def first() -> type[Document]:
        class Wine(Document, collection="wines"):
            stars: int

        return Wine

    def second() -> type[Document]:
        class Wine(Document, collection="wines"):
            stars: int = 3

        return Wine

    place.go(first())
    place.put("wines", {"_key": "a", "stars": 5}, {"_key": "b"})
    place.go(second()).downgrade("-1")
    assert place.stored("wines") == [{"_key": "a", "stars": 5}, {"_key": "b"}]
    place.migrator(second()).upgrade()
    assert place.stored("wines") == [{"_key": "a", "stars": 5}, {"_key": "b", "stars": 3}]


def test_a_factory_that_makes_one_value_is_a_constant_default(place: Place) -> None:
    class Size(BaseModel):
        height: int = 2

    class Shape(BaseModel):
        size: Size = Field(default_factory=Size)
        marks: list[str] = Field(default_factory=list)

    class Dated(BaseModel):
        at: datetime = Field(default_factory=datetime.now)

    def first() -> type[Document]:
        class Wine(Document, collection="wines"):
            stars: int = 1

        return Wine

    def second() -> type[Document]:
        class Wine(Document, collection="wines"):
            stars: int = 1
            shape: Shape = Field(default_factory=Shape)
            dated: Dated = Field(default_factory=Dated)

        return Wine

    place.go(first())
    place.put("wines", {"_key": "a", "stars": 5})
    assert place.go(second()).check().ok
    assert place.stored("wines") == [{"_key": "a", "stars": 5, "shape": {"size": {"height": 2}, "marks": []}}]


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (
            "int",
            "x",
            r'1 document of wines does not fit: stars is "x", where int is declared, in the document',
        ),
        ("list[int]", [1, "x"], r'stars\[1\] is "x", where int is declared'),
        ({"enum": ["a", "b"]}, "c", r'stars is "c", where "a" or "b" is declared'),
        ({"type": "integer", "minimum": 3}, 2, "stars is 2, where minimum is 3"),
        ("int | None", "x", r'stars is "x", where int \| None is declared'),
        ({"fields": {"x": "int"}, "type": "object"}, [], r"stars is \[\], where a model of x is declared"),
        ({"values": "int", "type": "object"}, 1, r"stars is 1, where dict\[int\] is declared"),
    ],
)
def test_what_does_not_fit_says_where_and_what_is_declared(
    place: Place, kind: Any, value: Any, problem: str
) -> None:
    place.write("aaaa", None, 'op.create_collection("wines")')
    place.write("bbbb", "aaaa", f'op.alter_field("wines", "stars", {kind!r})')
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("wines", {"_key": "a", "stars": value})
    with pytest.raises(InvalidDocuments, match=problem):
        migrator.upgrade()
    assert place.stored("wines") == [{"_key": "a", "stars": value}]
