"""Statements that make no sense are refused where they are written, with the way out."""

import math
from pathlib import PurePath
from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, computed_field

from solidb_odm import (
    Document,
    GeoPoint,
    Registry,
    aliased,
    and_,
    asc,
    desc,
    distance,
    func,
    in_,
    like,
    sdbql,
    select,
    shortest_path,
    traverse,
)
from solidb_odm.errors import QueryError, QuerySyntaxError, SchemaViolation, UsageError
from solidb_odm.query import case, delete, exists, hybrid, insert, matches, nearest, update, upsert, within
from tests.unit.query.models import Belongs, Knows, Member, Team


class Pair(BaseModel):
    name: str


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: select(), UsageError, "needs a Document class, or fields"),
    (lambda: shortest_path("members/a", "members/b", Knows, weight="sinse"), UsageError, "mean 'since'"),
    (
        lambda: shortest_path("members/a", "teams/b", Belongs, weight="role"),
        UsageError,
        "a weight is a number",
    ),
    (lambda: within(Member.address, GeoPoint(lat=1, lon=2), 3), UsageError, "a model, and no place"),
    (lambda: distance(Member.name, GeoPoint(lat=1, lon=2)), UsageError, "a text, and no place"),
    (lambda: nearest(Member.age, GeoPoint(lat=1, lon=2)), UsageError, "an int, and no place"),
    (lambda: insert(Member).values(name="a", agee=1), UsageError, "mean 'age'"),
    (lambda: upsert(Member).values([{"name": "a"}, {"name": "b", "zz": 1}]), UsageError, "has no field 'zz'"),
    (lambda: setattr(Member, "age", 5), UsageError, "can't be set on the class"),
    (lambda: select(Pair), UsageError, "Pair: it is not a Document class"),
    (lambda: select(Member(name="a")), UsageError, "not documents"),
    (lambda: select(Member).where(True), UsageError, "compare a field of the class"),
    (lambda: select(Member).where(None), UsageError, "can't be None"),
    (lambda: select(Member).where(Member.age), UsageError, "compare it with something"),
    (lambda: select(Member).where(Member.age + 1), UsageError, "is a value, not a condition"),
    (lambda: select(Member).order_by("age"), UsageError, "needs a field"),
    (lambda: select(Member).limit(-1), UsageError, "0 or more"),
    (lambda: select(Member).offset(True), UsageError, "0 or more"),
    (lambda: select(Member).join(Member), UsageError, "aliased(Member)"),
    (
        lambda: select(Member.name, func.count()).compile(),
        UsageError,
        "neither in group_by() nor an aggregate",
    ),
    (lambda: select(Member).group_by(Member.age).compile(), UsageError, "can't be a whole Member"),
    (lambda: select(Member).where(func.count() > 1).compile(), UsageError, "aggregates go into"),
    (lambda: select(func.count()).compile(), UsageError, "reads no model"),
    (lambda: in_(Member.name, "abc"), UsageError, "needs a list of values"),
    (lambda: in_(Member.name, 5), UsageError, "needs a list of values"),
    (lambda: in_(Member.age, select(Member.name, Member.age)).__solidb_build__(None), Exception, ""),
    (lambda: in_("name", ["a"]), UsageError, "needs a field of a Document class"),
    (lambda: like(Member.name, 5), UsageError, "a pattern of text"),
    (lambda: and_(), UsageError, "at least one condition"),
    (lambda: asc("name"), UsageError, "asc() needs a field"),
    (lambda: desc(nearest(Member.face, [1, 0]).__solidb_ordering__()), UsageError, "desc() needs a field"),
    (lambda: select(Member).where(Member.meta["x"] == object()), UsageError, "can't be used as a value"),
    (lambda: select(Member).where(Member.age == math.nan).compile(), UsageError, "no number in JSON"),
    (lambda: select(Member).where(in_(Member.age, [2**70])).compile(), UsageError, "64 bits"),
    (lambda: func.lenght, AttributeError, "did you mean func.length"),
    (lambda: func.starts_with(Member.name), UsageError, "was given 1 arguments"),
    (lambda: select(Member.name, Member.name).into(Pair), UsageError, "two columns are called 'name'"),
    (lambda: select(Member).into(Pair), UsageError, "read by their own class"),
    (lambda: case(else_=1), UsageError, "at least one (condition, value)"),
    (lambda: exists(Member), UsageError, "takes a select()"),
    (lambda: traverse("a", Knows), UsageError, "'collection/key'"),
    (lambda: traverse("members/a", Member), UsageError, "follows an Edge class"),
    (lambda: traverse("members/a", Knows, depth=(3, 1)), UsageError, "depth=(3, 1)"),
    (lambda: traverse("members/a", Knows, direction="up"), UsageError, '"outbound", "inbound" or "any"'),
    (lambda: shortest_path("members/a", "members/b", Knows, direction="up"), UsageError, "no direction 'up'"),
    (lambda: sdbql("FOR m IN"), QuerySyntaxError, "line 1"),
    (lambda: sdbql("FOR m IN members RETURN @x"), QueryError, "no value for @x"),
    (
        lambda: select(Member).where(in_(Member.key, sdbql("RETURN 1"))).compile(),
        UsageError,
        "write the whole of it",
    ),
    (lambda: matches(Member.name, "x"), UsageError, "Annotated[str, FulltextIndex()]"),
    (lambda: nearest(Member.tags, [1.0]), UsageError, "VectorIndex(dimension=..)"),
    (lambda: nearest(Member.face, [1.0]), UsageError, "2 numbers, not of 1"),
    (lambda: nearest(Member.face, [1.0, 2.0], k=20_000), UsageError, "at most 10000"),
    (
        lambda: select(Member).where(nearest(Member.face, [1.0, 2.0])).compile(),
        UsageError,
        "without k is a sort key",
    ),
    (
        lambda: hybrid(Member.shape, [1, 2], Member.bio, "x", fusion="weighted"),
        UsageError,
        "in the wrong order",
    ),
    (lambda: within(Member.home, 5), UsageError, "around a centre"),
    (lambda: within(Member.home, []), UsageError, "three corners"),
    (lambda: update(Member).compile(), UsageError, "changes nothing"),
    (lambda: update(Member).values(aeg=1), UsageError, "did you mean 'age'"),
    (lambda: update(Member).values(key="x"), UsageError, "can't change the key"),
    (lambda: update(Member).values(age="old"), SchemaViolation, "Member.age can't be 'old'"),
    (lambda: update(Member(name="a")), UsageError, "update() takes a Document class"),
    (lambda: update(Member).values(age=1).returning(), UsageError, "needs the Document class"),
    (lambda: update(Member).values(age=1).returning(Team), UsageError, "only Member and its fields"),
    (lambda: delete("members"), UsageError, "delete() takes a Document class"),
    (lambda: insert(Member).compile(), UsageError, "has no documents"),
    (lambda: insert(Member).values(5), UsageError, "takes several"),
    (lambda: insert(Member).values([5]), UsageError, "documents or dicts of their fields"),
    (lambda: insert(Member).values([{"name": "a"}, {"age": 1}]), SchemaViolation, "row 1 of values()"),
    (lambda: upsert(Member).values([{"name": "a"}]), UsageError, "a row has none"),
]


@pytest.mark.parametrize(
    ("make", "error", "message"), REFUSED, ids=[f"{n}-{m[:30]}" for n, (_, _, m) in enumerate(REFUSED)]
)
def test_nonsense_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_a_source_that_is_not_read_is_named() -> None:
    other = aliased(Member)
    statement = select(Member).where(Member.age > 1)

    assert "FOR `_v1`" in str(statement.join(other).where(other.age > 1))
    with pytest.raises(UsageError, match=r"nothing joins it to Member.*\n.*\.join\("):
        statement.where(other.age > 1).compile()
    with pytest.raises(UsageError, match=r"uses Team, but does not read it"):
        traverse("members/a", Knows).where(Team.title == "x").compile()


@pytest.mark.parametrize(
    ("make", "written"),
    [
        (lambda: Knows.to, "Knows.to"),
        (lambda: Member.key, "Member.key"),
        (lambda: Member.lines[0].price, "Member.lines[0].price"),
        (lambda: Member.meta["x"], "Member.meta['x']"),
        (lambda: Member.created_at, "Member.created_at"),
        (lambda: aliased(Knows).from_, "Knows.from_"),
    ],
)
def test_a_field_is_shown_as_it_is_written_and_not_as_it_is_stored(make: Any, written: str) -> None:
    assert repr(make()) == written


def test_an_order_of_links_is_refused_with_the_text_to_compare() -> None:
    with pytest.raises(UsageError, match=r"Knows\.to\.id is the text"):
        assert Knows.to < Knows.from_


class Loose(Document, abstract=True, registry=Registry()):
    model_config = ConfigDict(extra="ignore")
    size: int = Field(default=0, validation_alias=AliasChoices("Size", "size_of"), alias="sz")


class Looser(Loose, collection="refusals_loose"):
    pass


class Named(Loose, collection="refusals_named"):
    model_config = ConfigDict(extra=None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return self.size * 2


def test_a_model_says_what_becomes_of_values_of_no_field() -> None:
    assert insert(Looser).values(size=1, zz=2).rows[0]["sz"] == 1
    with pytest.raises(UsageError, match="no field 'zz'"):
        insert(Named).values(size=1, zz=2)
    for name in ("size", "Size", "size_of"):
        assert insert(Named).values({name: 3}).rows[0]["sz"] == 3
    with pytest.raises(UsageError, match="no field 'sz'"):  # by which Pydantic writes, and does not read
        insert(Named).values({"sz": 3})
    assert insert(Named).values(Named(Size=4).model_dump()).rows[0]["double"] == 8


class Shelf(Document, collection="refusals_shelves", registry=Registry()):
    path: PurePath


def test_what_has_a_stored_form_of_its_own_sorts_by_its_text() -> None:
    with pytest.raises(UsageError, match=r"func\.to_string\(\.\.\) sorts by the text"):
        select(Shelf).order_by(Shelf.path)
    assert "TO_STRING" in select(Shelf).order_by(func.to_string(Shelf.path)).compile().text
