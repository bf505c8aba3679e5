"""The attributes that every stored document has besides its fields: id, revision and times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..language import nodes as q
from .expressions.base import Expression, Scope

SYSTEM_FIELDS: dict[str, tuple[str, Any]] = {
    "id": ("_id", str),
    "rev": ("_rev", str),
    "created_at": ("_created_at", datetime),
    "updated_at": ("_updated_at", datetime),
}
"""Attribute on the model: name on the engine, type."""


class IdRef(Expression):
    """``User.id``: ``collection/key``.

    Built from the key, because the server's own ``_id`` carries the name of the database too
    (``db:users/ada``) and is no use as the end of an edge.
    """

    __slots__ = ("model",)

    def __init__(self, model: Any) -> None:
        self.model = model

    def __build__(self, scope: Scope) -> q.Expression:
        prefix = q.Literal(f"{self.model.__solidb_collection__}/")
        key = q.Attribute(q.Name(scope.variable(self.model)), "_key")
        return q.Call("CONCAT", (prefix, key))

    def __repr__(self) -> str:
        return f"{self.model.__name__}.id"
