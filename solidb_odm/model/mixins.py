"""Bases to mix into document classes: ``SoftDelete`` and ``Timestamped``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from ..errors import DeclarationError
from .document import Document
from .document_state import own_fields_set
from .stored.pydantic_attributes import class_fields
from .type_inspection import kinds


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class SoftDelete(Document, abstract=True):
    """A mixin for documents that are marked as deleted instead of removed.

    ``class Post(SoftDelete, Document, collection="posts")``: ``session.delete(post)`` and the statement
    ``delete(Post)`` set ``deleted_at``; with ``permanently`` they remove documents. Selects, updates,
    traversals and ``session.get`` leave marked documents out, unless ``with_deleted`` is given; links still
    load them. Set ``deleted_at`` to None to restore one. Other documents may have their unique values.
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
    """A mixin that stores the times of creation and last change in fields of the document.

    Every document has the engine's ``created_at`` and ``updated_at``. With this mixin they are fields
    instead: they can be set, are part of ``model_dump()``, and are kept when a document is copied to another
    database.
    """

    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        check_times(cls, Timestamped, "created_at", "updated_at")

    def before_insert(self) -> None:
        """Note the time; a class with a hook of its own calls this one by ``super()``."""
        moment, given = now(), own_fields_set(self)
        for name in ("created_at", "updated_at"):
            if name not in given:
                vars(self)[name] = moment  # of a frozen document too
                given.add(name)

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
