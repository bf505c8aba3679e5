"""What statements range over: models, and models under another name.

Classes of one hierarchy in one collection, which a statement reads as one source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Never, TypeVar, cast

from .._types import shown
from .._wrong_calls import refuse_more, refuse_options
from ..errors import UsageError
from ..model.declaration.computed import stored_names
from ..model.declaration.registry import is_in_use
from ..model.expressions.fields import FieldRef, IdRef, moved

if TYPE_CHECKING:
    from ..model.document import Document

D = TypeVar("D", bound="Document")


_COPYING = frozenset({"__copy__", "__deepcopy__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"})


class Alias:
    """A model read a second time in one statement; its fields are those of the model."""

    __slots__ = ("__solidb_model__", "__weakref__")
    __solidb_model__: type[Document]

    def __init__(self, model: type[Document]) -> None:
        self.__solidb_model__ = model

    def __getattr__(self, name: str) -> Any:
        if name == "__solidb_model__" or name in _COPYING:  # of the alias itself, which is being copied
            raise AttributeError(name)
        attribute = getattr(self.__solidb_model__, name)
        if isinstance(attribute, IdRef):
            return IdRef(self)
        return moved(attribute, self) if isinstance(attribute, FieldRef) else attribute

    def __dir__(self) -> list[str]:
        return dir(self.__solidb_model__)

    def __repr__(self) -> str:
        return f"aliased({self.__solidb_model__.__name__})"


def aliased(model: type[D], *others: Never, **options: Never) -> type[D]:
    """Return an alias of a model, for a statement that reads its collection twice."""
    refuse_more("aliased() takes a class", others, "the statement itself names what it reads")
    refuse_options("aliased()", options, "aliased(User); the statement itself names what it reads")
    if not hasattr(model, "__solidb_mapping__"):
        raise UsageError(f"aliased() takes a Document class, not {shown(model)}")
    return cast("type[D]", Alias(model))


def collection_of(source: Any) -> str:
    """Return the collection a source reads."""
    model = model_of(source)
    return str(model.__solidb_mapping__.collection)


def model_of(source: Any) -> type[Document]:
    """Return the model a source reads."""
    return source if isinstance(source, type) else source.__solidb_model__


def family(model: type[Document]) -> list[type[Document]]:
    """Return the class and its subclasses that live in the same collection."""
    return list(_family(model, model.__solidb_collection__))


def _family(model: type[Document], collection: str) -> Iterator[type[Document]]:
    if not is_in_use(model):
        return
    if model.__solidb_collection__ == collection:
        yield model
    for child in model.__subclasses__():
        if child.__solidb_collection__ in (collection, None):  # one in the middle may be abstract
            yield from _family(child, collection)


def are_one(one: Any, other: Any) -> bool:
    """Return whether two sources are classes of one hierarchy in one collection, which one loop reads."""
    if one is other:
        return True
    if not (isinstance(one, type) and isinstance(other, type)):
        return False
    collections = {getattr(cls, "__solidb_collection__", cls) for cls in (one, other)}
    return len(collections) == 1 and bool(_ancestors(one) & _ancestors(other))


def _ancestors(model: type[Any]) -> set[type[Any]]:
    """Return the classes of a class's collection that it inherits from, and itself."""
    collection = getattr(model, "__solidb_collection__", None)
    return {cls for cls in model.__mro__ if cls.__dict__.get("__solidb_collection__") == collection}


def types_with(model: Any, read: Any, stored: str) -> list[str] | None:
    """Return the types of documents that a field of a class speaks of, where others that are read have one of
    the same name; None where it needs no telling.
    """
    if model is read or not (isinstance(model, type) and isinstance(read, type)):
        return None
    narrow, wide = cast("type[Document]", model), cast("type[Document]", read)
    if not issubclass(narrow, wide):
        return None
    own = family(narrow)
    others = [member for member in family(wide) if member not in own]
    if _has(read, stored) or not any(_has(member, stored) for member in others):
        return None
    return [name for member in own if (name := member.__solidb_mapping__.type_name) is not None]


def _has(model: Any, stored: str) -> bool:
    return stored in model.__solidb_mapping__.by_stored or stored in stored_names(model).values()
