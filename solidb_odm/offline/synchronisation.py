"""A whole sync, and the comparison of everything with the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from .._types import JsonObject
from ..commands import Operation, call
from ..commands.replica import (
    Adopted,
    BeginScan,
    EndScan,
    ReadReplicas,
    RemoteVersion,
    Scanned,
    Settle,
    WriteSettings,
)
from .documents import remote_version, same
from .filters import Source
from .preparation import prepare
from .pull import ACCEPTED, UPLOAD, pull
from .push import push
from .remote import Query, ReadOn
from .results import Verification
from .round import Round

MOST_ROUNDS: Final = 8
LAST_SYNC: Final = "last_sync"


def synchronise(sync: Round, scope: tuple[str, ...] | None, filters: Mapping[str, Source]) -> Operation[None]:
    """Pull and push until neither side has anything new for the other."""
    yield from prepare(sync, scope, filters)
    for _ in range(MOST_ROUNDS):
        sync.again = False
        yield from pull(sync)
        yield from push(sync)
        if not sync.again:
            break
    done: JsonObject = {LAST_SYNC: datetime.now(UTC).isoformat()}
    yield from call(WriteSettings({**done, ACCEPTED: None, UPLOAD: None}))
    sync.settings |= done


def verify(sync: Round, *, repair: bool) -> Operation[Verification]:
    """Compare every document that has no edit with the server's; ``repair`` takes the server's."""
    documents = differences = repaired = 0
    for source in sync.active():
        if not source.is_gone:
            found = yield from _verify(source, repair)
            documents, differences, repaired = (
                documents + found[0],
                differences + found[1],
                repaired + found[2],
            )
    return Verification(documents, differences, repaired)


def _verify(source: Source, repair: bool) -> Operation[tuple[int, int, int]]:
    name = source.collection
    documents = differences = repaired = 0
    yield from call(BeginScan())
    page = yield from call(Query(name, *source.documents()))
    while True:
        remotes = {row["_key"]: remote_version(row) for row in page.rows}
        yield from call(Scanned(name, [(key, remote.revision) for key, remote in remotes.items()]))
        wrong = yield from _wrong(name, remotes)
        documents, differences = documents + len(remotes), differences + len(wrong)
        if repair:
            repaired += yield from _adopt(name, wrong)
        if not page.more:
            break
        page = yield from call(ReadOn(page.more))
    gone = yield from call(EndScan(name))
    wrong = yield from _wrong(name, dict.fromkeys(gone, RemoteVersion(None)))
    if repair:
        repaired += yield from _adopt(name, wrong)
    return documents, differences + len(wrong), repaired


def _wrong(name: str, remotes: Mapping[str, RemoteVersion]) -> Operation[dict[str, RemoteVersion]]:
    """Return those that differ here, though they were not edited."""
    if not remotes:
        return {}
    replicas = yield from call(ReadReplicas(name, list(remotes)))
    return {
        replica.key: remotes[replica.key]
        for replica in replicas
        if replica.edit is None
        and (
            replica.revision != remotes[replica.key].revision
            or not same(replica.document, remotes[replica.key].document)
        )
    }


def _adopt(name: str, remotes: Mapping[str, RemoteVersion]) -> Operation[int]:
    outcomes = [
        Adopted(key, remote, 0, "remote_delete" if remote.document is None else "remote_update")
        for key, remote in remotes.items()
    ]
    return sum((yield from call(Settle(name, outcomes)))) if outcomes else 0
