"""``client.collections`` on the real server."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import DuplicateKey, InvalidDocument, SchemaViolation, UsageError

pytestmark = pytest.mark.server
SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}


@pytest.fixture
def users(client: Client, database: str) -> Client:
    client.create_collection(database, "users")
    client.insert_many(database, "users", [{"_key": f"k{number:04}", "name": "é"} for number in range(2500)])
    return client


def test_truncating_deletes_all_documents(users: Client) -> None:
    users.collections.truncate("users")

    assert users.collections.stats("users")["document_count"] == 0


def test_maintenance_keeps_the_documents(users: Client) -> None:
    users.collections.compact("users")

    assert users.collections.repair("users") == 2500


def test_a_bare_schema_is_set_read_and_taken_away(users: Client, database: str) -> None:
    users.collections.set_schema("users", SCHEMA)
    assert users.collections.get_schema("users") == SCHEMA
    with pytest.raises(SchemaViolation):
        users.insert(database, "users", {})

    users.collections.delete_schema("users")

    assert users.collections.get_schema("users") is None
    users.insert(database, "users", {})


def test_a_closed_schema_does_not_hinder_updates(users: Client, database: str) -> None:
    closed = {**SCHEMA, "additionalProperties": False}
    users.collections.set_schema("users", closed)

    users.update(database, "users", "k0000", {"name": "Ada"})

    assert users.collections.get_schema("users") == closed


def test_a_way_to_validate_that_there_is_not_is_refused(users: Client) -> None:
    with pytest.raises(UsageError, match="'hard'"):
        users.collections.set_schema("users", SCHEMA, mode="hard")


def test_an_export_goes_to_a_file_and_back(users: Client, database: str, tmp_path: Path) -> None:
    seen: list[int] = []
    path = tmp_path / "users.jsonl"

    assert users.collections.export("users", path, progress=seen.append) == 2500
    users.create_collection(database, "copy")
    assert users.collections.import_("copy", path) == 2500

    assert seen == [1000, 2500]  # the pages after the first hold about as many as four megabytes do
    assert path.read_text(encoding="utf-8").startswith('{"_key":"k0000","name":"é"}\n')
    assert users.get(database, "copy", "k2499")["name"] == "é"


def test_an_export_may_stay_in_memory(users: Client, database: str) -> None:
    data = users.collections.export("users")
    users.create_collection(database, "copy")

    assert users.collections.import_("copy", data) == len(data) == 2500


def test_an_import_reads_open_files_and_bytes(users: Client, database: str) -> None:
    users.create_collection(database, "copy")

    users.collections.import_("copy", io.StringIO('{"_key": "a"}\n\n{"_key": "b"}\n'))
    users.collections.import_("copy", b'{"_key": "c"}')

    assert [document.key for document in users.documents(database, "copy")] == ["a", "b", "c"]


def test_an_import_refuses_known_keys_or_replaces_them(users: Client, database: str) -> None:
    with pytest.raises(DuplicateKey):
        users.collections.import_("users", [{"_key": "k0000", "name": "new"}])

    assert users.collections.import_("users", [{"_key": "k0000", "name": "new"}], mode="upsert") == 1

    assert users.get(database, "users", "k0000")["name"] == "new"


def test_an_import_names_the_line_that_is_wrong(users: Client) -> None:
    with pytest.raises(InvalidDocument, match="line 2 is not JSON"):
        users.collections.import_("users", b'{"_key": "x"}\n{')
    with pytest.raises(InvalidDocument, match="line 1 is not a document but a list"):
        users.collections.import_("users", b"[]")


def test_a_way_to_import_that_there_is_not_is_refused(users: Client) -> None:
    with pytest.raises(UsageError, match="'merge'"):
        users.collections.import_("users", [{}], mode="merge")
