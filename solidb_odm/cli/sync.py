"""``solidb-odm sync``: look after an offline store, which remembers its own settings."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import ConfigurationError, StoreUnavailable, UsageError
from ..offline.config import ConflictResolution, recalled
from ..offline.folder import FILE, remembered
from ..offline.sync_manager import OfflineSyncManager
from ..offline.sync_results import Change, ChangeType, Conflict
from .dispatch import Context

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
        _COMMANDS[options.sync_command](manager, options)


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


def _status(manager: OfflineSyncManager, _: argparse.Namespace) -> None:
    status = manager.sync_status()
    last = status.last_sync.isoformat(timespec="seconds") if status.last_sync else "never"
    print(f"pending     {status.pending_changes}")
    print(f"rejected    {status.rejected}")
    print(f"conflicts   {status.conflicts}")
    print(f"last sync   {last}")
    print(f"server      {manager.address}")


def _now(manager: OfflineSyncManager, _: argparse.Namespace) -> None:
    result = manager.sync_now()
    print(
        f"pushed {result.pushed}, pulled {result.pulled}, conflicts {len(result.conflicts)}, "
        f"rejected {result.rejected}"
    )


def _pending(manager: OfflineSyncManager, _: argparse.Namespace) -> None:
    for edit in manager.pending():
        since = edit.since.isoformat(timespec="seconds")
        print(f"{edit.kind:<7} {edit.collection}/{edit.document_key}  since {since}  {edit.error}".rstrip())


def _conflicts(manager: OfflineSyncManager, _: argparse.Namespace) -> None:
    for conflict in manager.conflicts():
        print(f"{conflict.collection}/{conflict.document_key}")
        for name in ("base", "local", "remote"):
            print(f"  {name:<7} {json.dumps(getattr(conflict, f'{name}_version'), ensure_ascii=False)}")


def _resolve(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    manager.resolve(_conflict(manager, options), _resolution(options.take))
    print("resolved; the next sync pushes it")


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


def _rejections(manager: OfflineSyncManager, _: argparse.Namespace) -> None:
    for each in manager.rejections():
        print(f"{each.collection}/{each.document_key}  {each.attempts} attempts  {each.error}")


def _retry(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    manager.retry(options.collection, options.key)
    _now(manager, options)


def _discard(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    document = manager.discard(options.collection, options.key)
    print(json.dumps(document, ensure_ascii=False))


def _verify(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    found = manager.verify(repair=not options.no_repair)
    print(f"documents {found.documents}, differences {found.differences}, repaired {found.repaired}")


def _rotate_key(manager: OfflineSyncManager, options: argparse.Namespace) -> None:
    manager.rotate_key(_key(options.new_key_env) or "")
    print("encrypted with the new key")


_COMMANDS: dict[str, Callable[[OfflineSyncManager, argparse.Namespace], None]] = {
    "status": _status,
    "now": _now,
    "pending": _pending,
    "conflicts": _conflicts,
    "resolve": _resolve,
    "rejections": _rejections,
    "retry": _retry,
    "discard": _discard,
    "verify": _verify,
    "rotate-key": _rotate_key,
}
