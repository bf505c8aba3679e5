"""A whole sync, and the comparison of everything with the server.

Before a sync: the collections that it is about, made on the side where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from .._types import JsonObject
from ..commands import CollectionKind, CreateCollection, DescribeCollection, ListCollections, Operation, call
from ..commands.replica import (
    Adopted,
    BeginScan,
    EndScan,
    KnownSummary,
    ReadReplicas,
    RemoteVersion,
    Scanned,
    Settle,
    WriteSettings,
)
from ..errors import (
    CollectionExists,
    ConfigurationError,
    PermissionDenied,
    ServerRollbackSuspected,
    StoreOfAnotherUser,
)
from ..language.stored_documents import new_key
from .contents import same, versions
from .filters import Source, whole
from .pull import ACCEPTED, UPLOAD, pull
from .push import push
from .remote import Identify, IndexTimes, MakeCollection, Query, ReadOn, RemoteCollections
from .round import Round
from .sync_results import Verification

INDEXED: Final = "indexed"
SERVER: Final = "server"


def prepare(sync: Round, scope: tuple[str, ...] | None, filters: Mapping[str, Source]) -> Operation[None]:
    """Make collections where they are missing, and say what of each is synced."""
    yield from _meet(sync)
    there = yield from call(RemoteCollections())
    here = yield from local_kinds()
    chosen = scope if scope is not None else tuple(filters) or tuple(dict.fromkeys((*there, *here)))
    sources = {name: filters.get(name) or whole(name) for name in chosen}
    abandoned = [name for name in here if name not in sources]
    sync.sources = sources | {name: whole(name, is_gone=True) for name in abandoned if name in there}
    for name in chosen:
        yield from _make(sync, name, here, there)
    yield from _index(sync, chosen)


def _meet(sync: Round) -> Operation[None]:
    """See that this is the server the store belongs to, whatever its address; StoreOfAnotherUser if not."""
    known = str(sync.settings.get(SERVER, ""))
    try:
        there = yield from call(Identify("" if known else new_key()))
        if not there and known:
            yield from _guard_name(sync)
            there = yield from call(Identify(known))
    except PermissionDenied:
        return
    if known and there and there != known:
        raise StoreOfAnotherUser(
            "this store belongs to a database of another server",
            hint="sync it with the server it was made with, open another folder, or wipe() this store",
        )
    if there and not known:
        sync.settings |= {SERVER: there}
        yield from call(WriteSettings({SERVER: there}))


def _guard_name(sync: Round) -> Operation[None]:
    """Stop where the server has lost its name, before it takes away here what it has lost besides."""
    if sync.settings.get(ACCEPTED) or sync.settings.get(UPLOAD):
        return
    known = 0
    for name in (yield from local_kinds()):
        known += (yield from call(KnownSummary(name)))[0]
    if known:
        raise ServerRollbackSuspected(
            f"the server does not know this store, which has {known} of its documents:"
            " was it emptied or restored from a backup, or is it another server?",
            lost=known,
            known=known,
            hint="accept_server() takes what it has; reupload() pushes the documents again",
        )


def local_kinds() -> Operation[dict[str, CollectionKind]]:
    """Return the collections of the store that can be synced, with their kinds."""
    kinds: dict[str, CollectionKind] = {}
    for name in (yield from call(ListCollections())):
        spec = yield from call(DescribeCollection(name))
        if spec is not None and spec.kind in ("document", "edge") and not name.startswith("_"):
            kinds[name] = spec.kind
    return kinds


def _make(
    sync: Round, name: str, here: Mapping[str, CollectionKind], there: Mapping[str, CollectionKind]
) -> Operation[None]:
    kind = there.get(name) or here.get(name) or "document"
    if name not in here:
        with suppress(CollectionExists):  # another manager on this store has just made it
            yield from call(CreateCollection(name, kind))
    elif here[name] != kind:
        problem = ConfigurationError(
            f"it holds {here[name]}s on the device and {kind}s on the server", hint="rename one of the two"
        )
        sync.stop(name, problem)
        return
    if name not in there:
        try:
            yield from call(MakeCollection(name, kind))
        except PermissionDenied as problem:
            sync.stop(name, problem)


def _index(sync: Round, names: Iterable[str]) -> Operation[None]:
    """See, once for each collection, that the server can find by time of writing."""
    indexed: list[str] = sync.settings.get(INDEXED, [])
    fresh = [name for name in names if name not in indexed and name not in sync.stopped]
    for name in fresh:
        yield from call(IndexTimes(name))
    if fresh:
        values: JsonObject = {INDEXED: [*indexed, *fresh]}
        sync.settings |= values
        yield from call(WriteSettings(values))


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
            outcome = yield from _verify(source, repair)
            documents, differences, repaired = (
                documents + outcome[0],
                differences + outcome[1],
                repaired + outcome[2],
            )
    return Verification(documents, differences, repaired)


def _verify(source: Source, repair: bool) -> Operation[tuple[int, int, int]]:
    name = source.collection
    documents = differences = repaired = 0
    yield from call(BeginScan())
    page = yield from call(Query(name, *source.documents()))
    while True:
        remotes = page.read(versions)
        rows = [(key, remote.revision, remote.updated) for key, remote in remotes.items()]
        yield from call(Scanned(name, rows))
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
