"""Classes that name others which come later: made complete as soon as those are there.

Pydantic looks for a name where a class is made and where it is used. Modules that import each other for type
checkers only have it in neither place, so here the name of a document class will do, wherever it was
made.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

from pydantic import PydanticUserError
from pydantic.errors import PydanticUndefinedAnnotation

from ...errors import DeclarationError

_known: weakref.WeakSet[type[Any]] = weakref.WeakSet()
_waiting: weakref.WeakSet[type[Any]] = weakref.WeakSet()


def note_class(cls: Any, *, waits: bool) -> list[Any]:
    """Note a new class; give the classes that waited for others, and are complete now.

    One that does not wait for another is complete when it is first used.
    """
    _known.add(cls)
    if waits and not cls.__pydantic_complete__:
        _waiting.add(cls)
    done = [each for each in list(_waiting) if each.__pydantic_complete__ or _is_completed(each)]
    _waiting.difference_update(done)
    return done


def _is_completed(cls: Any) -> bool:
    try:
        return bool(cls.model_rebuild(raise_errors=False, _types_namespace=_names_for(cls)))
    except PydanticUserError:  # raised again when the class is used
        return False


def complete(cls: Any, depth: int) -> None:
    """Make a class complete; DeclarationError if a name in it is still unknown.

    ``depth`` is the number of frames to the code that uses the class, whose names count too.
    """
    try:
        cls.model_rebuild(_parent_namespace_depth=depth + 1)
    except PydanticUndefinedAnnotation:
        try:
            cls.model_rebuild(_types_namespace=_names_for(cls))
        except PydanticUndefinedAnnotation as error:
            raise DeclarationError(
                f"an annotation names {error.name!r}, which is not known",
                model=cls.__name__,
                hint="import the module that declares it before the class is used",
            ) from error


def _names_for(cls: Any) -> dict[str, Any]:
    """Give the document classes by name, without those names that mean another thing to a class's module."""
    module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    found: dict[str, Any] = {}
    for each in _known:
        if each.__name__ not in module:
            found[each.__name__] = None if each.__name__ in found else each
    return {name: each for name, each in found.items() if each is not None}
