"""Documents on a device that are synced with a server: everything local first, and nothing lost.

::

    manager = OfflineSyncManager("solidb://user:password@host:6745", SyncConfig(
        database="notes", local_storage_path="./local_data")).initialize()
    manager.save_document("notes", "n1", {"text": "seen two herons"})    # works without a network
    manager.sync_now()
"""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
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
else:
    __getattr__ = lazily(
        __name__,
        {
            ".async_manager": ("AsyncOfflineSyncManager",),
            ".config": ("ConflictResolution", "ConflictStrategy", "StorageEngine", "SyncConfig"),
            ".sync_manager": ("OfflineSyncManager",),
            ".sync_results": (
                "Change",
                "ChangeType",
                "Conflict",
                "Pending",
                "Rejection",
                "SyncProgress",
                "SyncResult",
                "SyncState",
                "SyncStatus",
                "Verification",
            ),
        },
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
