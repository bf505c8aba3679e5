"""Fields of a class are parts of queries; they know their types and their stored places."""
# ruff: noqa: DTZ001  naive times are cases too

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from solidb_odm import Document, contains, in_, select, some
from solidb_odm.errors import UsageError
from solidb_odm.language import decimals
from solidb_odm.language.nodes import Attribute, Name
from solidb_odm.language.printer import print_expression


class Street(BaseModel):
    name: str
    number: int = Field(alias="no")


class Home(BaseModel):
    street: Street | None = None
    tags: list[str] = []


class Person(Document, collection="persons"):
    name: str = ""
    age: int = 0
    born: datetime | None = None
    home: Home | None = None
    meta: dict[str, Any] = {}
    scores: list[float] = []
    money: Decimal = Decimal(0)
    level: Annotated[
        int,
        BeforeValidator(lambda value: int(str(value).lstrip("L"))),
        PlainSerializer(lambda value: f"L{value}"),
    ] = 0
    active: bool = True
    mood: Literal["good", "bad"] = "good"


WHATEVER: Any = Person
"""The class to checkers that would flag what is tried."""


def built(condition: Any) -> tuple[str, dict[str, Any]]:
    compiled = select(Person.key).where(condition).compile()
    return compiled.text.split(" FILTER ")[1].split(" SORT ")[0], compiled.bind_vars


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Person.name == "a", "`_v0`.`name` == @p0"),
        (WHATEVER.home.street.number == 1, "`_v0`.`home`.`street`.`no` == @p0"),
        (Person.meta["a"]["b"] == 1, "`_v0`.`meta`.`a`.`b` == @p0"),
        (Person.scores[0] == 1, "`_v0`.`scores`[0] == @p0"),
        (Person.name.startswith("A"), "STARTS_WITH(`_v0`.`name`, @p0)"),
        (Person.mood.startswith("g"), "STARTS_WITH(`_v0`.`mood`, @p0)"),
        (Person.name.lower() == "a", "LOWER(`_v0`.`name`) == @p0"),
        (Person.name.strip().__eq__("a"), "TRIM(`_v0`.`name`, @p0) == @p1"),
        (some(Person.born).year == 2000, "DATE_YEAR(`_v0`.`born`) == @p0"),
        (Person.age + 1 == 3, "(`_v0`.`age` + @p0) == @p1"),
        (2 * Person.age - 1 == 3, "((@p0 * `_v0`.`age`) - @p1) == @p2"),
        (-Person.age == 3, "(- `_v0`.`age`) == @p0"),
        (Person.active, "`_v0`.`active`"),
        (Person.id == "persons/a", 'CONCAT("persons/", `_v0`.`_key`) == @p0'),
        (Person.rev == "x", "`_v0`.`_rev` == @p0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_builds_its_place(condition: Any, text: str) -> None:
    assert built(condition)[0] == text


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        (Person.born == datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        (Person.created_at > datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        (Person.level == 3, "L3"),
        (in_(Person.level, [3]), ["L3"]),
        (Person.money == Decimal("9.50"), decimals.key_of(Decimal("9.5"))),
        (contains(some(Person.home).tags, "x"), "x"),
        (some(Person.home).street == Street(name="a", no=1), {"name": "a", "no": 1}),
        (Person.meta["when"] == datetime(2026, 1, 1), "2026-01-01T00:00:00"),
        (Person.meta["span"] == timedelta(days=1), "P1D"),
    ],
    ids=lambda value: str(value) if not hasattr(value, "__solidb_build__") else "",
)
def test_values_are_encoded_as_the_field_stores_them(condition: Any, value: Any) -> None:
    assert built(condition)[1]["p0"] == value


def test_decimals_are_compared_and_sorted_as_numbers() -> None:
    text = str(select(Person.money).where(Person.money > Decimal(10)).order_by(Person.money))

    assert text.count(print_expression(decimals.key(Attribute(Name("_v0"), "money")))) == 2
    assert text.endswith("RETURN `_v0`.`money`")


def test_durations_are_ordered_as_seconds_also_in_embedded_models() -> None:
    class Run(BaseModel):
        took: timedelta

    class Job(Document):
        run: Run
        limit: timedelta

    assert select(Job).where(Job.run.took > timedelta(seconds=1)).compile().bind_vars == {"p0": 1.0}
    assert select(Job).where(Job.limit > timedelta(seconds=1)).compile().bind_vars == {"p0": 1.0}


def test_durations_that_a_model_wants_as_text_are_not_ordered() -> None:
    class Run(BaseModel):
        model_config = ConfigDict(ser_json_timedelta="iso8601")
        took: timedelta

    class Job(Document):
        run: Run

    with pytest.raises(UsageError, match="ISO 8601 text") as caught:
        select(Job).where(Job.run.took > timedelta(seconds=1))
    assert "ser_json_timedelta" in str(caught.value.hint)


def test_an_unknown_part_is_an_error_with_a_guess() -> None:
    with pytest.raises(
        AttributeError, match=r"Person\.home \(Home\) has no field 'stret'; did you mean 'street'"
    ):
        WHATEVER.home.stret  # noqa: B018
    with pytest.raises(AttributeError, match="is a list: write any_"):
        WHATEVER.scores.price  # noqa: B018
    with pytest.raises(AttributeError, match="in a query"):
        WHATEVER.name.title  # noqa: B018


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (lambda: bool(Person.age > 1), "no truth value"),
        (lambda: 1 < Person.age < 3, "two conditions instead of a < b < c"),
        (lambda: "x" in WHATEVER.scores, "use contains"),
        (lambda: list(Person.scores), "can't be iterated"),
        (lambda: WHATEVER.meta[1.5], "a key of Person.meta is a text"),
        (lambda: setattr(Person.home, "street", 1), "set attributes on a document, not on its class"),
    ],
    ids=["bool", "chain", "in", "iterate", "index", "set"],
)
def test_what_python_would_answer_itself_is_refused(misuse: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        misuse()
    assert message in str(caught.value)


def test_expressions_read_well_in_messages() -> None:
    assert (
        repr((Person.age + 1 > 2) & ~(WHATEVER.name == "a"))
        == "((Person.age + 1) > 2 AND NOT (Person.name == 'a'))"
    )


class Cup(Document, collection="cups_of_metaclass"):
    handle_kind: str = "round"
    height: int = 0


class Mug(Cup):
    handle_kind: str = "square"


class Tray(Document, collection="trays_of_metaclass"):
    height = 7  # type: ignore[misc]  # no field
    model_config = ConfigDict(ignored_types=(int,))

    @property
    def handle_kind(self) -> str:
        return "none"


def test_a_name_that_is_a_field_of_one_class_is_what_it_is_in_others() -> None:
    for _ in range(2):  # asked first, and known
        assert Cup.handle_kind.__solidb_place__.source is Cup  # type: ignore[attr-defined]
        assert Mug.handle_kind.__solidb_place__.source is Mug  # type: ignore[attr-defined]
        assert Cup.height.__solidb_place__.source is Cup  # type: ignore[attr-defined]
        assert isinstance(Tray.handle_kind, property)
        assert Tray.height == 7
        with pytest.raises(AttributeError, match="Person"):
            Person.handle_kind  # type: ignore[attr-defined]  # noqa: B018


def test_a_document_without_a_value_does_not_have_that_of_its_class() -> None:
    assert repr(Cup.handle_kind) == "Cup.handle_kind"
    cup = Cup()
    assert cup.handle_kind == "round"
    del cup.handle_kind
    with pytest.raises(AttributeError):
        cup.handle_kind  # noqa: B018
    assert not hasattr(Cup.model_construct(), "no_such_field")


def test_a_class_that_is_made_sees_no_fields_of_its_parents_as_values() -> None:
    assert repr(Cup.handle_kind) == "Cup.handle_kind"
    seen: list[bool] = []

    class Watching(Document, abstract=True):
        @classmethod
        def __pydantic_init_subclass__(cls, **options: Any) -> None:
            seen.append(hasattr(Cup, "handle_kind"))

    class Beaker(Watching, collection="beakers_of_metaclass"):
        handle_kind: str = "flat"

    assert seen == [False]
    assert Beaker().handle_kind == "flat"
    assert Beaker.handle_kind.__solidb_place__.source is Beaker  # type: ignore[attr-defined]
