"""Texts with a NUL character, at which SQLite's JSON functions cut a text off, are compared whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    IndexSpec,
    Inserts,
    Patch,
    Patches,
    Removals,
    RenameCollection,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileDriver
from solidb_odm.engines.sqlite.channel import FileChannel
from solidb_odm.errors import UniqueViolation
from solidb_odm.language.parser import parse
from tests.sizes import examples

LOOK_UP = parse("FOR u IN users FILTER u.v == @v RETURN u._key")
COUNT = parse("FOR u IN users FILTER LENGTH(u.v) > 1 RETURN u._key")
UNIQUE = IndexSpec("v", "persistent", ("v",), unique=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nul.db"


@pytest.fixture
def channel(path: Path) -> Iterator[FileChannel]:
    driver = FileDriver(f"sqlite:///{path}")
    channel = driver.channel()
    channel.perform(CreateCollection("users"))
    channel.perform(CreateIndex("users", UNIQUE))
    channel.perform(CreateIndex("users", IndexSpec("pair", "persistent", ("v", "w"), unique=True)))
    yield channel
    channel.close()
    driver.close()


def insert(channel: FileChannel, *rows: dict[str, Any]) -> list[str]:
    (receipts,) = channel.perform(Apply([Inserts("users", [(row["_key"], row) for row in rows])]))
    return [revision for revision, _, _ in receipts]


def indexes(channel: FileChannel, query: Any = LOOK_UP) -> list[str]:
    found: list[str] = channel.perform(ExplainQuery(query, {"v": "x"}))["indexes"]
    return found


def test_texts_that_differ_after_a_nul_differ_under_a_unique_index(channel: FileChannel) -> None:
    texts = ["x", "x\0", "x\0y", "x\0z", "\0", ""]
    insert(channel, *({"_key": f"k{number}", "v": text} for number, text in enumerate(texts)))
    for number, text in enumerate(texts):
        assert channel.perform(RunQuery(LOOK_UP, {"v": text})) == [f"k{number}"]
        with pytest.raises(UniqueViolation) as caught:
            insert(channel, {"_key": "again", "v": text})
        assert caught.value.fields == ("v",)


def test_a_unique_look_up_uses_its_index_beside_a_nul(channel: FileChannel) -> None:
    insert(channel, {"_key": "a", "v": "x\0y", "w": 1}, {"_key": "b", "v": "x", "w": 2})
    assert indexes(channel) == ["users.v"]
    pair = parse("FOR u IN users FILTER u.v == @v AND u.w == 2 RETURN u")
    assert indexes(channel, pair) != []
    assert channel.perform(RunQuery(pair, {"v": "x"}))[0]["_key"] == "b"


def test_what_asks_for_the_texts_themselves_is_python_s_until_the_last_nul_is_gone(
    channel: FileChannel,
) -> None:
    revisions = insert(
        channel, {"_key": "a", "v": "x\0y"}, {"_key": "b", "v": "xy\0"}, {"_key": "c", "v": "zz"}
    )
    channel.perform(Commit())
    assert channel.perform(RunQuery(COUNT)) == ["a", "b", "c"]
    assert channel.perform(ExplainQuery(COUNT))["python"] is not None
    channel.perform(Apply([Removals("users", [("a", revisions[0])])]))
    channel.perform(Commit())
    assert channel.perform(ExplainQuery(COUNT))["python"] is not None
    channel.perform(Apply([Patches("users", [Patch("b", revisions[1], {"v": "y"})])]))
    channel.perform(Commit())
    assert channel.perform(ExplainQuery(COUNT))["python"] is None
    assert channel.perform(RunQuery(COUNT)) == ["c"]
    assert indexes(channel) == ["users.v"]
    insert(channel, {"_key": "d", "v": "zz\0"})
    assert channel.perform(RunQuery(COUNT)) == ["c", "d"]


def test_the_six_characters_of_its_escape_are_no_nul(channel: FileChannel) -> None:
    insert(channel, {"_key": "a", "v": "x\\u0000y"}, {"_key": "b", "v": "x\\\\u0000y"})
    assert channel.perform(ExplainQuery(COUNT))["python"] is None
    assert channel.perform(RunQuery(LOOK_UP, {"v": "x\\u0000y"})) == ["a"]
    insert(channel, {"_key": "c", "v": "\\\0"})
    assert channel.perform(ExplainQuery(COUNT))["python"] is not None
    assert channel.perform(RunQuery(LOOK_UP, {"v": "\\\0"})) == ["c"]


def test_a_rollback_leaves_nothing_of_a_nul(channel: FileChannel) -> None:
    insert(channel, {"_key": "a", "v": "x"})
    channel.perform(Commit())
    insert(channel, {"_key": "b", "v": "x\0"})
    channel.perform(Rollback())
    assert channel.perform(ExplainQuery(COUNT))["python"] is None
    assert indexes(channel) == ["users.v"]


def test_a_collection_keeps_its_exact_indexes_under_another_name(channel: FileChannel) -> None:
    insert(channel, {"_key": "a", "v": "x\0y"})
    channel.perform(RenameCollection("users", "people"))
    channel.perform(CreateCollection("users"))
    insert(channel, {"_key": "a", "v": "x\0y"})
    with pytest.raises(UniqueViolation):
        channel.perform(Apply([Inserts("people", [("b", {"_key": "b", "v": "x\0y"})])]))
    channel.perform(Commit())


def test_edges_whose_ends_hold_a_nul_are_found_by_their_ends(channel: FileChannel) -> None:
    channel.perform(CreateCollection("ways", "edge"))
    insert(channel, *({"_key": key, "v": key} for key in ("a", "b")))
    edges = [("1", "users/a", "users/b"), ("2", "users/a", "users/b\0"), ("3", "users/a\0", "users/b")]
    rows = [(key, {"_key": key, "_from": start, "_to": end}) for key, start, end in edges]
    channel.perform(Apply([Inserts("ways", rows)]))
    query = parse("FOR v, e IN 1..1 OUTBOUND 'users/a' ways RETURN [e._key, v.v]")
    assert channel.perform(RunQuery(query)) == [["1", "b"]]
    channel.perform(Commit())
    assert channel.perform(RunQuery(query)) == [["1", "b"]]


def test_a_file_of_an_earlier_version_is_mended_by_its_next_commit(path: Path, channel: FileChannel) -> None:
    insert(channel, {"_key": "a", "v": "x"})
    channel.perform(Commit())
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE _solidb_collections SET irregular = 1")
        other.execute("CREATE TABLE mark (a)")  # which has others read the catalogue again
    assert channel.perform(ExplainQuery(LOOK_UP, {"v": "x"}))["python"] is not None
    insert(channel, {"_key": "b", "v": "y"})
    channel.perform(Commit())
    assert indexes(channel) == ["users.v"]
    assert channel.perform(ExplainQuery(COUNT))["python"] is None


_driver = FileDriver("sqlite://")
_shared = _driver.channel()
_shared.perform(CreateCollection("texts"))
_shared.perform(CreateIndex("texts", IndexSpec("v", "persistent", ("v",))))
_TEXTS = st.text(st.sampled_from("\0\1a"), max_size=3)
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "==": str.__eq__,
    "!=": str.__ne__,
    "<": str.__lt__,
    "<=": str.__le__,
}


@settings(max_examples=examples(100))
@given(
    st.lists(_TEXTS, max_size=6),
    st.text(st.sampled_from("\1a"), max_size=3),
    st.sampled_from(list(_COMPARISONS)),
)
def test_texts_are_compared_and_sorted_whole(texts: list[str], value: str, operator: str) -> None:
    rows = [(f"k{number}", {"_key": f"k{number}", "v": text}) for number, text in enumerate(texts)]
    _shared.perform(Apply([Inserts("texts", rows)]))
    query = parse(f"FOR t IN texts FILTER t.v {operator} @v SORT t.v RETURN t.v")
    try:
        assert _shared.perform(ExplainQuery(query, {"v": value}))["python"] is None
        expected = sorted(text for text in texts if _COMPARISONS[operator](text, value))
        assert _shared.perform(RunQuery(query, {"v": value})) == expected
        pairs = parse("FOR a IN texts FOR b IN texts FILTER a.v == b.v RETURN [a._key, b._key]")
        equal = [
            [f"k{one}", f"k{other}"] for one, a in enumerate(texts) for other, b in enumerate(texts) if a == b
        ]
        assert _shared.perform(RunQuery(pairs)) == equal
    finally:
        _shared.perform(Rollback())
