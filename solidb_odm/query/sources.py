"""What statements range over: models, and models under another name."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from ..model.document import Document
from ..model.expressions.fields import FieldRef, moved
from ..model.system import IdRef

D = TypeVar("D", bound=Document)


class Alias:
    """A model read a second time in one statement; its fields are those of the model."""

    __slots__ = ("__solidb_model__", "__weakref__")
    __solidb_model__: type[Document]

    def __init__(self, model: type[Document]) -> None:
        self.__solidb_model__ = model

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__solidb_model__, name)
        if isinstance(found, IdRef):
            return IdRef(self)
        return moved(found, self) if isinstance(found, FieldRef) else found

    def __repr__(self) -> str:
        return f"aliased({self.__solidb_model__.__name__})"


def aliased(model: type[D]) -> type[D]:
    """Return a second reading of a model, for a statement that compares documents of one collection."""
    return cast("type[D]", Alias(model))


def collection_of(source: Any) -> str:
    """Return the collection a source reads."""
    model = model_of(source)
    return str(model.__solidb_mapping__.collection)


def model_of(source: Any) -> type[Document]:
    """Return the model a source reads."""
    return source if isinstance(source, type) else source.__solidb_model__
