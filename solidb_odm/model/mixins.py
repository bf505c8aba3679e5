"""Bases to mix into document classes: ``SoftDelete`` and ``Timestamped``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from ..errors import DeclarationError
from .document import Document
from .stored.pydantic_attributes import class_fields, set_fields_of
from .type_inspection import kinds


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class SoftDelete(Document, abstract=True):
    """Documents that are marked as deleted and stay.

    ``class Post(SoftDelete, Document, collection="posts")``: ``session.delete(post)`` and the statement
    ``delete(Post)`` set ``deleted_at``; both take ``permanently``. Selects, updates, traversals and
    ``session.get`` leave such documents out, unless told ``with_deleted``; links still load them. Set
    ``deleted_at`` to None to restore one. Their unique values are free for others.
    """

    __solidb_hidden_by__: ClassVar[str | None] = "deleted_at"
    deleted_at: datetime | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        check_times(cls, SoftDelete, "deleted_at")
        if cls.__solidb_kind__ == "edge":
            raise DeclarationError(
                "an edge can't be SoftDelete, because traversals would still follow it",
                model=cls.__name__,
                hint="delete edges permanently, and mark the documents at their ends",
            )


class Timestamped(Document, abstract=True):
    """Documents that hold the times they were made and last changed, as fields of their own.

    Every document knows the engine's ``created_at`` and ``updated_at``. These are kept in the document
    instead: they can be given, are part of ``model_dump()`` and survive a copy to another database.
    """

    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        check_times(cls, Timestamped, "created_at", "updated_at")

    def before_insert(self) -> None:
        """Note the time; a class with a hook of its own calls this one by ``super()``."""
        moment = now()
        for name in ("created_at", "updated_at"):
            if name not in self.model_fields_set:
                vars(self)[name] = moment  # of a frozen document too
                set_fields_of(self).add(name)

    def before_update(self) -> None:
        """Note the time; a class with a hook of its own calls this one by ``super()``."""
        self.updated_at = now()


def check_times(model: type[Document], mixin: type[Document], *names: str) -> None:
    """Refuse a class that makes other things of the fields of a mixin, which sets them; DeclarationError."""
    fields = class_fields(model)
    for name in names:
        if name not in fields or datetime not in kinds(fields[name].annotation):
            raise DeclarationError(
                f"is the time that {mixin.__name__} sets, and can't be something else",
                model=model.__name__,
                field=name,
                hint=f"give the other field another name, or leave out {mixin.__name__}",
            )
