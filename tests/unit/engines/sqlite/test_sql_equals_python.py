"""SQL and Python answer alike: random documents of mixed types, random queries."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm.commands import (
    Apply,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    IndexSpec,
    Inserts,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileDriver
from solidb_odm.errors import QueryError
from solidb_odm.language import nodes as n
from solidb_odm.language.interpreter import MemorySource, evaluate
from tests.sizes import examples

_NUMBERS = st.one_of(
    st.integers(-3, 3), st.integers(-(2**53), 2**53), st.sampled_from([0.0, -0.0, 0.5, -1.5, 1.0, 2.0, 1e300])
)
_TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "A", "ab", "abc", "b", "10", "%", "a_b", "é", "𝄞", "\n", "[", "{", "*", "?x", "\\"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
)
_SCALARS = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
_NAMES = st.sampled_from(["x", "y", "é"])


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=2)


_VALUES = st.recursive(_SCALARS, _containers, max_leaves=4)
_FIELDS = ["a", "b", "c"]
_DOCUMENTS = st.lists(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=3), max_size=8)
_BINDS = ["p", "q", "r"]


def _attribute(*names: str) -> n.Expression:
    node: n.Expression = n.Name("d")
    for name in names:
        node = n.Attribute(node, name)
    return node


_PATHS = st.sampled_from(
    [_attribute(*names) for names in [("a",), ("b",), ("c",), ("a", "x"), ("b", "é"), ("_key",)]]
)


def _call(name: str, *arguments: n.Expression) -> n.Expression:
    return n.Call(name, arguments)


def _logical(operator: Any, *operands: n.Expression) -> n.Expression:
    return n.Logical(operator, operands)


def _not(operand: n.Expression) -> n.Expression:
    return n.Unary("NOT", operand)


def _pair(one: n.Expression, two: n.Expression) -> n.Expression:
    return n.Object((("one", one), ("two", two)))


def _nested(one: n.Expression, two: n.Expression) -> n.Expression:
    return n.Array((one, n.Array((two,))))


def _junctions(inner: st.SearchStrategy[n.Expression]) -> st.SearchStrategy[n.Expression]:
    either = st.sampled_from(["AND", "OR"])
    return st.one_of(st.builds(_logical, either, inner, inner), st.builds(_not, inner))


_OPERANDS = st.one_of(_PATHS, st.sampled_from(_BINDS).map(n.Bind))
_ARITHMETIC = st.builds(
    n.Binary, _OPERANDS, st.sampled_from(["+", "-", "*", "/", "%", "??", "||"]), _OPERANDS
)
_ONE = st.sampled_from(["IS_NULL", "IS_NUMBER", "IS_STRING", "LENGTH", "TO_STRING", "UPPER", "TYPENAME"])
_CALLS = st.one_of(st.builds(_call, _ONE, _PATHS), st.builds(_call, st.just("NOT_NULL"), _PATHS, _OPERANDS))
_TERMS = st.one_of(_OPERANDS, _ARITHMETIC, _CALLS)
_COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_P, _LIST, _PATTERN, _PREFIX = (st.just(n.Bind(name)) for name in ("p", "list", "pattern", "prefix"))
_CONDITIONS = st.recursive(
    st.one_of(
        st.builds(n.Compare, _TERMS, _COMPARISONS, _TERMS),
        st.builds(n.Compare, _PATHS, st.sampled_from(["IN", "NOT IN"]), _LIST),
        st.builds(n.Compare, _P, st.just("IN"), _PATHS),
        st.builds(n.Compare, _TERMS, st.sampled_from(["LIKE", "NOT LIKE"]), _PATTERN),
        st.builds(_call, st.just("STARTS_WITH"), _PATHS, _PREFIX),
        st.builds(n.ArrayCompare, _PATHS, st.sampled_from(["ANY", "ALL", "NONE"]), _COMPARISONS, _P),
        _TERMS,
    ),
    _junctions,
    max_leaves=4,
)
_FILTERS = st.lists(_CONDITIONS.map(n.Filter), max_size=2)
_SORTS = st.lists(st.builds(n.SortKey, _TERMS, st.booleans()), max_size=2)
_LIMITS = st.one_of(st.none(), st.integers(0, 5).map(n.Literal))
_RETURNS = st.one_of(
    _TERMS,
    _CONDITIONS,
    st.builds(_pair, _TERMS, _TERMS),
    st.builds(_nested, _TERMS, _PATHS),
)
_VALUES_OF_BINDS = st.fixed_dictionaries(
    {
        **dict.fromkeys(_BINDS, _VALUES),
        "list": st.lists(_SCALARS, max_size=4),
        "pattern": st.one_of(
            _TEXTS, st.sampled_from(["a%", "%b", "_", "a\\_b", "%[%", "*", "é%", "\\"]), _SCALARS
        ),
        "prefix": _TEXTS,
    }
)
_FOR = n.For("d", n.Name("docs"))


@st.composite
def _blocks(draw: st.DrawFn) -> n.Block:
    return n.Block(
        (_FOR, *draw(_FILTERS)),
        tuple(draw(_SORTS)),
        draw(_LIMITS),
        draw(_LIMITS),
        returns=n.Return(draw(_RETURNS), draw(st.booleans())),
    )


@st.composite
def _collects(draw: st.DrawFn) -> n.Block:
    groups = draw(st.lists(_TERMS, max_size=2))
    functions = st.sampled_from(["COUNT", "MIN", "MAX", "COUNT_DISTINCT"])
    aggregates = tuple(
        n.Aggregate(f"agg{i}", draw(functions), draw(_TERMS)) for i in range(draw(st.integers(0, 2)))
    )
    names = tuple((f"g{i}", group) for i, group in enumerate(groups))
    clause = n.Collect(names, aggregates, count_into="total")
    known = [*(name for name, _ in names), *(one.name for one in aggregates), "total"]
    row = n.Object(tuple((name, n.Name(name)) for name in known))
    return n.Block((_FOR, *draw(_FILTERS), clause), limit=draw(_LIMITS), returns=n.Return(row))


def _exactly(value: Any) -> Any:
    """Tell 1 from 1.0 and true; only the sign of a zero may differ."""
    if isinstance(value, dict):
        return {key: _exactly(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return list(map(_exactly, value))
    return type(value).__name__, value


class _Both:
    """The same documents in a file and in memory."""

    def __init__(self) -> None:
        self.channel = FileDriver("sqlite://", database="memory").channel()
        self.channel.perform(CreateCollection("docs"))
        for name in ("a", "b"):
            self.channel.perform(CreateIndex("docs", IndexSpec(name, "persistent", (name,))))

    def agree(
        self, query: n.Query, documents: list[dict[str, Any]], binds: dict[str, Any], exact: bool = True
    ) -> None:
        rows = [(f"k{i}", {"_key": f"k{i}", **document}) for i, document in enumerate(documents)]
        wanted = _answer(lambda: evaluate(query, MemorySource({"docs": [row for _, row in rows]}), binds))
        self.channel.perform(Apply([Inserts("docs", rows)]))
        try:
            found = _answer(lambda: self.channel.perform(RunQuery(query, binds)))
            again = _answer(lambda: self.channel.perform(RunQuery(query, binds)))  # which knows its plan
        finally:
            self.channel.perform(Rollback())
        if wanted == "QueryError" != found and isinstance(query, n.Block) and query.limit is not None:
            # SQL need not compute what LIMIT leaves out, and so not meet the error there
            self.agree(replace(query, limit=None, offset=None), documents, binds, exact)
            return
        if exact:
            found, again, wanted = _exactly(found), _exactly(again), _exactly(wanted)
        assert found == again
        assert found == wanted, self.channel.perform(ExplainQuery(query, binds))


def _answer(run: Any) -> Any:
    try:
        return run()
    except QueryError as error:
        return type(error).__name__


_both = _Both()


@given(_blocks(), _DOCUMENTS, _VALUES_OF_BINDS)
@settings(max_examples=examples(300))
def test_filters_sorts_limits_and_projections_agree(
    query: n.Block, documents: list[dict[str, Any]], binds: dict[str, Any]
) -> None:
    _both.agree(query, documents, binds)


@given(_collects(), _DOCUMENTS, _VALUES_OF_BINDS)
@settings(max_examples=examples(200))
def test_groups_and_aggregates_agree(
    query: n.Block, documents: list[dict[str, Any]], binds: dict[str, Any]
) -> None:
    _both.agree(query, documents, binds, exact=False)


@given(_CONDITIONS, _DOCUMENTS, _VALUES_OF_BINDS)
@settings(max_examples=examples(100))
def test_joins_and_counts_of_subqueries_agree(
    condition: n.Expression, documents: list[dict[str, Any]], binds: dict[str, Any]
) -> None:
    other = n.For("e", n.Name("docs"))
    same = n.Filter(n.Compare(n.Attribute(n.Name("e"), "a"), "==", n.Attribute(n.Name("d"), "b")))
    pair = n.Array((n.Attribute(n.Name("d"), "_key"), n.Attribute(n.Name("e"), "_key")))
    joined = n.Block((_FOR, n.Filter(condition), other, same), returns=n.Return(pair))
    inner = n.Block((other, same), returns=n.Return(n.Attribute(n.Name("e"), "_key")))
    rows = n.Block(
        (_FOR,), returns=n.Return(n.Array((n.Call("LENGTH", (n.Subquery(inner),)), n.Subquery(inner))))
    )
    _both.agree(joined, documents, binds)
    _both.agree(rows, documents, binds)
