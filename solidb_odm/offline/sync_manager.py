"""The blocking manager of an offline store."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Never, Self, TypeVar

from .._types import Json, JsonObject
from .._wrong_calls import Blocking, refuse_options
from ..commands import Operation, call, run
from ..commands.replica import (
    CountEdits,
    EraseReplica,
    ReadJournal,
    ReadSettings,
    WriteSettings,
)
from ..engine.engine import Engine
from ..engines.sqlite.driver import FileDriver
from ..errors import RequestTimeout, UsageError
from . import local
from .argument_types import check_seconds
from .background import Background
from .channels import Deadline, HookedDriver, Router
from .config import ConflictResolution
from .folder import LOCK, FolderLock, prepare_folder, store_url
from .manager_base import ManagerBase, change_of, conflicts_of, pending_of, rejections_of
from .pull import ACCEPTED, UPLOAD
from .remote import Remote
from .server import ServerRemote
from .sync_results import Conflict, Pending, Rejection, SyncResult, SyncStatus, Verification
from .synchronisation import synchronise
from .turns import Turns

T = TypeVar("T")

_POLL = 0.02


class OfflineSyncManager(ManagerBase, Blocking):
    """An offline store: documents on the device that are synced with a server. Threads may share one.

    All reads and writes are local and need no network; ``engine`` is the store for sessions. Call
    ``initialize()``, or use it as a ``with`` block.
    """

    engine: Engine

    def initialize(self) -> Self:
        """Open the store, creating it if necessary, and start syncing if ``auto_sync`` is on."""
        folder = prepare_folder(self.config)
        self._turns, self._lock = Turns(), FolderLock(folder / LOCK)
        self._gate, self._again = threading.Lock(), False
        self._store = FileDriver(store_url(self.config), secret=self.config.encryption_key)
        try:
            self._settle_key()
            self.engine = Engine(HookedDriver(self._store, self.hear))
            self._run(self._opening())
            self._pass_over(self._run(call(ReadJournal())))
            self.remote = self._connect()
        except BaseException:
            self._store.close()
            raise
        self._background = Background(self) if self.config.auto_sync else None
        if self._background is not None:
            self._background.start()
        return self

    def authenticate(self, username: str = "", password: str = "", *, api_key: str = "") -> None:
        """Log in as a user; raise AuthError, and keep the earlier login, if it is refused.

        Without a network the login is tried later.
        """
        self._check_open()
        address = self._login(username, password, api_key)
        self._check_owner({**self._run(call(ReadSettings())), "config": {}}, address)
        fresh = ServerRemote(address)
        try:
            known = fresh.log_in()
        except BaseException:
            fresh.close()
            raise
        old, self.remote, self.address = self.remote, fresh, address
        if old is not None:
            old.close()
        self._logged_in(known)
        self._wake()

    # --- documents -------------------------------------------------------------------------------

    def save_document(self, collection: str, key: str | None, document: Mapping[str, Any]) -> JsonObject:
        """Merge attributes into a document, or insert it; return it as stored."""
        self._synced(collection)
        return self._run(local.save(self.config.database, collection, key, document))

    def get_document(self, collection: str, key: str) -> JsonObject | None:
        """Return a document of the store; None if there is none."""
        return self._run(local.get(self.config.database, collection, key))

    def delete_document(self, collection: str, key: str) -> None:
        """Delete a document; raise DocumentNotFound if there is none with this key."""
        self._run(local.delete(collection, key))

    def query(self, sdbql: str, params: Mapping[str, Any] | None = None, **others: Never) -> list[Json]:
        """Run SDBQL on the store and return its rows; its writes are committed, and synced."""
        refuse_options("query()", others, "manager.query(text, {name: value})")
        return self._run(local.query(sdbql, params))

    def list_documents(
        self, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[list[JsonObject], int]:
        """Return documents in the order of their keys, and the number of all documents."""
        return self._run(local.listing(collection, limit, offset))

    # --- syncing ---------------------------------------------------------------------------------

    def sync_now(self, *, timeout: float | None = None) -> SyncResult:
        """Sync with the server now, and return what was done. Calls at the same time share one sync."""
        self._check_open()
        self._check_not_inside()
        deadline = Deadline(timeout)
        return self._turns.take(lambda: self._sync(deadline), deadline)

    def sync_status(self) -> SyncStatus:
        """Return the state of syncing, with the number of pending edits."""
        return self._run(self._status())

    def pause_sync(self) -> None:
        """Stop syncing automatically; ``sync_now`` still works."""
        self._check_open()
        self.standing.paused = True

    def resume_sync(self) -> None:
        """Start syncing automatically again."""
        self._check_open()
        self.standing.paused = False
        self._wake()

    def wait_pushed(self, collection: str, key: str, *, timeout: float = 30.0) -> str:
        """Wait for the outcome of a document's edit; return "pushed", "rejected" or "conflict"."""
        check_seconds(timeout, "timeout")
        deadline = time.monotonic() + timeout
        while (state := self._run(local.state_of(collection, key))) == "pending":
            if time.monotonic() >= deadline:
                raise RequestTimeout(f"{collection}/{key} was not pushed in {timeout:g} s", seconds=timeout)
            time.sleep(_POLL)
        return {"": "pushed", "rejected": "rejected", "parked": "conflict"}[state]

    # --- what waits ------------------------------------------------------------------------------

    def pending(self) -> list[Pending]:
        """Return the edits that are not pushed yet, oldest first."""
        return pending_of(self._run(local.edits_in("pending")))

    def conflicts(self) -> list[Conflict]:
        """Return the open conflicts."""
        return conflicts_of(self._run(local.edits_in("parked")))

    def resolve(self, conflict: Conflict, resolution: ConflictResolution) -> None:
        """Resolve an open conflict."""
        self._run(local.resolve(conflict, resolution))
        self.hear()
        self._wake()

    def rejections(self) -> list[Rejection]:
        """Return the edits that the server refused."""
        return rejections_of(self._run(local.edits_in("rejected")))

    def retry(self, collection: str | None = None, key: str | None = None) -> None:
        """Push rejected edits again with the next sync: one, those of a collection, or all."""
        self._run(local.retry(collection, key))
        self._wake()

    def discard(self, collection: str, key: str) -> JsonObject | None:
        """Discard the edit of a document; return the document as it was last received from the server."""
        return self._run(local.discard(self.config.database, collection, key))

    # --- the store -------------------------------------------------------------------------------

    def set_filter(
        self, sync_filter: str | Sequence[str] | None, sync_filter_params: Mapping[str, Any] | None = None
    ) -> None:
        """Set the filters of the next sync; edits of documents that no longer match are pushed first."""
        self._check_open()
        config = replace(self.config, sync_filter=sync_filter, sync_filter_params=sync_filter_params)
        self.filters, self.config = config.filters(), config
        self._run(self._chosen_anew())
        self._wake()

    def verify(self, *, repair: bool = True) -> Verification:
        """Sync, and compare every document with the server's; ``repair`` takes that if they differ."""
        self.sync_now()
        with self._folder(Deadline(None)):
            sync = self._round(self._run(call(ReadSettings())))
            return self._both(self._verification(sync, repair), Deadline(None))

    def rotate_key(self, key: str | bytes) -> None:
        """Encrypt the store with another key; open sessions can be used further.

        It waits up to five seconds for uncommitted changes of sessions, and then raises StoreLocked. If the
        process ends in the middle, the store has either the old key or the new one. Other managers of the
        store get WrongKey.
        """
        self._check_open()
        with self._folder(Deadline(None)):
            self._store.change_key(key)
        self.config = replace(self.config, encryption_key=key)

    def accept_server(self) -> None:
        """After a server was restored or emptied: let the next sync delete here what the server lacks."""
        self._run(call(WriteSettings({ACCEPTED: True})))
        self._unblock()

    def reupload(self) -> None:
        """After a server was restored or emptied: let the next sync push again what the server lacks."""
        self._run(call(WriteSettings({UPLOAD: True})))
        self._unblock()

    def wipe(self, *, discard_pending: bool = False) -> None:
        """Delete all documents and edits of the store; raise PendingChanges if that would lose edits."""
        self._check_open()
        with self._folder(Deadline(None)):
            counts = self._run(call(CountEdits()))
            self._check_nothing_waits(sum(counts.values()), discard_pending)
            self._run(call(EraseReplica()))
            self._run(self._opening())
            self.standing.last_sync = None

    def close(self) -> None:
        """Stop syncing and close the store. Pending edits are pushed when it is opened again."""
        if self.standing.closed:
            return
        self.standing.closed = True
        if self._background is not None:
            self._background.stop()
        if self.remote is not None:
            self.remote.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self if hasattr(self, "_store") else self.initialize()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- inside ----------------------------------------------------------------------------------

    def _settle_key(self) -> None:
        """Forget the other key of a change that was cut short, unless it is going on just now."""
        if self.config.encryption_key is not None and self._lock.take():
            try:
                self._store.settle_key()
            finally:
                self._lock.release()

    def _connect(self) -> Remote | None:
        if self.given_remote is not None:
            remote: Remote = self.given_remote
            return remote
        return ServerRemote(self.address) if self.address else None

    def _run(self, operation: Operation[T]) -> T:
        """Run an operation on the store."""
        if self.standing.closed:
            operation.close()
            self._check_open()
        return self.engine.run(operation)

    def _both(self, operation: Operation[T], deadline: Deadline) -> T:
        """Run an operation on the store and the server."""
        if self.remote is None:
            operation.close()
            raise self._no_server()
        channel = self._store.channel()
        try:
            return run(operation, Router(channel, self.remote, deadline, self.hear))
        finally:
            channel.close()

    def _sync(self, deadline: Deadline) -> SyncResult:
        begun, sync = time.monotonic(), None
        with self._folder(deadline):
            self._began()
            problem: BaseException | None = None
            try:
                sync = self._round(self._run(call(ReadSettings())))
                self._both(synchronise(sync, self.config.scope(self.filters), self.filters), deadline)
                self._run(self._remember_login(sync.settings))
            except BaseException as failure:
                problem = failure
                raise
            finally:
                self.hear()
                result = self._ended(sync, time.monotonic() - begun, problem)
        return result

    @contextmanager
    def _folder(self, deadline: Deadline) -> Generator[None]:
        """Sync alone in this folder."""
        self._check_not_inside()
        while not self._lock.take():
            deadline.check()
            self._check_open()
            time.sleep(_POLL)
        try:
            yield
        finally:
            self._lock.release()

    def _check_not_inside(self) -> None:
        """Raise UsageError in a function that the sync under way has called: it would wait for itself."""
        if self._lock.holder == threading.get_ident():
            raise UsageError(
                "this was called by a sync, and can't wait for its end",
                hint="let a thread do it; auto_sync=True pushes what a listener saves",
            )

    def hear(self, channel: Any = None) -> None:
        """Notify the listeners of committed changes and push these soon; the channel reads the journal."""
        self._again = True
        while self._again and self._gate.acquire(blocking=False):
            try:
                self._again = False
                if not self.standing.closed:
                    self._tell_committed(channel)
            finally:
                self._gate.release()

    def _tell_committed(self, given: Any) -> None:
        channel = self._store.channel() if given is None else None
        try:
            self._tell_from(given or channel)
        finally:
            if channel is not None:
                channel.close()

    def _tell_from(self, channel: Any) -> None:
        if not (self.listeners.are_there or self.config.auto_sync):
            self._pass_over(channel.perform(ReadJournal()))
            return
        while entries := channel.perform(ReadJournal(self.standing.heard)):
            self.standing.heard = entries[-1].number
            changes = [change_of(entry, self._document(channel, entry)) for entry in entries]
            for change in changes:
                self.listeners.tell(change)
            if any(change.change_type.is_local for change in changes):
                self._edited()

    def _document(self, channel: Any, entry: Any) -> JsonObject | None:
        if not self.listeners.are_there:
            return None
        return run(local.get(self.config.database, entry.collection, entry.key), channel)

    def _edited(self) -> None:
        if self._background is not None and self.config.push_on_change:
            self._background.edited()

    def _wake(self) -> None:
        if self._background is not None:
            self._background.wake()

    def _unblock(self) -> None:
        self._clear_block()
        self._wake()
