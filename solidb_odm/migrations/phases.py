"""Which steps old code can live with: additions expand, removals and narrowings contract."""

from __future__ import annotations

from collections.abc import Sequence

from .steps import UNSET, Step

CONTRACTS = ("drop_collection", "drop_field", "drop_index", "irreversible")


def phase_of(step: Step) -> str:
    """Return ``expand`` or ``contract``."""
    if step.operation in CONTRACTS:
        return "contract"
    if step.operation == "alter_field" and (step["values"] or step["convert"] or step["fill"] is not UNSET):
        return "contract"
    if step.operation == "set_schema" and step["validation"] == "strict":
        return "contract"
    return "expand"


def split_phases(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Return additions and removals, each in their order."""
    first = [step for step in steps if phase_of(step) == "expand"]
    return first, [step for step in steps if phase_of(step) == "contract"]
