"""Selects of one form share their nodes, and differ in nothing that counts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm import Document, aliased, and_, desc, func, in_, label, not_, or_, select
from solidb_odm.errors import UsageError
from solidb_odm.language import nodes as q
from solidb_odm.language.printer import print_query
from tests.unit.query.models import Member

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
        assert said(compiled.query, compiled.bind_vars) == said(*statement._build())


def test_selects_that_differ_in_values_share_their_nodes() -> None:
    one, other = select(Member).where(Member.age > 1), select(Member).where(Member.age > 2)

    assert one.compile().query is other.compile().query
    assert (one.compile().bind_vars, other.compile().bind_vars) == ({"p0": 1}, {"p0": 2})


def test_selects_over_aliases_do_not_share_nodes() -> None:
    one, other = (select(each).where(each.age > 1) for each in (aliased(Member), aliased(Member)))

    assert one.compile().query is not other.compile().query


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
