"""Documents are found by id, with or without the database's name."""

# ruff: noqa: E501  # a case is a line

import pytest

from solidb_odm.language.interpreter import MemorySource
from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
DOCUMENT("users/alice").name => "Alice"
DOCUMENT("t:users/alice").name => "Alice"
DOCUMENT("other:users/alice") => null
DOCUMENT("users", "bob").name => "Bob"
DOCUMENT("users", ["bob", "nope"])[*].name => ["Bob"]
DOCUMENT(["users/bob", "nothing/x", "users/nope"])[*].name => ["Bob"]
DOCUMENT("users/nope") => null
DOCUMENT("nothing/x") !! not found
DOCUMENT("alice") !! is not a document id
PARSE_IDENTIFIER("t:users/alice") => {"collection": "t:users", "key": "alice"}
[PARSE_KEY("t:users/alice"), PARSE_COLLECTION("users/a"), PARSE_KEY("a"), PARSE_KEY(5)] => ["alice", "users", "a", null]
PARSE_IDENTIFIER(DOCUMENT("users/bob")).collection => "t:users"
[IS_SAME_COLLECTION("users/a", "users/b"), IS_SAME_COLLECTION("users", DOCUMENT("users/bob"))] => [true, false]
COLLECTION_COUNT("users") => 2
LENGTH(SAMPLE("users", 9)) => 2
CURRENT_DATABASE() => "t"
CURRENT_USER() !! needs a SoliDB server
""")


@pytest.fixture
def users() -> MemorySource:
    return MemorySource(
        {"users": [{"_key": "alice", "name": "Alice"}, {"_key": "bob", "name": "Bob"}]}, database="t"
    )


@pytest.mark.parametrize("line", CASES, ids=str)
def test_documents_are_found_as_on_the_server(line: str, users: MemorySource) -> None:
    assert holds(line, users)


def test_a_sample_has_each_document_once(users: MemorySource) -> None:
    assert sorted(value_of("SAMPLE('users', 2)[*]._key", users)) == ["alice", "bob"]
