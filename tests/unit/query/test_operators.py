"""What SQLAlchemy's users call on a column is the function of this package, or says which function is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    EmailStr,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
)

from solidb_odm import Document, Link, and_, any_, asc, desc, func, in_, is_null, like, not_, not_in, select
from solidb_odm.errors import UsageError
from solidb_odm.model.expressions.calls import has_kind
from solidb_odm.model.expressions.column_methods import _ELSEWHERE
from solidb_odm.model.expressions.kinds import kind_of
from tests.unit.query.models import Member


class Names(BaseModel):
    desc: str = ""
    in_: int = 0


class Parcel(Document, collection="parcels"):
    names: Names = Names()
    owner: Link[Member] | None = None
    amount: int = 0


M: Any = Member
I: Any = Parcel  # noqa: E741  as short as the other

CONDITIONS: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
    (lambda: M.age.in_([1, 2]), lambda: in_(M.age, [1, 2])),
    (lambda: M.age.in_(select(I.amount)), lambda: in_(M.age, select(I.amount))),
    (lambda: M.age.not_in([1]), lambda: not_in(M.age, [1])),
    (lambda: M.name.like("A%"), lambda: like(M.name, "A%")),
    (lambda: M.nickname.is_(None), lambda: is_null(M.nickname)),
    (lambda: M.nickname.is_not(None), lambda: not_(is_null(M.nickname))),
    (lambda: M.active.is_(True), lambda: M.active == True),  # noqa: E712
    (lambda: M.age.between(1, 5), lambda: and_(M.age >= 1, M.age <= 5)),
    (lambda: func.lower(M.name).like("a%"), lambda: like(func.lower(M.name), "a%")),
    (lambda: (M.age + 1).between(1, M.age), lambda: and_(M.age + 1 >= 1, M.age + 1 <= M.age)),
    (lambda: any_(M.tags).in_(["a"]), lambda: in_(any_(M.tags), ["a"])),
    (lambda: I.owner.in_(["members/a"]), lambda: in_(I.owner, ["members/a"])),
    (lambda: I.owner.is_(None), lambda: is_null(I.owner)),
    (lambda: I.key.in_(["a"]), lambda: in_(I.key, ["a"])),
    (lambda: I.id.in_(["parcels/a"]), lambda: in_(I.id, ["parcels/a"])),
]


@pytest.mark.parametrize(("theirs", "ours"), CONDITIONS)
def test_a_method_is_the_function_of_the_same_meaning(
    theirs: Callable[[], Any], ours: Callable[[], Any]
) -> None:
    one, two = select(func.count()).where(theirs()), select(func.count()).where(ours())

    assert (one.compile().text, one.compile().bind_vars) == (two.compile().text, two.compile().bind_vars)


def test_keys_are_sorted_by_methods_as_by_functions() -> None:
    theirs = select(M).order_by(M.age.desc(), func.lower(M.name).asc(), (-M.age).desc())
    ours = select(M).order_by(desc(M.age), asc(func.lower(M.name)), desc(-M.age))

    assert theirs.compile().text == ours.compile().text


def test_fields_come_before_methods_of_the_same_name() -> None:
    assert repr(I.names.desc) == "Parcel.names.desc"
    assert repr(I.names.in_) == "Parcel.names.in_"
    assert select(I).order_by(I.names.desc.desc()).compile().text.count("DESC") == 2


@pytest.mark.parametrize("name", _ELSEWHERE)
def test_what_is_a_function_here_says_so_and_is_not_there(name: str) -> None:
    for expression in (M.age, func.lower(M.name), any_(M.lines), M.age + 1):
        assert not hasattr(expression, name)
        with pytest.raises(AttributeError, match=f"has no '{name}' in a query; write "):
            getattr(expression, name)


def test_what_a_method_can_not_mean_is_refused() -> None:
    with pytest.raises(UsageError, match=r"(?s)is_\(\) takes None, True or False.*Member.age == 3"):
        M.age.is_(3)
    with pytest.raises(UsageError, match="can't follow the link"):
        I.owner.name.in_(["Ada"])
    with pytest.raises(AttributeError, match="has no field 'descc'"):
        M.age.descc()


def test_between_asks_one_element_for_both_ends() -> None:
    text = select(M).where(any_(M.lines).price.between(1, 2)).compile().text

    assert "[* FILTER (`CURRENT`.`cost` >= @p0) AND (`CURRENT`.`cost` <= @p1)]" in text


def test_a_prompt_completes_fields_and_methods() -> None:
    assert {"name", "age", "key", "id", "rev", "model_dump"} <= set(dir(M))
    assert {"city", "country", "desc"} <= set(dir(M.address))
    assert {"lower", "startswith", "like"} <= set(dir(M.name))
    assert {"sku", "price"} <= set(dir(any_(M.lines)))
    assert {"name", "id", "value", "is_"} <= set(dir(I.owner))
    assert {"name", "age"} <= set(dir(I.owner.value))
    for expression in (M.address, M.name, M.born, any_(M.lines), I.owner, I.owner.value):
        assert [name for name in dir(expression) if not hasattr(expression, name)] == []


def test_expressions_can_be_copied() -> None:
    assert repr(copy.copy(M.age + 1)) == "(Member.age + 1)"
    assert repr(copy.copy(M.age)) == repr(copy.deepcopy(M.age)) == "Member.age"


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (PastDate, "date"),
        (FutureDate | None, "date"),
        (AwareDatetime, "datetime"),
        (list[NaiveDatetime], "list"),
        (FutureDatetime, "datetime"),
        (EmailStr, "text"),
        (EmailStr | None, "text"),
    ],
)
def test_a_type_that_says_which_values_are_valid_is_that_of_the_values(annotation: Any, kind: str) -> None:
    assert kind_of(annotation) == kind
    assert has_kind(EmailStr, (str,))
    assert has_kind(PastDate, (date,))
