"""Models that hold themselves: one path leads to all that a document holds of the model, at every depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from solidb_odm import Document, Link, RenamedFrom
from solidb_odm.errors import DecisionNeeded

from .conftest import Place


class Maker(Document, collection="makers"):
    name: str = ""


class Branch(BaseModel):
    name: str
    branches: list[Branch] = []


class Twig(BaseModel):
    """The same with another name, and a name that is called otherwise."""

    title: Annotated[str, RenamedFrom("name")]
    branches: list[Twig] = []


class Shoot(BaseModel):
    name: str
    shoots: list[Shoot] = []


class Bough(BaseModel):
    name: str
    height: int
    leaves: int = 3
    branches: list[Bough] = []


class Stump(BaseModel):
    name: str


class Stem(BaseModel):
    """Two models that hold each other, and a link in the depth."""

    knot: Knot | None = None


class Knot(BaseModel):
    width: int
    maker: Link[Maker] | None = None
    stems: dict[str, Stem] = {}
    inner: Knot | None = None


class Stalk(BaseModel):
    knot: Joint | None = None


class Joint(BaseModel):
    size: int
    maker: Link[Maker] | None = None
    stems: dict[str, Stalk] = {}
    inner: Joint | None = None


def tree(model: Any) -> type[Document]:
    class Tree(Document, collection="trees"):
        root: model
        others: dict[str, model] = {}

    return Tree


def same_tree() -> type[Document]:
    class Same(BaseModel):
        branches: list[Same] = []
        name: str = Field(description="whatever")

    return tree(Same)


def grown(name: str = "name", branches: str = "branches", **more: Any) -> dict[str, Any]:
    """A document with the model in two places and three depths."""
    leaf = {name: "z", branches: [], **more}
    limb = {name: "y", branches: [leaf, {name: "w", **more}], **more}
    return {
        "_key": "a",
        "root": {name: "x", branches: [limb], **more},
        "others": {"q": {name: "m", branches: [{name: "n", **more}], **more}},
    }


CHANGES: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "renamed by the model": (lambda: tree(Twig), {}, grown(name="title")),
    "the way in is renamed": (
        lambda: tree(Shoot),
        {"rename": {"trees.root.branches": "shoots"}},
        grown(branches="shoots"),
    ),
    "added": (lambda: tree(Bough), {"fill": {"trees.others{}.height": 7}}, grown(height=7, leaves=3)),
    "dropped, which ends the recursion": (
        lambda: tree(Stump),
        {"drop": ["trees.root.branches"]},
        {"_key": "a", "root": {"name": "x"}, "others": {"q": {"name": "m"}}},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_path_leads_to_every_place_and_depth_and_back(place: Place, change: str) -> None:
    second, decisions, wanted = CHANGES[change]
    place.go(tree(Branch))
    place.put("trees", grown())
    migrator = place.go(second(), **decisions)
    assert place.stored("trees") == [wanted]
    assert migrator.check(documents=True).ok
    assert migrator.revision("nothing", autogenerate=True) == []
    migrator.downgrade("-1")
    assert place.stored("trees") == [grown()]


def test_what_changes_is_asked_once(place: Place) -> None:
    place.go(tree(Branch))
    with pytest.raises(DecisionNeeded) as caught:
        place.migrator(tree(Shoot)).revision("shoots", autogenerate=True)
    assert [question.kind for question in caught.value.questions] == ["rename"]


def test_what_a_class_is_called_is_no_difference(place: Place) -> None:
    place.go(tree(Branch))
    migrator = place.migrator(same_tree())
    assert migrator.revision("nothing", autogenerate=True) == []
    assert migrator.check().ok


def test_models_that_hold_each_other(place: Place) -> None:
    def stored(width: str, makers: str) -> dict[str, Any]:
        link = f"{makers}/1"
        deep = {width: 3, "maker": link, "stems": {"t": {"knot": {width: 4, "maker": link}}}}
        inner = {width: 2, "stems": {"s": {"knot": deep}, "u": {"knot": None}}}
        return {"_key": "a", "root": {"knot": {width: 1, "maker": link, "inner": inner}}, "others": {}}

    place.go(Maker, tree(Stem))
    place.put("trees", stored("width", "makers"))
    migrator = place.go(Maker, tree(Stalk), rename={"trees.root.knot.width": "size"})
    assert place.stored("trees") == [stored("size", "makers")]
    assert migrator.check(documents=True).ok
    place.write("eeee", migrator.heads()[0].id, 'op.rename_collection("makers", "houses")')
    migrator.upgrade()
    assert place.stored("trees") == [stored("size", "houses")]
    migrator.downgrade("-2")
    assert place.stored("trees") == [stored("width", "makers")]


def test_operations_by_hand(place: Place) -> None:
    place.go(tree(Branch))
    place.put("trees", grown())
    migrator = place.migrator()
    body = """
    op.add_field("trees", "root.marks", "list[str]", fill=["new"])
    op.alter_field("trees", "root.marks[]", {"enum": ["old"]}, values={"new": "old"})
    op.drop_field("trees", "root.name", keep=False)
    """
    place.write("eeee", migrator.heads()[0].id, body)
    migrator.upgrade(allow_loss=True)
    (document,) = place.stored("trees")
    assert document["root"]["branches"][0]["branches"][1] == {"marks": ["old"]}
    assert document["others"]["q"]["branches"] == [{"marks": ["old"]}]
    assert "name" not in str(document)


def test_one_of_several_models_that_goes_is_asked_about(place: Place) -> None:
    """No field tells the models apart, so none of them can be followed."""

    class Reed(BaseModel):
        label: str
        reeds: list[Reed] = []

    place.go(tree(Branch | Bough))
    place.put("trees", grown())
    migrator = place.migrator(tree(Reed | Bough))
    with pytest.raises(DecisionNeeded, match=r"trees.root no longer allows one of its 2 models"):
        migrator.revision("reeds", autogenerate=True)
    new: dict[str, Any] = {"label": "new", "reeds": []}
    migrator.revision("reeds", autogenerate=True, fill={"trees.root": new, "trees.others{}": new})
    migrator.upgrade()
    assert place.stored("trees") == [{"_key": "a", "root": new, "others": {"q": new}}]
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("trees") == [grown()]
