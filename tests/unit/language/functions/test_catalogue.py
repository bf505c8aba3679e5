"""The catalogue names every function once, and its page in the documentation is up to date."""

import pytest

from solidb_odm.errors import QueryError, UnsupportedQueryError
from solidb_odm.language.functions import Function, catalogue, lookup
from solidb_odm.language.functions.built_in import ACCEPT, PROPAGATE, arity, register
from solidb_odm.language.interpreter import MemorySource, Run
from tools.functions_page import PAGE, page

FUNCTIONS = catalogue()
LOCAL = [f for f in FUNCTIONS if "file" in f.engines]


def test_a_function_is_found_in_any_case_and_by_its_aliases() -> None:
    assert lookup("upper") is lookup("ToUpper") is lookup("UPPER")
    assert lookup("SLEEP") is None


def test_the_catalogue_is_sorted_and_has_no_name_twice() -> None:
    names = [name for f in FUNCTIONS for name in (f.name, *f.aliases)]
    assert [f.name for f in FUNCTIONS] == sorted(f.name for f in FUNCTIONS)
    assert len(names) == len(set(names)) > 400


def test_a_name_can_not_be_taken_twice() -> None:
    taken = lookup("UPPER")
    assert taken is not None
    with pytest.raises(ValueError, match="UPPER is defined twice"):
        register(taken)


@pytest.mark.parametrize(
    ("signature", "counts"),
    [
        ("", (0, 0)),
        ("s, start [, length]", (2, 3)),
        ("x, ...", (1, None)),
        ("a, (total,x)->total [, initial]", (2, 3)),
        ("d1, d2 [, unit [, asFloat]]", (2, 4)),
    ],
)
def test_the_number_of_arguments_follows_from_the_signature(
    signature: str, counts: tuple[int, int | None]
) -> None:
    assert arity(signature) == counts


@pytest.mark.parametrize("function", [f for f in LOCAL if f.max_args is not None], ids=lambda f: f.name)
def test_too_many_arguments_are_refused_by_name(function: Function) -> None:
    assert function.max_args is not None
    with pytest.raises(QueryError, match=f"^{function.name} requires"):
        function.implementation(Run(MemorySource(), {}), [None] * (function.max_args + 1))


@pytest.mark.parametrize("function", [f for f in LOCAL if f.nulls == PROPAGATE], ids=lambda f: f.name)
def test_null_goes_through_where_the_catalogue_says_so(function: Function) -> None:
    arguments = [None] * max(1, function.min_args)
    assert function.implementation(Run(MemorySource(), {}), arguments) is None


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if "file" not in f.engines], ids=lambda f: f.name)
def test_what_only_a_server_has_is_refused_with_a_way_out(function: Function) -> None:
    with pytest.raises(UnsupportedQueryError, match=function.name) as caught:
        function.implementation(Run(MemorySource(), {}), [])
    assert caught.value.construct == function.name
    assert caught.value.hint


def test_every_function_says_what_it_gives() -> None:
    assert all(f.summary.endswith((".", ")")) and f.returns and f.nulls for f in FUNCTIONS)
    assert ACCEPT in {f.nulls for f in FUNCTIONS}


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tools/functions_page.py"
