"""Random histories with faults lose nothing; and the simulator finds clients that do."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from solidb_odm.errors import SolidbError
from solidb_odm.offline import pull, push, sync_manager
from solidb_odm.offline import round as sync_round
from solidb_odm.offline.folder import store_url
from solidb_odm.offline.remote import Written

from .model_server import ModelServer
from .simulator import Crash, Simulator

SEEDS = int(os.environ.get("SOLIDB_SYNC_SEEDS", "200"))
LOSSY_SEEDS = 40


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit survive the end of the process, not of the power: it is the former that is tried."""
    monkeypatch.setattr(
        sync_manager, "store_url", lambda config: store_url(config).replace("=full", "=normal")
    )


def simulate(seed: int, folder: Path) -> None:
    server = ModelServer()
    simulator = Simulator(seed, folder, server)
    try:
        simulator.run()
    finally:
        simulator.close()
        server.end()


@pytest.mark.parametrize("block", range(8))
def test_random_histories_lose_nothing(block: int, tmp_path: Path) -> None:
    for seed in range(block, SEEDS, 8):
        simulate(seed, tmp_path / str(seed))


def is_caught(tmp_path: Path) -> bool:
    for seed in range(LOSSY_SEEDS):
        try:
            simulate(seed, tmp_path / str(seed))
        except (AssertionError, SolidbError, KeyError):
            return True
    return False


def test_a_client_that_drops_its_queue_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(collection, edits):
        yield from ()
        return [Written("made up", edit.edited) for edit in edits]

    monkeypatch.setattr(push, "_replace", pretend)
    assert is_caught(tmp_path)


def test_a_client_that_pushes_blindly_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(self, collection, key, revision, document):
        return self._write(collection, key, document)

    monkeypatch.setattr(ModelServer, "_replace", blind)
    assert is_caught(tmp_path)


def test_a_client_that_overwrites_on_creating_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overwrite(self, collection, document):
        return self._write(collection, document["_key"], document)

    monkeypatch.setattr(ModelServer, "_create", overwrite)
    assert is_caught(tmp_path)


def test_a_client_that_forgets_the_payload_under_way_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sync_round.reconcile

    def forgetful(replica, remote, judge):
        edit = replica.edit
        forgotten = replica if edit is None else replace(replica, edit=replace(edit, sent=None))
        return real(forgotten, remote, judge)

    monkeypatch.setattr(sync_round, "reconcile", forgetful)
    assert is_caught(tmp_path)


def test_a_client_that_skips_deletions_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(sync):
        yield from ()

    monkeypatch.setattr(pull, "_remove_gone", skip)
    assert is_caught(tmp_path)


def test_a_client_that_trusts_the_time_of_writing_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "OVERLAP", 0.0)
    assert is_caught(tmp_path)


def test_a_crash_is_no_error_that_anybody_catches() -> None:
    assert not issubclass(Crash, Exception)
