"""Writing and reading documents: receipts, conflicts, exact values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.commands import (
    Apply,
    Commit,
    CountDocuments,
    CreateCollection,
    CreateIndex,
    Get,
    GetMany,
    IndexSpec,
    Inserts,
    Patch,
    Patches,
    Removals,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver
from solidb_odm.errors import (
    CollectionNotFound,
    DuplicateKey,
    InvalidDocument,
    StaleDocumentError,
    UniqueViolation,
)
from solidb_odm.language.parser import parse


def _insert(channel: FileChannel, *documents: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = [(document["_key"], document) for document in documents]
    return channel.perform(Apply([Inserts("users", rows)]))[0]


def _body(channel: FileChannel, key: str) -> Any:
    stored = channel.perform(Get("users", key))
    return None if stored is None else json.loads(stored[4])


def test_a_document_is_read_back_with_its_receipt(channel: FileChannel) -> None:
    (receipt,) = _insert(channel, {"_key": "a", "n": 1})
    assert channel.perform(Get("users", "a")) == ("a", *receipt, '{"_key":"a","n":1}')
    assert receipt[1] == receipt[2]
    assert receipt[1].endswith("+00:00")


def test_a_missing_document_is_none_and_left_out_of_many(channel: FileChannel) -> None:
    _insert(channel, {"_key": "a"}, {"_key": "b"})
    assert channel.perform(Get("users", "x")) is None
    assert sorted(row[0] for row in channel.perform(GetMany("users", ["b", "x", "a", "a"]))) == ["a", "b"]


def test_a_missing_collection_is_named(channel: FileChannel) -> None:
    for command in (
        Get("nope", "a"),
        GetMany("nope", ["a"]),
        CountDocuments("nope"),
        RunQuery(parse("FOR n IN nope RETURN n")),
    ):
        with pytest.raises(CollectionNotFound) as caught:
            channel.perform(command)
        assert caught.value.name == "nope"


def test_names_that_differ_in_case_are_different_collections(channel: FileChannel) -> None:
    channel.perform(CreateCollection("Users"))
    channel.perform(CreateCollection("sqlite_x"))
    channel.perform(CreateCollection('odd "name" ^U'))
    _insert(channel, {"_key": "a"})
    assert channel.perform(CountDocuments("Users")) == 0
    assert channel.perform(CountDocuments("users")) == 1


def test_a_patch_sets_and_removes_top_level_attributes(channel: FileChannel) -> None:
    (receipt,) = _insert(channel, {"_key": "a", "n": {"x": 1}, "gone": 1, "kept": 1.0})
    changes = {"n": {"y": None}, "big": 2**64 - 1, "dot.ted": 1, 'quo"ted': 2, "float": 1.0}
    ((patched,),) = channel.perform(Apply([Patches("users", [Patch("a", receipt[0], changes, ("gone",))])]))
    assert _body(channel, "a") == {"_key": "a", "kept": 1.0, **changes}
    assert patched[0] != receipt[0]
    assert patched[1] == receipt[1]


@pytest.mark.parametrize("created", ["", "2026-01-01T00:00:00Z"], ids=["unknown", "known"])
def test_stale_patches_are_all_named_and_nothing_is_written(channel: FileChannel, created: str) -> None:
    one, two = _insert(channel, {"_key": "a", "n": 1}, {"_key": "b"})
    wanted = [("a", one[0]), ("b", "other"), ("gone", "r")]
    patches = [Patch(key, revision, {"n": 2}, created=created) for key, revision in wanted]
    with pytest.raises(StaleDocumentError) as caught:
        channel.perform(Apply([Patches("users", patches)]))
    assert [(d.key, d.expected, d.found) for d in caught.value.documents] == [
        ("b", "other", two[0]),
        ("gone", "r", None),
    ]
    assert _body(channel, "a") == {"_key": "a", "n": 1}


def test_a_stale_patch_is_told_before_a_value_that_is_taken(channel: FileChannel) -> None:
    channel.perform(CreateIndex("users", IndexSpec("ux", "persistent", ("n",), unique=True)))
    one, two = _insert(channel, {"_key": "a", "n": 1}, {"_key": "b", "n": 2})
    patches = [Patch("a", "other", {"n": 3}, created=one[1]), Patch("b", two[0], {"n": 1}, created=two[1])]
    with pytest.raises(StaleDocumentError) as caught:
        channel.perform(Apply([Patches("users", patches)]))
    assert [d.key for d in caught.value.documents] == ["a"]


def test_a_patch_with_the_text_of_the_whole_document_writes_it_as_it_is(channel: FileChannel) -> None:
    (receipt,) = _insert(channel, {"_key": "a", "n": 1, "gone": True})
    text = '{"_key": "a", "n": 2}'
    patch = Patch("a", receipt[0], {"n": 2}, ("gone",), text, receipt[1])
    ((patched,),) = channel.perform(Apply([Patches("users", [patch])]))
    stored = channel.perform(Get("users", "a"))
    assert stored == ("a", *patched, text)
    assert patched[1] == receipt[1]


def test_a_failing_batch_undoes_its_command_and_keeps_the_transaction(channel: FileChannel) -> None:
    _insert(channel, {"_key": "a"})
    with pytest.raises(DuplicateKey) as caught:
        _insert(channel, {"_key": "b"}, {"_key": "a"}, {"_key": "c"})
    channel.perform(Commit())
    assert caught.value.key == "a"
    assert channel.perform(CountDocuments("users")) == 1


def test_removal_checks_the_revision(channel: FileChannel) -> None:
    (receipt,) = _insert(channel, {"_key": "a"})
    with pytest.raises(StaleDocumentError):
        channel.perform(Apply([Removals("users", [("a", "other")])]))
    assert channel.perform(Apply([Removals("users", [("a", receipt[0])])])) == [[receipt]]
    assert _body(channel, "a") is None


@pytest.mark.parametrize("value", ["x", 1, 1.5, True, [1, {"a": 2}], {"a": 1}])
def test_a_unique_index_names_itself_and_the_document(channel: FileChannel, value: object) -> None:
    channel.perform(CreateIndex("users", IndexSpec("ux", "persistent", ("deep.email",), unique=True)))
    _insert(channel, {"_key": "a", "deep": {"email": value}})
    with pytest.raises(UniqueViolation) as caught:
        _insert(channel, {"_key": "b"}, {"_key": "c", "deep": {"email": value}})
    assert (caught.value.index, caught.value.fields, caught.value.key) == ("ux", ("deep.email",), "c")


def test_a_unique_index_tells_types_apart_and_lets_nulls_off(channel: FileChannel) -> None:
    channel.perform(CreateIndex("users", IndexSpec("ux", "persistent", ("v",), unique=True)))
    values = [None, None, 1, "1", True, "true", [], {}, [1], ["1"]]
    _insert(channel, {"_key": "missing"}, *({"_key": str(n), "v": v} for n, v in enumerate(values)))
    with pytest.raises(UniqueViolation):
        _insert(channel, {"_key": "float", "v": 1.0})


def test_a_composite_unique_index_takes_nulls_for_equal(channel: FileChannel) -> None:
    channel.perform(CreateIndex("users", IndexSpec("ux", "persistent", ("a", "b"), unique=True)))
    _insert(channel, {"_key": "1"}, {"_key": "2"}, {"_key": "3", "a": 1})
    with pytest.raises(UniqueViolation):
        _insert(channel, {"_key": "4", "a": 1, "b": None})


def test_a_unique_index_over_duplicates_is_not_made(channel: FileChannel) -> None:
    _insert(channel, {"_key": "1", "a": 1}, {"_key": "2", "a": 1.0})
    channel.perform(Commit())
    spec = IndexSpec("ux", "persistent", ("a",), unique=True)
    with pytest.raises(UniqueViolation):
        channel.perform(CreateIndex("users", spec))
    channel.perform(CreateIndex("users", IndexSpec("ux", "persistent", ("a",))))


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}, float("inf")])
def test_what_json_has_no_form_for_is_refused(channel: FileChannel, value: object) -> None:
    with pytest.raises(InvalidDocument):
        _insert(channel, {"_key": "a", "v": value})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5).filter(str.isprintable), inner, max_size=4)
    ),
    max_leaves=10,
)
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda name: name[0] != "_"
)
_shared = FileDriver("sqlite://").channel()
_shared.perform(CreateCollection("users"))
_shared.perform(CreateIndex("users", IndexSpec("a", "persistent", ("a",))))


@given(
    st.dictionaries(_NAMES | st.just("a"), _JSON, max_size=4),
    st.dictionaries(_NAMES | st.just("a"), _JSON, max_size=4),
)
def test_every_value_survives_an_insert_and_a_patch(before: dict[str, Any], changes: dict[str, Any]) -> None:
    (receipt,) = _insert(_shared, {"_key": "k", **before})
    assert repr(_body(_shared, "k")) == repr({"_key": "k", **before})
    ((patched,),) = _shared.perform(Apply([Patches("users", [Patch("k", receipt[0], changes)])]))
    found = _body(_shared, "k")
    _shared.perform(Apply([Removals("users", [("k", patched[0])])]))
    assert {name: repr(value) for name, value in found.items()} == {
        name: repr(value) for name, value in {"_key": "k", **before, **changes}.items()
    }


def test_deep_nesting_is_kept(channel: FileChannel) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    _insert(channel, {"_key": "a", "deep": deep})
    assert _body(channel, "a")["deep"] == deep
    assert channel.perform(RunQuery(parse("FOR u IN users RETURN u.deep"))) == [deep]


def test_a_text_with_a_nul_character_is_compared_whole(channel: FileChannel) -> None:
    _insert(channel, {"_key": "a", "v": "x\0y"}, {"_key": "b", "v": "x"})
    query = parse("FOR u IN users FILTER u.v == @v RETURN u._key")
    assert channel.perform(RunQuery(query, {"v": "x"})) == ["b"]
    assert channel.perform(RunQuery(query, {"v": "x\0y"})) == ["a"]
