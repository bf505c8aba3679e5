"""Selects of one form share their nodes, and differ in nothing that counts."""

from __future__ import annotations

import operator
import pickle
import re
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, PlainSerializer

from solidb_odm import (
    Document,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Lossy,
    Registry,
    Vector,
    VectorIndex,
    aliased,
    all_,
    and_,
    any_,
    delete,
    desc,
    except_,
    exists,
    func,
    hybrid,
    in_,
    label,
    matches,
    nearest,
    not_,
    not_in,
    or_,
    select,
    union,
    update,
)
from solidb_odm.errors import UsageError
from solidb_odm.language import nodes as q
from solidb_odm.language.printer import print_query
from solidb_odm.language.sizes import extent
from solidb_odm.model.expressions.expression import Expression
from solidb_odm.model.expressions.fields import FieldRef, IdRef
from solidb_odm.query import select_forms
from tests.unit.query.models import Knows, Member, Team

VALUES = st.sampled_from([0, 1, 20, -1, 0.0, -0.0, 1.0, True, False, "", "a", "1", None])


def statements(a: Any, b: Any, c: Any, count: int) -> list[Any]:
    meta, order = Member.meta, 0 if a is None else a
    return [
        select(Member).where(meta["a"] >= order, meta["b"] < count, meta["c"] == c).limit(count),
        select(Member.name).where(or_(meta["a"] == a, not_(meta["b"] == b))).offset(count),
        select(Member).where(and_(meta["a"] > order, in_(meta["b"], [b, c]))).order_by(desc(Member.age)),
        select(Member.name, func.count(Member)).group_by(Member.name).having(func.count(Member) > count),
        select(label("n", func.upper(Member.name) + str(a)), meta["k"]).where(meta["k"] == b),
    ]


def said(query: q.Query, binds: dict[str, Any]) -> str:
    return re.sub(r"@(\w+)", lambda match: repr(binds[match[1]]), print_query(query))


@given(VALUES, VALUES, VALUES, st.sampled_from([0, 1, 20]))
def test_a_select_says_the_same_whether_its_form_was_built_before_or_not(
    a: Any, b: Any, c: Any, count: int
) -> None:
    for statement in statements(a, b, c, count):
        compiled = statement.compile()
        built = statement._build()
        assert said(compiled.query, compiled.bind_vars) == said(built.query, built.bind_vars)


def test_selects_that_differ_in_values_share_their_nodes() -> None:
    one, other = select(Member).where(Member.age > 1), select(Member).where(Member.age > 2)

    assert one.compile().query is other.compile().query
    assert (one.compile().bind_vars, other.compile().bind_vars) == ({"p0": 1}, {"p0": 2})


def over_other_rows(a: Any, b: Any, count: int) -> list[Any]:
    """Return statements that read several rows, with aliases and subqueries of their own."""
    one, other, part = aliased(Member), aliased(Member), any_(Member.lines)
    both = select(one.name, other.age).join(other, one.name == other.nickname)
    knows = select(Knows.key).where(Knows.from_ == one.id, Knows.since > count)
    named = select(Member.name).where(Member.meta["a"] == a)
    return [
        both.where(one.meta["a"] == a, other.meta["a"] == b).order_by(desc(other.age)).limit(count),
        both.where(other.meta["a"] == a, one.meta["a"] == b).order_by(desc(one.age)).limit(count),
        select(one).where(one.meta["a"] == a, exists(knows)),
        select(one).where(one.meta["a"] == a, ~exists(knows.where(Knows.to == one.id))),
        select(one.name, func.count(Knows)).outerjoin(Knows, Knows.to == one.id).group_by(one.name),
        select(Member.age).where(in_(Member.name, named), not_in(Member.key, select(Team.lead))),
        select(Member.age, named.scalar_subquery(), named.list_subquery()).where(Member.meta["b"] == b),
        select(Member).where((part.sku == str(a)) & (part.price > count)),
        select(Member).where(any_(Member.lines).sku == str(a), any_(Member.lines).price > count),
        select(Member).where(any_(Member.lines, lambda line: (line.sku == str(a)) | (line.price > count))),
        select(Member).where(all_(Member.tags) != str(b)),
        union(named, select(Team.title).where(Team.lead == str(b))).order_by(Member.name).limit(count),
        except_(named, named.where(Member.meta["b"] == b)),
        update(Member).where(Member.meta["a"] == a).values(age=count, nickname=Member.name + str(b)),
        delete(Member).where(Member.meta["a"] == a, in_(Member.name, select(Team.lead))),
    ]


@given(VALUES, VALUES, st.sampled_from([0, 1, 20]))
def test_what_reads_other_rows_says_the_same_whether_its_form_was_built_before_or_not(
    a: Any, b: Any, count: int
) -> None:
    for statement in over_other_rows(a, b, count):
        compiled, built = statement.compile(), statement._build()
        assert said(compiled.query, compiled.bind_vars) == said(built.query, built.bind_vars)
        assert compiled.writes == built.writes
        assert [type(column) for column in compiled.columns] == [type(column) for column in built.columns]


def test_what_reads_other_rows_shares_its_nodes_with_what_differs_in_values() -> None:
    pairs = zip(over_other_rows("x", "y", 3), over_other_rows("v", "w", 4), strict=True)
    nodes = [(one.compile().query, other.compile().query) for one, other in pairs]

    assert [one is other for one, other in nodes] == [True] * len(nodes)
    assert len({id(one) for one, _ in nodes}) == len(nodes)


def test_a_form_tells_which_of_two_aliases_stands_where() -> None:
    one, other = aliased(Member), aliased(Member)
    crossed = select(one.name).join(other, one.age > other.age)

    assert crossed.compile().query is select(other.name).join(one, other.age > one.age).compile().query
    assert crossed.compile().query is not select(one.name).join(other, other.age > one.age).compile().query


def test_a_value_that_can_not_travel_is_refused_in_a_known_form_too() -> None:
    select(Member).where(Member.meta["score"] > 1.5).compile()

    with pytest.raises(UsageError, match="no number in JSON"):
        select(Member).where(Member.meta["score"] > float("nan")).compile()


def test_a_form_ends_with_the_next_class_of_its_family() -> None:
    class Animal(Document, collection="forms_animals"):
        name: str

    class Dog(Animal):
        pass

    before = select(Dog).compile().bind_vars

    class Puppy(Dog):
        pass

    assert (before, select(Dog).compile().bind_vars) == ({"p0": ["Dog"]}, {"p0": ["Dog", "Puppy"]})
    assert Puppy.__solidb_collection__ == "forms_animals"


class Color(StrEnum):
    RED = "red"


def _upper(value: str) -> str:
    return value.upper()


class Kinds(Document, collection="forms_kinds", registry=Registry()):
    text: str = ""
    short: Annotated[str, Field(max_length=3)] = ""
    maybe: str | None = None
    shout: Annotated[str, PlainSerializer(_upper), Lossy()] = ""
    number: int = 0
    small: Annotated[int, Field(ge=0, le=9)] = 0
    ratio: float = 0.0
    done: bool = False
    either: int | str = 0
    chosen: Literal["a", "b"] = "a"
    color: Color = Color.RED
    price: Decimal = Decimal(0)
    fee: Decimal | None = None
    day: date | None = None


FIELDS = ["key", "rev", "id", "created_at", *(name for name in Kinds.__pydantic_fields__ if name != "key")]
OPERATORS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
SAID: list[q.ComparisonOperator] = ["==", "!=", "<", "<=", ">", ">="]
GIVEN = ["a", "abcd", "x/y", "", 0, 7, -1, 2**60, 2**80, 0.5, float("nan"), True, None, Color.RED, b"a"]
GIVEN += [Decimal("1.50"), Decimal("1.5"), Decimal("-1E+3"), Decimal("NaN"), date(2026, 1, 2)]
GIVEN += ["forms_kinds/x", "others/x", "a\0b", datetime(2026, 1, 2, tzinfo=UTC)]
GIVEN += [datetime.fromisoformat("2026-01-02T00:00:00")]


def compiled_or_refused(make: Callable[[], Any]) -> Any:
    try:
        compiled = select(Kinds).where(make()).compile()
    except UsageError as error:
        return str(error)
    return print_query(compiled.query), [(type(each), repr(each)) for each in compiled.bind_vars.values()]


@pytest.mark.parametrize("name", FIELDS)
def test_a_comparison_made_at_once_is_the_one_that_asks_every_question(name: str) -> None:
    field: Any = getattr(Kinds, name)
    for value in GIVEN:
        for compare, said_as in zip(OPERATORS, SAID, strict=True):
            at_once = compiled_or_refused(partial(compare, field, value))
            asking = compiled_or_refused(partial(Expression.__solidb_compare__, field, said_as, value))
            assert at_once == asking


LISTS: list[Any] = [[], ["a"], ["b", "c", "b"], ("a", "b"), {"x", "y"}, ["x/y"], ["a", None], ["a\0"]]
LISTS += [[1], [2, 3], [2**60], [2**80], [1, 2.5], [0.5], [float("nan")], [True], [False, True], [1, True]]
LISTS += [[Decimal("1.50")], [Decimal("1.5"), 2], [Color.RED], ["red"], [date(2026, 1, 2)], [None], ["abcd"]]
LISTS += [["forms_kinds/x"], ["others/x"], ["a"] * 200, ["c"], [b"a"], [["a"]], "a", 5, [0.0, -0.0]]


@pytest.mark.parametrize("name", FIELDS)
def test_a_membership_of_a_known_form_is_the_one_that_asks_every_question(name: str) -> None:
    field: Any = getattr(Kinds, name)
    anew: Any = IdRef(Kinds) if name == "id" else FieldRef(field.__solidb_place__)
    for values in LISTS * 2:
        for ask in (in_, not_in):
            expected = compiled_or_refused(partial(ask, anew, values))
            assert compiled_or_refused(partial(ask, field, values)) == expected


ASKED: dict[str, Callable[[int], Any]] = {
    "a decimal": lambda n: Kinds.price == Decimal(n) / 10,
    "a decimal or none": lambda n: Kinds.fee < Decimal(n),  # type: ignore[operator]
    "a key": lambda n: Kinds.key == f"k{n}",
    "an id": lambda n: Kinds.id == f"forms_kinds/k{n}",
    "a time of the engine": lambda n: Kinds.created_at > datetime(2026, 1, n, tzinfo=UTC),
    "one of some texts": lambda n: in_(Kinds.text, [f"a{i}" for i in range(n)]),
    "none of some numbers": lambda n: not_in(Kinds.number, range(n)),
    "one of some keys": lambda n: in_(Kinds.key, {f"k{n}"}),
    "one of some decimals": lambda n: in_(Kinds.price, [Decimal(n)]),
    "one of some ids": lambda n: in_(Kinds.id, [f"forms_kinds/k{n}"]),
    "one of some lists": lambda n: or_(in_(Kinds.text, ["a"] * n), in_(Kinds.maybe, ["b"] * n)),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_conditions_with_other_values_are_known(ask: Callable[[int], Any]) -> None:
    first = select(Kinds).where(ask(1), Kinds.done == True).limit(70).compile()  # noqa: E712
    for n in (2, 3, 1, 3):
        asked: Any = select(Kinds).where(ask(n), Kinds.done == True).limit(70)  # noqa: E712
        known, built = asked.known_fetch(), asked._build()
        assert known is not None
        assert known[1] is first.query
        assert said(known[1], known[2]) == said(built.query, built.bind_vars)


def test_what_a_condition_was_made_of_may_change_afterwards() -> None:
    values = ["a"]
    made = in_(Kinds.text, values)
    values.append("b")
    copied = pickle.loads(pickle.dumps((in_(Kinds.text, ["a"]), Kinds.price == Decimal("1.50"))))

    assert list(select(Kinds).where(made).compile().bind_vars.values()) == [["a"]]
    assert repr(copied) == "(Kinds.text IN ['a'], Kinds.price == '1.50')"
    assert repr((made, Kinds.price == Decimal("1.50"))) == repr(copied)


def test_a_select_keeps_its_other_clauses_when_it_is_refined() -> None:
    base = select(Kinds).where(Kinds.number > 1).order_by(Kinds.text)
    refined = base.where(Kinds.small == 2).limit(3)

    assert (len(base.conditions), base.limit_count) == (1, None)
    assert (len(refined.conditions), refined.limit_count, refined.orderings) == (2, 3, base.orderings)
    assert replace(refined, limit_count=4).conditions == refined.conditions
    with pytest.raises(FrozenInstanceError):
        refined.limit_count = 5  # type: ignore[misc]


def test_what_comes_with_a_select_is_no_part_of_its_form() -> None:
    class Own(Document, collection="forms_own", registry=Registry()):  # keeps its forms, whatever others do
        number: int = 0

    plain, skipping = (select(Own).where(Own.number > number) for number in (1, 2))
    plain.compile()
    compiled = skipping.unreadable("skip").compile()

    assert (compiled.query is plain.compile().query, compiled.unreadable) == (True, "skip")
    assert compiled.bind_vars == {"p0": 2}


def test_a_field_of_an_embedded_model_is_the_same_each_time() -> None:
    assert Member.address.city is Member.address.city  # type: ignore[union-attr]
    assert str(select(Member).where(Member.address.city == "Rome")) == str(  # type: ignore[union-attr]
        select(Member).where(Member.address["city"] == "Rome")  # type: ignore[index]
    )


def moves(number: int, text: str) -> list[Callable[[Any], Any]]:
    return [
        lambda made: made.where(Kinds.number > number),
        lambda made: made.where(Kinds.text == text, Kinds.done == bool(number)),
        lambda made: made.where(Kinds.number <= number, Kinds.maybe == text),
        lambda made: made.where(or_(Kinds.number == number, Kinds.text == text)),
        lambda made: made.where(),
        lambda made: made.filter_by(number=number),
        lambda made: made.order_by(desc(Kinds.number), Kinds.text),
        lambda made: made.order_by(func.upper(Kinds.text)),
        lambda made: made.limit(number),
        lambda made: made.offset(number),
        lambda made: made.distinct(),
        lambda made: made.with_deleted(),
    ]


MOVES = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from([0, 1, 2, 2**70]), st.sampled_from("ab")), max_size=5
)


@given(MOVES)
def test_a_select_means_what_its_methods_said_whether_they_led_there_before_or_not(
    chosen: list[tuple[int, int, str]],
) -> None:
    made: Any = select(Kinds)
    for place, number, text in chosen:
        made = moves(number, text)[place](made)
    try:
        built = made._build()
    except UsageError as error:
        with pytest.raises(UsageError, match=re.escape(str(error))):
            made.compile()
        return
    compiled = made.compile()

    assert said(compiled.query, compiled.bind_vars) == said(built.query, built.bind_vars)
    assert (compiled.columns, compiled.whole, compiled.writes) == (built.columns, built.whole, built.writes)


def test_methods_that_led_there_before_read_no_form(monkeypatch: pytest.MonkeyPatch) -> None:
    def page(low: int, count: int) -> Any:
        return select(Kinds).where(Kinds.number > low).order_by(desc(Kinds.text)).limit(count).offset(7)

    first = page(1, 2).compile()
    monkeypatch.setattr(select_forms, "_read", None)

    assert page(3, 4).compile().query is first.query
    assert page(3, 4).compile().bind_vars == {"p0": 3, "p1": 7, "p2": 4}


def test_a_copied_select_builds_anew() -> None:
    made = select(Kinds).where(Kinds.number > 8).limit(9)
    made.compile()

    for copied in (pickle.loads(pickle.dumps(made)), deepcopy(made)):
        assert str(copied.where(Kinds.small == 3)) == str(made.where(Kinds.small == 3))


class Spot(Document, collection="forms_spots", registry=Registry()):
    name: Annotated[str, FulltextIndex()]
    face: Annotated[Vector | None, VectorIndex(dimension=2, metric="cosine")] = None
    back: Annotated[Vector | None, VectorIndex(dimension=2, metric="dot")] = None
    home: Annotated[GeoPoint | None, GeoIndex()] = None


FACES = [[1.0, 0.5], [0.5, 1.0], [0.0, -0.0], [1e308, 1.0]]
POINTS = [GeoPoint(lat=1.0, lon=2.0), GeoPoint(lat=2.0, lon=1.0), GeoPoint(lat=1.0, lon=1.0)]


def nearest_first() -> list[Any]:
    orders: list[Any] = [nearest(field, face) for field in (Spot.face, Spot.back) for face in FACES]
    orders += [nearest(Spot.face, face, exact=True) for face in FACES]
    orders += [nearest(Spot.home, point) for point in POINTS]
    counted = [select(Spot).order_by(each).limit(count) for each in orders for count in (1, 3)]
    named = [select(Spot.name).where(Spot.name == name).order_by(each) for each in orders for name in "ab"]
    twice = [select(Spot).order_by(nearest(Spot.face, face), nearest(Spot.back, face)) for face in FACES]
    near = [
        nearest(field, face, k=k) for field in (Spot.face, Spot.back) for face in FACES[:3] for k in (1, 3)
    ]
    near += [nearest(Spot.face, FACES[0], k=3, exact=True)]
    words = [matches(Spot.name, text, phrase=phrase) for text in ("a", "b") for phrase in (None, 0, 1)]
    both = [hybrid(Spot.face, face, Spot.name, text) for text in ("a", "spots") for face in FACES[:2]]
    found = [
        select(Spot).where(each, Spot.name == text).limit(3)
        for each in (*near, *words, *both)
        for text in "ab"
    ]
    scored = [select(Spot.name).where(each).order_by(desc(each.score)) for each in (*near, *words)]
    others = [
        select(Spot).where(one).order_by(desc(matches(Spot.name, text, phrase=phrase).score)).limit(3)
        for one in words
        for text in ("a", "b")
        for phrase in (None, 1)
    ]
    weighed = [select(Spot).where(each).order_by(desc(each.score)).limit(2) for each in (*words, *both)]
    doubled = [select(Spot).where(each, each) for each in words]
    return [*counted, *named, *twice, *found, *scored, *others, *weighed, *doubled]


def test_sorts_by_nearness_say_the_same_in_a_known_form() -> None:
    for statement in nearest_first() * 2:
        compiled, built = statement.compile(), statement._build()
        assert said(compiled.query, compiled.bind_vars) == said(built.query, built.bind_vars)
        assert compiled.approximate == built.approximate


def test_searches_that_differ_in_values_share_their_nodes() -> None:
    one, other = (
        select(Spot).where(nearest(Spot.face, face, k=k)) for face, k in zip(FACES[:2], (1, 2), strict=True)
    )
    assert one.compile().query is other.compile().query
    assert one.compile().bind_vars != other.compile().bind_vars
    with pytest.raises(UsageError, match="without k"):
        select(Spot).where(nearest(Spot.face, FACES[0])).compile()
    ranked = [
        select(Spot).where(words).order_by(desc(words.score)).limit(5).compile()
        for words in (matches(Spot.name, "one"), matches(Spot.name, "two words"))
    ]
    assert ranked[0].query is ranked[1].query
    assert ranked[0].bind_vars != ranked[1].bind_vars


@pytest.mark.parametrize("field", ["face", "back", "home"])
def test_sorts_by_nearness_that_differ_in_values_share_their_nodes(field: str) -> None:
    places: list[Any] = POINTS[:2] if field == "home" else FACES[:2]
    one, other = (select(Spot).order_by(nearest(getattr(Spot, field), each)).limit(5) for each in places)
    assert one.compile().query is other.compile().query
    assert one.compile().bind_vars != other.compile().bind_vars


def test_selects_of_fields_are_begun_once_and_told_apart() -> None:
    class Cup(Document, collection="form_cups", registry=Registry()):
        name: str
        size: int = 0
        made: datetime | None = None

    class Mug(Cup, collection="form_mugs"):
        pass

    def text(statement: Any) -> tuple[str, Any]:
        made = statement.compile()
        return made.text, made.bind_vars

    for size in (1, 2, 3):  # the first is built, the others know its form
        for fields in ((Cup.name,), (Cup.name, Cup.size), (Cup.size, Cup.name), (Mug.name,), (Cup.made,)):
            asked = select(*fields).where(fields[0].__solidb_source__.size == size)
            anew = copy(asked)
            anew.__dict__.update(_step=None, _compiled=None)
            assert text(asked) == text(anew)
            assert [column.label for column in asked.compile().columns] == [
                column.label for column in anew.compile().columns
            ]
        assert text(select(Cup.name).distinct()) != text(select(Cup.name))
        joined = select(Cup.name).join(Mug, Mug.name == Cup.name).where(Cup.size == size)
        assert "form_mugs" in text(joined)[0]
    assert select(Cup.name) is select(Cup.name)
    assert select(Cup.name) is not select(Mug.name)


def test_known_parts_are_measured_as_if_each_was_looked_at() -> None:
    a, b = Kinds.text == "a", Kinds.number > 1
    for made in (a | b, (a & b) | a, or_(a, b, a), and_(or_(a, b), or_(b, a)), not_(a | b)):
        whole = extent(cast(Any, made), lambda part: part.__solidb_held__(), lambda _: None, {})
        assert made.__solidb_extent__ == whole
