"""The unit of work, all of it pure: identity map, changes, order of writing, going back."""

from .changes import Difference, apply, diff
from .identity import IdentityMap
from .inspection import Change, Inspection, inspect
from .merging import MISSING, Conflict, Prefer, merge
from .planning import Plan
from .unit import UnitOfWork

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
