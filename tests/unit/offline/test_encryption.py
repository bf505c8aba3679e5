"""Encrypted stores: nothing plain on disk, wrong keys told from damage, keys that change."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import AsyncSession, Document, FulltextIndex, Session, select
from solidb_odm.engines.sqlite import cipher, library
from solidb_odm.errors import (
    ConfigurationError,
    StoreCorrupt,
    StoreLocked,
    StoreUnavailable,
    UsageError,
    WrongKey,
)
from solidb_odm.offline import AsyncOfflineSyncManager, OfflineSyncManager, SyncConfig, sync_manager
from solidb_odm.offline.folder import store_url

from .model_server import ModelServer

pytest.importorskip("sqlcipher3")
WORD = "kingfisherweir"
PASSPHRASE = "an old passphrase"
OLD, NEW = b"o" * 32, b"n" * 32
Opened = Callable[..., OfflineSyncManager]


class Sighting(Document, collection="sightings"):
    text: str
    note: str = ""

    class Settings:
        indexes = [FulltextIndex("text")]


def config(folder: Path, key: str | bytes | None, **settings: Any) -> SyncConfig:
    given: dict[str, Any] = {
        "database": "db",
        "local_storage_path": folder,
        "auto_sync": False,
        "encryption_key": key,
    }
    return SyncConfig(**given | settings)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make keys of passphrases in no time."""
    monkeypatch.setattr(cipher, "SCRYPT", {**cipher.SCRYPT, "n": 2})


@pytest.fixture
def opened(server: ModelServer, tmp_path: Path) -> Any:
    managers: list[OfflineSyncManager] = []

    def open_one(key: str | bytes | None = PASSPHRASE, **settings: Any) -> OfflineSyncManager:
        managers.append(OfflineSyncManager(server, config(tmp_path / "store", key, **settings)).initialize())
        return managers[-1]

    yield open_one
    for manager in managers:
        manager.close()


def assert_hidden(folder: Path, word: str = WORD) -> None:
    spellings = [word.encode(), word.encode("utf-16-le"), base64.b64encode(word.encode())[:-2]]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.stat().st_size > 4096 for path in files)
    for path in files:
        content = path.read_bytes()
        assert not any(spelling in content for spelling in spellings), path


def test_no_plain_word_is_on_disk_at_any_moment(
    opened: Opened, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(temporary))
    manager = opened(models=[Sighting])
    manager.save_document("sightings", "a", {"text": WORD})
    assert_hidden(tmp_path)
    with Session(manager.engine) as session:
        session.add_all([Sighting(text=f"{WORD} {number}", note=WORD * 50) for number in range(500)])
        session.flush()
        assert_hidden(tmp_path)
        session.commit()
        assert len(session.scalars(select(Sighting).order_by(Sighting.note)).all()) == 501
        assert_hidden(tmp_path)
    server.refuse = lambda collection, document: UsageError(WORD)
    manager.sync_now()
    assert_hidden(tmp_path)
    manager.retry()
    server.refuse = lambda collection, document: None
    server.put("sightings", "b", text=WORD)
    manager.sync_now()
    manager.save_document("sightings", "a", {"text": WORD + WORD})
    manager.rotate_key("a new passphrase")
    assert_hidden(tmp_path)
    manager.close()
    assert_hidden(tmp_path)


def test_a_store_opens_with_its_key_only(opened: Opened) -> None:
    opened().save_document("notes", "n", {"text": WORD})
    assert opened().get_document("notes", "n")["text"] == WORD  # type: ignore[index]
    for wrong in ("another passphrase", os.urandom(32), None):
        with pytest.raises(WrongKey):
            opened(wrong)


def test_text_is_a_passphrase_however_its_letters_are_composed(opened: Opened) -> None:
    opened("caf\u00e9").save_document("notes", "n", {"n": 1})
    assert opened("cafe\u0301").get_document("notes", "n")


def test_a_key_of_32_bytes_is_taken(opened: Opened) -> None:
    key = os.urandom(32)
    opened(key).save_document("notes", "n", {"n": 1})
    assert opened(key).get_document("notes", "n")


@pytest.mark.parametrize("secret", ["", b"", b"x" * 30, b"x" * 31, b"x" * 33])
def test_secrets_of_other_lengths_are_refused(opened: Opened, secret: str | bytes) -> None:
    with pytest.raises(ConfigurationError):
        opened(secret)


def test_damage_is_no_wrong_key(opened: Opened, tmp_path: Path) -> None:
    manager = opened()
    for number in range(200):
        manager.save_document("notes", f"n{number}", {"text": WORD * 20})
    manager.close()
    file = tmp_path / "store" / "store.db"
    content = bytearray(file.read_bytes())
    for place in range(100, len(content), 4096):
        content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        opened()


def test_a_plain_store_is_refused_with_a_key(opened: Opened) -> None:
    opened(None).save_document("notes", "n", {"n": 1})
    with pytest.raises(ConfigurationError, match="is not encrypted"):
        opened(PASSPHRASE)
    with pytest.raises(UsageError, match="not encrypted"):
        opened(None).rotate_key("new")
    assert opened(None).get_document("notes", "n")


@pytest.mark.parametrize("damaged", [b"\xed\xa0\x80", b"{", b"[]", b'{"salt": "x", "codes": []}'])
def test_a_note_that_is_damaged_is_said_to_be(opened: Opened, tmp_path: Path, damaged: bytes) -> None:
    opened().close()
    (note,) = (tmp_path / "store").rglob(f"*{cipher.SUFFIX}")
    note.write_bytes(damaged)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        opened()


def test_a_store_that_lost_the_note_beside_it_still_opens(opened: Opened, tmp_path: Path) -> None:
    manager = opened()
    manager.save_document("notes", "n", {"n": 1})
    manager.close()
    (tmp_path / "store" / "store.db-key").unlink()
    with pytest.raises(WrongKey):
        opened("another passphrase")
    assert opened().get_document("notes", "n")
    assert (tmp_path / "store" / "store.db-key").exists()


def test_the_key_changes_and_the_old_one_is_wrong(opened: Opened) -> None:
    manager, other = opened(), opened()
    manager.save_document("notes", "n", {"text": WORD})
    manager.rotate_key("new")
    assert manager.get_document("notes", "n")
    manager.save_document("notes", "m", {"n": 1})
    with pytest.raises(WrongKey):
        other.get_document("notes", "n")
    with pytest.raises(WrongKey):
        opened()
    assert opened("new").get_document("notes", "m")
    manager.rotate_key(b"k" * 32)
    assert opened(b"k" * 32).sync_now().pushed == 2


def test_sessions_go_on_when_the_key_changes(opened: Opened) -> None:
    manager = opened(models=[Sighting])
    with Session(manager.engine) as session, Session(manager.engine) as idle:
        sighting = Sighting(text=WORD)
        session.add(sighting)
        session.commit()
        assert idle.scalars(select(Sighting)).one().text == WORD
        manager.rotate_key("new")
        assert idle.scalars(select(Sighting.text)).all() == [WORD]
        sighting.note = "after"
        session.commit()
        manager.rotate_key("newer")
        session.refresh(sighting)
    assert manager.get_document("sightings", sighting.key)["note"] == "after"  # type: ignore[index]
    assert manager.sync_now().pushed == 1


def test_the_key_waits_for_changes_and_says_what_it_waits_for(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_manager, "store_url", lambda config: f"{store_url(config)}&timeout=0.05")
    manager = opened(models=[Sighting])
    with Session(manager.engine) as session:
        session.add(Sighting(text=WORD))
        session.flush()
        with pytest.raises(StoreLocked, match="a session with changes that are not committed"):
            manager.rotate_key("new")
        session.commit()
        manager.rotate_key("new")
    assert opened("new").list_documents("sightings")[1] == 1


def test_the_key_changes_under_threads_that_read_and_write(opened: Opened) -> None:
    manager = opened()
    saved: dict[str, int] = {}
    ended = threading.Event()

    def work(name: str) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            manager.save_document("notes", name, {"n": number})
            saved[name] = number
            assert manager.get_document("notes", name)["n"] == number  # type: ignore[index]

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(work, f"k{number}") for number in range(3)]
        try:
            for key in (b"1" * 32, b"2" * 32, b"3" * 32):
                manager.rotate_key(key)
        finally:
            ended.set()
    assert [each.result() for each in running] == [None] * 3
    with_last = opened(b"3" * 32)
    assert {each["_key"]: each["n"] for each in with_last.list_documents("notes")[0]} == saved


CHILD = """
import os, sys
from pathlib import Path
from solidb_odm.engines.sqlite import cipher
from solidb_odm.offline import OfflineSyncManager, SyncConfig

folder, step = Path(sys.argv[1]), int(sys.argv[2])
config = SyncConfig(database="db", local_storage_path=folder, auto_sync=False, encryption_key=b"o" * 32)
manager = OfflineSyncManager("solidb://u:p@127.0.0.1:1", config).initialize()

class Counting:
    def __init__(self, inner):
        self.inner = inner
    def execute(self, sql):
        die_at_zero()
        return self.inner.execute(sql)

def die_at_zero():
    global step
    if step == 0:
        os.kill(os.getpid(), 9)
    step -= 1

rewrite, write = cipher.Cipher.rewrite, cipher._Note.write
cipher.Cipher.rewrite = lambda self, connection, new: rewrite(self, Counting(connection), new)
cipher._Note.write = lambda *given, **named: (die_at_zero(), write(*given, **named))[1]
manager.rotate_key(b"n" * 32)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_kill_at_any_step_of_a_change_leaves_a_store_with_one_of_the_keys(tmp_path: Path) -> None:
    server = ModelServer()
    with OfflineSyncManager(server, config(tmp_path / "store", OLD)) as manager:
        manager.save_document("notes", "n", {})
        insert = "FOR i IN 1..300 INSERT {_key: TO_STRING(i), text: @word} INTO notes"
        manager.query(insert, {"word": WORD})
    folders = [shutil.copytree(tmp_path / "store", tmp_path / str(step)) for step in range(6)]
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(folder), str(step)])
        for step, folder in enumerate(folders)
    ]
    assert [child.wait(100) for child in children] == [-9] * 5 + [0]
    for folder in folders:
        assert len([key for key in (OLD, NEW) if _opens(server, folder, key)]) == 1
        assert_hidden(folder)
    server.end()


def _opens(server: ModelServer, folder: Path, key: bytes) -> bool:
    try:
        with OfflineSyncManager(server, config(folder, key)) as manager:
            return manager.list_documents("notes")[1] == 301
    except WrongKey:
        return False


def test_without_sqlcipher_the_error_names_the_extra(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(library, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"SQLCipher is missing(.|\n)*solidb-odm\[encryption\]"):
        opened()


def test_a_wrong_key_and_an_open_store_say_nothing_on_stderr(
    opened: Opened, capfd: pytest.CaptureFixture[str]
) -> None:
    opened().save_document("notes", "n", {"n": 1})
    for wrong in ("wrong", None):
        with pytest.raises(WrongKey):
            opened(wrong)
    opened().rotate_key("new")
    assert capfd.readouterr() == ("", "")


@pytest.mark.anyio
async def test_the_awaited_manager_encrypts_too(server: ModelServer, tmp_path: Path) -> None:
    class Awaited:
        async def perform(self, command: Any) -> Any:
            return server.perform(command)

        async def aclose(self) -> None:
            pass

    given = config(tmp_path / "store", PASSPHRASE, models=[Sighting])
    async with AsyncOfflineSyncManager(Awaited(), given) as manager:
        await manager.save_document("notes", "n", {"text": WORD})
        async with AsyncSession(manager.engine) as session:
            session.add(Sighting(text=WORD))
            await session.commit()
            await manager.rotate_key("new")
            session.add(Sighting(text=WORD))
            await session.commit()
        assert (await manager.sync_now()).pushed == 3
        assert_hidden(tmp_path)
    with pytest.raises(WrongKey):
        await AsyncOfflineSyncManager(Awaited(), config(tmp_path / "store", PASSPHRASE)).initialize()


def test_errors_of_both_libraries_are_caught_wherever_one_is() -> None:
    folder = Path(library.__file__).parent
    catching = [path.name for path in folder.rglob("*.py") if "except sqlite3." in path.read_text()]
    assert catching == []
