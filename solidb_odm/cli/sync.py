"""``solidb-odm sync``: sync and inspect an offline store, which remembers its own settings."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, SolidbError, StoreUnavailable, UsageError
from ..offline.config import ConflictResolution, recalled
from ..offline.folder import FILE, remembered
from ..offline.sync_manager import OfflineSyncManager
from ..offline.sync_results import (
    Change,
    ChangeType,
    Conflict,
    Pending,
    Rejection,
    SyncResult,
    SyncStatus,
    Verification,
)
from .dispatch import Context, print_json

_DEFAULT = "solidb://localhost:6745"
_RESOLUTIONS = {"local": ConflictResolution.AcceptLocal, "remote": ConflictResolution.AcceptRemote}


def run(context: Context) -> None:
    """Open the store and run a command on it."""
    options = context.options
    folder = Path(options.store)
    if not (folder / FILE).exists():
        raise StoreUnavailable(
            f"there is no offline store in {folder}", path=str(folder), hint="a program makes one first"
        )
    key = _key(options.key_env)
    settings, server = remembered(folder, key)
    config = recalled(folder, settings, auto_sync=False, encryption_key=key)
    with OfflineSyncManager(context.url or server or _DEFAULT, config).initialize() as manager:
        if sys.stderr.isatty():
            manager.on_change(partial(_show_progress, manager))
        answer, show = _COMMANDS[options.sync_command]
        value = answer(manager, options)
        if options.json:
            print_json(value)
        else:
            show(manager, value)


def _key(variable: str) -> str | None:
    if not variable:
        return None
    key = os.environ.get(variable)
    if key is None:
        raise ConfigurationError(f"the environment variable {variable} is not set")
    return key


def _show_progress(manager: OfflineSyncManager, change: Change) -> None:
    progress = manager.standing.progress
    if change.change_type is ChangeType.SyncProgress and progress is not None:
        total = f" of {progress.total}" if progress.total else ""
        print(f"\r{progress.phase} {progress.done}{total}\033[K", end="", file=sys.stderr)
    elif change.change_type in (ChangeType.SyncComplete, ChangeType.SyncFailed):
        print("\r\033[K", end="", file=sys.stderr)


def _show_status(manager: OfflineSyncManager, status: SyncStatus) -> None:
    last = status.last_sync.isoformat(timespec="seconds") if status.last_sync else "never"
    print(f"pending     {status.pending_changes}")
    print(f"rejected    {status.rejected}")
    print(f"conflicts   {status.conflicts}")
    print(f"last sync   {last}")
    print(f"state       {status.state.value}")
    if status.last_error:
        print(f"last error  {status.last_error}")
    print(f"server      {manager.address}")


def _show_result(manager: OfflineSyncManager, result: SyncResult) -> None:
    print(
        f"pushed {result.pushed}, pulled {result.pulled}, conflicts {len(result.conflicts)}, "
        f"rejected {result.rejected}"
    )
    for reason in manager.standing.stopped.values():
        print(f"not synced: {reason}")


def _show_pending(_: OfflineSyncManager, edits: list[Pending]) -> None:
    for edit in edits:
        since = edit.since.isoformat(timespec="seconds")
        print(f"{edit.kind:<7} {edit.collection}/{edit.document_key}  since {since}  {edit.error}".rstrip())


def _show_conflicts(_: OfflineSyncManager, conflicts: list[Conflict]) -> None:
    for conflict in conflicts:
        print(f"{conflict.collection}/{conflict.document_key}")
        for name in ("base", "local", "remote"):
            print(f"  {name:<7} {_text(getattr(conflict, f'{name}_version'))}")


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def _resolve(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    manager.resolve(_conflict(manager, options), _resolution(options.take))


def _conflict(manager: OfflineSyncManager, options: argparse.Namespace) -> Conflict:
    for conflict in manager.conflicts():
        if (conflict.collection, conflict.document_key) == (options.collection, options.key):
            return conflict
    raise UsageError(f"no conflict about {options.collection}/{options.key} is open")


def _resolution(text: str) -> ConflictResolution:
    if text in _RESOLUTIONS:
        return _RESOLUTIONS[text]
    try:
        return ConflictResolution.Merge(json.loads(text))
    except json.JSONDecodeError as problem:
        raise ConfigurationError(f"{text!r} is neither local, remote nor JSON") from problem


def _show_rejections(_: OfflineSyncManager, rejections: list[Rejection]) -> None:
    for rejection in rejections:
        times = f"{rejection.attempts} attempt{'' if rejection.attempts == 1 else 's'}"
        print(f"{rejection.collection}/{rejection.document_key}  {times}  {rejection.error}")


def _retry(manager: OfflineSyncManager, options: argparse.Namespace) -> SyncResult:
    manager.retry(options.collection, options.key)
    try:
        return manager.sync_now()
    except SolidbError as problem:
        problem.hint = "the edits wait to be pushed again: `sync now` does it when the server answers"
        raise


def _show_verification(_: OfflineSyncManager, verification: Verification) -> None:
    compared = f"documents {verification.documents}, differences {verification.differences}"
    print(f"{compared}, repaired {verification.repaired}")


def _rotate_key(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    manager.rotate_key(_key(options.new_key_env) or "")


def _saying(text: str) -> Callable[[OfflineSyncManager, Any], None]:
    return lambda _manager, _status: print(text)


_Answer = Callable[[OfflineSyncManager, argparse.Namespace], Any]
_Show = Callable[[OfflineSyncManager, Any], None]
_COMMANDS: dict[str, tuple[_Answer, _Show]] = {
    "status": (lambda manager, _: manager.sync_status(), _show_status),
    "now": (lambda manager, _: manager.sync_now(), _show_result),
    "pending": (lambda manager, _: manager.pending(), _show_pending),
    "conflicts": (lambda manager, _: manager.conflicts(), _show_conflicts),
    "resolve": (_resolve, _saying("resolved; the next sync pushes it")),
    "rejections": (lambda manager, _: manager.rejections(), _show_rejections),
    "retry": (_retry, _show_result),
    "discard": (
        lambda manager, options: manager.discard(options.collection, options.key),
        lambda _, document: print(_text(document)),
    ),
    "verify": (
        lambda manager, options: manager.verify(repair=not options.no_repair),
        _show_verification,
    ),
    "rotate-key": (_rotate_key, _saying("encrypted with the new key")),
}
