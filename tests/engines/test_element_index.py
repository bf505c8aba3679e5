"""An index over the elements of lists: the same answers with it as without, whatever is written."""

from __future__ import annotations

import random
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from solidb_odm import (
    Document,
    Engine,
    Index,
    Session,
    any_,
    contains,
    create_engine,
    in_,
    or_,
    sdbql,
    select,
    update,
)
from solidb_odm.commands import CollectionSpec, CreateIndex, DescribeCollection, DropIndex, IndexSpec, call
from solidb_odm.errors import ConfigurationError, DeclarationError, SolidbError, UsageError

from .conftest import Store

VALUES: list[Any] = ["a", "b", "a\\b", "", 0, 1, 1.5, -0.0, True, False, None, ["a"], [], {"a": 1}, "1"]


class Bag(Document, collection="bags_of_elements"):
    number: int
    held: Any = None
    inner: dict[str, Any] = {}

    class Settings:
        indexes = [Index("held[]"), Index("inner.list[]"), Index("held[].a"), Index("inner.list[].a.b")]


class Plain(Document, collection="plain_bags_of_elements"):
    number: int
    held: Any = None
    inner: dict[str, Any] = {}


def value_of(dice: random.Random) -> Any:
    shape = dice.randrange(8)
    if shape == 0:
        return dice.choice(VALUES)
    if shape == 1:
        return {str(key): 1 for key in dice.sample(VALUES[:4], 2)}
    if shape > 5:
        return [dice.choice([{"a": value}, {"a": {"b": value}}, value]) for value in dice.sample(VALUES, 4)]
    return [dice.choice(VALUES) for _ in range(dice.randrange(5))]


CONDITIONS: list[str] = [
    "@wanted IN d.held",
    "d.held ANY == @wanted",
    "@wanted IN d.inner.list",
    "d.held ANY IN @several",
    "@wanted IN d.held AND d.number > 5",
    "NOT (@wanted IN d.held)",
    "@wanted IN d.held OR d.number < 5",
    "@wanted IN d.held OR d.inner.list ANY == @wanted",
    "@wanted IN d.held OR d.held ANY IN @several",
    "d.held ANY == 'a' OR d.held ANY == @wanted",
    "@wanted IN d.held OR (d.inner.list ANY IN @several AND d.number > 9)",
    "d.held[*].a ANY == @wanted",
    "d.held[*].a ANY == @wanted OR d.inner.list[*].a.b ANY IN @several",
    "d.held[*].a NONE == @wanted",
    "d.held[*].a ALL != @wanted",
    "d.held[*].a ANY < @wanted",
    "d.held ALL == @wanted",
]


def numbers(session: Session, collection: str, condition: str, wanted: Any) -> list[Any]:
    text = f"FOR d IN {collection} FILTER {condition} SORT d.number RETURN d.number"
    binds = {"wanted": wanted, "several": [wanted, "b"]}
    return session.execute(sdbql(text, **{k: v for k, v in binds.items() if f"@{k}" in condition})).all()


def compare(engine: Engine) -> None:
    """Hold the answers over the indexed collection to those over the other."""
    with Session(engine) as session:
        for condition in CONDITIONS:
            for wanted in VALUES:
                answers: list[Any] = []
                for model in (Bag, Plain):
                    try:
                        answers.append(numbers(session, model.__solidb_collection__, condition, wanted))
                    except SolidbError as error:
                        answers.append([type(error)])
                assert answers[0] == answers[1], (condition, wanted)


@pytest.fixture
def dice(engine: Engine) -> random.Random:
    dice = random.Random(11)
    engine.create_all(Bag, Plain)
    with Session(engine) as session:
        for number in range(40):
            held, inner = value_of(dice), {"list": value_of(dice)}
            session.add(Bag(key=f"k{number:02}", number=number, held=held, inner=inner))
            session.add(Plain(key=f"k{number:02}", number=number, held=held, inner=inner))
        session.commit()
    return dice


def test_answers_are_those_without_the_index(engine: Engine, dice: random.Random) -> None:
    compare(engine)


def test_answers_follow_what_is_changed_deleted_and_undone(engine: Engine, dice: random.Random) -> None:
    with Session(engine) as session:
        for number in range(0, 40, 3):
            held = value_of(dice)
            for model in (Bag, Plain):
                document: Any = session.get_one(model, f"k{number:02}")
                if number % 2:
                    session.delete(document)
                else:
                    document.held, document.inner = held, {"list": held}
        session.commit()
        for model in (Bag, Plain):
            session.execute(update(model).where(model.number > 30).values(held=["a", None]))
        session.commit()
        for model in (Bag, Plain):
            session.execute(update(model).values(held=["b"]))
        session.rollback()
    compare(engine)


def test_a_join_by_elements_gives_the_same(engine: Engine, dice: random.Random) -> None:
    join = "FOR o IN plain_bags_of_elements FOR d IN {} FILTER o.held IN d.held RETURN [o.number, d.number]"
    with Session(engine) as session:
        found = [
            sorted(session.execute(sdbql(join.format(model.__solidb_collection__))).all())
            for model in (Bag, Plain)
        ]
    assert found[0] == found[1]


def test_an_index_can_be_made_later_and_dropped(engine: Engine, dice: random.Random) -> None:
    spec = IndexSpec("later", "persistent", ("held[]",))
    engine.run(call(CreateIndex("plain_bags_of_elements", spec)))
    described = engine.run(call(DescribeCollection("plain_bags_of_elements")))
    assert described is not None
    assert spec in described.indexes
    compare(engine)
    engine.run(call(DropIndex("plain_bags_of_elements", spec)))
    compare(engine)
    engine.create_all(Bag, Plain)  # as declared: nothing to do
    with Session(engine) as session:
        assert session.get_one(Bag, "k01").number == 1


def test_elements_with_a_nul_character_are_told_apart(engine: Engine, dice: random.Random) -> None:
    """The texts are cut off by SQLite at a NUL; once it is gone the index serves again."""
    for model in (Bag, Plain):
        with Session(engine) as session:
            session.add(model(key="nul", number=98, held=["a\0b", "b"]))
            session.add(model(key="one", number=99, held=["a\0c"]))
            session.commit()
    compare(engine)
    with Session(engine) as session:
        held = [numbers(session, "bags_of_elements", CONDITIONS[0], each)[-2:] for each in ("a\0b", "a\0c")]
        assert held == [[98], [99]]
        for model in (Bag, Plain):
            session.get_one(model, "nul").held = ["a"]
            session.delete(session.get_one(model, "one"))
        session.commit()
    compare(engine)


# --- on a file -----------------------------------------------------------------------------------


class Part(BaseModel):
    sku: str
    made: Annotated[str, Field(alias="madeIn")] = ""


class Article(Document, collection="articles_by_element"):
    title: str
    parts: list[Part] = []
    tags: list[str] = []
    years: set[int] = set()

    class Settings:
        indexes = [Index("tags[]"), Index("years[]"), Index("parts[].sku"), Index("parts[].made")]


SERVED: list[tuple[Any, str]] = [
    (contains(Article.tags, "t7"), "tags_elements_idx"),
    (any_(Article.tags) == "t7", "tags_elements_idx"),
    (in_(any_(Article.tags), ["t7", "none"]), "tags_elements_idx"),
    (contains(Article.years, 7), "years_elements_idx"),
    (any_(Article.parts).sku == "s7", "parts_elements_sku_idx"),
    (any_(Article.parts).made == "m7", "parts_elements_madeIn_idx"),
    (in_(any_(Article.parts).sku, ["s7", "none"]), "parts_elements_sku_idx"),
    (or_(contains(Article.tags, "t7"), any_(Article.years) == 7), "years_elements_idx"),
    (or_(any_(Article.parts).sku == "s7", contains(Article.tags, "t7")), "tags_elements_idx"),
]


def made(number: int) -> Part:
    return Part(sku=f"s{number}", madeIn=f"m{number}")


@pytest.mark.parametrize(("condition", "index"), SERVED, ids=[str(place) for place in range(len(SERVED))])
def test_the_index_serves(condition: Any, index: str) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Article)
        session.add_all(
            Article(title=f"a{n}", tags=[f"t{n}", "all"], years={n}, parts=[made(n)]) for n in range(30)
        )
        session.commit()
        found = session.explain(select(Article).where(condition))
        assert f"articles_by_element.{index}" in str(found)
        assert "SCAN t1" not in str(found)
        assert [each.title for each in session.scalars(select(Article).where(condition))] == ["a7"]


def test_the_declaration_goes_to_json_and_back() -> None:
    spec = Article.__collection_spec__()
    assert [index.fields for index in spec.indexes] == [
        ("tags[]",),
        ("years[]",),
        ("parts[].sku",),
        ("parts[].madeIn",),
    ]
    assert CollectionSpec.from_json(spec.to_json()) == spec


REFUSED = [
    (Index("tags[]", unique=True), "can't be unique"),
    (Index("tags[]", "title"), "of that one list"),
    (Index("title[]"), "holds no list"),
    (Index("nothing[]"), "has no field"),
    (Index("tags[].sku"), "has no field"),
    (Index("title[].sku"), "holds no list"),
]


@pytest.mark.parametrize(("index", "problem"), REFUSED)
def test_what_there_can_not_be_is_refused(index: Index, problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):

        class Refused(Document, collection="refused_by_element"):  # pyright: ignore[reportUnusedClass]
            title: str
            tags: list[str]

            class Settings:
                indexes = [index]


@pytest.mark.parametrize("fields", [("tags[]", "title"), ("tags[]",)], ids=["two", "unique"])
def test_an_engine_refuses_it_too(store: Store, fields: tuple[str, ...]) -> None:
    spec = IndexSpec("odd", "persistent", fields, unique=len(fields) == 1)
    with pytest.raises((ConfigurationError, UsageError)):
        store.engine.run(call(CreateIndex("people", spec)))
