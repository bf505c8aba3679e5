"""Sums of integers are ints, to the last digit, wherever they stand: what is computed has Python's type."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from solidb_odm import (
    Document,
    Engine,
    Link,
    Registry,
    Session,
    aliased,
    case,
    coalesce,
    func,
    label,
    over,
    sdbql,
    select,
    union,
    unnest,
    update,
)


class Sheet(Document, collection="sums_sheets", registry=Registry()):
    team: str
    size: int
    maybe: int | None = None
    sizes: list[int] = []
    total: int = 0


class Line(Document, collection="sums_lines", registry=Sheet.__solidb_registry__):
    sheet: Link[Sheet]
    size: int


SOURCE = random.Random(20)
WIDE = (2**53 + 1, -(2**53) - 3, 2**58 + 1, -(2**57) - 5, 7, -1, 0, 2**26, -(2**26) - 1)
SHEETS = [
    Sheet(
        key=f"s{number:02}",
        team=SOURCE.choice("abc"),
        size=SOURCE.choice(WIDE),
        maybe=SOURCE.choice([None, *WIDE]),
        sizes=SOURCE.choices(WIDE, k=SOURCE.randrange(3)),
    )
    for number in range(14)
]
LINES = [
    Line(key=f"l{number}", sheet=SOURCE.choice(SHEETS[:9]), size=SOURCE.choice(WIDE)) for number in range(20)
]
other = aliased(Sheet)
size, maybe, key, team = Sheet.size, Sheet.maybe, Sheet.key, Sheet.team
by_team = select(team, label("total", func.sum(size))).group_by(team).cte("sums_by_team")
of_sheet = select(func.sum(Line.size)).where(Line.sheet == Sheet.id)


def _sum(values: Any) -> int:
    return sum(value for value in values if value is not None)


def _teams(get: Callable[[list[Sheet]], Any]) -> list[Any]:
    return [(name, get([each for each in SHEETS if each.team == name])) for name in "abc"]


def _of(sheet: Sheet) -> int:
    return _sum(line.size for line in LINES if line.sheet.id == sheet.id)


def _so_far() -> list[int]:
    return [_sum(each.size for each in SHEETS[: place + 1]) for place in range(len(SHEETS))]


TOTAL = _sum(each.size for each in SHEETS)
SUMS: dict[str, tuple[Any, Any]] = {
    "all": (select(func.sum(size)), [TOTAL]),
    "of nulls": (select(func.sum(maybe)), [_sum(each.maybe for each in SHEETS)]),
    "of none": (select(func.sum(size)).where(key == "none"), [0]),
    "of elements": (select(func.sum(unnest(Sheet.sizes))), [_sum(n for each in SHEETS for n in each.sizes)]),
    "of what is computed": (select(func.sum(size // 2 - 1)), [_sum(each.size // 2 - 1 for each in SHEETS)]),
    "of a choice": (
        select(func.sum(case((size > 0, size), else_=0))),
        [_sum(each.size for each in SHEETS if each.size > 0)],
    ),
    "by groups": (
        select(team, func.sum(size)).group_by(team).order_by(team),
        _teams(lambda mine: _sum(each.size for each in mine)),
    ),
    "in having": (
        select(team).group_by(team).having(func.sum(size) == _teams(lambda m: _sum(s.size for s in m))[1][1]),
        ["b"],
    ),
    "computed with": (
        select(func.sum(size) + 1, func.sum(size) // 3, func.sum(size) % 7, -func.sum(size)),
        [(TOTAL + 1, TOTAL // 3, TOTAL % 7, -TOTAL)],
    ),
    "bits": (select(func.sum(size) & 7), [TOTAL & 7]),
    "with decimals": (select(func.sum(size) + Decimal("0.5")), [TOTAL + Decimal("0.5")]),
    "so far": (select(over(func.sum(size), order_by=key)).order_by(key), _so_far()),
    "over all": (select(over(func.sum(size))).order_by(key), [TOTAL] * len(SHEETS)),
    "over nulls": (
        select(over(func.sum(maybe), partition_by=key)).order_by(key),
        [each.maybe or 0 for each in SHEETS],
    ),
    "of a named statement": (
        select(by_team.team, by_team.total + 1).where(by_team.total != 0).order_by(by_team.team),
        _teams(lambda mine: _sum(each.size for each in mine) + 1),
    ),
    "of sums": (select(func.sum(by_team.total)), [TOTAL]),
    "greatest of sums": (
        select(func.max(by_team.total)),
        [max(total for _, total in _teams(lambda m: _sum(s.size for s in m)))],
    ),
    "as a value": (select(key, of_sheet.scalar_subquery()).order_by(key), [(s.key, _of(s)) for s in SHEETS]),
    "as a list": (select(key, of_sheet.list_subquery()).order_by(key), [(s.key, [_of(s)]) for s in SHEETS]),
    "or another": (
        select(coalesce(select(func.max(Line.size)).where(Line.sheet == Sheet.id).scalar_subquery(), size))
        .order_by(key),
        [max((n.size for n in LINES if n.sheet.id == s.id), default=s.size) for s in SHEETS],
    ),
    "united": (union(select(func.sum(size)), select(func.sum(Line.size))), None),
    "in a condition": (
        select(key).where(size < select(func.sum(other.size)).scalar_subquery()).order_by(key),
        [each.key for each in SHEETS if each.size < TOTAL],
    ),
    "quotient": (select(func.sum(Line.size * 0) / 1), [0.0]),
    "quotients": (select(size * 0 / 4).order_by(key), [0.0] * len(SHEETS)),
    "less with nulls": (
        select(func.min(size, maybe, 2)).order_by(key),
        [None if each.maybe is None else min(each.size, each.maybe, 2) for each in SHEETS],
    ),
    "greater of two": (select(func.max(size, 3)).order_by(key), [max(each.size, 3) for each in SHEETS]),
}  # fmt: skip


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Sheet, Line)
    with Session(engine) as opened:
        opened.add_all([each.model_copy() for each in SHEETS])
        opened.add_all([Line(key=each.key, sheet=each.sheet.id, size=each.size) for each in LINES])
        opened.commit()
        yield opened


def test_sums_of_integers_are_pythons_in_value_and_type(session: Session) -> None:
    for name, (statement, wanted) in SUMS.items():
        found = session.execute(statement).all()
        if wanted is None:
            found, wanted = sorted(found), sorted({TOTAL, _sum(line.size for line in LINES)})
        assert repr(found) == repr(wanted), name


def test_a_sum_is_stored_as_the_integer_that_it_is(session: Session) -> None:
    session.execute(update(Sheet).values(total=of_sheet.scalar_subquery()))
    session.commit()

    stored = session.scalars(sdbql("FOR s IN sums_sheets SORT s._key RETURN s.total")).all()
    assert repr(stored) == repr([_of(each) for each in SHEETS])


def test_a_sum_past_64_bits_is_a_float(session: Session) -> None:
    total = session.scalar(select(func.sum(case((key == "s00", 2**62), else_=2**62))))

    assert type(total) is float
    assert total == pytest.approx(len(SHEETS) * 2.0**62)
