"""What the blocking and the async manager share: settings, states, and what is told; no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, overload

from .._dataclasses import dataclass
from .._tracing import get_logger
from .._types import JsonObject
from .._wrong_calls import missing_call
from ..client.client import AsyncClient, Client
from ..client.settings import address_of
from ..commands import Operation, call
from ..commands.replica import (
    CountEdits,
    Edit,
    JournalEntry,
    OpenReplica,
    ReadSettings,
    WriteSettings,
)
from ..errors import (
    AuthError,
    ClosedError,
    ConfigurationError,
    ConnectionFailed,
    PendingChanges,
    RequestTimeout,
    ServerRollbackSuspected,
    SolidbError,
    StoreOfAnotherUser,
    UsageError,
)
from ..schema import creation
from ..wire.url import ServerAddress
from .argument_types import check_kind, check_text
from .config import ADDRESS, CONFIG, SyncConfig
from .contents import moment
from .pull import MARKS
from .reconciliation import Judge
from .round import Round
from .sync_results import (
    A,
    Change,
    ChangeType,
    Conflict,
    L,
    Listeners,
    Pending,
    Rejection,
    SyncProgress,
    SyncResult,
    SyncState,
    SyncStatus,
    Verification,
)
from .synchronisation import LAST_SYNC, local_kinds, prepare, verify

logger = get_logger("solidb_odm.offline")

OWNER: Final = "owner"
LOGIN: Final = "login"
SCOPE: Final = "scope"
_REMOTE: Final = {
    SyncState.Offline: (ConnectionFailed, RequestTimeout),
    SyncState.AuthRequired: (AuthError,),
    SyncState.Blocked: (ServerRollbackSuspected,),
}


@dataclass(slots=True)
class Standing:
    """How syncing stands, as this manager saw it last."""

    state: SyncState = SyncState.Idle
    syncing: bool = False
    paused: bool = False
    closed: bool = False
    last_error: str = ""
    last_sync: datetime | None = None
    next_attempt: datetime | None = None
    progress: SyncProgress | None = None
    heard: int = 0
    stopped: Mapping[str, str] = field(default_factory=dict[str, str])

    def shown(self) -> SyncState:
        """Return the one state that is shown."""
        if self.syncing:
            return SyncState.Syncing
        if self.state in (SyncState.AuthRequired, SyncState.Blocked):
            return self.state
        return SyncState.Paused if self.paused else self.state

    def expect(self, seconds: float) -> None:
        """Note when the next sync is due, if nothing happens before."""
        self.next_attempt = datetime.now(UTC) + timedelta(seconds=seconds)

    def fail(self, problem: BaseException) -> None:
        """Note why a sync failed."""
        self.last_error = getattr(problem, "message", "") or str(problem)
        self.state = next(
            (state for state, kinds in _REMOTE.items() if isinstance(problem, kinds)), SyncState.Idle
        )


_UNGIVEN: Final = object()


WAYS = {
    "begin": "Session(manager.engine)",
    "commit": "save_document(..), which is stored at once; or a session: Session(manager.engine)",
    "connect": "initialize()",
    "create_collection": "save_document(collection, key, {..}), which makes it",
    "delete": "delete_document(collection, key)",
    "execute": "query(text, {name: value})",
    "find": "query(text, {name: value}), or list_documents(collection)",
    "get": "get_document(collection, key)",
    "get_all": "list_documents(collection)",
    "get_status": "status()",
    "insert": "save_document(collection, key, {..})",
    "list": "list_documents(collection)",
    "open": "initialize()",
    "pull": "sync_now()",
    "push": "sync_now()",
    "put": "save_document(collection, key, {..})",
    "save": "save_document(collection, key, {..})",
    "session": "Session(manager.engine)",
    "start": "initialize(), which also begins to sync by itself if auto_sync=True",
    "stop": "close()",
    "sync": "sync_now()",
    "update": "save_document(collection, key, {..})",
    "upsert": "save_document(collection, key, {..})",
}
"""What other offline stores have, by what to write here."""


class ManagerBase:
    """Settings, listeners and standing of a manager."""

    def __init__(self, where: Any, config: SyncConfig) -> None:
        hint = "SyncConfig(database=.., local_storage_path=..)"
        check_kind(config, SyncConfig, "the settings are a SyncConfig", hint)
        self.config = config
        self.filters = config.filters()
        self.address, self.given_remote = _address(where, config.database)
        self.listeners = Listeners()
        self.standing = Standing()
        self._known_names: tuple[str, ...] = ()

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, WAYS)

    def __repr__(self) -> str:
        where = "" if self.address is None else f" with {replace(self.address, username='').url}"
        closed = ", closed" if self.standing.closed else ""
        kept = f"{self.config.database!r} in {str(self.config.folder)!r}"
        return f"<{type(self).__name__} of {kept}{where}{closed}>"

    # --- listeners -------------------------------------------------------------------------------

    def on_change(self, listener: L) -> L:
        """Call a function with every Change, here and from the server; as a decorator too."""
        self.listeners.add(listener)
        return listener

    @overload
    def on_collection_change(self, collection: str) -> Callable[[L], L]: ...
    @overload
    def on_collection_change(self, collection: str, listener: L) -> L: ...
    def on_collection_change(self, collection: str, listener: Any = _UNGIVEN) -> Any:
        """Call a function with every Change of one collection; as a decorator too, with the collection."""
        if listener is _UNGIVEN:
            check_text(collection, "the collection")
            return partial(self.on_collection_change, collection)
        return self.listeners.add(listener, collection)

    def on_conflict(self, arbiter: A) -> A:
        """Ask a function about each conflict, before the strategy: it returns a resolution, or None."""
        return self.listeners.add_arbiter(arbiter)

    def _check_open(self) -> None:
        if self.standing.closed:
            raise ClosedError("the offline store is closed", hint="make another manager")

    def _synced(self, collection: str) -> None:
        """Raise UsageError if a collection is not synced: what is saved there would stay here in silence."""
        check_text(collection, "the collection")
        scope = self.config.scope(self.filters)
        if collection.startswith("_") or (scope is not None and collection not in scope):
            raise UsageError(
                f"the collection {collection!r} is not synced",
                hint="name it in collections=.. or sync_filter=..; names that begin with _ can't be synced",
            )

    # --- operations ------------------------------------------------------------------------------

    def _opening(self) -> Operation[None]:
        """Make the store a replica, with what the models declare; note the settings."""
        yield from call(OpenReplica(None))
        settings = yield from call(ReadSettings())
        self._recall_login(settings)
        self._check_owner(settings)
        if self.address is not None and ADDRESS not in settings:
            yield from call(WriteSettings({ADDRESS: replace(self.address, username="").url}))
        yield from self._choose(settings)
        specs = [model.__collection_spec__() for model in self.config.classes()]
        if specs:
            yield from creation.create_all(specs)
        last = settings.get(LAST_SYNC, "")
        self.standing.last_sync = moment(last)

    def _choose(self, settings: JsonObject) -> Operation[None]:
        """Capture what is synced, and what was before; look at everything again after a change of filters."""
        scope = self.config.scope(self.filters)
        captured: tuple[str, ...] | None = None
        if scope is not None:
            here = yield from local_kinds()
            captured = tuple(dict.fromkeys((*scope, *here)))
        remembered = self.config.remembered()
        before = settings.get(CONFIG, remembered)
        names = ("collections", "sync_filter", "sync_filter_params")
        changed = any(before[name] != remembered[name] for name in names)
        yield from call(OpenReplica(captured))
        yield from call(WriteSettings({CONFIG: remembered, **({MARKS: None} if changed else {})}))

    def _check_owner(self, settings: JsonObject, address: ServerAddress | None = None) -> None:
        owner, database = settings.get(OWNER), settings.get(CONFIG, {}).get("database")
        ours = owner_of(address or self.address)
        if database not in (None, self.config.database):
            raise StoreOfAnotherUser(
                f"{self.config.folder} holds the database {database!r}, not {self.config.database!r}",
                hint="open another folder, or wipe() this store",
            )
        if owner and ours and owner != ours:
            raise StoreOfAnotherUser(
                f"{self.config.folder} belongs to another user",
                hint="open another folder, or wipe() this store",
            )

    def _recall_login(self, settings: JsonObject) -> None:
        """Log in as before on the same server, if nobody else is named; only an encrypted store remembers."""
        login = settings.get(LOGIN)
        address = self.address
        if login is None or address is None or address.username or address.api_key or address.token:
            return
        if login["server"] == _place(address):
            names = ("username", "password", "api_key", "token")
            self.address = replace(address, **{name: login[name] for name in names})

    def _remember_login(self, settings: JsonObject) -> Operation[None]:
        """Keep who the store belongs to, and in an encrypted store the login."""
        address = self.address
        owner = owner_of(address)
        if address is None or not owner:
            return
        values: JsonObject = {OWNER: owner, ADDRESS: replace(address, username="").url}
        if self.config.encryption_key is not None:
            names = ("username", "password", "api_key", "token")
            values[LOGIN] = {name: getattr(address, name) for name in names} | {"server": _place(address)}
        if any(settings.get(name) != value for name, value in values.items()):
            yield from call(WriteSettings(values))

    def _chosen_anew(self) -> Operation[None]:
        settings = yield from call(ReadSettings())
        yield from self._choose(settings)

    def _login(self, username: str, password: str, api_key: str) -> ServerAddress:
        """Return the address with another login."""
        if self.address is None:
            raise UsageError("this manager was given no server", hint="give a URL or a client")
        for name, value in (("username", username), ("password", password), ("api_key", api_key)):
            if value:
                check_text(value, name)
        if not (username or api_key):
            raise UsageError(
                "there is no user to log in as", hint="authenticate(username, password), or api_key=.."
            )
        return replace(self.address, username=username, password=password, api_key=api_key, token="")

    def _logged_in(self, known: bool) -> None:
        """Note a login that the server took, or that it could not be asked about."""
        if known and self.standing.state is SyncState.AuthRequired:
            self.standing.state = SyncState.Idle
        elif self.standing.state is SyncState.AuthRequired:
            self.standing.state = SyncState.Offline

    def _clear_block(self) -> None:
        if self.standing.state is SyncState.Blocked:
            self.standing.state, self.standing.last_error = SyncState.Idle, ""

    def _no_server(self) -> SolidbError:
        return UsageError("this manager was given no server", hint="give a URL or a client")

    def _check_nothing_waits(self, count: int, discard_pending: bool) -> None:
        if count and not discard_pending:
            raise PendingChanges(
                f"{count} edits have not reached the server",
                count=count,
                hint="sync_now() first, or wipe(discard_pending=True)",
            )

    def _verification(self, sync: Round, repair: bool) -> Operation[Verification]:
        yield from prepare(sync, self.config.scope(self.filters), self.filters)
        return (yield from verify(sync, repair=repair))

    @property
    def takes_all(self) -> bool:
        """Whether every collection of the server is synced, new ones too."""
        return self.config.scope(self.filters) is None

    def heard_collections(self) -> tuple[str, ...]:
        """Return the collections whose changes on the server matter."""
        return self._known_names

    def _round(self, settings: JsonObject) -> Round:
        strategy = self.config.strategy
        return Round({}, settings, Judge(strategy, self.listeners.ask), self._progressed)

    def _progressed(self, phase: str, done: int, total: int) -> None:
        self.standing.progress = SyncProgress(phase, done, total)
        self.listeners.tell(Change(ChangeType.SyncProgress))

    # --- telling ---------------------------------------------------------------------------------

    def _pass_over(self, last: Sequence[JournalEntry]) -> None:
        """Let listeners that come later hear only of what comes later, given the journal's last entry."""
        self.standing.heard = last[0].number if last else 0

    def _began(self) -> None:
        self.standing.syncing, self.standing.progress = True, None
        self.listeners.tell(Change(ChangeType.SyncStarted))

    def _ended(self, sync: Round | None, seconds: float, problem: BaseException | None) -> SyncResult:
        """Note how a sync ended, and tell; return its result."""
        standing = self.standing
        standing.syncing, standing.progress = False, None
        if sync is not None:
            self._tell_decisions(sync)
        if problem is not None or sync is None:
            failure = problem or SolidbError("nothing was synced")
            standing.fail(failure)
            self.listeners.tell(Change(ChangeType.SyncFailed, error=standing.last_error))
            return SyncResult(duration=seconds)
        standing.state, standing.stopped = SyncState.Idle, dict(sync.stopped)
        self._known_names = tuple(sync.sources)
        standing.last_error = "; ".join(sync.stopped.values())
        standing.last_sync = moment(sync.settings.get(LAST_SYNC, "")) or datetime.now(UTC)
        done = Change(ChangeType.SyncComplete, pushed_count=sync.pushed, pulled_count=sync.pulled)
        self.listeners.tell(done)
        return SyncResult(sync.pushed, sync.pulled, tuple(sync.conflicts), len(sync.rejections), seconds)

    def _tell_decisions(self, sync: Round) -> None:
        for met in sync.conflicts:
            self.listeners.tell(
                Change(ChangeType.Conflict, met.collection, met.document_key, met.local_version)
            )
        for collection, key, error in sync.rejections:
            self.listeners.tell(Change(ChangeType.Rejected, collection, key, error=error))

    def _status(self) -> Operation[SyncStatus]:
        counts = yield from call(CountEdits())
        standing = self.standing
        return SyncStatus(
            counts.get("pending", 0),
            counts.get("rejected", 0),
            counts.get("parked", 0),
            standing.last_sync,
            standing.shown(),
            standing.last_error,
            standing.next_attempt,
            standing.progress,
        )


def owner_of(address: ServerAddress | None) -> str:
    """Return who a store belongs to, "" if nobody has said yet."""
    if address is None:
        return ""
    if address.api_key or address.token:
        secret = address.api_key or address.token
        return "key:" + hashlib.sha256(secret.encode()).hexdigest()[:16]
    return address.username


def _place(address: ServerAddress) -> str:
    return ",".join(map(str, address.hosts))


def _address(where: Any, database: str) -> tuple[ServerAddress | None, Any]:
    """Read where the server is: a URL, a client, or, for tests, what performs requests itself."""
    if isinstance(where, str):
        return replace(address_of(where, {}), database=database), None
    if isinstance(where, Client | AsyncClient):
        return replace(where.server_address, database=database), None
    if hasattr(where, "perform"):
        return None, where
    raise ConfigurationError("give a URL or a client", hint="solidb://user:password@host:6745")


def change_of(entry: JournalEntry, document: JsonObject | None) -> Change:
    """Return the Change that an entry of the journal tells of."""
    return Change(ChangeType(entry.kind), entry.collection, entry.key, document)


def pending_of(edits: Sequence[Edit]) -> list[Pending]:
    """Return edits as callers see them."""
    return [
        Pending(
            edit.collection,
            edit.key,
            edit.kind,
            moment(edit.since) or datetime.now(UTC),
            edit.attempts,
            edit.error,
        )
        for edit in edits
    ]


def rejections_of(edits: Sequence[Edit]) -> list[Rejection]:
    """Return rejected edits as callers see them."""
    return [Rejection(edit.collection, edit.key, edit.current, edit.error, edit.attempts) for edit in edits]


def conflicts_of(edits: Sequence[Edit]) -> list[Conflict]:
    """Return parked conflicts as callers see them."""
    return [
        Conflict(
            edit.collection,
            edit.key,
            edit.base,
            edit.current,
            None if edit.remote is None else edit.remote.document,
        )
        for edit in edits
    ]
