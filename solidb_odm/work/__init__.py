"""The unit of work, all of it pure: identity map, changes, order of writing, going back."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .conflicts import MISSING, Conflict, Prefer, merge
    from .differences import Difference, apply, diff
    from .identity import IdentityMap
    from .inspection import Change, Inspection, inspect
    from .plan import Plan
    from .unit import UnitOfWork
else:
    __getattr__ = lazily(
        __name__,
        {
            ".differences": ("Difference", "apply", "diff"),
            ".identity": ("IdentityMap",),
            ".inspection": ("Change", "Inspection", "inspect"),
            ".conflicts": ("MISSING", "Conflict", "Prefer", "merge"),
            ".plan": ("Plan",),
            ".unit": ("UnitOfWork",),
        },
    )

__all__ = [
    "Change",
    "Conflict",
    "Difference",
    "IdentityMap",
    "Inspection",
    "MISSING",
    "Plan",
    "Prefer",
    "UnitOfWork",
    "apply",
    "diff",
    "inspect",
    "merge",
]
