"""Hypothesis strategies for queries: every kind of node, in the form the parser gives it.

``expressions(levels)`` and ``queries(levels)`` nest at most that many levels.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from solidb_odm.language import nodes as n

T = TypeVar("T")

_TEXT = st.characters(exclude_categories=("Cs",))
TEXTS = st.one_of(
    st.sampled_from(["", "a", "{", "}", "it's", 'say "x"', "\\", "\n\t\r", "${a}", "$", "--", "`"]),
    st.text(_TEXT, max_size=6),
)
_WORDS = ["u", "orders", "FOR", "order", "size", "distinct", "none", "all", "at", "offset", "NEW", "CURRENT"]
NAMES = st.one_of(
    st.sampled_from(_WORDS),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="`"), min_size=1, max_size=5),
)
ATTRIBUTES = st.one_of(NAMES, st.sampled_from(["a.b", "", "a`b", "_key"]))
FUNCTIONS = st.sampled_from(["LENGTH", "LEFT", "LIKE", "JOIN", "FILTER", "REPLACE", "NONE", "X1", "ÉTÉ"])
PIPED = st.one_of(FUNCTIONS, st.sampled_from(["SORT", "ANY", "RETURN", "IN"]))
BINDS = st.sampled_from(["p0", "min", "1", "_x", "größe"])
INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
SCALARS = st.one_of(
    st.none(), st.booleans(), INTEGERS, st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
COMPARISONS = st.sampled_from(
    "==,!=,<,<=,>,>=,<=>,IN,NOT IN,LIKE,NOT LIKE,=~,!~,~=,~".split(",")  # noqa: SIM905
)
ARRAY_COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"])
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "??", "||", "&", "|", "^", "<<", ">>"])
DIRECTIONS = st.sampled_from(["OUTBOUND", "INBOUND", "ANY"])
LEAVES = st.one_of(SCALARS.map(n.Literal), NAMES.map(n.Name), BINDS.map(n.Bind), SCALARS.map(n.Literal))


def tuples(items: SearchStrategy[T], least: int = 0, most: int = 2) -> SearchStrategy[tuple[T, ...]]:
    """Short tuples of items."""
    return st.lists(items, min_size=least, max_size=most).map(tuple)


def maybe(items: SearchStrategy[T]) -> SearchStrategy[T | None]:
    """An item or None."""
    return st.one_of(st.none(), items)


@cache
def expressions(levels: int = 3) -> SearchStrategy[n.Expression]:
    """Any expression."""
    if levels <= 0:
        return LEAVES
    return st.one_of(LEAVES, operators(levels - 1), operands(levels - 1))


def operators(levels: int) -> SearchStrategy[n.Expression]:
    """Expressions with operators in them."""
    e = expressions(levels)
    return st.one_of(
        st.builds(n.Unary, st.sampled_from(["NOT", "-", "~"]), e),
        st.builds(n.Binary, e, OPERATORS, e),
        st.builds(n.Compare, e, COMPARISONS, e),
        st.builds(n.ArrayCompare, e, st.sampled_from(["ANY", "ALL", "NONE"]), ARRAY_COMPARISONS, e),
        st.builds(n.ArrayCompare, e, st.just("AT LEAST"), ARRAY_COMPARISONS, e, e),
        st.builds(n.Logical, st.sampled_from(["AND", "OR"]), tuples(e, 2, 4)),
        st.builds(n.Range, e, e),
        st.builds(n.Ternary, e, e, e),
        st.builds(n.Pipe, e, PIPED, tuples(e)),
        st.builds(n.Lambda, tuples(NAMES, 1), e),
        st.builds(n.Quantified, st.sampled_from(["ANY", "NONE"]), NAMES, e, maybe(e)),
        st.builds(
            n.Window, st.sampled_from(["SUM", "RANK"]), tuples(e), tuples(e), tuples(sort_keys(levels))
        ),
    )


def operands(levels: int) -> SearchStrategy[n.Expression]:
    """Expressions that read from others or put others together."""
    e = expressions(levels)
    return st.one_of(
        st.builds(n.Attribute, e, ATTRIBUTES),
        st.builds(n.Attribute, e, NAMES, st.just(True)),
        st.builds(n.Subscript, e, e),
        st.builds(n.Expansion, e, st.integers(1, 3), maybe(e), st.none(), maybe(e), maybe(e), tuples(NAMES)),
        st.builds(n.Expansion, e, st.just(1), st.none(), e, e),
        st.builds(n.Array, tuples(e, most=3)),
        st.builds(n.Object, tuples(st.tuples(TEXTS, e), most=3)),
        st.builds(n.Case, maybe(e), tuples(st.tuples(e, e), least=1), maybe(e)),
        st.builds(n.Call, FUNCTIONS, tuples(e, most=3)),
        st.builds(n.Template, templates(levels)),
        st.builds(n.Subquery, subqueries(levels)),
    )


def templates(levels: int) -> SearchStrategy[tuple[str | n.Expression, ...]]:
    """Texts and expressions in turn. Braces in the texts of holes would be counted, so they are kept out."""
    holes = st.one_of(
        NAMES.filter(lambda name: not {"{", "}"} & set(name)).map(n.Name),
        st.builds(n.Object, st.just((("a", n.Literal('"')),))),
        st.integers(0, 9).map(n.Literal),
        st.builds(n.Attribute, st.just(n.Name("u")), st.just("name")),
    )
    texts = TEXTS.filter(bool)
    return st.one_of(
        st.tuples(texts, holes, texts), st.tuples(holes, holes), tuples(holes, most=1), st.tuples(texts)
    )


def sort_keys(levels: int) -> SearchStrategy[n.SortKey]:
    """Keys of a SORT."""
    return st.builds(n.SortKey, expressions(levels), st.booleans())


@cache
def clauses(levels: int) -> SearchStrategy[n.Clause]:
    """Any clause."""
    e = expressions(levels)
    return st.one_of(reading_clauses(levels), graph_clauses(levels), mutations(levels), collects(e), joins(e))


def reading_clauses(levels: int) -> SearchStrategy[n.Clause]:
    """Clauses that make rows, or change them one by one."""
    e = expressions(levels)
    hints = st.sampled_from(
        [
            (),
            (("indexHint", ("a", "b")), ("forceIndexHint", True)),
            (("lookahead", -1),),
            (("indexHint", "x"),),
        ]
    )
    return st.one_of(
        st.builds(n.For, NAMES, e, options=hints),
        st.builds(n.For, NAMES, NAMES.map(n.Name), maybe(e), tuples(e), hints),
        lets(levels),
        st.builds(n.Filter, e),
        st.builds(n.Search, e),
        st.builds(n.StreamWindow, st.sampled_from(["TUMBLING", "SLIDING"]), TEXTS),
    )


def lets(levels: int) -> SearchStrategy[n.Let]:
    """LET."""
    return st.builds(n.Let, NAMES, expressions(levels))


def graph_clauses(levels: int) -> SearchStrategy[n.Clause]:
    """Traversals, path searches, MATCH."""
    e, depths, variables = expressions(levels), st.integers(0, 9), tuples(NAMES, 1, 3)
    options = st.sampled_from([(), (("order", "dfs"), ("uniqueVertices", "path")), (("bfs", True),)])
    modes = st.sampled_from(["SHORTEST_PATH", "ALL_SHORTEST_PATHS", "K_SHORTEST_PATHS", "K_PATHS"])
    path_options = tuples(st.tuples(TEXTS, SCALARS))
    return st.one_of(
        st.builds(
            n.Traverse, variables, DIRECTIONS, e, NAMES, depths, depths, maybe(e), options, st.booleans()
        ),
        st.builds(n.PathSearch, variables, modes, e, e, DIRECTIONS, NAMES, path_options),
        st.builds(n.Match, maybe(NAMES), NAMES, e, NAMES, NAMES, DIRECTIONS, depths, depths),
    )


def mutations(levels: int) -> SearchStrategy[n.Clause]:
    """Clauses that write."""
    e = expressions(levels)
    options = st.sampled_from([(), (("ignoreErrors", True), ("waitForSync", None)), (("keepNull", False),)])
    inserting = st.one_of(options, st.just((("overwriteMode", "update"),)))
    return st.one_of(
        st.builds(n.Insert, e, NAMES, inserting),
        st.builds(n.Update, e, maybe(e), NAMES, st.booleans(), options),
        st.builds(n.Remove, e, NAMES, options),
        st.builds(n.Upsert, e, e, e, NAMES, st.booleans(), options),
    )


def collects(e: SearchStrategy[n.Expression]) -> SearchStrategy[n.Collect]:
    """COLLECT in all its forms."""
    aggregates = tuples(st.builds(n.Aggregate, NAMES, FUNCTIONS, maybe(e)))
    into = st.one_of(
        st.fixed_dictionaries({}),
        st.fixed_dictionaries({"into": NAMES, "into_expression": maybe(e)}),
        st.fixed_dictionaries({"into": NAMES, "keep": tuples(NAMES)}),
    )
    fields = st.fixed_dictionaries(
        {
            "groups": tuples(st.tuples(NAMES, e)),
            "aggregates": aggregates,
            "count_into": maybe(NAMES),
            "method": st.sampled_from([None, "hash", "sorted"]),
        }
    )
    return st.builds(lambda rest, kept: n.Collect(**rest, **kept), fields, into)


def joins(e: SearchStrategy[n.Expression]) -> SearchStrategy[n.Join]:
    """JOIN in all its forms."""
    directions = st.sampled_from([None, "BACKWARD", "FORWARD", "NEAREST"])
    return st.one_of(
        st.builds(n.Join, st.sampled_from(["INNER", "LEFT", "RIGHT", "FULL"]), NAMES, e),
        st.builds(n.Join, st.just("ASOF"), NAMES, e, e, e, directions, maybe(e)),
    )


def tails(levels: int) -> SearchStrategy[dict[str, object]]:
    """What stands at the end of a block."""
    e = expressions(levels)
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries(
            {
                "sort": tuples(sort_keys(levels), 1),
                "offset": maybe(e),
                "limit": maybe(e),
                "late_lets": tuples(lets(levels)),
            }
        ),
    )


def returns(levels: int) -> SearchStrategy[n.Return]:
    """RETURN."""
    return st.builds(n.Return, expressions(levels), st.booleans())


def openings(levels: int) -> SearchStrategy[n.Clause]:
    """Clauses that a subquery may start with."""
    return st.one_of(lets(levels), st.builds(n.For, NAMES, expressions(levels)))


@cache
def subqueries(levels: int) -> SearchStrategy[n.Query]:
    """Queries that may stand in an expression."""
    levels = max(0, levels - 1)
    block = st.builds(
        lambda first, rest, tail, last: n.Block((first, *rest), **tail, returns=last),
        openings(levels),
        tuples(clauses(levels)),
        tails(levels),
        maybe(returns(levels)),
    )
    if levels == 0:
        return block
    return st.one_of(block, st.builds(n.SetOperation, block, set_operators(), block))


def set_operators() -> SearchStrategy[str]:
    """Operators between queries."""
    return st.sampled_from(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])


def tables(levels: int) -> SearchStrategy[n.With]:
    """WITH."""
    table = st.builds(n.CommonTable, NAMES, queries(levels), tuples(NAMES))
    return st.builds(n.With, tuples(table, 1), st.booleans())


@cache
def blocks(levels: int) -> SearchStrategy[n.Block]:
    """Blocks that do something, with any heads."""
    heads: SearchStrategy[object] = st.one_of(st.none(), NAMES.map(n.CreateStream), NAMES.map(n.RefreshView))
    with_ = tables(levels - 1) if levels > 1 else st.none()
    plain = st.builds(
        lambda head, with_, first, rest, tail, last: n.Block(
            (*first, *rest), **tail, returns=last, tables=with_, head=head
        ),
        heads,
        maybe(with_),
        tuples(openings(levels), 1, 1),
        tuples(clauses(levels), most=3),
        tails(levels),
        returns(levels),
    )
    bare = st.builds(lambda last: n.Block(returns=last), returns(levels))
    if levels <= 1:
        return st.one_of(plain, bare)
    view = st.builds(n.CreateView, NAMES, queries(levels - 1), maybe(TEXTS))
    return st.one_of(plain, bare, view.map(lambda head: n.Block(head=head)))


@cache
def queries(levels: int = 2) -> SearchStrategy[n.Query]:
    """Any query."""
    block = blocks(levels)
    if levels <= 1:
        return block
    smaller = queries(levels - 1)
    return st.one_of(block, st.builds(n.SetOperation, smaller, set_operators(), smaller))
