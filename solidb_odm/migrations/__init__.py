"""Migrations from model diffs: revisions are generated, read, run and undone, on a file and on a server."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .async_migrator import AsyncMigrator
    from .decisions import Question
    from .history import Revision
    from .ledger import Progress
    from .migrator import Migrator
    from .migrator_base import MigratorBase, Shelf
    from .operations import Operations
    from .reports import Check, Current, Plan, PlannedStep, Running
    from .steps import Step
else:
    __getattr__ = lazily(
        __name__,
        {
            ".async_migrator": ("AsyncMigrator",),
            ".decisions": ("Question",),
            ".history": ("Revision",),
            ".ledger": ("Progress",),
            ".migrator": ("Migrator",),
            ".migrator_base": ("MigratorBase", "Shelf"),
            ".operations": ("Operations",),
            ".reports": ("Check", "Current", "Plan", "PlannedStep", "Running"),
            ".steps": ("Step",),
        },
    )

__all__ = [
    "AsyncMigrator",
    "Check",
    "Current",
    "Migrator",
    "MigratorBase",
    "Operations",
    "Plan",
    "PlannedStep",
    "Progress",
    "Question",
    "Revision",
    "Running",
    "Shelf",
    "Step",
]
