"""The attributes that every stored document has besides its fields: id, revision and times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..language import nodes as q
from .expressions.base import Expression
from .expressions.build_scope import Scope
from .expressions.literals import check_reference

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

    @property
    def __solidb_type__(self) -> Any:
        return str

    @property
    def __solidb_source__(self) -> Any:
        return self.model

    def __solidb_check__(self, value: Any, operator: str) -> None:
        reference = getattr(value, "__solidb_reference__", None)
        super().__solidb_check__(value if reference is None else reference(), operator)
        if operator in ("==", "!=", "IN", "NOT IN"):
            check_reference(self.model, value, self)

    def __build__(self, scope: Scope) -> q.Expression:
        prefix = q.Literal(f"{self.model.__solidb_collection__}/")
        key = q.Attribute(q.Name(scope.variable(self.model)), "_key")
        return q.Call("CONCAT", (prefix, key))

    def __repr__(self) -> str:
        return f"{self.model.__name__}.id"
