"""FILTERs in SQL: conditions that must all hold, each in the form that an index can serve."""

from __future__ import annotations

from ....language import nodes
from ....language.walk import conjuncts
from .calls import prefix_filter
from .compilation import Compilation, Scope
from .conditions import joined, truth_of
from .proximity import distance_filter
from .terms import Truth


def where(conditions: list[Truth]) -> str:
    """Write conditions that must all hold; a null that one excludes need not be let in by another."""
    present = {one.present for one in conditions if one.present}
    return joined("AND", [one.bare if one.subject in present else one.where for one in conditions])


def truths(c: Compilation, node: nodes.Expression, scope: Scope) -> list[Truth]:
    """Return a FILTER's condition as the conditions that must all hold."""
    return [_condition(c, part, scope) for part in conjuncts(node)]


def _condition(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth:
    served = prefix_filter(c, node, scope) or distance_filter(c, node, scope)
    return served or truth_of(c.term(c, node, scope))
