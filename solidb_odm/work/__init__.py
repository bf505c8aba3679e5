"""The unit of work, all of it pure: identity map, changes, order of writing, going back."""

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .changes import Difference, apply, diff
    from .identity import IdentityMap
    from .inspection import Change, Inspection, inspect
    from .merging import MISSING, Conflict, Prefer, merge
    from .planning import Plan
    from .unit import UnitOfWork
else:
    __getattr__ = lazily(
        __name__,
        {
            ".changes": ("Difference", "apply", "diff"),
            ".identity": ("IdentityMap",),
            ".inspection": ("Change", "Inspection", "inspect"),
            ".merging": ("MISSING", "Conflict", "Prefer", "merge"),
            ".planning": ("Plan",),
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
