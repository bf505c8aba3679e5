"""``attribute``: what is stored of a document, by name, where no field of the class speaks of it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeVar, overload

from ..errors import UsageError
from ..model.expressions.fields import FieldRef, Place
from .sources import model_of

T = TypeVar("T")


@overload
def attribute(model: type[Any], name: str) -> Any: ...
@overload
def attribute(model: type[Any], name: str, kind: type[T]) -> T: ...
def attribute(model: type[Any], name: str, kind: Any = Any) -> Any:
    """Return an attribute by its name: an extra one, or a field; ``kind`` is the type of its values.

    ``attribute(User, "zip", str) == "75001"``, where User has ``extra="allow"``. It also says the type
    of a computed field to type checkers: ``attribute(User, "full_name", str)``.
    """
    owner = model_of(model)
    known = {**owner.__pydantic_fields__, **owner.__pydantic_computed_fields__}
    if name in known:
        return getattr(model, name)
    if owner.model_config.get("extra") != "allow":
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"{owner.__name__} has no attribute {name!r}{guess}",
            hint='model_config = ConfigDict(extra="allow") keeps others than its fields',
        )
    return FieldRef(Place(model, (name,), kind, None, name, nullable=True))
