"""What a query may take is bounded, in whatever form it asks for it: every limit holds for all of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import reduce
from typing import Any

import pytest

from solidb_odm import (
    Document,
    Engine,
    Session,
    aliased,
    and_,
    any_,
    case,
    coalesce,
    create_engine,
    exists,
    func,
    not_,
    or_,
    sdbql,
    select,
    union,
    update,
)
from solidb_odm.commands import CreateIndex, IndexSpec
from solidb_odm.errors import QueryLimitError, QueryTimeout, SolidbError
from solidb_odm.language.sizes import Extent
from solidb_odm.model.expressions.build_scope import measured
from solidb_odm.model.expressions.expression import Combined, Comparison, Expression


class Bound(Document, collection="bounds"):
    n: int = 0
    name: str = "x"
    size: int | None = None
    tags: list[str] = ["x"]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with create_engine("sqlite://?query_timeout=5") as engine, Session(engine) as opened:
        opened.add_all(Bound(n=n) for n in range(3))
        opened.commit()
        yield opened


def _wrapped(template: str, depth: int) -> str:
    text = "d.n"
    for _ in range(depth):
        text = template.replace("#", text)
    return text


CHAINS = ["<=", "<", "==", "!=", "+", "-", "*", "AND", "OR", "??", "LIKE", "IN", "||", "&&", "%"]
WRAPS = [
    "(# <= #)", "(# ? # : d.n)", "(# ? d.n : #)", "(d.n > 1 ? # : #)", "NOT (#)", "-(#)", "ABS(#)", "[#][0]",
    "{a: #}.a", "(# == #)", "(# ?? #)", "CONCAT(#, #)", "(# IN [#])", "(# LIKE #)", "LENGTH(TO_STRING(#))",
    "(CASE WHEN # THEN # ELSE d.n END)", "(CASE # WHEN # THEN 1 ELSE # END)", "(# + #)", "FLOOR(# / 2)",
    "(# != # AND # != #)", "FIRST(FOR x IN [#] RETURN x)", "MAX([#, #])", "(# <= # <= #)",
]  # fmt: skip


def _ask(session: Session, text: str) -> int:
    """Ask, and return how long the SQL is; what can't be asked is refused with an error of ours."""
    try:
        session.execute(sdbql(text)).all()
        plan: Any = session.explain(text).plan
    except SolidbError:
        return 0
    return len(plan["sql"] or "")


@pytest.mark.parametrize("operator", CHAINS)
def test_a_chain_of_operators_does_not_double_with_each(session: Session, operator: str) -> None:
    text = f"FOR d IN bounds RETURN {f' {operator} '.join(['d.n'] * 24)}"
    assert _ask(session, text) < 1_000_000


@pytest.mark.parametrize("template", WRAPS)
@pytest.mark.parametrize("depth", [6, 12])
def test_an_expression_in_itself_does_not_grow_without_bound(
    session: Session, template: str, depth: int
) -> None:
    if template.count("#") > 1:
        depth = min(depth, 6)  # the text itself doubles
    assert _ask(session, f"FOR d IN bounds RETURN {_wrapped(template, depth)}") < 1_000_000
    assert _ask(session, f"FOR d IN bounds FILTER {_wrapped(template, depth)} RETURN 1") < 1_000_000


def _nested(template: str, depth: int) -> str:
    text = "1"
    for _ in range(depth):
        text = template.replace("#", text)
    return text


ENDLESS = [
    f"RETURN REDUCE([1], (a, x) -> {_nested('SUM(FOR i IN [1,2,3,4,5,6,7,8,9,10] RETURN # + x)', 9)}, 0)",
    f"RETURN {_nested('LENGTH(MAP([1,2,3,4,5,6,7,8,9,10], x -> #))', 9)}",
    "FOR a IN bounds FOR b IN 1..100000 FOR c IN 1..100000 FILTER a.n + b + c < 0 RETURN 1",
    "RETURN LENGTH(FOR a IN 1..3000 FOR b IN 1..3000 FILTER MERGE({a: a}, {b: b}).a < 0 RETURN 1)",
]


@pytest.mark.parametrize("query", ENDLESS)
def test_the_time_limit_holds_in_every_form_of_loop(query: str) -> None:
    with create_engine("sqlite://?query_timeout=0.1") as engine, Session(engine) as session:
        session.add(Bound())
        session.commit()
        with pytest.raises(QueryTimeout):
            session.execute(sdbql(query)).all()


def test_a_component_too_large_for_a_vector_hides_no_neighbours() -> None:
    def index() -> Any:
        yield CreateIndex("bounds", IndexSpec("by_face", "vector", ("face",), dimension=2))

    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Bound)
        engine.run(index())
        session.execute(
            sdbql(
                "FOR n IN 0..4 INSERT {_key: CONCAT('k', n), n: n, name: 'x', face: [1, n / 10]} INTO bounds"
            )
        )
        huge = "INSERT {_key: 'huge', n: 9, name: 'x', face: [@large, 1]} INTO bounds"
        session.execute(sdbql(huge, large=1e300))
        session.commit()
        near = sdbql("FOR h IN VECTOR_SEARCH('bounds', 'by_face', [1, 0.1], 3) RETURN h.doc._key")
        assert session.execute(near).first() == "k1"


@pytest.mark.parametrize(("joins", "rows"), [(operator.or_, 3), (operator.and_, 1)])
def test_a_chain_of_conditions_is_as_long_as_one_likes(
    session: Session, joins: Callable[[Any, Any], Any], rows: int
) -> None:
    for count in (100, 2000):
        joined = reduce(joins, [Bound.n == 1, *[Bound.n != -each for each in range(1, count)]])
        assert len(session.scalars(select(Bound).where(joined)).all()) == rows


def _either(inner: Any) -> Any:
    return (inner | (Bound.n == 1)) & (Bound.n != -1)


DEEP: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "conditions": (Bound.n == 1, _either),
    "negations": (Bound.n == 1, not_),
    "sum": (Bound.n, lambda inner: inner + 1),
    "text": (Bound.name, lambda inner: inner + "x"),
    "function": (Bound.name, func.lower),
    "case": (Bound.n + 0, lambda inner: case((Bound.n == 7, 7), else_=inner)),
    "negative": (Bound.n + 0, lambda inner: -inner),
}
TAKEN: dict[str, Callable[[Any], Any]] = {
    "select": select,
    "where": lambda made: select(Bound).where(made == made),
    "order_by": lambda made: select(Bound).order_by(made),
    "group_by": lambda made: select(func.count(Bound.key)).group_by(made),
    "values": lambda made: update(Bound).values(name=func.to_string(made)).where(Bound.n == -1),
}


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("kind", DEEP)
def test_what_is_nested_deep_in_a_statement_is_answered_or_refused(
    session: Session, kind: str, taken: str
) -> None:
    made, wrap = DEEP[kind]
    depth = 0
    for wanted in (10, 60, 150, 3000):
        with suppress(SolidbError):
            for _ in range(wanted - depth):
                made = wrap(made)
            depth = wanted
            session.execute(TAKEN[taken](made))
        session.rollback()
    assert depth >= 60


TWICE: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "sum": (Bound.n, lambda inner: inner + inner),
    "product": (Bound.n + 1, lambda inner: inner * inner),
    "absolute": (Bound.n - 1, lambda inner: abs(-inner)),
    "and": (Bound.n == 1, lambda inner: and_(inner, inner)),
    "or": (Bound.n == 1, lambda inner: inner | ~inner),
    "equal": (Bound.n == 1, lambda inner: inner == inner),
    "case": (Bound.n + 0, lambda inner: case((inner == 1, inner), else_=inner)),
    "coalesce": (Bound.size, lambda inner: coalesce(inner, inner)),
    "function": (Bound.name, lambda inner: func.concat(inner, inner)),
    "strict": (Bound.size, lambda inner: func.pow(inner, 1)),
    "elements": (Bound.n == 1, lambda inner: any_(Bound.tags, lambda tag: and_(tag == "x", inner, inner))),
    "subquery": (Bound.n, lambda inner: _count(inner, inner)),
    "rows": (Bound.n, lambda inner: _rows(inner, inner)),
    "exists": (Bound.n == 1, lambda inner: and_(_exists(inner), _exists(not_(inner)))),
}


def _count(least: Any, most: Any) -> Any:
    other = aliased(Bound)
    return select(func.count(other.n)).where(other.n >= least, other.n < most).scalar_subquery()


def _rows(one: Any, other: Any) -> Any:
    return func.length(select(aliased(Bound).n + one + other).list_subquery())


def _exists(condition: Any) -> Any:
    return exists(select(aliased(Bound)).where(condition))


def _again(made: Any, wrap: Callable[[Any], Any], times: int) -> Any:
    for _ in range(times):
        made = wrap(made)
    return made


@pytest.mark.parametrize("kind", TWICE)
def test_what_has_the_same_expression_again_and_again_is_refused(session: Session, kind: str) -> None:
    session.execute(select(Bound.key, _again(*TWICE[kind], 3))).all()
    with pytest.raises(QueryLimitError, match=r"too large|too deep|again"):
        session.execute(select(Bound.key, _again(*TWICE[kind], 100)))
    session.rollback()


@pytest.mark.parametrize(
    ("combined", "times"),
    [(lambda made: union(made, made), 100), (lambda made: union(made, select(Bound.n)), 1000)],
)
def test_combinations_of_combinations_are_refused_when_they_grow(combined: Any, times: int) -> None:
    with pytest.raises(QueryLimitError):
        _again(select(Bound.n), combined, times)


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_each_expression_of_others_is_measured_when_it_is_made() -> None:
    """But for comparisons, small in most queries, and chains, which grow: who makes these measures them."""
    for cls in set(_subclasses(Expression)):
        if cls.__solidb_has_parts__() and not issubclass(cls, (Combined, Comparison)):
            is_dataclass = "__dataclass_fields__" in dir(cls)
            assert cls.__post_init__ is measured if is_dataclass else hasattr(cls.__init__, "__wrapped__"), (
                cls
            )


def test_a_chain_that_grows_is_measured_as_one_that_is_made_at_once() -> None:
    parts: list[Any] = [Bound.n == 1, not_(not_(Bound.n == 2)), Bound.n + Bound.n == 3, Bound.size == 4]
    grown: Any = reduce(operator.or_, parts)
    whole: Any = or_(*parts)
    assert grown.__solidb_extent__ == whole.__solidb_extent__ == Extent(5, 17)


@pytest.mark.parametrize("kind", DEEP)
def test_what_is_nested_deep_is_refused_alike_by_every_engine(engine: Engine, kind: str) -> None:
    engine.create_all(Bound)
    with Session(engine) as session:
        for depth in (3, 100, 190):
            with suppress(QueryLimitError):
                session.execute(select(Bound.key, _again(*DEEP[kind], depth))).all()
