"""The unit of work, all of it pure: identity map, changes, order of writing, going back."""

from .changes import Difference, apply, diff
from .identity import IdentityMap
from .unit import Plan, UnitOfWork

__all__ = ["Difference", "IdentityMap", "Plan", "UnitOfWork", "apply", "diff"]
