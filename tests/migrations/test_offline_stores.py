"""Migrations of an offline store: what is declared changes here, documents change on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import create_engine
from solidb_odm.errors import MigrationError
from solidb_odm.migrations import Migrator
from solidb_odm.offline import OfflineSyncManager, SyncConfig

NOTES = "op.create_collection('notes', {'text': 'str'})"
DATA_STEPS = [
    "op.execute('FOR d IN notes UPDATE d WITH {n: 1} IN notes')",
    "op.add_field('notes', 'n', int, fill=3)",
    "op.for_each('notes', lambda document: None)",
    "op.rename_field('notes', 'text', 'body')",
    "op.drop_field('notes', 'text')",
    "op.drop_collection('notes')",
    "op.rename_collection('notes', 'others')",
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OfflineSyncManager]:
    config = SyncConfig(database="d", local_storage_path=tmp_path / "store", auto_sync=False)
    with OfflineSyncManager("solidb://u:p@127.0.0.1:1", config) as manager:
        manager.save_document("notes", "n", {"text": "heron"})
        yield manager


def migrator(engine: Any, folder: Path, body: str) -> Migrator:
    folder.mkdir()
    text = f"""revision = "aaaa"
down_revision = None


def upgrade(op):
    {NOTES}
    {body}


def downgrade(op):
    pass
"""
    (folder / "aaaa.py").write_text(text)
    return Migrator(engine, folder)


@pytest.mark.parametrize("body", DATA_STEPS, ids=lambda body: body.partition("(")[0])
@pytest.mark.parametrize("way", ["by its manager", "as a file"])
def test_steps_that_change_documents_are_refused_and_name_the_server(
    store: OfflineSyncManager, tmp_path: Path, body: str, way: str
) -> None:
    engine: Any = store.engine
    if way == "as a file":
        engine = create_engine(f"sqlite:///{tmp_path}/store/store.db")
    with pytest.raises(MigrationError, match=r"offline store[\s\S]*on the server"):
        migrator(engine, tmp_path / "revisions", body).upgrade()
    if way == "as a file":
        engine.dispose()
    assert store.get_document("notes", "n") is not None
    assert [edit.document_key for edit in store.pending()] == ["n"]


def test_what_is_declared_changes_and_queued_edits_survive(store: OfflineSyncManager, tmp_path: Path) -> None:
    body = "op.create_index('notes', 'text'); op.create_collection('more', {'n': 'int'})"
    migrator(store.engine, tmp_path / "revisions", body).upgrade()
    assert store.list_documents("more") == ([], 0)
    assert [edit.document_key for edit in store.pending()] == ["n"]
