"""Random statements of the builder answer as plain Python does on the same documents.

A source of random numbers makes expressions of every kind of values, and puts them where a statement takes
them: columns, conditions, sort keys, groups, joins, named rows, unions, pages, updates. ``Made`` is an
expression with what Python makes of a row. ``SOLIDB_LAW_SEEDS=100`` looks further.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from decimal import localcontext
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from solidb_odm import (
    Document,
    Engine,
    Index,
    Session,
    aliased,
    all_,
    and_,
    any_,
    case,
    coalesce,
    contains,
    delete,
    desc,
    except_,
    exists,
    func,
    in_,
    intersect,
    is_null,
    label,
    like,
    not_,
    not_in,
    or_,
    select,
    some,
    union,
    unnest,
    update,
)
from solidb_odm.model import Link
from tests.engines.builder_table import LAW_ENGINES, SEEDS, law_url


@pytest.fixture(params=LAW_ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a file and of a server."""
    return law_url(request, tmp_path)


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Shelf(Document, collection="program_shelves"):
    number: int
    name: str | None = None


class Label(BaseModel):
    rank: int
    text: str | None = None


class Line(BaseModel):
    count: int
    price: D
    note: str | None = None


class Item(Document, collection="program_items"):
    i: int
    j: int | None
    f: float
    g: float | None
    s: str
    t: str | None
    b: bool
    c: bool | None
    d: D
    e: D | None
    at: datetime
    end: datetime | None
    day: date
    took: timedelta
    late: timedelta | None
    size: Size
    tags: list[str]
    sums: list[int]
    tag: Label
    other: Label | None
    lines: list[Line]
    shelf: Link[Shelf] | None

    class Settings:
        indexes = [
            *map(Index, ("j", "f", "t", "c", "e", "end", "size", "tags[]", "other.rank", "shelf")),
            Index("i", "d"),
            Index("s", "late"),
        ]


TEXTS = ("", "a", "ab", "B", "b%", "_x", "é", "ß", "\U0001f600", "Ab c")
START = datetime(2024, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC)


def _moment(source: random.Random) -> datetime:
    return START + timedelta(days=source.randint(-3, 3), microseconds=source.choice((0, 1, 2000)))


def _maybe(source: random.Random, value: Any) -> Any:
    return None if source.random() < 0.35 else value


def _line(source: random.Random) -> Line:
    price = D(source.randint(0, 300)).scaleb(-2)
    return Line(count=source.randint(-1, 3), price=price, note=_maybe(source, source.choice(TEXTS)))


def _label(source: random.Random) -> Label:
    return Label(rank=source.randint(-2, 2), text=_maybe(source, source.choice(TEXTS)))


def _amount(source: random.Random) -> D:
    return source.choice((D("1.1"), D("1.10"), D(0), D("-2.5"), D(source.randint(-500, 500)).scaleb(-2)))


def _ratio(source: random.Random) -> float:
    return source.choice((0.0, -1.5, 0.1, 2.0, 3.25, 1.0))


def _took(source: random.Random) -> timedelta:
    return timedelta(seconds=source.randint(-5, 5), microseconds=source.choice((0, 0, 1, 500_000)))


def _item(source: random.Random, key: str) -> Item:
    return Item(
        key=key,
        i=source.randint(-4, 4),
        j=_maybe(source, source.randint(-4, 4)),
        f=_ratio(source),
        g=_maybe(source, _ratio(source)),
        s=source.choice(TEXTS),
        t=_maybe(source, source.choice(TEXTS)),
        b=source.random() < 0.5,
        c=_maybe(source, source.random() < 0.5),
        d=_amount(source),
        e=_maybe(source, _amount(source)),
        at=_moment(source),
        end=_maybe(source, _moment(source)),
        day=date(2024, 2, 28) + timedelta(days=source.randint(-2, 3)),
        took=_took(source),
        late=_maybe(source, _took(source)),
        size=source.choice(list(Size)),
        tags=source.sample(("a", "ab", "é", ""), source.randint(0, 3)),
        sums=[source.randint(-2, 2) for _ in range(source.randint(0, 3))],
        tag=_label(source),
        other=_maybe(source, _label(source)),
        lines=[_line(source) for _ in range(source.randint(0, 3))],
        shelf=_maybe(source, Link[Shelf](f"program_shelves/{source.randint(1, 4)}")),
    )


SHELVES = [Shelf(key=str(key), number=key - 2, name=None if key == 3 else f"n{key % 2}") for key in (1, 2, 3)]


def items(seed: int) -> list[Item]:
    """Return the documents that a seed stands for."""
    source = random.Random(seed)
    return [_item(source, f"k{number:02}") for number in range(16)]


# --- expressions, and what Python makes of them ----------------------------------------------------

Judge = Callable[[Any], Any]


@dataclass(frozen=True)
class Made:
    """An expression, what it is in Python, and how it is shown."""

    expression: Any
    judge: Judge
    shown: str


class Maker:
    """Makes random expressions over one class, whose documents are what ``judge`` is given."""

    def __init__(self, source: random.Random, model: Any = Item) -> None:
        self.source = source
        self.model = model

    def field(self, *names: str) -> Made:
        expression = self.model
        for name in names:
            expression = getattr(expression, name)
        return Made(expression, lambda row: _read(row, names), ".".join(names))

    def literal(self, value: Any) -> Made:
        return Made(value, lambda _: value, repr(value))

    def value(self, kind: str, depth: int = 2) -> Made:
        """Return an expression whose values are of a kind; never a literal alone."""
        makers = [*FIELDS[kind], *(COMPUTED.get(kind, ()) if depth else ())]
        chosen = self.source.choice(makers)
        return self.field(*chosen) if isinstance(chosen, tuple) else chosen(self, depth - 1)

    def beside(self, kind: str, depth: int) -> Made:
        """Return an expression or a literal of a kind."""
        if self.source.random() < 0.5:
            return self.literal(LITERALS[kind](self.source))
        return self.value(kind, depth)

    def operation(self, kind: str, sign: str, depth: int, right: str = "") -> Made:
        one, other = self.value(kind, depth), self.beside(right or kind, depth)
        return Made(
            OPERATORS[sign](one.expression, other.expression),
            lambda row: _computed(OPERATORS[sign], one.judge(row), other.judge(row)),
            f"({one.shown} {sign} {other.shown})",
        )

    def chosen(self, kind: str, depth: int) -> Made:
        test, one, other = self.condition(depth), self.value(kind, depth), self.beside(kind, depth)
        return Made(
            case((test.expression, one.expression), else_=other.expression),
            lambda row: one.judge(row) if test.judge(row) else other.judge(row),
            f"case({test.shown}, {one.shown}, {other.shown})",
        )

    def fallback(self, kind: str, depth: int) -> Made:
        one, other = self.value(kind, depth), self.beside(kind, depth)
        return Made(
            coalesce(one.expression, other.expression),
            lambda row: one.judge(row) if one.judge(row) is not None else other.judge(row),
            f"coalesce({one.shown}, {other.shown})",
        )

    def condition(self, depth: int = 2) -> Made:
        makers = CONDITIONS if depth else CONDITIONS[:4]
        return self.source.choice(makers)(self, max(depth - 1, 0))

    def comparison(self, depth: int) -> Made:
        kind = self.source.choice([*KINDS, "truth", "size"])
        signs = ("==", "!=") if kind in ("truth", "size") else tuple(COMPARISONS)
        sign = self.source.choice(signs)
        one, other = self.value(kind, depth), self.beside(kind, depth)
        return Made(
            COMPARISONS[sign](one.expression, other.expression),
            lambda row: _compared(sign, one.judge(row), other.judge(row)),
            f"{one.shown} {sign} {other.shown}",
        )

    def among(self, depth: int) -> Made:
        kind = self.source.choice([*KINDS, "size"])
        one = self.value(kind, depth)
        values = [LITERALS[kind](self.source) for _ in range(self.source.randint(0, 3))]
        values += [None] if self.source.random() < 0.3 else []
        if self.source.random() < 0.5:
            return Made(
                in_(one.expression, values), lambda row: one.judge(row) in values, f"{one.shown} in {values}"
            )
        return Made(
            not_in(one.expression, values),
            lambda row: one.judge(row) not in values,
            f"{one.shown} not in {values}",
        )

    def absent(self, depth: int) -> Made:
        one = self.value(self.source.choice(list(KINDS)), depth)
        return Made(is_null(one.expression), lambda row: one.judge(row) is None, f"{one.shown} is null")

    def text(self, depth: int) -> Made:
        one, piece = self.value("text", depth), self.source.choice(TEXTS)
        plain = piece.replace("%", "").replace("_", "")
        made = [
            (like(one.expression, f"{plain}%"), lambda text: text.startswith(plain)),
            (contains(one.expression, piece), lambda text: piece in text),
            (and_(one.expression.startswith(piece)), lambda text: text.startswith(piece)),
            (one.expression.upper() == piece.upper(), lambda text: text.upper() == piece.upper()),
        ]
        number = self.source.randrange(len(made))
        return Made(made[number][0], _of_text(one, made[number][1]), f"text {number} {one.shown} {piece!r}")

    def elements(self, _depth: int) -> Made:
        number, piece = self.source.randint(-2, 3), self.source.choice(("a", "ab", ""))
        lines, model = self.model.lines, self.model
        price = D(self.source.randint(0, 300)).scaleb(-2)
        made: list[tuple[Any, Judge]] = [
            (any_(model.tags) == piece, lambda row: piece in row.tags),
            (all_(model.sums) > number, lambda row: all(each > number for each in row.sums)),
            (contains(model.sums, number), lambda row: number in row.sums),
            (
                any_(lines, lambda each: and_(each.count >= number, each.price > price)),
                lambda row: any(each.count >= number and each.price > price for each in row.lines),
            ),
            (is_null(any_(lines).note), lambda row: any(each.note is None for each in row.lines)),
            (
                all_(lines).price * 2 < price + 1,
                lambda row: all(each.price * 2 < price + 1 for each in row.lines),
            ),
        ]
        chosen = self.source.randrange(len(made))
        return Made(*made[chosen], f"elements {chosen} {number} {piece!r} {price}")

    def joined(self, depth: int) -> Made:
        one, other = self.condition(depth), self.condition(depth)
        if self.source.random() < 0.5:
            return Made(
                and_(one.expression, other.expression),
                lambda row: bool(one.judge(row) and other.judge(row)),
                f"({one.shown} and {other.shown})",
            )
        return Made(
            or_(one.expression, other.expression),
            lambda row: bool(one.judge(row) or other.judge(row)),
            f"({one.shown} or {other.shown})",
        )

    def negated(self, depth: int) -> Made:
        one = self.condition(depth)
        return Made(not_(one.expression), lambda row: not one.judge(row), f"not ({one.shown})")


def _read(row: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        row = None if row is None else getattr(row, name)
    return row


def _computed(operation: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if one is None or other is None:
        return None
    try:
        with localcontext(prec=28 if operation is OPERATORS["/"] else 500):
            return operation(one, other)
    except (ZeroDivisionError, ArithmeticError):
        return None


def _compared(sign: str, one: Any, other: Any) -> bool:
    if sign in ("==", "!="):
        return bool(COMPARISONS[sign](one, other))
    return one is not None and other is not None and bool(COMPARISONS[sign](one, other))


def _of_text(made: Made, test: Callable[[str], bool]) -> Judge:
    return lambda row: made.judge(row) is not None and test(made.judge(row))


KINDS = ("int", "float", "text", "decimal", "datetime", "date", "duration")
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
FIELDS: dict[str, list[tuple[str, ...]]] = {
    "int": [("i",), ("j",), ("tag", "rank"), ("other", "rank")],
    "float": [("f",), ("g",)],
    "text": [("s",), ("t",), ("tag", "text"), ("other", "text"), ("key",)],
    "decimal": [("d",), ("e",)],
    "datetime": [("at",), ("end",)],
    "date": [("day",)],
    "duration": [("took",), ("late",)],
    "truth": [("b",), ("c",)],
    "size": [("size",)],
}
LITERALS: dict[str, Callable[[random.Random], Any]] = {
    "int": lambda source: source.randint(-4, 4),
    "float": _ratio,
    "text": lambda source: source.choice(TEXTS),
    "decimal": _amount,
    "datetime": _moment,
    "date": lambda source: date(2024, 2, 28) + timedelta(days=source.randint(-2, 3)),
    "duration": _took,
    "truth": lambda source: source.random() < 0.5,
    "size": lambda source: source.choice(list(Size)),
}


def _sign(kind: str, sign: str, right: str = "") -> Callable[[Maker, int], Made]:
    return lambda maker, depth: maker.operation(kind, sign, depth, right)


def _length(maker: Maker, depth: int) -> Made:
    one = maker.value("text", depth)
    return Made(func.length(one.expression), lambda row: len(one.judge(row) or ""), f"len({one.shown})")


def _lower(maker: Maker, depth: int) -> Made:
    one = maker.value("text", depth)
    return Made(
        one.expression.lower(),
        lambda row: None if one.judge(row) is None else one.judge(row).lower(),
        f"lower({one.shown})",
    )


def _size(name: str) -> Callable[[Maker, int], Made]:
    return lambda maker, _: Made(
        func.length(getattr(maker.model, name)), lambda row: len(getattr(row, name)), f"len({name})"
    )


def _negative(kind: str) -> Callable[[Maker, int], Made]:
    def make(maker: Maker, depth: int) -> Made:
        one = maker.value(kind, depth)
        return Made(
            -one.expression,
            lambda row: None if one.judge(row) is None else -one.judge(row),
            f"-{one.shown}",
        )

    return make


def _branches(kind: str) -> list[Callable[[Maker, int], Made]]:
    return [lambda maker, depth: maker.chosen(kind, depth), lambda maker, depth: maker.fallback(kind, depth)]


COMPUTED: dict[str, list[Callable[[Maker, int], Made]]] = {
    "int": [
        *(_sign("int", sign) for sign in ("+", "-", "*", "//", "%")),
        _length, _size("tags"), _size("lines"), _negative("int"), *_branches("int"),
    ],
    "float": [
        *(_sign("float", sign) for sign in ("+", "-", "/")), _sign("int", "/"),
        _negative("float"), *_branches("float"),
    ],
    "text": [_sign("text", "+"), _lower, *_branches("text")],
    "decimal": [
        *(_sign("decimal", sign) for sign in ("+", "-", "*")),
        *(_sign("decimal", sign, "int") for sign in ("*", "+", "/", "%")),
        _negative("decimal"), *_branches("decimal"),
    ],
    "datetime": [*(_sign("datetime", sign, "duration") for sign in ("+", "-")), *_branches("datetime")],
    "date": _branches("date"),
    "duration": [
        *(_sign("duration", sign) for sign in ("+", "-")), _sign("datetime", "-"),
        _sign("duration", "*", "int"), *_branches("duration"),
    ],
}  # fmt: skip
CONDITIONS: list[Callable[[Maker, int], Made]] = [
    Maker.comparison,
    Maker.comparison,
    Maker.among,
    Maker.absent,
    Maker.text,
    Maker.elements,
    Maker.joined,
    Maker.joined,
    Maker.negated,
]


# --- statements ------------------------------------------------------------------------------------


@dataclass
class World:
    """Documents on an engine, the same ones in Python, and how many statements of a form are tried."""

    session: Session
    source: random.Random
    rows: list[Item]
    count: int

    def maker(self) -> Maker:
        return Maker(self.source)

    def kept(self) -> tuple[Made, list[Item]]:
        """Return a random condition, and what it keeps."""
        condition = self.maker().condition()
        return condition, [row for row in self.rows if condition.judge(row)]

    def kind(self, *others: str) -> str:
        return self.source.choice([*KINDS, *others])

    def turns(self) -> Iterator[int]:
        return iter(range(self.count))


@contextmanager
def world(engine: Engine, seed: int, count: int) -> Generator[World]:
    engine.create_all(Item, Shelf)
    is_file = engine.capabilities.name == "sqlite"
    with Session(engine) as session:
        _put(session, seed)
        yield World(session, random.Random(f"program {seed}"), items(seed), count if is_file else count // 4)


def _put(session: Session, seed: int) -> None:
    session.execute(delete(Item))
    session.execute(delete(Shelf))
    session.add_all([*items(seed), *(shelf.model_copy(deep=True) for shelf in SHELVES)])
    session.commit()


def _placed(rows: list[Any], orderings: list[tuple[Made, bool]], key: Judge) -> list[Any]:
    """Sort rows as a statement does: null first, equal ones by their keys."""
    rows = sorted(rows, key=key, reverse=bool(orderings) and orderings[-1][1])
    for made, downwards in reversed(orderings):
        rows.sort(key=lambda row: _place(made.judge(row)), reverse=downwards)
    return rows


def _place(value: Any) -> Any:
    return (False,) if value is None else (True, value)


def _orderings(world: World) -> list[tuple[Made, bool]]:
    kinds = [world.kind() for _ in range(world.source.randint(0, 2))]
    return [(world.maker().value(kind), world.source.random() < 0.5) for kind in kinds]


def _sorted_by(orderings: list[tuple[Made, bool]]) -> list[Any]:
    return [desc(made.expression) if downwards else made.expression for made, downwards in orderings]


seeds = pytest.mark.parametrize("seed", range(SEEDS))


@seeds
def test_columns_conditions_and_sort_keys(engine: Engine, seed: int) -> None:
    with world(engine, seed, 60) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            shown = [here.maker().value(here.kind("size", "truth")) for _ in range(3)]
            orderings = _orderings(here)
            statement = select(Item.key, *(made.expression for made in shown)).where(condition.expression)
            statement = statement.order_by(*_sorted_by(orderings))
            wanted = [
                (row.key, *(made.judge(row) for made in shown))
                for row in _placed(rows, orderings, lambda row: row.key)
            ]
            offset, limit = here.source.randint(0, 3), here.source.choice((0, 2, 5, 99))
            names = (condition.shown, [made.shown for made in shown], [made.shown for made, _ in orderings])
            assert here.session.execute(statement).all() == wanted, names
            cut = here.session.execute(statement.offset(offset).limit(limit)).all()
            assert cut == wanted[offset : offset + limit], names


@seeds
def test_pages_and_streams(engine: Engine, seed: int) -> None:
    with world(engine, seed, 24) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            orderings = _orderings(here)
            statement = select(Item).where(condition.expression).order_by(*_sorted_by(orderings))
            wanted = [row.key for row in _placed(rows, orderings, lambda row: row.key)]
            names = (condition.shown, [(made.shown, downwards) for made, downwards in orderings])
            page, found = here.session.page(statement, size=3), []
            while page is not None:
                found += [row.key for row in page]
                cursor = page.next
                page = None if cursor is None else here.session.page(statement, size=3, after=cursor)
            assert found == wanted, names
            assert [row.key for row in here.session.stream(statement, batch=4)] == wanted, names


def _exact_sum(values: list[D]) -> D:
    with localcontext(prec=500):
        return sum(values, D(0))


AGGREGATES: list[tuple[str, str, Callable[[list[Any]], Any]]] = [
    ("count", "int", len),
    ("sum", "int", sum),
    ("min", "int", lambda values: min(values, default=None)),
    ("max", "text", lambda values: max(values, default=None)),
    ("min", "datetime", lambda values: min(values, default=None)),
    ("max", "duration", lambda values: max(values, default=None)),
    ("sum", "decimal", _exact_sum),
    ("max", "decimal", lambda values: max(values, default=None)),
    ("sum", "duration", lambda values: sum(values, timedelta())),
    ("avg", "int", lambda values: sum(values) / len(values) if values else None),
    ("max", "date", lambda values: max(values, default=None)),
]


@seeds
def test_groups(engine: Engine, seed: int) -> None:
    with world(engine, seed, 48) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            keys = [
                here.maker().value(here.kind("size", "truth"), 1) for _ in range(here.source.randint(1, 2))
            ]
            name, kind, judge = here.source.choice(AGGREGATES)
            of, least = here.maker().value(kind), here.source.randint(0, 2)
            aggregate = getattr(func, name)(of.expression)
            statement = select(*(made.expression for made in keys), func.count(), aggregate)
            statement = statement.where(condition.expression).group_by(*(made.expression for made in keys))
            groups: dict[Any, list[Any]] = {}
            for row in rows:
                groups.setdefault(tuple(made.judge(row) for made in keys), []).append(of.judge(row))
            wanted = {
                key: (len(values), judge([value for value in values if value is not None]))
                for key, values in groups.items()
                if len(values) > least
            }
            found = here.session.execute(statement.having(func.count() > least)).all()
            names = (condition.shown, [made.shown for made in keys], name, of.shown)
            assert {tuple(row[:-2]): tuple(row[-2:]) for row in found} == wanted, names
            assert len(found) == len(wanted), names


@seeds
def test_distinct_values_and_combinations(engine: Engine, seed: int) -> None:
    with world(engine, seed, 48) as here:
        for _ in here.turns():
            kind = here.kind("size", "truth")
            made = [here.maker().value(kind) for _ in range(2)]
            kept = [here.kept() for _ in range(2)]
            one, other = (
                select(each.expression).where(condition.expression)
                for each, (condition, _) in zip(made, kept, strict=True)
            )
            left, right = (
                {each.judge(row) for row in rows} for each, (_, rows) in zip(made, kept, strict=True)
            )
            names = ([each.shown for each in made], [condition.shown for condition, _ in kept])
            for statement, wanted in (
                (one.distinct(), left),
                (union(one, other), left | right),
                (intersect(one, other), left & right),
                (except_(one, other), left - right),
            ):
                found = here.session.scalars(statement).all()
                assert set(found) == wanted, (names, str(statement)[:80])
                assert len(found) == len(wanted), (names, str(statement)[:80])
            assert here.session.scalar(select(func.count_distinct(made[0].expression))) == len(
                {made[0].judge(row) for row in here.rows}
            ), names


@seeds
def test_joins(engine: Engine, seed: int) -> None:
    with world(engine, seed, 36) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            shown, least = here.maker().value(here.kind()), here.source.randint(-2, 2)
            by_id = {shelf.id: shelf for shelf in SHELVES}
            pairs = [(row, by_id.get(row.shelf.id) if row.shelf else None) for row in rows]
            statement = select(Item.key, Shelf.number, Shelf.name, shown.expression).where(
                condition.expression
            )
            inner = statement.join(Shelf, Item.shelf == Shelf.id, Shelf.number >= least)
            wanted = [
                (row.key, shelf.number, shelf.name, shown.judge(row))
                for row, shelf in pairs
                if shelf is not None and shelf.number >= least
            ]
            assert here.session.execute(inner.order_by(Item.key)).all() == wanted, (
                condition.shown,
                shown.shown,
            )
            outer = statement.outerjoin(Shelf, Item.shelf == Shelf.id, Shelf.number >= least)
            whole = [
                (row.key, *_of_shelf(shelf if shelf and shelf.number >= least else None), shown.judge(row))
                for row, shelf in pairs
            ]
            assert here.session.execute(outer.order_by(Item.key)).all() == whole, condition.shown
            computed = select(Item.key, Shelf.number + 1, -Shelf.number, func.upper(Shelf.name))
            computed = computed.outerjoin(Shelf, Item.shelf == Shelf.id, Shelf.number >= least)
            most = here.source.randint(-1, 2)
            there = {row[0]: row[1:3] for row in whole}
            for test, judge in _bounded(most):
                found = here.session.execute(computed.where(condition.expression, test).order_by(Item.key))
                assert found.all() == [
                    (row.key, *_shown_of(*there[row.key])) for row in rows if judge(there[row.key][0])
                ], (condition.shown, least, most)
            lacking = outer.where(is_null(Shelf.number)).order_by(Item.key)
            assert here.session.execute(lacking).all() == [row for row in whole if row[1] is None]
            sorted_by = outer.order_by(desc(Shelf.number), Item.key)
            placed = sorted(whole, key=lambda row: row[0])
            placed.sort(key=lambda row: _place(row[1]), reverse=True)
            assert here.session.execute(sorted_by).all() == placed, condition.shown


def _bounded(most: int) -> list[tuple[Any, Judge]]:
    return [
        (Shelf.number < most, lambda number: number is not None and number < most),
        (not_(Shelf.number >= most), lambda number: number is None or number < most),
        (Shelf.number + 1 <= most, lambda number: number is not None and number + 1 <= most),
    ]


def _shown_of(number: int | None, name: str | None) -> tuple[int | None, int | None, str | None]:
    upper = None if name is None else name.upper()
    return (None, None, upper) if number is None else (number + 1, -number, upper)


def _of_shelf(shelf: Shelf | None) -> tuple[int | None, str | None]:
    return (None, None) if shelf is None else (shelf.number, shelf.name)


@seeds
def test_a_class_beside_itself(engine: Engine, seed: int) -> None:
    with world(engine, seed, 24) as here:
        for _ in here.turns():
            other: Any = aliased(Item)
            kind = here.kind()
            first, second = here.maker().value(kind, 1), Maker(here.source, other).value(kind, 1)
            condition = Maker(here.source, other).condition(1)
            statement = select(Item.key, other.key, second.expression)
            statement = statement.join(other, first.expression == second.expression, condition.expression)
            wanted = [
                (row.key, each.key, second.judge(each))
                for row in here.rows
                for each in here.rows
                if first.judge(row) == second.judge(each) and condition.judge(each)
            ]
            found = here.session.execute(statement.order_by(Item.key, other.key)).all()
            assert found == wanted, (first.shown, second.shown, condition.shown)


@seeds
def test_statements_in_statements(engine: Engine, seed: int) -> None:
    with world(engine, seed, 36) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            number = here.maker().value("int")
            larger = select(func.count(Shelf)).where(Shelf.number > number.expression).scalar_subquery()
            named = select(Shelf.name).where(Shelf.number >= number.expression).order_by(Shelf.number)
            statement = select(Item.key, larger, named.list_subquery()).where(condition.expression)
            wanted = [(row.key, *_shelved(number.judge(row))) for row in rows]
            names = (condition.shown, number.shown)
            assert here.session.execute(statement.order_by(Item.key)).all() == wanted, names
            there = exists(select(Shelf).where(Shelf.number == number.expression))
            among = in_(number.expression, select(Shelf.number).where(not_(is_null(Shelf.name))))
            keys = select(Item.key).order_by(Item.key)
            numbers = {shelf.number for shelf in SHELVES}
            assert here.session.scalars(keys.where(there)).all() == [
                row.key for row in here.rows if number.judge(row) in numbers
            ], names
            assert here.session.scalars(keys.where(not_(there), condition.expression)).all() == [
                row.key for row in rows if number.judge(row) not in numbers
            ], names
            with_name = {shelf.number for shelf in SHELVES if shelf.name is not None}
            assert here.session.scalars(keys.where(among)).all() == [
                row.key for row in here.rows if number.judge(row) in with_name
            ], names


def _shelved(number: int | None) -> tuple[int, list[str | None]]:
    larger = [shelf for shelf in SHELVES if number is not None and shelf.number > number]
    return len(larger), [shelf.name for shelf in SHELVES if number is not None and shelf.number >= number]


@seeds
def test_named_rows(engine: Engine, seed: int) -> None:
    with world(engine, seed, 36) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            kind, least = here.kind("size", "truth"), here.source.randint(-3, 3)
            value, number = here.maker().value(kind), here.maker().value("int")
            named = select(Item.key, label("value", value.expression), label("number", number.expression))
            table = named.where(condition.expression).cte("rows")
            kept = [row for row in rows if _compared(">=", number.judge(row), least)]
            names = (condition.shown, value.shown, number.shown)
            shown = select(table.key, table.value).where(table.number >= least).order_by(table.key)
            assert here.session.execute(shown).all() == [(row.key, value.judge(row)) for row in kept], names
            grouped = select(table.value, func.count(), func.sum(table.number)).group_by(table.value)
            groups: dict[Any, list[int]] = {}
            for row in rows:
                groups.setdefault(value.judge(row), []).append(number.judge(row))
            found = {key: (count, total) for key, count, total in here.session.execute(grouped)}
            assert found == {
                key: (len(values), sum(each for each in values if each is not None))
                for key, values in groups.items()
            }, names


@seeds
def test_elements_as_rows(engine: Engine, seed: int) -> None:
    with world(engine, seed, 24) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            line, least = unnest(Item.lines), here.source.randint(-1, 2)
            statement = select(line.note, func.count(), func.sum(line.price), func.max(line.count))
            statement = statement.where(condition.expression, line.count >= least).group_by(line.note)
            groups: dict[Any, list[Line]] = {}
            for each in (each for row in rows for each in row.lines if each.count >= least):
                groups.setdefault(each.note, []).append(each)
            found = {note: rest for note, *rest in here.session.execute(statement)}
            assert found == {
                note: [len(of), sum((each.price for each in of), D(0)), max(each.count for each in of)]
                for note, of in groups.items()
            }, condition.shown


WRITTEN = {
    "int": "j",
    "float": "g",
    "text": "t",
    "decimal": "e",
    "datetime": "end",
    "duration": "late",
    "truth": "c",
}


@seeds
def test_updates_and_deletions(engine: Engine, seed: int) -> None:
    with world(engine, seed, 16) as here:
        for _ in here.turns():
            condition, rows = here.kept()
            kind = here.source.choice(list(WRITTEN))
            field, value = getattr(Item, WRITTEN[kind]), here.maker().value(kind)
            names = (condition.shown, value.shown)
            written = update(Item).where(condition.expression).values({field: value.expression})
            found = dict(here.session.execute(written.returning(Item.key, field)).all())
            assert found == {row.key: value.judge(row) for row in rows}, names
            stored = dict(here.session.execute(select(Item.key, field)).all())
            kept = {row.key: getattr(row, WRITTEN[kind]) for row in here.rows}
            assert stored == {**kept, **found}, names
            _put(here.session, seed)
            assert here.session.scalar(delete(Item).where(condition.expression)) == len(rows), names
            left = sorted(here.session.scalars(select(Item.key)))
            assert left == sorted({row.key for row in here.rows} - {row.key for row in rows}), names
            _put(here.session, seed)


@seeds
def test_what_is_read_through_an_optional_part(engine: Engine, seed: int) -> None:
    with world(engine, seed, 12) as here:
        for _ in here.turns():
            rank = here.source.randint(-2, 2)
            statement = select(Item.key).where(some(Item.other).rank >= rank).order_by(Item.key)
            wanted = [row.key for row in here.rows if row.other is not None and row.other.rank >= rank]
            assert here.session.scalars(statement).all() == wanted
