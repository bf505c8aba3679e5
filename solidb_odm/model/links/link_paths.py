"""Ways from documents over links to others: ``Post.author.team``, which ``load()`` follows.

A query reads one collection at a time and can't follow a link, so these are no expressions.

What many documents at once are asked for by ``load()`` begins such a way, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from ...errors import DeclarationError, UsageError
from ..document_state import state_of, state_or_none
from ..stored.pydantic_attributes import FIELDS

if TYPE_CHECKING:
    from ..document import Document

D = TypeVar("D", bound="Document")

_QUESTIONS = ("any", "has", "contains", "is_", "is_not", "in_")
"""What SQLAlchemy's relationships are asked in a query."""


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
        member = getattr(last, name)
        if isinstance(member, LoadPath):
            return LoadPath((*before, *member.__solidb_hops__), member.__solidb_leads_to__)
        if callable(member):  # a method, such as lower() or in_()
            self._refuse(member)
        return LoadPath((*before, member), None)

    def __dir__(self) -> list[str]:
        if self.__solidb_leads_to__ is None:
            return [name for name in dir(self.__solidb_hops__[-1]) if self._leads(name)]
        return sorted(getattr(self.__solidb_leads_to__, FIELDS, ()))

    def _leads(self, name: str) -> bool:
        """Return whether a way goes on by a name: by fields, not by methods of what they hold."""
        try:
            getattr(self, name)
        except (AttributeError, UsageError):
            return False
        return not name.startswith("__")

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
        steps = "".join(f".{hop.partition('.')[2]}" for hop in others)
        return f"{first}{steps}{'.value' if self.__solidb_leads_to__ is not None else ''}"


def beyond(link: Any, target: Any, name: str) -> LoadPath:
    """Return the way from a link to a field of the document it leads to, or to the document itself."""
    path = LoadPath((link,), target)
    return path if name == "value" else getattr(path, name)


class Related(ABC, Generic[D]):
    """What many documents at once are asked for by ``load()``, and each then gives as a tuple."""

    __slots__ = ("__solidb_name__", "__solidb_owner__")

    def __init__(self) -> None:
        self.__solidb_owner__: Any = None
        self.__solidb_name__ = ""

    def __set_name__(self, owner: Any, name: str) -> None:
        self.__solidb_owner__, self.__solidb_name__ = owner, name

    @overload
    def __get__(self, document: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, document: object, owner: Any) -> tuple[D, ...]: ...
    def __get__(self, document: Any, owner: Any) -> Any:
        return self if document is None else self.of(document)

    def of(self, document: Document) -> tuple[D, ...]:
        """Return what was loaded for a document; UsageError if nothing was: reading never asks the engine."""
        state = state_or_none(document)
        documents = (
            None if state is None or state.related is None else state.related.get(self.__solidb_mark__())
        )
        if documents is None:
            raise UsageError(
                f"{self!r} is not loaded for {type(document).__name__} {document.key!r}",
                hint=f"session.load(documents, {self!r}) loads it for many documents at once, "
                f"select(..).load({self!r}) with them",
            )
        return documents

    def __solidb_take__(self, document: Document, documents: tuple[Any, ...]) -> None:
        """Keep what was loaded for a document: a session calls it."""
        state = state_of(document)
        if state.related is None:
            state.related = {}
        state.related[self.__solidb_mark__()] = documents

    @abstractmethod
    def __solidb_mark__(self) -> Hashable:
        """Return what tells it from others: two that say the same are one."""

    @property
    @abstractmethod
    def __solidb_target__(self) -> Any:
        """The class of the documents it gives."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> LoadPath:
            if name.startswith("__"):
                raise AttributeError(name)
            target = self.__solidb_target__
            if name in _QUESTIONS and name not in getattr(target, FIELDS, ()):
                way = f"exists(select({target.__name__}).where({self.__solidb_condition__()}))"
                raise AttributeError(f"{self!r} has no {name!r}; write {way}")
            return beyond(self, target, name)

    def __solidb_condition__(self) -> str:
        """Return how a query says which documents it gives."""
        return ".."

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *getattr(self.__solidb_target__, FIELDS, ())})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        raise DeclarationError(
            f"{cls.__name__} is no field: it is never stored",
            hint=f'annotate it as a class attribute: ClassVar[{cls.__name__}["Post"]]',
        )

    def __repr__(self) -> str:
        return (
            f"{self.__solidb_owner__.__name__}.{self.__solidb_name__}"
            if self.__solidb_owner__
            else self.__solidb_described__()
        )

    def __solidb_described__(self) -> str:
        return type(self).__name__
