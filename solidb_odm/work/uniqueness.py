"""Unique values that one document gives up and another takes in the same commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._types import Body
from ..commands import Removals
from ..errors import UniqueViolation
from ..model.document import Document
from ..model.state import state_of
from ..model.stored.codec import body_value
from .plan import Plan


def moved_value(plan: Plan, error: UniqueViolation) -> UniqueViolation | None:
    """Return the error of a server that holds a plan to what is committed, if the plan itself frees the
    value that is taken; None if the value is taken by a document the plan does not touch.
    """
    given: dict[str, Document] = {}
    taken: dict[str, Document] = {}
    for batch, documents, bodies in zip(plan.batches, plan.documents, plan.bodies, strict=True):
        if error.collection and batch.collection != error.collection:
            continue
        for document, body in zip(documents, bodies, strict=True):
            old, new = _values(state_of(document).body, error.fields), _values(body, error.fields)
            if old is not None and (old != new or isinstance(batch, Removals)):
                given[old] = document
            if new is not None and old != new:
                taken[new] = document
    for value, taker in taken.items():
        giver = given.get(value)
        if giver is not None and giver is not taker:
            return _named(error, giver, taker)
    return None


def _values(body: Body | None, fields: Sequence[str]) -> str | None:
    """Return what a stored form has in some fields, as text to compare; None if it has nothing there."""
    if body is None:
        return None
    found = [_at(body_value(body), field) for field in fields]
    return None if all(value is None for value in found) else repr(found)


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _named(error: UniqueViolation, giver: Document, taker: Document) -> UniqueViolation:
    fields = ", ".join(error.fields)
    return UniqueViolation(
        f"{taker.__solidb_reference__()} takes the value of the unique index {error.index} on {fields} that "
        f"{giver.__solidb_reference__()} gives up in the same commit, and the server compares with what is "
        "committed",
        collection=error.collection,
        key=taker.key,
        index=error.index,
        fields=error.fields,
        hint=f"commit in two steps: first let {giver.__solidb_reference__()} give the value up (for a swap: "
        "set it to something else), session.commit(), then give it to the other",
    )
