"""The texts of queries that are kept beside those that are printed anew."""

import gc

import pytest

from solidb_odm.commands import RunQuery
from solidb_odm.engines.solidb.reads import KEPT, LONGEST, Text, printed, run_query
from solidb_odm.errors import QueryError
from solidb_odm.language.nodes import Query
from solidb_odm.language.parser import parse
from solidb_odm.language.printer import print_query


def test_a_kept_text_is_that_of_its_query() -> None:
    """More queries than are kept, each dropped or held, asked for twice and in both orders."""
    held: list[Query] = []
    for number in range(3 * KEPT):
        query = parse(f"FOR d IN c{number % 7} FILTER d.n == @n{number} RETURN d")
        assert printed(query) == printed(query) == Text.of(print_query(query))
        if number % 3 == 0:
            held.append(query)
        if number % 100 == 0:
            gc.collect()  # so that another query may have the identity of one that is gone
    for query in held + held[::-1]:
        assert printed(query).text == print_query(query)


def test_what_a_text_says() -> None:
    assert printed(parse("FOR d IN c FILTER d.a == @a AND d.b == @b RETURN d")).names == {"a", "b"}
    assert not printed(parse("FOR d IN c RETURN d")).writes
    assert printed(parse("FOR d IN c REMOVE d IN c")).writes


def test_a_long_text_is_printed_but_not_kept() -> None:
    query = parse(f"RETURN {'[' + ','.join(['1'] * LONGEST) + ']'}")
    assert printed(query).text == printed(query).text == print_query(query)
    assert printed(query) is not printed(query)


def test_a_missing_bind_is_refused_each_time() -> None:
    query = parse("FOR d IN c FILTER d.n == @n RETURN d")
    for _ in range(2):
        with pytest.raises(QueryError):
            next(run_query(RunQuery(query, {}), "database"))
        next(run_query(RunQuery(query, {"n": 1}), "database"))
