"""A class that nothing joins is an error wherever it stands, never all pairs in silence."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm import (
    aliased,
    any_,
    case,
    contains,
    delete,
    exists,
    func,
    in_,
    label,
    not_,
    or_,
    over,
    select,
    shortest_path,
    traverse,
    union,
    update,
)
from solidb_odm.errors import UsageError
from tests.unit.query.models import Knows, Member, Team

row = select(Team.title, label("n", func.count())).group_by(Team.title).cte("unjoined_rows")
UNJOINED: list[Any] = [
    lambda: select(Member).where(Team.title == "x"),
    lambda: select(Member).where(not_(or_(Member.age == 1, Team.title == "x"))),
    lambda: select(Member).where(any_(Member.tags) == Team.title),
    lambda: select(Member).where(contains(Member.tags, Team.title)),
    lambda: select(Member).where(in_(Team.title, Member.tags)),
    lambda: select(Member).where(aliased(Member).age == 1),
    lambda: select(Member).order_by(Team.title),
    lambda: select(Member.name, Team.title),
    lambda: select(Member, Team),
    lambda: select(Member.name, label("x", Team.title)),
    lambda: select(Member.name, case((Team.title == "x", 1), else_=0)),
    lambda: select(Member.name, over(func.row_number(), order_by=Team.title)),
    lambda: select(Member.name, row.n),
    lambda: select(Member.name).distinct().order_by(row.n),
    lambda: select(Member.name, func.count(Team)).group_by(Member.name),
    lambda: select(func.count(Member)).where(Team.title == "x"),
    lambda: select(func.count(Member.age), func.count(Team.title)),
    lambda: select(func.count(Team.title)).select_from(Member),
    lambda: select(func.count()).select_from(Member, Team),
    lambda: select(Member.age, func.count()).group_by(Member.age, Team.title),
    lambda: select(Member.age, func.count()).group_by(Member.age).having(func.max(Team.title) > "x"),
    lambda: select(Member.age, func.count()).group_by(Member.age).order_by(func.max(Team.title)),
    lambda: select(Member).outerjoin(Knows, Team.title == "x"),
    lambda: select(Member).join(Knows, Knows.from_ == Member.id).where(Team.title == "x"),
    lambda: select(Member).where(exists(select(Knows).where(Team.title == "x"))),
    lambda: select(Member).where(in_(Member.key, select(Knows.key).where(Team.title == "x"))),
    lambda: select(Member.name, select(func.count(Knows)).where(Team.title == "x").scalar_subquery()),
    lambda: select(select(Member).where(Team.title == "x").cte("unjoined_members")),
    lambda: union(select(Member), select(Member).where(Team.title == "x")),
    lambda: traverse("members/a", Knows).where(Team.title == "x"),
    lambda: traverse("members/a", Knows).follow(Team.title == "x"),
    lambda: traverse("members/a", Knows).through(Team.title == "x"),
    lambda: traverse("members/a", Knows).where_way(lambda way: Team.title == "x"),
    lambda: traverse("members/a", Knows).order_by(Team.title),
    lambda: shortest_path("members/a", "members/b", Knows, max_depth=3).through(Team.title == "x"),
]


@pytest.mark.parametrize("number", range(len(UNJOINED)))
def test_a_class_that_nothing_joins_is_an_error_in_every_clause(number: int) -> None:
    with pytest.raises(UsageError, match=r"the statement uses .*(?s:.)*(join|exists)\("):
        UNJOINED[number]().compile()


WRITES: list[Any] = [
    lambda: update(Member).where(Team.title == "x"),
    lambda: update(Member).values(name=Team.title),
    lambda: update(Member).where(any_(Member.tags) == Team.title),
    lambda: delete(Member).where(Member.name == Team.title),
    lambda: delete(Member).where(not_(Team.title == "x")),
]


@pytest.mark.parametrize("number", range(len(WRITES)))
def test_a_statement_that_writes_refuses_other_classes_as_soon_as_it_is_written(number: int) -> None:
    with pytest.raises(UsageError, match=r"uses Team, but does not read it(?s:.)*exists\(select\(Team\)"):
        WRITES[number]()


def test_what_is_joined_by_a_condition_or_listed_first_is_read() -> None:
    pairs = select(func.count()).select_from(Member, Team).where(Member.name == Team.lead)

    assert "FOR `_v1` IN `teams`" in str(pairs)
    assert "FOR `_v1` IN `teams`" in str(
        select(Team.title).select_from(Member).where(Team.lead == Member.name)
    )
    with pytest.raises(UsageError, match="reads Member already"):
        select(func.count()).select_from(Member).join(Member)
