"""Statements and expressions can be copied and sent to another process: their copies say the same."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, cast

import pytest
from pydantic import computed_field

from solidb_odm import (
    AsyncSession,
    Document,
    FulltextIndex,
    Registry,
    Session,
    aliased,
    all_,
    any_,
    case,
    create_async_engine,
    create_engine,
    delete,
    exists,
    func,
    label,
    matches,
    select,
    union,
    update,
)
from solidb_odm.errors import UsageError

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
LETTERS = ["a"]


class Grade(Enum):
    LOW = "low"
    HIGH = "high"


class Kiln(Document, collection="copied_kilns", registry=Registry()):
    heat: int = 0
    size: float = 0.0
    cost: Decimal = Decimal(0)
    built: datetime = EARLY
    seen: date = date(2020, 1, 1)
    span: timedelta = timedelta(0)
    grade: Grade = Grade.LOW
    name: Annotated[str, FulltextIndex()] = ""
    tags: list[str] = []
    spans: list[timedelta] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def volume(self) -> Decimal:
        """Return what it holds."""
        return self.cost * 2


OTHER: Any = aliased(Kiln)
TOTALS: Any = select(Kiln.grade, label("n", func.sum(Kiln.heat))).group_by(Kiln.grade).cte("totals")
DAY = timedelta(days=1)

VALUES: dict[str, Any] = {
    **{name: getattr(Kiln, name) for name in Kiln.model_fields},
    "computed field": Kiln.volume,
    "+": Kiln.heat + 1,
    "-": 1 - Kiln.size,
    "*": Kiln.heat * 2,
    "/": Kiln.heat / 3,
    "//": Kiln.heat // 3,
    "%": Kiln.heat % 3,
    "&": Kiln.heat & 3,
    "of decimals": Kiln.cost * 2 + Decimal("0.1"),
    "of texts": Kiln.name + "!",
    "of lists": Kiln.tags + LETTERS,
    "of times": Kiln.built - DAY,
    "before times": DAY + Kiln.built,
    "of days": Kiln.seen + DAY,
    "before days": DAY + Kiln.seen,
    "between times": Kiln.built - LATE,
    "between days": Kiln.seen - date(2021, 1, 1),
    "of durations": Kiln.span + DAY,
    "scaled": Kiln.span * 2,
    "scaling": 2 * Kiln.span,
    "shared out": Kiln.span / 2,
    "ratio": Kiln.span / DAY,
    "least": func.min(Kiln.heat, 5),
    "greatest": func.max(Kiln.heat * 2, 5),
    "negative": -Kiln.heat,
    "case": case((Kiln.heat > 1, Kiln.cost), else_=Decimal(0)),
    "call": func.upper(Kiln.name),
    "sum": func.sum(Kiln.cost),
    "collected": func.collect(Kiln.heat),
    "labelled": label("at", Kiln.built),
    "of an alias": OTHER.built + DAY,
    "of a table": TOTALS.n,
    "of an enum in a table": TOTALS.grade,
}
STATEMENTS: dict[str, Any] = {
    "any": select(Kiln).where(any_(Kiln.tags) == "a", any_(Kiln.spans) > DAY),
    "all": select(Kiln).where(all_(Kiln.tags, lambda tag: tag != "a")),
    "join": cast(Any, select)(Kiln, OTHER).join(OTHER, OTHER.heat == Kiln.heat + 1),
    "outer join": select(Kiln.name, OTHER.cost).outerjoin(OTHER, OTHER.heat == Kiln.heat + 1),
    "table": select(Kiln).join(TOTALS, TOTALS.grade == Kiln.grade).where(TOTALS.n > 2),
    "exists": select(Kiln).where(exists(select(OTHER).where(OTHER.heat + 1 == Kiln.heat))),
    "union": union(select(Kiln.cost), select(OTHER.cost), all=True),
    "update": update(Kiln).where(Kiln.heat * 2 > 3).values(heat=Kiln.heat + 1),
    "delete": delete(Kiln).where(Kiln.built + DAY < LATE),
    "fulltext": select(Kiln).where(matches(Kiln.name, "a")),
    **{f"select {name}": select(value) for name, value in VALUES.items()},
}
COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))]


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_copied_statement_says_the_same(name: str, copied: Callable[[Any], Any]) -> None:
    made = STATEMENTS[name]

    again, compiled = copied(made).compile(), made.compile()

    assert (again.text, again.bind_vars) == (compiled.text, compiled.bind_vars)


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("name", VALUES)
def test_a_copied_expression_says_the_same(name: str, copied: Callable[[Any], Any]) -> None:
    again = copied(VALUES[name])

    assert repr(again) == repr(VALUES[name])
    assert again.__solidb_type__ == VALUES[name].__solidb_type__


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_copied_statement_is_answered_the_same(copied: Callable[[Any], Any]) -> None:
    kiln = Kiln(heat=3, cost=Decimal("1.5"), span=DAY, spans=[DAY], grade=Grade.HIGH, name="b")
    read = (Kiln.cost * 2, Kiln.built, Kiln.span / 2, Kiln.grade, Kiln.spans, Kiln.heat / 3, Kiln.tags)
    statement = select(*read).where(Kiln.heat + 1 > 3)  # type: ignore[call-overload]
    with create_engine("sqlite://") as engine, Session(engine) as session:
        session.add(kiln)
        session.commit()
        rows = session.execute(statement).all()
        again = session.execute(copied(statement)).all()

    assert again == rows == [(Decimal("3.0"), kiln.built, DAY / 2, Grade.HIGH, [DAY], 1.0, [])]
    assert [type(value) for value in again[0]] == [type(value) for value in rows[0]]


def test_copies_of_an_operation_are_equal_in_the_form_of_a_statement() -> None:
    made: Any = Kiln.heat + 1

    assert pickle.loads(pickle.dumps(made)).rule == made.rule


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_engines_and_sessions_say_that_they_cannot_be_copied(copied: Callable[[Any], Any]) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        for made, hint in ((engine, r"create_engine\(url\)"), (session, r"Session\(engine\)")):
            with pytest.raises(UsageError, match=f"can't be copied or pickled(?s:.*){hint}"):
                copied(made)
        assert session.scalars(select(Kiln)).all() == []


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_nor_can_those_of_asyncio(copied: Callable[[Any], Any]) -> None:
    async def try_both() -> None:
        async with create_async_engine("sqlite://") as engine, AsyncSession(engine) as session:
            for made in (engine, session):
                with pytest.raises(UsageError, match="can't be copied or pickled"):
                    copied(made)

    asyncio.run(try_both())
