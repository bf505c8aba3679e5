"""The evaluator against the recorded answers of the server."""

from typing import Any

import pytest

from solidb_odm.errors import SolidbError
from solidb_odm.language.functions.built_in import IndexInfo
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse

from .cases import CASES, DATASET, OBSERVED, Case, error_agrees, rows_agree, same, without_varying
from .differences import DIFFERENCES

_SEARCH_INDEXES = ("fulltext", "geo", "vector")


def _source(case: Case) -> MemorySource:
    source = MemorySource(database="t")
    for collection in DATASET:
        source.create(collection["name"], kind=collection["type"])
        for document in collection["docs"]:
            source.insert(collection["name"], document)
    for index in case.get("indexes", []):
        _declare(source, index)
    for step in case.get("setup", []):
        evaluate(parse(step["query"]), source, step.get("bind_vars"))
    return source


def _declare(source: MemorySource, index: dict[str, Any]) -> None:
    collection, fields = index["collection"], tuple(index["fields"])
    if index.get("unique"):
        source.declare_unique(collection, index["name"], fields)
    if index["type"] in _SEARCH_INDEXES:
        dimension = index.get("dimension")
        source.declare_index(collection, IndexInfo(index["name"], index["type"], fields, dimension))


def _agrees(case: Case) -> bool:
    source = _source(case)
    try:
        rows = evaluate(parse(case["query"]), source, case["bind_vars"])
    except SolidbError as error:
        if "error" not in case["expect"] or not error_agrees(error, case):
            return False
    else:
        if "error" in case["expect"] or not rows_agree(rows, case):
            return False
    after = case.get("after")
    return after is None or same(evaluate(parse(after["query"]), source), after["rows"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_evaluator_answers_as_the_server(case: Case) -> None:
    assert _agrees(case) is (case["name"] not in DIFFERENCES)


@pytest.mark.parametrize("case", OBSERVED, ids=lambda case: case["query"])
def test_the_evaluator_answers_what_was_observed(case: Case) -> None:
    source, query = _source(case), case["query"]
    if "error" in case:
        with pytest.raises(SolidbError):
            evaluate(parse(query), source)
        return
    assert same(without_varying(evaluate(parse(query), source)), case["rows"])


def test_differences_are_few_and_name_real_cases() -> None:
    assert set(DIFFERENCES) <= {case["name"] for case in CASES}
    assert len(DIFFERENCES) < 25
