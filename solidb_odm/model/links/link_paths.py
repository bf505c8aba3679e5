"""Ways from documents over links to others: ``Post.author.team``, which ``load()`` follows.

A query reads one collection at a time and can't follow a link, so these are no expressions.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ...errors import UsageError
from ..stored.pydantic_attributes import FIELDS


class LoadPath:
    """A way over one or more links; ``value`` is the document behind the last one.

    ``hops`` are the fields on the way, each of the class that the one before leads to; ``target`` is
    that class after a whole hop, None within one.
    """

    __slots__ = ("__solidb_hops__", "__solidb_leads_to__")
    __solidb_hops__: tuple[Any, ...]
    __solidb_leads_to__: Any

    def __init__(self, hops: tuple[Any, ...], target: Any) -> None:
        object.__setattr__(self, "__solidb_hops__", hops)
        object.__setattr__(self, "__solidb_leads_to__", target)

    def __getattr__(self, name: str) -> LoadPath:
        if name.startswith("__"):
            raise AttributeError(name)
        target = self.__solidb_leads_to__
        if target is not None:
            return LoadPath((*self.__solidb_hops__, getattr(target, name)), None)
        *before, last = self.__solidb_hops__
        found = getattr(last, name)
        if isinstance(found, LoadPath):
            return LoadPath((*before, *found.__solidb_hops__), found.__solidb_leads_to__)
        if callable(found):  # a method, such as lower() or in_()
            self._refuse(found)
        return LoadPath((*before, found), None)

    def __dir__(self) -> list[str]:
        if self.__solidb_leads_to__ is None:
            return dir(self.__solidb_hops__[-1])
        return sorted(getattr(self.__solidb_leads_to__, FIELDS, ()))

    def __setattr__(self, name: str, value: Any) -> None:
        raise UsageError(f"{self!r} is a way for load(); set attributes on a document, not on its class")

    def _refuse(self, _other: object) -> NoReturn:
        first = self.__solidb_hops__[0]
        raise UsageError(
            f"a query can't follow the link {first!r}, as {self!r} does",
            hint=f"join the documents it leads to: .join(Target, {first!r} == Target.id)",
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        first, *others = map(repr, self.__solidb_hops__)
        steps = "".join(f".{each.partition('.')[2]}" for each in others)
        return f"{first}{steps}{'.value' if self.__solidb_leads_to__ is not None else ''}"


def beyond(link: Any, target: Any, name: str) -> LoadPath:
    """Return the way from a link to a field of the document it leads to, or to the document itself."""
    path = LoadPath((link,), target)
    return path if name == "value" else getattr(path, name)
