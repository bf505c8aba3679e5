"""Fields that lose their default: documents without a value get the old default, where it still is one."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from solidb_odm import Document, Link, Registry
from solidb_odm.errors import DecisionNeeded

from .conftest import Place


class Spot(BaseModel):
    city: str | None = None
    zip: int = 0


class Site(BaseModel):
    town: str | None = None
    zip: int = 0


class Wider(BaseModel):
    city: str | None = None
    zip: int = 0
    land: str = "F"


class Node(BaseModel):
    label: str | None = None
    nodes: list[Node] = []


class Knob(BaseModel):
    title: str | None = None
    nodes: list[Knob] = []


def shop(kind: Any, default: Any = ...) -> type[Document]:
    """Return a class with one field of a kind, and its default."""

    class Shop(Document, collection="shops_with_defaults", registry=Registry()):
        __annotations__ = {"spot": kind}
        spot = Field(default)

    return Shop


CHANGES: dict[str, tuple[Any, Any, Any, str, str, Any]] = {
    "one": (Spot, Spot(city="Paris"), Site, "spot.city", "town", {"town": "Paris"}),
    "optional": (Spot | None, Spot(city="Paris"), Site | None, "spot.city", "town", {"town": "Paris"}),
    "in a list": (
        list[Spot], [Spot(city="Paris")], list[Site], "spot[].city", "town", [{"town": "Paris"}]
    ),
    "in a dict": (
        dict[str, Spot], {"x": Spot(city="Paris")}, dict[str, Site], "spot{}.city", "town",
        {"x": {"town": "Paris"}},
    ),
    "of itself": (Node, Node(label="x"), Knob, "spot.label", "title", {"title": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_an_old_default_with_an_old_name_inside_is_asked_for(place: Place, change: str) -> None:
    before, default, after, path, new, fill = CHANGES[change]
    place.go(shop(before, default))
    place.put("shops_with_defaults", {"_key": "a"})
    migrator, names = place.migrator(shop(after)), {f"shops_with_defaults.{path}": new}
    with pytest.raises(DecisionNeeded, match="spot is required, and documents may have none") as caught:
        migrator.revision("next", autogenerate=True, rename=names)
    assert [question.path for question in caught.value.questions] == ["shops_with_defaults.spot"]
    migrator = place.go(shop(after), rename=names, fill={"shops_with_defaults.spot": fill})
    assert place.stored("shops_with_defaults") == [{"_key": "a", "spot": fill}]
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("shops_with_defaults") == [{"_key": "a"}]


@pytest.mark.parametrize(
    ("before", "default", "after"),
    [
        (Spot, Spot(city="Paris"), Spot),
        (Spot, Spot(city="Paris"), Wider),
        (Node, Node(label="x", nodes=[Node(label="y")]), Node),
        (list[Node], [Node(label="x")], list[Node]),
        (dict[str, int], {"x": 1}, dict[str, int]),
        (Literal["a", "b"], "a", Literal["a", "b", "c"]),
        (Any, {"x": [1]}, Any),
    ],
)
def test_an_old_default_that_still_is_one_is_written(
    place: Place, before: Any, default: Any, after: Any
) -> None:
    place.go(shop(before, default))
    place.put("shops_with_defaults", {"_key": "a"})
    migrator = place.go(shop(after))
    row = default.model_dump(mode="json") if isinstance(default, BaseModel) else default
    row = [item.model_dump(mode="json") for item in row] if isinstance(row, list) else row
    assert place.stored("shops_with_defaults") == [{"_key": "a", "spot": row}]
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("shops_with_defaults") == [{"_key": "a"}]


@pytest.mark.parametrize("is_list", [False, True])
def test_an_old_default_that_leads_to_a_collection_by_its_old_name_is_asked_for(
    place: Place, *, is_list: bool
) -> None:
    def models(name: str, default: Any, settings: dict[str, str]) -> list[Any]:
        registry = Registry()

        class Team(Document, collection=name, registry=registry):
            Settings = type("Settings", (), settings)

        class Player(Document, collection="players_with_defaults", registry=registry):
            __annotations__ = {"team": list[Link[Team]] if is_list else Link[Team]}
            team = Field(default, validate_default=True)

        return [Team, Player]

    old, new = (["teams_then/a"], ["teams_now/a"]) if is_list else ("teams_then/a", "teams_now/a")
    place.go(*models("teams_then", old, {}))
    place.put("players_with_defaults", {"_key": "a"})
    after = models("teams_now", ..., {"renamed_from": "teams_then"})
    with pytest.raises(DecisionNeeded, match="team is required, and documents may have none"):
        place.migrator(*after).revision("next", autogenerate=True)
    migrator = place.go(*after, fill={"players_with_defaults.team": new})
    assert place.stored("players_with_defaults") == [{"_key": "a", "team": new}]
    migrator.downgrade("-1")
    assert place.stored("players_with_defaults") == [{"_key": "a"}]
