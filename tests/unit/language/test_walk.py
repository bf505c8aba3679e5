from __future__ import annotations

import pytest
from hypothesis import given

from solidb_odm.language import nodes
from solidb_odm.language.nodes import Literal, Name, Node
from solidb_odm.language.parser import parse, parse_expression
from solidb_odm.language.printer import print_expression, print_query
from solidb_odm.language.walk import (
    bind_names,
    children,
    collections_looped,
    collections_read,
    collections_written,
    transform,
    walk,
    writes,
)
from tests.strategies.sdbql_nodes import queries


def test_children_are_the_nodes_one_level_down() -> None:
    assert list(children(parse_expression("[a, {b: 1}]"))) == [Name("a"), parse_expression("{b: 1}")]


def test_children_are_found_in_pairs() -> None:
    found = list(children(parse_expression("CASE x WHEN 1 THEN 2 ELSE 3 END")))
    assert found == [Name("x"), Literal(1), Literal(2), Literal(3)]


def test_walk_yields_a_node_before_those_below_it() -> None:
    kinds = [type(node).__name__ for node in walk(parse("RETURN a + b.c"))]
    assert kinds == ["Block", "Return", "Binary", "Name", "Attribute", "Name"]


def test_walk_goes_through_a_long_sum() -> None:
    assert sum(1 for _ in walk(parse_expression("1" + " + 1" * 9_999))) == 19_999


@given(queries())
def test_transform_with_no_change_returns_the_very_same(query: nodes.Query) -> None:
    assert transform(query, lambda node: node) is query


def test_transform_exchanges_nodes_everywhere() -> None:
    def renamed(node: Node) -> Node:
        return Name("y") if node == Name("x") else node

    query = transform(parse("FOR x IN c FILTER x.a IN [x] RETURN {k: x}"), renamed)
    assert query == parse("FOR x IN c FILTER y.a IN [y] RETURN {k: y}")


def test_transform_goes_through_a_long_sum() -> None:
    def raised(node: Node) -> Node:
        return Literal(2) if node == Literal(1) else node

    changed = transform(parse_expression(" + ".join(["1"] * 5_000)), raised)
    assert isinstance(changed, nodes.Expression)
    assert print_expression(changed) == " + ".join(["2"] * 5_000)


@given(queries())
def test_the_binds_of_a_query_are_those_in_its_text(query: nodes.Query) -> None:
    assert all(f"@{name}" in print_query(query) for name in bind_names(query))


def test_bind_names_come_from_everywhere() -> None:
    text = 'FOR x IN @a FILTER x[@b] LIMIT @c RETURN $"${@d} ${(FOR y IN @e RETURN y)}"'
    assert bind_names(parse(text)) == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize(
    ("query", "collections"),
    [
        ("FOR u IN users RETURN u", "users"),
        ("LET users = [1] FOR u IN users RETURN u", ""),
        ("FOR u IN users FOR u2 IN u RETURN u2", "users"),
        ("RETURN (FOR o IN orders RETURN o)", "orders"),
        ("FOR u IN users LET n = (FOR x IN u RETURN x) FOR y IN n RETURN y", "users"),
        ("WITH p AS (FOR u IN users RETURN u) FOR x IN p RETURN x UNION FOR y IN p RETURN y", "users"),
        ("LET a = [1] FOR x IN a RETURN x UNION FOR x IN a RETURN x", "a"),
        ("WITH RECURSIVE t AS (RETURN 1 UNION ALL FOR x IN t RETURN x) FOR x IN t RETURN x", ""),
        ("LET k = [1] FOR u IN users COLLECT c = u.c INTO g FOR m IN g FOR z IN k RETURN z", "k users"),
        ("FOR u IN users JOIN orders ON orders.u == u._key FOR o IN orders RETURN o", "orders users"),
        ('FOR v, e IN 1..2 OUTBOUND "nodes/A" links FOR x IN v RETURN x', "links nodes"),
        ("FOR v, e IN OUTBOUND @start GRAPH g RETURN v", "g"),
        ('FOR v IN SHORTEST_PATH "a/1" TO "b/2" ANY links RETURN v', "a b links"),
        ('MATCH (:nodes {_key: "A"})-[:links]->(b) FOR x IN b RETURN x', "links nodes"),
        ('RETURN [DOCUMENT("users/a"), DOCUMENT("db:posts/b"), DOCUMENT("c", "k")]', "c posts users"),
        ('RETURN DOCUMENT(["a/1", "b/2", "nonsense"])', "a b"),
        ('RETURN [FULLTEXT("f", "t", "q"), NEAR("n", p, 1, "l"), SAMPLE("s", 1)]', "f n s"),
        ('RETURN [VECTOR_SEARCH("v", "i", q, 3), HYBRID_SEARCH("h", "i", "f", q, "t")]', "h v"),
        ('RETURN ["c" |> SAMPLE(3), COLLECTION_COUNT("d"), SEARCH_INDEX("e", "f", "q")]', "c d e"),
        ("RETURN MAP([1], x -> (FOR y IN x RETURN y))", ""),
        ("FOR x IN c RETURN ANY y IN [1] SATISFIES LENGTH((FOR z IN y RETURN z)) > 0", "c"),
        ("INSERT {} INTO a FOR x IN NEW RETURN x", ""),
        ("CREATE MATERIALIZED VIEW v AS FOR u IN users RETURN u", "users"),
    ],
)
def test_collections_read_are_the_names_that_are_no_variables(query: str, collections: str) -> None:
    assert collections_read(parse(query)) == set(collections.split())


@given(queries())
def test_collections_looped_are_some_of_those_read(query: nodes.Query) -> None:
    assert set(collections_looped(query)) <= collections_read(query)


@pytest.mark.parametrize(
    ("query", "collections"),
    [
        ("FOR u IN users FILTER u.n > 1 FOR p IN posts RETURN p", "users posts"),
        ("FOR u IN users FOR t IN u.tags RETURN t", "users"),
        ("FOR u IN users RETURN u UNION FOR p IN posts RETURN p", "users"),
        ("LET users = [] FOR u IN users RETURN u", ""),
        ("WITH t AS (FOR u IN users RETURN u) FOR x IN t RETURN x", ""),
        ("FOR u IN users FOR x IN u RETURN x", "users"),
    ],
)
def test_collections_looped_are_those_of_the_first_loops(query: str, collections: str) -> None:
    assert collections_looped(parse(query)) == collections.split()


def test_binds_say_which_collections_functions_read() -> None:
    query = parse("RETURN [DOCUMENT(@ids), SAMPLE(@c, 1), DOCUMENT(@none)]")
    assert collections_read(query) == set()
    assert collections_read(query, {"ids": ["a/1", "b/2"], "c": "d"}) == {"a", "b", "d"}


def test_nested_subqueries_are_read_once() -> None:
    text = "FOR x IN c RETURN x"
    for _ in range(25):
        text = f"FOR x IN ({text}) RETURN x"
    assert collections_read(parse(text)) == {"c"}


@pytest.mark.parametrize(
    ("query", "collections"),
    [
        ("FOR u IN users RETURN u", ""),
        ("INSERT {} INTO a UPDATE u WITH {} IN b REMOVE u IN c", "a b c"),
        ("UPSERT {} INSERT {} REPLACE {} IN a", "a"),
        ("REPLACE u WITH {} IN a", "a"),
        ("CREATE MATERIALIZED VIEW v AS RETURN 1", "v"),
        ("REFRESH MATERIALIZED VIEW v", "v"),
    ],
)
def test_collections_written_are_the_targets(query: str, collections: str) -> None:
    assert collections_written(parse(query)) == set(collections.split())
    assert writes(parse(query)) == bool(collections)


@pytest.mark.parametrize("query", ['RETURN DROP_VIEW("v")', 'RETURN "v" |> DROP_GRAPH()'])
def test_functions_that_change_the_catalogue_are_mutations(query: str) -> None:
    assert writes(parse(query))
