"""The law of the builder for functions: each, of each kind of values, answers as Python does or is refused.

A function that is not listed for a kind must be refused there: ``FUNCTIONS`` names the kinds that it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from solidb_odm import (
    Engine,
    all_,
    and_,
    any_,
    asc,
    case,
    coalesce,
    contains,
    desc,
    func,
    in_,
    is_null,
    label,
    like,
    not_,
    not_in,
    select,
    union,
    unnest,
)
from solidb_odm.errors import UsageError
from tests.engines.builder_table import (
    INDEXED,
    KINDS,
    LAW_ENGINES,
    SCALARS,
    Case,
    Getter,
    Row,
    get,
    judged,
    law_url,
    literal,
)
from tests.engines.test_builder_law import Table, law, seeds, table

LISTS = ("tags", "sizes", "sums", "times")
NUMBERS = ("count", "ratio", "level")
SIGNED = (*NUMBERS, "money", "took")
TEXTS = ("name", "word")
ALL = tuple(KINDS)
ORDERED = ("flag", "count", "ratio", "money", "name", "at", "day", "clock", "took", "mark", "word", "level")


@dataclass(frozen=True)
class Function:
    """A function: how it is written in a query, what Python makes of a value, and the kinds it takes."""

    name: str
    kinds: tuple[str, ...]
    make: Callable[[Any, Any], Any]
    judge: Callable[[Any, Any], Any]
    of_null: Any = None


FUNCTIONS: list[Function] = [
    Function("is_null", ALL, lambda f, _: is_null(f), lambda v, _: False, True),
    Function("not is_null", ALL, lambda f, _: not_(is_null(f)), lambda v, _: True, False),
    Function("in_", ALL, lambda f, x: in_(f, [x]),
             lambda v, x: v == x, False),
    Function("not_in", ALL, lambda f, x: not_in(f, [x]),
             lambda v, x: v != x, True),
    Function("minus", SIGNED, lambda f, _: -f, lambda v, _: -v),
    Function("abs", SIGNED, lambda f, _: abs(f), lambda v, _: abs(v)),
    Function("invert", ("count", "level"), lambda f, _: ~f + 0, lambda v, _: ~v),
    Function("negation", ("flag",), lambda f, _: not_(f), lambda v, _: not v, True),
    Function("between", (*ORDERED, "tags", "sizes", "times"), lambda f, x: f.between(x, x),
             lambda v, x: v == x, False),
    Function("coalesce", ALL, coalesce, lambda v, _: v, "literal"),
    Function("case", ALL, lambda f, x: case((is_null(f), x), else_=f), lambda v, _: v, "literal"),
    Function("upper", TEXTS, lambda f, _: f.upper(), lambda v, _: v.upper()),
    Function("lower", TEXTS, lambda f, _: f.lower(), lambda v, _: v.lower()),
    Function("func.upper", TEXTS, lambda f, _: func.upper(f), lambda v, _: v.upper()),
    Function("startswith", TEXTS, lambda f, x: and_(f.startswith(x)), lambda v, x: v.startswith(x), None),
    Function("endswith", TEXTS, lambda f, x: and_(f.endswith(x)), lambda v, x: v.endswith(x), None),
    Function("replace", TEXTS, lambda f, _: f.replace("a", "xy"), lambda v, _: v.replace("a", "xy")),
    Function("split", TEXTS, lambda f, _: f.split(","), lambda v, _: v.split(",")),
    Function("find", TEXTS, lambda f, _: f.find("b"), lambda v, _: v.find("b")),
    Function("strip", TEXTS, lambda f, _: f.strip("a"), lambda v, _: v.strip("a")),
    Function("lstrip", TEXTS, lambda f, _: f.lstrip("a"), lambda v, _: v.lstrip("a")),
    Function("rstrip", TEXTS, lambda f, _: f.rstrip("a"), lambda v, _: v.rstrip("a")),
    Function("like", TEXTS, lambda f, _: like(f, "a%"), lambda v, _: v.startswith("a"), False),
    Function("contains text", (*TEXTS, "tags", "named"), lambda f, _: contains(f, "a"),
             lambda v, _: "a" in v, False),
    Function("year", ("at", "day"), lambda f, _: f.year, lambda v, _: v.year),
    Function("month", ("at", "day"), lambda f, _: f.month, lambda v, _: v.month),
    Function("day", ("at", "day"), lambda f, _: f.day, lambda v, _: v.day),
    Function("hour", ("at",), lambda f, _: f.hour, lambda v, _: v.hour),
    Function("minute", ("at",), lambda f, _: f.minute, lambda v, _: v.minute),
    Function("second", ("at",), lambda f, _: f.second, lambda v, _: v.second),
    Function("length", (*TEXTS, *LISTS, "named"), lambda f, _: func.length(f), lambda v, _: len(v), 0),
    Function("first", LISTS, lambda f, _: func.first(f), lambda v, _: v[0] if v else None),
    Function("last", LISTS, lambda f, _: func.last(f), lambda v, _: v[-1] if v else None),
    Function("nth", LISTS, lambda f, _: func.nth(f, 1), lambda v, _: v[1] if len(v) > 1 else None),
    Function("item", LISTS, lambda f, _: f[1], lambda v, _: v[1] if len(v) > 1 else None),
    Function("reverse", (*TEXTS, *LISTS), lambda f, _: func.reverse(f), lambda v, _: v[::-1]),
    Function("slice", LISTS, lambda f, _: func.slice(f, 1, 2), lambda v, _: v[1:3]),
    Function("contains item", (*LISTS, *TEXTS), lambda f, x: contains(f, x[0]),
             lambda v, x: x[0] in v, False),
    Function("any_", LISTS, lambda f, x: any_(f) == x[0], lambda v, x: x[0] in v, False),
    Function("all_", LISTS, lambda f, x: all_(f) != x[0], lambda v, x: x[0] not in v, False),
    Function("item of dict", ("named",), lambda f, _: f["a"], lambda v, _: v.get("a")),
    Function("func.floor", NUMBERS, lambda f, _: func.floor(f), lambda v, _: v // 1),
    Function("func.sqrt", NUMBERS, lambda f, _: func.sqrt(abs(f)), lambda v, _: abs(v) ** 0.5),
    Function("max of two", NUMBERS, lambda f, x: func.max(f, x), lambda v, x: max(v, x)),
    Function("min of two", NUMBERS, lambda f, x: func.min(f, x), lambda v, x: min(v, x)),
]  # fmt: skip


@pytest.fixture(params=LAW_ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a file and of a server."""
    return law_url(request, tmp_path)


def _judge(function: Function, read: Getter, value: Any) -> Getter:
    def judge(row: Any) -> Any:
        found = read(row)
        if found is None:
            return value if function.of_null == "literal" else function.of_null
        return function.judge(found, value)

    return judge


def _made(function: Function, kind: str, field: Any, value: Any) -> Any:
    """Return the expression; None where the function does not take the kind and says so."""
    try:
        made = function.make(field, value)
    except (UsageError, AttributeError, TypeError, LookupError) as error:
        assert kind not in function.kinds, f"{function.name} of {kind}: {error}"  # noqa: PT017
        return None
    assert kind in function.kinds, f"{function.name} takes {kind}: {made!r}"
    return made


def _cases(seed: int) -> Iterator[Case]:
    for function in FUNCTIONS:
        for kind in KINDS:
            value = literal(kind, seed)
            for place, field, read in (
                ("top", getattr(Row, f"a_{kind}"), get(f"a_{kind}")),
                ("null", getattr(Row, f"n_{kind}"), get(f"n_{kind}")),
                ("part", getattr(Row.part, f"q_{kind}"), get("part", f"q_{kind}")),
                ("maybe", getattr(Row.maybe, f"p_{kind}"), get("maybe", f"p_{kind}")),
            ):
                made = _made(function, kind, field, value)
                if made is not None:
                    yield Case(f"{function.name} of {kind} ({place})", made, _judge(function, read, value))


@law
@seeds
def test_functions_answer_as_python_does_or_are_refused(engine: Engine, seed: int) -> None:
    found = list(_cases(seed))

    assert len(found) > 500
    with table(engine, seed) as documents:
        assert documents.differences(found) == []


# --- rows and groups -----------------------------------------------------------------------------


def _present(documents: Table, read: Getter) -> list[Any]:
    return [value for row in documents.rows if (value := read(row)) is not None]


def _total(values: list[Any]) -> Any:
    return sum(values[1:], values[0]) if values else 0


SUMMED = ("count", "ratio", "money", "took", "level")
AGGREGATES: dict[str, tuple[tuple[str, ...], Callable[[Any], Any], Callable[[list[Any]], Any]]] = {
    "count": (ALL, func.count, len),
    "sum": (SUMMED, func.sum, _total),
    "avg": (
        SUMMED,
        func.avg,
        lambda values: judged(truediv, _total(values), len(values)) if values else None,
    ),
    "min": ((*ORDERED, *LISTS), func.min, lambda values: min(values, default=None)),
    "max": ((*ORDERED, *LISTS), func.max, lambda values: max(values, default=None)),
    "median": (NUMBERS, func.median, lambda values: median(values) if values else None),
}


def _alike(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return bool(found == pytest.approx(wanted))
    if isinstance(wanted, timedelta) and isinstance(found, timedelta):
        return abs(found - wanted) <= timedelta(microseconds=1)
    return bool(found == wanted)


@law
@seeds
def test_aggregates_are_those_of_python_or_refused(engine: Engine, seed: int) -> None:
    wrong: list[str] = []
    with table(engine, seed) as documents:
        for name, (kinds, make, judge) in AGGREGATES.items():
            for field in [f"{prefix}{kind}" for kind in KINDS for prefix in ("a_", "n_")]:
                try:
                    statement = select(make(getattr(Row, field)))
                except UsageError:
                    assert field[2:] not in kinds or field[2:] in LISTS, f"{name} of {field} is refused"
                    continue
                assert field[2:] in kinds, f"{name} takes {field}"
                found, wanted = documents.session.scalar(statement), judge(_present(documents, get(field)))
                if not _alike(found, wanted):
                    wrong.append(f"{name} of {field}: {found!r}, Python {wanted!r}")
    assert wrong == []


def _place(read: Getter) -> Callable[[Any], Any]:
    def place(row: Any) -> Any:
        value = read(row)
        return (value is not None, *(() if value is None else (value,)), row.key)

    return place


@law
@seeds
def test_documents_are_sorted_as_python_sorts(engine: Engine, seed: int) -> None:
    wrong: list[str] = []
    with table(engine, seed) as documents:
        for prefix in ("a_", "n_", "i_", "j_"):
            for kind in ORDERED:
                field, read = getattr(Row, f"{prefix}{kind}"), get(f"{prefix}{kind}")
                wanted = [row.key for row in sorted(documents.rows, key=_place(read))]
                upwards = select(Row.key).order_by(asc(field)).limit(7)
                if documents.session.scalars(upwards).all() != wanted[:7]:
                    wrong.append(f"{prefix}{kind}")
                downwards = select(Row.key).order_by(desc(field)).offset(2)
                if documents.session.scalars(downwards).all() != wanted[::-1][2:]:
                    wrong.append(f"{prefix}{kind} downwards")
    assert wrong == []


def test_what_has_no_order_in_python_is_not_sorted_by() -> None:
    for kind in ("blob", "sums", "named"):
        with pytest.raises(UsageError):
            select(Row).order_by(getattr(Row, f"a_{kind}"))


@law
@seeds
def test_groups_and_distinct_values_are_those_of_python(engine: Engine, seed: int) -> None:
    with table(engine, seed) as documents:
        for kind in (*SCALARS, "tags", "sizes", "times"):
            field, read = getattr(Row, f"n_{kind}"), get(f"n_{kind}")
            values = [read(row) for row in documents.rows]
            grouped = documents.session.execute(select(field, func.count()).group_by(field)).all()
            distinct = documents.session.scalars(select(field).distinct()).all()
            different = [value for place, value in enumerate(values) if value not in values[:place]]
            assert len(grouped) == len(distinct) == len(different), kind
            assert all(values.count(value) == count for value, count in grouped), kind
            assert all(value in distinct for value in different), kind


@law
@seeds
def test_elements_are_rows_of_their_own(engine: Engine, seed: int) -> None:
    part = unnest(Row.parts)
    asked = select(part.p_word, func.count(), func.sum(part.p_money), func.max(part.q_count)).group_by(
        part.p_word
    )
    with table(engine, seed) as documents:
        found = documents.session.execute(asked.where(Row.a_count >= 0, part.p_count != 3)).all()
        rows = [row for row in documents.rows if row.a_count >= 0]
        parts = [each for row in rows for each in row.parts if each.p_count != 3]
        wanted: list[Any] = []
        for word in sorted({each.p_word for each in parts}):
            mine = [each for each in parts if each.p_word == word]
            counts = [each.q_count for each in mine if each.q_count is not None]
            wanted.append(
                (word, len(mine), _total([each.p_money for each in mine]), max(counts, default=None))
            )
        assert found == wanted


@law
@seeds
def test_statements_in_statements_answer_as_python_does(engine: Engine, seed: int) -> None:
    with table(engine, seed) as documents:
        for kind in INDEXED:
            one, other = getattr(Row, f"a_{kind}"), getattr(Row, f"i_{kind}")
            first, second = get(f"a_{kind}"), get(f"i_{kind}")
            values = [second(row) for row in documents.rows]
            kept = [row.key for row in documents.rows if first(row) in values]
            among = select(Row.key).where(in_(one, select(other))).order_by(Row.key)
            assert documents.session.scalars(among).all() == kept, kind
            united = documents.session.scalars(union(select(one), select(other))).all()
            everything = [*map(first, documents.rows), *values]
            assert all(value in united for value in everything), kind
            rows = select(label("value", one)).cte("law_values")
            named = documents.session.scalars(select(rows.value)).all()
            assert all(value in named for value in map(first, documents.rows)), kind
