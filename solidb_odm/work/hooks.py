"""Hooks on models: plain methods that a class defines under the names of the events."""

from __future__ import annotations

from typing import Any

from ..model.declaration.checks import hooks_in
from ..model.document import Document
from ..model.mixins import SoftDelete
from ..model.state import state_of
from ..model.stored.codec import body_value


def hooks_of(model: Any) -> frozenset[str]:
    """Return the events for which a document class, or a base of it, defines a method."""
    found: frozenset[str] | None = model.__dict__.get("__solidb_hooks__")
    if found is None:
        found = hooks_in(model)
        type.__setattr__(model, "__solidb_hooks__", found)
    return found


def is_marked_now(document: Document) -> bool:
    """Return whether a stored document is marked as deleted, and was not when it was stored."""
    if not isinstance(document, SoftDelete) or document.deleted_at is None:
        return False
    body = state_of(document).body
    return body is not None and body_value(body).get("deleted_at") is None


def run_hook(document: Document, event: str) -> None:
    """Call the method of a document for an event, if its class defines one."""
    if event in hooks_of(type(document)):
        getattr(document, event)()
