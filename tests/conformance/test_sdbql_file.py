"""The file engine against the recorded answers of the server, through its channel."""

from collections.abc import Iterator
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    IndexSpec,
    Inserts,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver
from solidb_odm.errors import SolidbError
from solidb_odm.language.parser import parse

from .cases import CASES, DATASET, OBSERVED, Case, error_agrees, rows_agree, same, without_varying
from .differences import DIFFERENCES

# A query on a file is all or nothing, where the server leaves the rows before the failing one.
_ATOMIC = {"mutation-not-atomic": True, "bulk-insert-atomic": False}
_KINDS = {"fulltext": "fulltext", "geo": "geo", "vector": "vector", "ttl": "ttl"}


@pytest.fixture
def channel() -> Iterator[FileChannel]:
    driver = FileDriver("sqlite://", database="t")
    channel = driver.channel()
    for collection in DATASET:
        channel.perform(CreateCollection(collection["name"], collection["type"]))
        rows = [(document["_key"], document) for document in collection["docs"]]
        channel.perform(Apply([Inserts(collection["name"], rows)]))
    channel.perform(Commit())
    yield channel
    channel.perform(Rollback())
    channel.close()
    driver.close()


def _query(channel: FileChannel, query: str, binds: dict[str, Any] | None = None) -> list[Any]:
    return channel.perform(RunQuery(parse(query), binds or {}, query))


def _prepare(channel: FileChannel, case: Case) -> None:
    for index in case.get("indexes", []):
        spec = IndexSpec(
            index["name"],
            _KINDS.get(index["type"], "persistent"),
            tuple(index["fields"]),
            unique=bool(index.get("unique")),
            dimension=index.get("dimension") or 0,
            metric=index.get("metric") or "cosine",
        )
        channel.perform(CreateIndex(index["collection"], spec))
    for step in case.get("setup", []):
        _query(channel, step["query"], step.get("bind_vars"))


def _agrees(channel: FileChannel, case: Case) -> bool:
    _prepare(channel, case)
    try:
        rows = _query(channel, case["query"], case["bind_vars"])
    except SolidbError as error:
        if "error" not in case["expect"] or not error_agrees(error, case):
            return False
    else:
        if "error" in case["expect"] or not rows_agree(rows, case):
            return False
    after = case.get("after")
    return after is None or same(_query(channel, after["query"]), after["rows"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_embedded_engine_answers_as_the_server(channel: FileChannel, case: Case) -> None:
    name = case["name"]
    assert _agrees(channel, case) is not _ATOMIC.get(name, name in DIFFERENCES)


@pytest.mark.parametrize("case", OBSERVED, ids=lambda case: case["query"])
def test_a_file_answers_what_was_observed(channel: FileChannel, case: Case) -> None:
    if "error" in case:
        with pytest.raises(SolidbError):
            _query(channel, case["query"])
        return
    assert same(without_varying(_query(channel, case["query"])), case["rows"])
