"""Numbers on their way through offline stores to the real server: each arrives as it was saved."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import ConnectionLost
from solidb_odm.offline import ConflictStrategy, OfflineSyncManager, SyncConfig
from solidb_odm.offline import server as remote_server
from solidb_odm.wire.http_json import as_read
from tools.server import LocalServer

pytestmark = pytest.mark.server
UNREACHABLE = [61.815142642251004, -61.172777723533244, 0.9989232851443149]


@pytest.fixture
def manager(server: LocalServer, database: str, tmp_path: Path) -> Iterator[OfflineSyncManager]:
    config = SyncConfig(
        database=database,
        local_storage_path=tmp_path / "store",
        auto_sync=False,
        conflict_strategy=ConflictStrategy.MergeFields,
    )
    with OfflineSyncManager(server.url(database), config) as opened:
        yield opened


@pytest.fixture
def client(server: LocalServer, database: str) -> Iterator[Client]:
    with Client(server.url(database)) as opened:
        yield opened


def random_floats(seed: int, count: int) -> list[float]:
    chosen = random.Random(seed)
    bits = (struct.unpack("<d", struct.pack("<Q", chosen.getrandbits(64)))[0] for _ in range(count))
    finite = [value for value in bits if math.isfinite(value)]
    return [*finite, *(chosen.uniform(-180, 180) for _ in range(2 * count - len(finite)))]


def numbers(client: Client, database: str) -> dict[str, Any]:
    rows = client.query(database, "FOR d IN notes RETURN [d._key, d.numbers]")
    return dict(rows)


def in_bits(values: dict[str, list[float]]) -> dict[str, list[str]]:
    return {key: [repr(value) for value in each] for key, each in values.items()}


def test_ten_thousand_floats_arrive_exactly_inserted_and_updated(
    manager: OfflineSyncManager, client: Client, database: str
) -> None:
    for values in (random_floats(1, 5000) + UNREACHABLE, random_floats(2, 5000) + UNREACHABLE):
        whole = {f"k{start}": values[start : start + 500] for start in range(0, len(values), 500)}
        alone = {"alone": [0.1, -0.0, 5e-324, 1.7976931348623157e308, UNREACHABLE[0]]}
        for key, each in whole.items():
            manager.save_document("notes", key, {"numbers": each})
        assert manager.sync_now().rejected == 0
        manager.save_document("notes", "alone", {"numbers": alone["alone"], "first": values[0]})
        manager.sync_now()
        assert in_bits(numbers(client, database)) == in_bits(whole | alone)
    assert manager.verify(repair=False).differences == 0


def test_a_sync_cut_before_the_last_digit_is_corrected_is_no_conflict(
    manager: OfflineSyncManager, client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.save_document("notes", "n", {"numbers": [1.5], "text": "heron"})
    manager.sync_now()
    manager.save_document("notes", "n", {"numbers": UNREACHABLE})
    with monkeypatch.context() as patched:
        patched.setattr(remote_server, "commit_batches", cut)
        with pytest.raises(ConnectionLost):
            manager.sync_now()
    assert numbers(client, database) == {"n": as_read(UNREACHABLE)} != {"n": UNREACHABLE}
    client.query(database, "UPDATE 'n' WITH {text: 'two herons'} IN notes")
    assert manager.sync_now().conflicts == ()
    assert numbers(client, database) == {"n": UNREACHABLE}
    found = manager.get_document("notes", "n")
    assert found is not None
    assert (found["numbers"], found["text"]) == (UNREACHABLE, "two herons")


def cut(*_: object) -> Any:
    raise ConnectionLost("cut")
    yield


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_integers_that_the_server_cannot_keep_are_rejections(
    manager: OfflineSyncManager, client: Client, database: str, value: int
) -> None:
    manager.save_document("notes", "n", {"n": 1})
    manager.sync_now()
    manager.save_document("notes", "n", {"n": value})
    manager.save_document("notes", "fresh", {"n": value})
    assert manager.sync_now().rejected == 2
    assert client.query(database, "FOR d IN notes RETURN d.n") == [1]
