"""FOR, FILTER, SORT, LIMIT, COLLECT, subqueries, set operations: laws, and what the cases leave open."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm._types import JsonObject
from solidb_odm.errors import CollectionNotFound, QueryError, UnsupportedQueryError
from solidb_odm.language.interpreter import MemorySource, compile_expression, evaluate, lookups, prepare
from solidb_odm.language.interpreter.runtime import Run
from solidb_odm.language.parser import parse
from solidb_odm.language.values import compare, truthy

values = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "a", "b"])
documents = st.lists(st.fixed_dictionaries({"a": values, "b": values}), max_size=12)


def run(text: str, source: MemorySource | None = None, **binds: Any) -> list[Any]:
    return evaluate(parse(text), source or MemorySource(), binds)


def source_of(items: list[dict[str, Any]]) -> MemorySource:
    keyed = [{"_key": f"k{place:02}", **item} for place, item in enumerate(items)]
    return MemorySource({"things": keyed})


@given(documents)
def test_a_filter_and_its_negation_part_the_rows(items: list[dict[str, Any]]) -> None:
    source = source_of(items)
    kept = run("FOR t IN things FILTER t.a < t.b RETURN t._key", source)
    dropped = run("FOR t IN things FILTER NOT (t.a < t.b) RETURN t._key", source)
    assert sorted(kept + dropped) == run("FOR t IN things RETURN t._key", source)


@given(documents)
def test_sorting_orders_by_value_and_keeps_ties_in_place(items: list[dict[str, Any]]) -> None:
    rows = run("FOR t IN things SORT t.a DESC RETURN [t.a, t._key]", source_of(items))
    for (a, key), (b, other) in pairwise(rows):
        assert compare(a, b) > 0 or (compare(a, b) == 0 and key < other)


@given(documents, st.integers(0, 5), st.integers(0, 5))
def test_limit_is_a_slice(items: list[dict[str, Any]], offset: int, count: int) -> None:
    source = source_of(items)
    everything = run("FOR t IN things SORT t.b RETURN t._key", source)
    page = run(
        "FOR t IN things SORT t.b LIMIT @offset, @count RETURN t._key", source, offset=offset, count=count
    )
    assert page == everything[offset : offset + count]


@given(documents)
def test_groups_hold_every_row_once_in_order_of_their_keys(items: list[dict[str, Any]]) -> None:
    rows = run("FOR t IN things COLLECT a = t.a INTO g = t._key RETURN [a, g]", source_of(items))
    assert sorted(key for _, keys in rows for key in keys) == [f"k{place:02}" for place in range(len(items))]
    assert all(compare(a, b) < 0 for (a, _), (b, _) in pairwise(rows))


@given(documents, documents)
def test_a_hashed_join_finds_what_a_loop_finds(
    left: list[dict[str, Any]], right: list[dict[str, Any]]
) -> None:
    source = source_of(right)
    hashed = run("FOR l IN @left FOR t IN things FILTER t.a == l.b RETURN [l, t._key]", source, left=left)
    looped = run(
        "FOR l IN @left FOR t IN things FILTER NOT (t.a != l.b) RETURN [l, t._key]", source, left=left
    )
    assert hashed == looped


@given(st.lists(values), st.lists(values))
def test_set_operations_are_those_of_sets(left: list[Any], right: list[Any]) -> None:
    text = "RETURN (FOR x IN (FOR l IN @left RETURN l {} FOR r IN @right RETURN r) RETURN x)"
    union, common, rest = (
        run(text.format(name), left=left, right=right)[0] for name in ("UNION", "INTERSECT", "EXCEPT")
    )
    assert union == run("RETURN UNIQUE(APPEND(@left, @right))", left=left, right=right)[0]
    assert len(common) + len(rest) == run("RETURN COUNT_DISTINCT(@left)", left=left)[0]


@given(st.lists(values, min_size=2, max_size=4))
def test_and_or_decide_as_their_operands(operands: list[Any]) -> None:
    binds = {f"p{place}": value for place, value in enumerate(operands)}
    names = [f"@{name}" for name in binds]
    both = run(f"RETURN [{' AND '.join(names)}, {' OR '.join(names)}]", **binds)
    assert both == [[all(map(truthy, operands)), any(map(truthy, operands))]]


def test_limit_without_sort_reads_no_more_than_it_needs() -> None:
    assert run("FOR i IN 1..9000000 FILTER i % 2 == 0 LIMIT 2 RETURN i") == [2, 4]


def test_objects_come_out_with_sorted_keys_at_every_depth() -> None:
    rows = run("RETURN [{b: {d: 1, c: 2}, a: @x}]", x={"z": 1, "y": ({"q": 1, "p": 2},)})
    assert str(rows) == "[[{'a': {'y': [{'p': 2, 'q': 1}], 'z': 1}, 'b': {'c': 2, 'd': 1}}]]"


def test_a_limit_does_not_reach_past_a_collect() -> None:
    assert run("FOR x IN 1..10 COLLECT WITH COUNT INTO n LIMIT 1 RETURN n") == [10]


def test_windows_of_a_late_let_see_the_rows_that_limit_takes_away() -> None:
    text = "FOR x IN [5, 3, 4] SORT x LIMIT 1 LET n = COUNT(x) OVER () RETURN [x, n]"
    assert run(text) == [[3, 3]]


def test_running_sums_go_row_by_row_through_peers() -> None:
    text = "FOR x IN [1, 1, 2] RETURN SUM(x) OVER (ORDER BY x)"
    assert run(text) == [1.0, 2.0, 4.0]


def test_a_lambda_of_two_parameters_called_with_one_leaves_the_other_unbound() -> None:
    with pytest.raises(QueryError, match="Variable 'i' not found"):
        run("RETURN MAP([1], (x, i) -> i)")


def test_nested_lambdas_and_currents_do_not_disturb_each_other() -> None:
    assert run("RETURN MAP([1, 2], x -> MAP([10, 20], y -> x + y))") == [[[11, 21], [12, 22]]]
    text = "RETURN [[1, 2], [3]][* RETURN CURRENT[* FILTER CURRENT > 1 RETURN CURRENT * 10]]"
    assert run(text) == [[[20], [30]]]


def test_a_long_chain_of_operators_is_no_depth() -> None:
    assert run("RETURN " + " + ".join(["1"] * 3000)) == [3000]


def test_an_unknown_collection_is_named() -> None:
    with pytest.raises(CollectionNotFound, match="'nowhere'"):
        run("FOR x IN nowhere RETURN x")


def test_system_time_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedQueryError, match="SYSTEM_TIME"):
        run("FOR x IN things SYSTEM_TIME AS OF 5 RETURN x")


def test_a_prepared_query_runs_again_with_other_binds_and_sources() -> None:
    query = prepare(parse("FOR t IN things FILTER t.a IN @wanted RETURN t.a"))
    first, second = source_of([{"a": 1}, {"a": 2}]), source_of([{"a": 2}, {"a": 3}])
    assert list(query.run(first, {"wanted": [1]})) == [1]
    assert list(query.run(second, {"wanted": [2, 3]})) == [2, 3]


def test_an_expression_can_be_compiled_alone() -> None:
    block = parse("RETURN doc.age >= @min AND doc.name LIKE other")
    expression = block.returns.expression  # type: ignore[union-attr]
    compiled = compile_expression(expression, ["doc", "other"])
    call = compiled.on(Run(MemorySource(), {"min": 18}))
    assert call({"age": 20, "name": "Ada"}, "A%") is True
    assert compiled([{"age": 20, "name": "Ada"}, "B%"], {"min": 18}, MemorySource()) is False


@given(documents)
def test_elements_of_an_array_that_comes_again_are_those_that_each_row_wants(
    items: list[dict[str, Any]],
) -> None:
    source = source_of([*items, {"a": 2**53 + 1, "b": 2.0**53}, {"a": [1], "b": [1.0]}, {"b": {"x": None}}])
    listed = "LET rows = APPEND((FOR u IN things RETURN {k: u._key, a: u.a}), [1, null, 'a'])"
    text = "FOR t IN things FOR r IN rows FILTER {} AND r.k != t._key RETURN [t._key, r]"
    for wanted in ("t.b", "NOT_NULL(t.b, t.a)", "[1]"):
        once, anew = (
            run(f"{listed} {text.format(f'r.a == {sought}')}", source)
            for sought in (wanted, f"(t._key == t._key ? {wanted} : 0)")  # which is not known beforehand
        )
        assert once == anew


def test_an_array_that_comes_again_is_grouped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    grouped: list[int] = []
    group = lookups._hashed  # pyright: ignore[reportPrivateUsage]

    def counted(*given: Any) -> Any:
        grouped.append(1)
        return group(*given)

    monkeypatch.setattr(lookups, "_hashed", counted)
    source = source_of([{"a": n, "b": n % 5} for n in range(30)])
    text = (
        "WITH totals AS (FOR t IN things COLLECT b = t.b AGGREGATE n = SUM(t.a) RETURN {b: b, n: n})"
        " FOR t IN things FOR r IN totals FILTER r.b == NOT_NULL(t.b, 0) RETURN 1"
    )
    assert len(run(text, source)) == 30
    assert grouped == [1]


class Counted(MemorySource):
    """A source that counts how often a collection is read from its beginning."""

    scans = 0

    def scan(self, collection: str) -> Iterator[JsonObject]:
        self.scans += 1
        return super().scan(collection)


def test_a_subquery_over_a_table_is_run_once() -> None:
    source = Counted({"things": [{"_key": f"k{n}", "a": n} for n in range(10)]})
    text = (
        "WITH high AS (FOR t IN things FILTER t.a >= 7 RETURN t.a) FOR t IN things"
        " FILTER t.a IN (FOR h IN high LET n = FIRST((FOR u IN things RETURN h)) FILTER n != 8 RETURN n)"
        " RETURN t.a"
    )
    assert run(text, source) == [7, 9]
    assert source.scans <= 2 + 3


def test_a_subquery_over_a_recursive_table_sees_each_round() -> None:
    text = (
        "WITH RECURSIVE n AS (RETURN 1 UNION ALL FOR x IN n FILTER x < 4 AND x IN (FOR y IN n RETURN y)"
        " AND LENGTH((FOR y IN n RETURN y)) == 1 RETURN x + 1) FOR x IN n RETURN x"
    )
    assert run(text) == [1, 2, 3, 4]
