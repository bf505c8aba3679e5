"""Random histories with faults lose nothing; and the simulator finds clients that do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.commands import Operation
from solidb_odm.commands.replica import Edit, RemoteVersion, Replica
from solidb_odm.errors import SolidbError
from solidb_odm.offline import SyncConfig, pull, push, sync_manager
from solidb_odm.offline import round as sync_round
from solidb_odm.offline.folder import store_url
from solidb_odm.offline.reconciliation import Judge, Verdict
from solidb_odm.offline.remote import Written
from solidb_odm.offline.round import Round
from tests.sizes import tries

from .model_server import ModelServer
from .simulator import Crash, Simulator

SEEDS = tries("SOLIDB_SYNC_SEEDS", 200)
LOSSY_SEEDS = 40


def of_a_process(config: SyncConfig) -> str:
    return store_url(config).replace("=full", "=normal")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit survive the end of the process, not of the power: it is the former that is tried."""
    monkeypatch.setattr(sync_manager, "store_url", of_a_process)


def simulate(seed: int, folder: Path, *, answers: bool = False) -> None:
    server = ModelServer()
    simulator = Simulator(seed, folder, server, answers=answers)
    try:
        simulator.run()
    finally:
        simulator.close()
        server.end()


@pytest.mark.parametrize("block", range(8))
def test_random_histories_lose_nothing(block: int, tmp_path: Path) -> None:
    for seed in range(block, SEEDS, 8):
        simulate(seed, tmp_path / str(seed))


def is_caught(tmp_path: Path, *, answers: bool = False, known: int = 0) -> bool:
    """Return whether one of the histories goes wrong; the one that is known to comes first."""
    for seed in sorted(range(LOSSY_SEEDS), key=lambda seed: seed != known):
        try:
            simulate(seed, tmp_path / str(seed), answers=answers)
        except (AssertionError, SolidbError, KeyError):
            return True
    return False


def test_a_client_that_drops_its_queue_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(collection: str, edits: Sequence[Edit]) -> Operation[list[Written]]:
        yield from ()
        return [Written("made up", edit.edited) for edit in edits]

    monkeypatch.setattr(push, "_replace", pretend)
    assert is_caught(tmp_path)


def test_a_client_that_pushes_blindly_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(self: Any, collection: str, key: str, revision: str, document: Any, base: Any) -> Any:
        return self._write(collection, key, document)

    monkeypatch.setattr(ModelServer, "_replace", blind)
    assert is_caught(tmp_path)


def test_a_client_that_overwrites_on_creating_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overwrite(self: Any, collection: str, document: Any) -> Any:
        return self._write(collection, document["_key"], document)

    monkeypatch.setattr(ModelServer, "_create", overwrite)
    assert is_caught(tmp_path, known=17)


def test_a_client_that_forgets_the_payload_under_way_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sync_round.reconcile

    def forgetful(replica: Replica, remote: RemoteVersion, judge: Judge) -> Verdict:
        edit = replica.edit
        forgotten = replica if edit is None else replace(replica, edit=replace(edit, sent=None))
        return real(forgotten, remote, judge)

    monkeypatch.setattr(sync_round, "reconcile", forgetful)
    assert is_caught(tmp_path, answers=True, known=4)


def test_answers_that_are_lost_again_and_again_lose_nothing(tmp_path: Path) -> None:
    for seed in range(LOSSY_SEEDS // 5):
        simulate(seed, tmp_path / str(seed), answers=True)


def test_a_client_that_skips_deletions_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(sync: Round) -> Operation[None]:
        yield from ()

    monkeypatch.setattr(pull, "_remove_gone", skip)
    assert is_caught(tmp_path)


def test_a_client_that_trusts_the_time_of_writing_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "OVERLAP", 0.0)
    assert is_caught(tmp_path, known=22)


def test_a_crash_is_no_error_that_anybody_catches() -> None:
    assert not issubclass(Crash, Exception)
