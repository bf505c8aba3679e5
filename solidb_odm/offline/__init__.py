"""Documents on a device that are synced with a server: everything local first, and nothing lost.

::

    manager = OfflineSyncManager("solidb://user:password@host:6745", SyncConfig(
        database="notes", local_storage_path="./local_data")).initialize()
    manager.save_document("notes", "n1", {"text": "seen two herons"})    # works without a network
    manager.sync_now()
"""

from .async_manager import AsyncOfflineSyncManager
from .config import ConflictResolution, ConflictStrategy, StorageEngine, SyncConfig
from .sync_manager import OfflineSyncManager
from .sync_results import (
    Change,
    ChangeType,
    Conflict,
    Pending,
    Rejection,
    SyncProgress,
    SyncResult,
    SyncState,
    SyncStatus,
    Verification,
)

__all__ = [
    "AsyncOfflineSyncManager",
    "Change",
    "ChangeType",
    "Conflict",
    "ConflictResolution",
    "ConflictStrategy",
    "OfflineSyncManager",
    "Pending",
    "Rejection",
    "StorageEngine",
    "SyncConfig",
    "SyncProgress",
    "SyncResult",
    "SyncState",
    "SyncStatus",
    "Verification",
]
