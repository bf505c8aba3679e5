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
    """The rule for conflicts that no ``on_conflict`` function has resolved.

    ``LastWriteWins`` takes the later edit or removal as a whole, ``FirstWriteWins`` the server's version.
    ``MergeFields`` merges attribute by attribute, also inside objects; an attribute that both sides changed
    is taken from the later edit, and an edit wins against a removal. ``Custom(f)`` calls ``f(local, remote,
    base)``.
    """

    name: str
    resolver: Resolver | None = None

    LastWriteWins: ClassVar[ConflictStrategy]
    FirstWriteWins: ClassVar[ConflictStrategy]
    MergeFields: ClassVar[ConflictStrategy]

    @classmethod
    def Custom(cls, resolver: Resolver) -> ConflictStrategy:  # noqa: N802 - named by the protocol's documents
        """Resolve conflicts by a function, which must return the same result on every device."""
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
        """Resolve the conflict by this document; None deletes it."""
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
    """The storage of an offline store. Only SQLite is supported; RocksDB is refused."""

    Sqlite = "sqlite"
    RocksDB = "rocksdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    """The settings of an offline store.

    ``collections`` names the collections to sync; the default is those of the filters, or all. ``models`` are
    the classes (or a ``Registry`` or module) whose collections are created in the store.
    ``sync_interval_seconds`` is the time between background syncs; further syncs follow edits
    (``push_on_change``) and changes that the server reports. ``conflict_strategy`` is a strategy, or a
    mapping of collections to strategies. ``sync_filter`` is a query of the form ``FOR d IN c FILTER .. RETURN
    d``, or a list of them. ``encryption_key`` is a passphrase, or a key of 32 bytes.
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
        """Return the filters by collection; raise ConfigurationError if a setting is invalid."""
        self._check()
        filters = read_filters(self.sync_filter, self.sync_filter_params)
        if self.collections is not None:
            for name in filters:
                if name not in self.collections:
                    raise ConfigurationError(f"sync_filter names {name!r}, which is not in collections")
        return filters

    def scope(self, filters: Mapping[str, Source]) -> tuple[str, ...] | None:
        """Return the collections to sync; None means all."""
        if self.collections is not None:
            return tuple(self.collections)
        return tuple(filters) or None

    def classes(self) -> list[type[Any]]:
        """Return the document classes whose collections are created in the store."""
        way = 'models=[Note], models=registry, or models="app.models"'
        return models_of(sources_of(self.models, "models="), ConfigurationError, way)

    def strategy(self, collection: str) -> ConflictStrategy:
        """Return the conflict strategy of a collection."""
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
        """Return the settings that a store keeps, so that the command line needs only its folder."""
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
