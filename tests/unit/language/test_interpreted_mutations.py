"""Writes: no feedback, nothing lost to LIMIT, errors that name the document."""

from collections.abc import Iterator
from typing import Any

import pytest

from solidb_odm._types import JsonObject
from solidb_odm.errors import DocumentNotFound, DuplicateKey, InvalidDocument, QueryError, UniqueViolation
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.language.parser import parse


def people() -> MemorySource:
    return MemorySource({"people": [{"_key": "ada", "age": 36, "at": {"x": 1, "y": 2}}, {"_key": "bob"}]})


def keys(source: MemorySource) -> list[str]:
    return [document["_key"] for document in source.scan("people")]


def run(text: str, source: MemorySource, **binds: Any) -> list[Any]:
    return evaluate(parse(text), source, binds)


def test_a_write_does_not_feed_its_own_scan() -> None:
    source = people()
    run('FOR p IN people INSERT {_key: CONCAT(p._key, "2")} INTO people', source)
    assert keys(source) == ["ada", "ada2", "bob", "bob2"]


def test_a_write_inside_a_subquery_does_not_feed_the_scan_around_it() -> None:
    source = people()
    text = (
        'FOR p IN people LET n = (LET k = CONCAT("x", p._key) INSERT {_key: k} INTO people RETURN 1) RETURN n'
    )
    run(text, source)
    assert keys(source) == ["ada", "bob", "xada", "xbob"]


class Counted(MemorySource):
    """A source that counts how often a collection is read from its beginning."""

    scans = 0

    def scan(self, collection: str) -> Iterator[JsonObject]:
        self.scans += 1
        return super().scan(collection)


@pytest.mark.parametrize("operator", ["IN", "NOT IN"])
def test_a_condition_asks_a_subquery_that_depends_on_no_row_once(operator: str) -> None:
    numbers: list[Any] = [{"_key": f"k{n:02}", "n": n % 7} for n in range(30)]
    source = Counted({"people": numbers})
    text = f"FOR p IN people FILTER p.n {operator} (FOR q IN people FILTER q.n > 4 RETURN q.n)"

    assert len(run(f"{text} UPDATE p WITH {{n: 9}} IN people RETURN NEW", source)) == (
        8 if operator == "IN" else 22
    )
    assert source.scans == 2


def test_what_is_set_is_asked_again_after_each_write() -> None:
    text = (
        "FOR p IN people UPDATE p WITH {n: LENGTH((FOR q IN people FILTER q.n != null RETURN 1))} IN people"
    )

    assert run(f"{text} RETURN NEW.n", people()) == [0, 1]


def test_a_list_of_rows_that_comes_again_holds_what_it_holds_once() -> None:
    values = "[1, 2.5, true, null, 'a', [1, 'x'], {a: 1}, 9007199254740993, 9007199254740992.0]"
    sought = f"PUSH(PUSH({values}, 1.0), 9007199254740992)"
    for listed in (values, "[1, true, [1, 'x']]", "[]"):
        once, anew = (
            run(f"FOR v IN {sought} RETURN v IN (FOR w IN {listed} FILTER {condition} RETURN w)", people())
            for condition in ("1 == 1", "v == v")
        )
        assert once == anew


def test_a_limit_trims_the_answer_not_the_write() -> None:
    source = people()
    assert run("FOR p IN people REMOVE p IN people LIMIT 1 RETURN OLD._key", source) == ["ada"]
    assert keys(source) == []


def test_what_is_written_first_stays_when_a_later_row_fails() -> None:
    source = people()
    with pytest.raises(DuplicateKey, match="'bob' already exists") as caught:
        run('FOR k IN ["new", "bob", "other"] INSERT {_key: k} INTO people', source)
    assert (caught.value.collection, caught.value.key) == ("people", "bob")
    assert keys(source) == ["ada", "bob", "new"]


def test_ignore_errors_drops_only_the_failing_rows() -> None:
    source = people()
    text = 'FOR k IN ["new", "bob"] INSERT {_key: k} INTO people OPTIONS {ignoreErrors: true} RETURN NEW._key'
    assert run(text, source) == ["new"]


def test_update_names_the_document_it_misses() -> None:
    with pytest.raises(DocumentNotFound, match="'eve' not found") as caught:
        run('UPDATE "eve" WITH {a: 1} IN people', people())
    assert (caught.value.name, caught.value.collection) == ("eve", "people")


def test_update_is_shallow_unless_told_otherwise() -> None:
    text = 'UPDATE "ada" WITH {at: {x: 9}} IN people OPTIONS {mergeObjects: %s} RETURN NEW.at'
    assert run(text % "false", people()) == [{"x": 9}]
    assert run(text % "true", people()) == [{"x": 9, "y": 2}]


def test_keep_null_false_removes_attributes_at_every_depth() -> None:
    text = (
        'UPDATE "ada" WITH {age: null, at: {x: null}} IN people '
        "OPTIONS {keepNull: false, mergeObjects: true} RETURN [NEW.at, HAS(NEW, 'age')]"
    )
    assert run(text, people()) == [[{"y": 2}, False]]


def test_a_write_gives_a_new_revision_and_keeps_the_time_of_creation() -> None:
    text = (
        'REPLACE "ada" WITH {b: 1} IN people '
        "RETURN [OLD._rev != NEW._rev, OLD._created_at == NEW._created_at, NEW.age]"
    )
    assert run(text, people()) == [[True, True, None]]


def test_system_attributes_in_a_patch_are_ignored() -> None:
    assert run('UPDATE "ada" WITH {_key: "x", _rev: "1", _id: "y"} IN people RETURN NEW._id', people()) == [
        "memory:people/ada"
    ]


def test_an_upsert_patches_or_inserts_by_key() -> None:
    source = people()
    text = "UPSERT {_key: @k} INSERT {_key: @k, n: 1} UPDATE {n: 2} IN people RETURN [OLD._key, NEW.n]"
    assert run(text, source, k="ada") == [["ada", 2]]
    assert run(text, source, k="eve") == [[None, 1]]


def test_an_edge_needs_both_ends() -> None:
    source = MemorySource(edges=["knows"])
    with pytest.raises(InvalidDocument, match="_to"):
        run('INSERT {_from: "people/ada"} INTO knows', source)


def test_a_unique_index_is_kept_by_updates_too() -> None:
    source = MemorySource({"people": [{"_key": "a", "mail": "x"}, {"_key": "b", "mail": "y"}, {"_key": "c"}]})
    source.declare_unique("people", "by_mail", ("mail",))
    run('INSERT {_key: "d"} INTO people', source)
    with pytest.raises(UniqueViolation, match="mail"):
        run('UPDATE "b" WITH {mail: "x"} IN people', source)


@pytest.mark.parametrize("selector", ["5", "null", "{a: 1}"])
def test_a_selector_is_a_key_or_has_one(selector: str) -> None:
    with pytest.raises(QueryError, match="selector must be"):
        run(f"REMOVE {selector} IN people", people())


def test_only_objects_are_documents() -> None:
    with pytest.raises(InvalidDocument, match="INSERT expects an object"):
        run("INSERT 5 INTO people", people())


def test_keys_are_made_in_the_order_of_time() -> None:
    source = people()
    first = run("INSERT {} INTO people RETURN NEW._key", source)
    assert len(first[0]) == 36
    assert first[0][14] == "7"
