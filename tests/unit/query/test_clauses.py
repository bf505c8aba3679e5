"""Every clause of a select counts wherever it is read: none is forgotten, or taken from another select."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from solidb_odm import Document, Link, Registry, SoftDelete, aliased, func, select
from solidb_odm.language import nodes as q
from solidb_odm.query.columns import Partner, column
from solidb_odm.query.compiled import Compiled
from solidb_odm.query.select import Select, ordering

TRIPS = Registry()


class Guest(Document, collection="clause_guests", registry=TRIPS):
    name: str


class Trip(SoftDelete, Document, collection="clause_trips", registry=TRIPS):
    name: str
    stars: int = 0
    guest: Link[Guest] | None = None


class Summary(Document, collection="clause_summaries", registry=TRIPS):
    name: str


Second, Third = aliased(Trip), aliased(Trip)
by_name = select(Trip.name).group_by(Trip.name)

CHANGES: dict[str, tuple[Any, Any]] = {
    "columns": (select(Trip.name), (column(Trip.stars),)),
    "single": (select(Trip.name), False),
    "partners": (
        select(Trip).outerjoin(Second, Second.stars == Trip.stars),
        (Partner(Second, select(Trip).where(Second.name == Trip.name).conditions),),
    ),
    "conditions": (select(Trip), (Trip.stars > 3,)),
    "groups": (select(func.count(Trip)), (Trip.name,)),
    "having_conditions": (by_name, (func.count(Trip) > 2,)),
    "orderings": (select(Trip), (ordering(Trip.stars),)),
    "starts": (select(func.count()).select_from(Trip), (Guest,)),
    "joins": (select(Trip).join(Second, Second.stars == Trip.stars), (Second, Third)),
    "limit_count": (select(Trip), 5),
    "offset_count": (select(Trip).limit(5), 2),
    "is_distinct": (select(Trip.name), True),
    "is_with_deleted": (select(Trip), True),
    "reader": (select(Trip.name), select(Trip.name).into(Summary).reader),
    "loads": (select(Trip), select(Trip).load(Trip.guest).loads),
    "on_unreadable": (select(Trip), "skip"),
}
"""For each clause a select, and another value that it may have there."""


def said(compiled: Compiled) -> Any:
    return (
        compiled.text,
        compiled.values,
        compiled.columns,
        compiled.single,
        compiled.loads,
        compiled.unreadable,
    )


def test_the_table_has_all_clauses() -> None:
    assert set(CHANGES) == {clause.name for clause in fields(Select) if clause.init}


@pytest.mark.parametrize("clause", CHANGES)
def test_another_clause_makes_another_statement_however_it_is_set(clause: str) -> None:
    """Also where a select of the same form, or the one it was made of, has been compiled before."""
    statement, value = CHANGES[clause]
    before = said(statement.compile())
    changes: dict[str, Any] = {clause: value}

    changed: Any = replace(statement, **changes)

    assert said(changed.compile()) == said(changed._build())
    assert said(changed.compile()) == said(statement._with(**changes).compile())
    assert said(changed.compile()) != before
    assert said(replace(changed, **{clause: getattr(statement, clause)}).compile()) == before


@pytest.mark.parametrize(
    ("clause", "value"),
    [
        ("columns", (column(Second.stars),)),
        ("partners", (Partner(Second, select(Trip).where(Second.stars == 1).conditions),)),
        ("conditions", (Second.stars > 3,)),
        ("groups", (Second.stars,)),
        ("having_conditions", (Second.stars > 2,)),
        ("orderings", (ordering(Second.stars),)),
    ],
)
def test_what_any_clause_speaks_of_is_an_expression_of_the_select(clause: str, value: Any) -> None:
    changes: dict[str, Any] = {clause: value}
    assert "stars" in repr(replace(select(Trip.name), **changes).expressions)


@dataclass(frozen=True)
class Sampled(Select[Any]):
    """A select with a clause of its own, as the next version may have one."""

    is_sampled: bool = False

    def _build(self) -> Compiled:
        return Select[Any](self.columns, self.single, is_distinct=self.is_sampled)._build()


def test_a_clause_that_is_new_is_a_part_of_what_a_select_is_known_by() -> None:
    columns = select(Trip.name).columns
    queries: list[q.Query] = [
        Sampled(columns, True, is_sampled=sampled).compile().query for sampled in (False, True, False)
    ]
    assert queries[0] == queries[2] != queries[1]
