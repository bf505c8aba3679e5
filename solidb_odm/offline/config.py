"""The settings of an offline store.

What decides a conflict: strategies set beforehand, and resolutions given one by one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias, cast

from .._dataclasses import dataclass
from .._types import JsonObject
from ..engines.sqlite.cipher import check_secret
from ..errors import ConfigurationError, check_callable
from ..model.declaration.registry import Models, models_of, sources_of
from .argument_types import check_attributes, check_bool, check_path, check_several, check_text
from .filters import Source, read_filters

Resolver: TypeAlias = Callable[[Any, Any, Any], "JsonObject | None"]
"""Takes the local, the remote and the base version, None where there is none; gives the document."""

CONFIG: Final = "config"
ADDRESS: Final = "address"
"""Names under which a store remembers its settings and its server."""


@dataclass(frozen=True, slots=True)
class ConflictStrategy:
    """How conflicts are decided that no ``on_conflict`` function has decided.

    ``LastWriteWins`` takes the later edit or removal as a whole, ``FirstWriteWins`` what the server has.
    ``MergeFields`` merges attribute by attribute, inside objects too; where both sides changed the same
    one the later edit has it, and an edit outlives a removal. ``Custom(f)`` asks ``f(local, remote, base)``.
    """

    name: str
    resolver: Resolver | None = None

    LastWriteWins: ClassVar[ConflictStrategy]
    FirstWriteWins: ClassVar[ConflictStrategy]
    MergeFields: ClassVar[ConflictStrategy]

    @classmethod
    def Custom(cls, resolver: Resolver) -> ConflictStrategy:  # noqa: N802 - named by the protocol's documents
        """Have a function decide; it must give the same answer on every device."""
        check_callable(resolver, "Custom()", "ConflictStrategy.Custom(lambda local, remote, base: ..)")
        return cls("Custom", resolver)


ConflictStrategy.LastWriteWins = ConflictStrategy("LastWriteWins")
ConflictStrategy.FirstWriteWins = ConflictStrategy("FirstWriteWins")
ConflictStrategy.MergeFields = ConflictStrategy("MergeFields")


@dataclass(frozen=True, slots=True)
class ConflictResolution:
    """The decision about one conflict: ``AcceptLocal``, ``AcceptRemote``, or ``Merge(document)``."""

    name: str
    document: JsonObject | None = None

    AcceptLocal: ClassVar[ConflictResolution]
    AcceptRemote: ClassVar[ConflictResolution]

    @classmethod
    def Merge(cls, document: JsonObject | None) -> ConflictResolution:  # noqa: N802 - as above
        """Take this document; None removes it."""
        if document is not None:
            check_attributes(document)
        return cls("Merge", document)


ConflictResolution.AcceptLocal = ConflictResolution("AcceptLocal")
ConflictResolution.AcceptRemote = ConflictResolution("AcceptRemote")

_NAMED: Final = {
    strategy.name: strategy
    for strategy in (
        ConflictStrategy.LastWriteWins,
        ConflictStrategy.FirstWriteWins,
        ConflictStrategy.MergeFields,
    )
}


class StorageEngine(Enum):
    """What keeps the documents on the device; RocksDB is a name of other clients, refused here."""

    Sqlite = "sqlite"
    RocksDB = "rocksdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    """What is synced, when, and how conflicts are decided.

    ``collections``: those to sync; without them those that the filters name, else all that can.
    ``models``: what is made in the store: classes, or a ``Registry`` or module of such.
    ``sync_interval_seconds``: how often the server is asked, beside after edits (``push_on_change``) and when
    it calls.
    ``conflict_strategy``: one, or a mapping by collection. ``sync_filter``: one, or a list, of the form
    ``FOR d IN c FILTER .. RETURN d``. ``encryption_key``: a passphrase, or 32 bytes.
    """

    database: str
    local_storage_path: str | os.PathLike[str]
    collections: Sequence[str] | None = None
    models: Models = ()
    auto_sync: bool = True
    sync_interval_seconds: float = 30.0
    push_on_change: bool = True
    conflict_strategy: ConflictStrategy | Mapping[str, ConflictStrategy] = ConflictStrategy.LastWriteWins
    storage_engine: StorageEngine = StorageEngine.Sqlite
    sync_filter: str | Iterable[str] | None = None
    sync_filter_params: Mapping[str, Any] | None = None
    encryption_key: str | bytes | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the store."""
        return Path(self.local_storage_path)

    def filters(self) -> dict[str, Source]:
        """Return the filters by collection; ConfigurationError if something here makes no sense."""
        self._check()
        filters = read_filters(self.sync_filter, self.sync_filter_params)
        if self.collections is not None:
            for name in filters:
                if name not in self.collections:
                    raise ConfigurationError(f"sync_filter names {name!r}, which is not in collections")
        return filters

    def scope(self, filters: Mapping[str, Source]) -> tuple[str, ...] | None:
        """Return the collections to sync; None for all that can be."""
        if self.collections is not None:
            return tuple(self.collections)
        return tuple(filters) or None

    def classes(self) -> list[type[Any]]:
        """Return the document classes whose collections are made in the store."""
        way = 'models=[Note], models=registry, or models="app.models"'
        return models_of(sources_of(self.models, "models="), ConfigurationError, way)

    def strategy(self, collection: str) -> ConflictStrategy:
        """Return what decides conflicts in a collection."""
        if isinstance(self.conflict_strategy, ConflictStrategy):
            return self.conflict_strategy
        return self.conflict_strategy.get(collection, ConflictStrategy.LastWriteWins)

    def _check(self) -> None:
        check_text(self.database, "database", ConfigurationError)
        check_path(self.local_storage_path, "local_storage_path")
        check_bool(self.auto_sync, "auto_sync")
        check_bool(self.push_on_change, "push_on_change")
        if self.storage_engine is not StorageEngine.Sqlite:
            raise ConfigurationError(
                f"{self.storage_engine} is not supported", hint="storage_engine=StorageEngine.Sqlite"
            )
        interval: Any = self.sync_interval_seconds
        if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval < math.inf:
            raise ConfigurationError(f"sync_interval_seconds={interval!r} must be a number over 0")
        if self.encryption_key is not None:
            check_secret(self.encryption_key)
        self._check_names()
        self._check_strategy()

    def _check_names(self) -> None:
        if self.collections is not None:
            check_several(self.collections, "collections=", 'collections=["notes"]')
        for name in self.collections or ():
            check_text(name, "the name of a collection", ConfigurationError)
            if name.startswith("_"):
                raise ConfigurationError(
                    f"the collection {name!r} can't be synced", hint="names that begin with _ can't be synced"
                )
        self.classes()

    def _check_strategy(self) -> None:
        given: Any = self.conflict_strategy
        chosen: Mapping[Any, Any] = cast(Any, given) if isinstance(given, Mapping) else {"": given}
        for name, strategy in chosen.items():
            if not isinstance(name, str) or not isinstance(strategy, ConflictStrategy):
                raise ConfigurationError(
                    f"conflict_strategy takes a ConflictStrategy, or one by collection, not {given!r}",
                    hint="conflict_strategy=ConflictStrategy.MergeFields",
                )
            if name and self.collections is not None and name not in self.collections:
                raise ConfigurationError(f"conflict_strategy names {name!r}, which is not in collections")

    def remembered(self) -> JsonObject:
        """Return what a store remembers of its settings, so that a command line needs only the folder."""
        one = self.conflict_strategy
        names: Any = (
            one.name
            if isinstance(one, ConflictStrategy)
            else {name: strategy.name for name, strategy in one.items()}
        )
        texts = self.sync_filter
        return {
            "database": self.database,
            "collections": None if self.collections is None else list(self.collections),
            "sync_filter": texts if texts is None or isinstance(texts, str) else list(texts),
            "sync_filter_params": None if self.sync_filter_params is None else dict(self.sync_filter_params),
            "conflict_strategy": names,
        }


def recalled(folder: str | os.PathLike[str], values: JsonObject, **overrides: Any) -> SyncConfig:
    """Return the settings that a store remembers. For a ``Custom`` strategy, conflicts are parked."""
    names: str | dict[str, str] = values["conflict_strategy"]
    strategy = (
        _strategy(names)
        if isinstance(names, str)
        else {collection: _strategy(name) for collection, name in names.items()}
    )
    settings: dict[str, Any] = {**values, "conflict_strategy": strategy, **overrides}
    return SyncConfig(local_storage_path=folder, **settings)


def _strategy(name: str) -> ConflictStrategy:
    return _NAMED.get(name) or ConflictStrategy.Custom(_undecided)


def _undecided(_local: Any, _remote: Any, _base: Any) -> JsonObject | None:
    raise ConfigurationError(
        "the function of this store's ConflictStrategy.Custom is not here",
        hint="resolve the conflict by hand",
    )
