"""Syncing by itself, in threads: one that syncs when it is due, one that listens at the server's door."""

from __future__ import annotations

import threading
import time
from typing import Any

from .._tracing import get_logger
from ..errors import ClosedError, ConnectionFailed, RequestTimeout, SolidbError
from ..wire.http import load_clients
from .schedule import LOOK_FOR_COLLECTIONS, Schedule, collection_names, open_bell, rings
from .server import ServerRemote
from .sync_results import SyncState

logger = get_logger("solidb_odm.offline")

TICK = 0.5
WAIT_FOR_SERVER = 1.0
STUCK = (SyncState.AuthRequired, SyncState.Blocked)


class Background:
    """The threads of one manager."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._schedule = Schedule(manager.config.sync_interval_seconds)
        self._bell = threading.Event()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"solidb-{name}", daemon=True)
            for name, work in (("sync", self._sync), ("doorbell", self._listen))
        ]

    def start(self) -> None:
        """Begin, with a sync at once."""
        if isinstance(self._manager.remote, ServerRemote):
            load_clients()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; a sync under way is waited for."""
        self._stopped.set()
        self._bell.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def edited(self) -> None:
        """Note an edit."""
        self._schedule.edited(time.monotonic())
        self._bell.set()

    def wake(self) -> None:
        """Have a sync made now."""
        self._schedule.rang(time.monotonic())
        self._bell.set()

    def _sync(self) -> None:
        while not self._stopped.is_set():
            wait = min(TICK, max(0.0, self._schedule.due - time.monotonic()))
            self._bell.wait(wait)
            self._bell.clear()
            if self._stopped.is_set():
                return
            self._manager.hear()
            standing = self._manager.standing
            if standing.paused or standing.state in STUCK or time.monotonic() < self._schedule.due:
                continue
            self._attempt()

    def _attempt(self) -> None:
        self._schedule.began()
        try:
            self._manager.sync_now()
        except ClosedError:
            return
        except SolidbError as problem:
            self._schedule.failed(time.monotonic())
            logger.info("the sync failed, and will be tried again: %s", problem.message)
        except Exception:
            self._schedule.failed(time.monotonic())
            logger.exception("the sync failed, and will be tried again")
        else:
            self._schedule.succeeded(time.monotonic())
        self._manager.standing.expect(self._schedule.due - time.monotonic())

    def _listen(self) -> None:
        while not self._stopped.is_set():
            remote = self._manager.remote
            if not isinstance(remote, ServerRemote):
                return
            try:
                self._listen_once(remote)
            except (ConnectionFailed, RequestTimeout):
                self._stopped.wait(WAIT_FOR_SERVER)
            except SolidbError as problem:
                logger.debug("no doorbell: %s", problem.message)
                self._stopped.wait(WAIT_FOR_SERVER)

    def _listen_once(self, remote: ServerRemote) -> None:
        names = self._manager.heard_collections()
        feed = open_bell(remote.driver, names)
        try:
            self.wake()  # something may have been written while nobody listened
            look = time.monotonic() + LOOK_FOR_COLLECTIONS
            while not self._stopped.is_set() and self._manager.remote is remote:
                messages = feed.receive(TICK)
                if messages and rings(messages):
                    self.wake()
                if self._manager.heard_collections() != names:
                    return
                if self._manager.takes_all and time.monotonic() >= look:
                    look = time.monotonic() + LOOK_FOR_COLLECTIONS
                    if not set(remote.driver.run(collection_names(remote.address.database))) <= set(names):
                        self.wake()
        finally:
            feed.close()
