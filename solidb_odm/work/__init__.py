"""The unit of work, all of it pure: identity map, changes, order of writing, going back."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .conflicts import MISSING, AttributeConflict, Conflict, Prefer, merge
    from .differences import Difference, apply, diff
    from .identity import IdentityMap
    from .inspection import AttributeChange, Change, Inspection, inspect
    from .plan import WritePlan
    from .unit import UnitOfWork
else:
    __getattr__ = lazily(
        __name__,
        {
            ".differences": ("Difference", "apply", "diff"),
            ".identity": ("IdentityMap",),
            ".inspection": ("AttributeChange", "Change", "Inspection", "inspect"),
            ".conflicts": ("MISSING", "AttributeConflict", "Conflict", "Prefer", "merge"),
            ".plan": ("WritePlan",),
            ".unit": ("UnitOfWork",),
        },
    )

__all__ = [
    "AttributeChange",
    "AttributeConflict",
    "Change",
    "Conflict",
    "Difference",
    "IdentityMap",
    "Inspection",
    "MISSING",
    "Prefer",
    "UnitOfWork",
    "WritePlan",
    "apply",
    "diff",
    "inspect",
    "merge",
]
