"""Before a sync: the collections that it is about, made on the side where they are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from .._types import JsonObject
from ..commands import CollectionKind, CreateCollection, DescribeCollection, ListCollections, Operation, call
from ..commands.replica import WriteSettings
from ..errors import CollectionExists, ConfigurationError, PermissionDenied
from .filters import Source, whole
from .remote import IndexTimes, MakeCollection, RemoteCollections
from .round import Round

INDEXED: Final = "indexed"


def prepare(sync: Round, scope: tuple[str, ...] | None, filters: Mapping[str, Source]) -> Operation[None]:
    """Make collections where they are missing, and say what of each is synced."""
    there = yield from call(RemoteCollections())
    here = yield from local_kinds()
    chosen = scope if scope is not None else tuple(filters) or tuple(dict.fromkeys((*there, *here)))
    sources = {name: filters.get(name) or whole(name) for name in chosen}
    abandoned = [name for name in here if name not in sources]
    sync.sources = sources | {name: whole(name, is_gone=True) for name in abandoned if name in there}
    for name in chosen:
        yield from _make(sync, name, here, there)
    yield from _index(sync, chosen)


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
            f"it holds {here[name]}s here and {kind}s on the server", hint="rename one of the two"
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
