"""Back-references: the documents that refer to a document, and its neighbours over edges.

They are declared beside the fields, are never stored, and hold what ``load()`` fetched last; reading
one never asks the engine.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast, overload
from weakref import WeakSet

from ..._types import is_row
from ...errors import DeclarationError, UsageError
from ..declaration.cascade_options import Cascade
from ..declaration.registry import Registry, current, is_in_use
from ..declaration.registry import registry as everything
from ..document import Document
from ..expressions.fields import FieldRef, end_target
from ..type_inspection import link_target
from .link_paths import Related

if TYPE_CHECKING:
    from ..edge import Edge

D = TypeVar("D", bound=Document)
F = TypeVar("F", bound=Document)
T = TypeVar("T", bound=Document)

Heading: TypeAlias = Literal["outbound", "inbound", "any"]


_of_orphans: WeakSet[BackReference[Any]] = WeakSet()


class BackReference(Related[D]):
    """The documents that refer to a document by a link or an end of an edge; see ``back_reference``."""

    __slots__ = ("__weakref__", "_given", "cascade")

    def __init__(self, field: Any, cascade: Cascade | None = None) -> None:
        super().__init__()
        if cascade is not None and not isinstance(cascade, Cascade):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"cascade={cascade!r} is not a Cascade", hint='cascade=Cascade("delete")')
        self._given = field
        self.cascade = cascade or Cascade()
        if self.cascade.deletes_orphans:
            _of_orphans.add(self)
        if self.cascade.saves:
            raise DeclarationError(
                f"a back-reference can't have {self.cascade!r}: it adds no new documents",
                hint='declare Cascade("save") on the link, and use "delete" or "delete-orphan" here',
            )
        if not isinstance(field, str):
            _check_reference(field)

    @staticmethod
    def of_orphans() -> list[BackReference[Any]]:
        """Return the declared ones that delete what no longer leads to their documents."""
        return [reference for reference in _of_orphans if reference.__solidb_owner__ is not None]

    @property
    def __solidb_field__(self) -> FieldRef:
        """The field that leads here; DeclarationError where its name leads nowhere."""
        if isinstance(self._given, str):
            self._given = _named_field(self._given, self)
        field: FieldRef = self._given
        target = current(_leads_to(field))
        owner = self.__solidb_owner__
        if owner is not None and target is not Document and not issubclass(owner, target):
            raise DeclarationError(
                f"{field!r} leads to {target.__name__}, not to {owner.__name__}",
                model=owner.__name__,
                field=self.__solidb_name__,
            )
        return field

    @property
    def __solidb_target__(self) -> Any:
        return self.__solidb_field__.__solidb_place__.source

    def __solidb_mark__(self) -> Hashable:
        place = self.__solidb_field__.__solidb_place__
        return "links", place.source, place.path

    def __solidb_condition__(self) -> str:
        owner = self.__solidb_owner__
        return f"{self.__solidb_field__!r} == {'..' if owner is None else owner.__name__}.id, .."

    def __solidb_described__(self) -> str:
        return f"back_reference({self._given!r})"


def depth_range(depth: Any, least: int) -> tuple[int, int]:
    """Return the least and the most edges of a depth; UsageError if it says neither."""
    ends: Any = depth if is_row(depth) else (depth, depth)
    if len(ends) == 2 and all(type(end) is int for end in ends) and least <= ends[0] <= ends[1]:
        return ends[0], ends[1]
    raise UsageError(
        f"depth={depth!r} is not a number of edges from {least}, nor the least and the most of them",
        hint="depth=3, or depth=(1, 3)",
    )


class Neighbours(Related[D]):
    """The documents at the other ends of a document's edges; see ``outgoing``, ``incoming``, ``adjacent``."""

    __slots__ = ("__solidb_depth__", "__solidb_heading__", "_given")
    __solidb_heading__: Heading
    __solidb_depth__: tuple[int, int]

    def __init__(self, edges: Any, heading: Heading, depth: int | tuple[int, int]) -> None:
        super().__init__()
        self._given: Any = edges
        is_class = isinstance(edges, type) and getattr(edges, "__solidb_kind__", None) == "edge"
        if not isinstance(edges, str) and not is_class:
            raise UsageError(f"neighbours are reached by an Edge class or its name, not {edges!r}")
        if heading not in [*_NAMES]:
            raise UsageError(
                f"there is no heading {heading!r}", hint="use outgoing(), incoming() or adjacent()"
            )
        self.__solidb_heading__ = heading
        self.__solidb_depth__ = depth_range(depth, 1)

    @property
    def __solidb_edges__(self) -> Any:
        """The class of the edges; DeclarationError if there is none of the name."""
        if isinstance(self._given, str):
            named: Any = _named_class(self._given, self)
            if getattr(named, "__solidb_kind__", None) != "edge":
                raise DeclarationError(
                    f"neighbours are reached by an Edge class, and {self._given} is none",
                    hint=f"class {self._given}(Edge[From, To]); links are followed by back_reference",
                )
            self._given = named
        return self._given

    @property
    def __solidb_target__(self) -> Any:
        fields = {"outbound": ("to",), "inbound": ("from_",), "any": ("from_", "to")}[self.__solidb_heading__]
        ends = [
            end_target(getattr(self.__solidb_edges__, name).__solidb_place__) or Document for name in fields
        ]
        return ends[0] if ends[0] is ends[-1] else Document

    def __solidb_mark__(self) -> Hashable:
        return "edges", self.__solidb_edges__, self.__solidb_heading__, self.__solidb_depth__

    def __solidb_described__(self) -> str:
        edges = self._given if isinstance(self._given, str) else self._given.__name__
        return f"{_NAMES[self.__solidb_heading__]}({edges})"


_NAMES: dict[Heading, str] = {"outbound": "outgoing", "inbound": "incoming", "any": "adjacent"}


def back_reference(field: Any, *, cascade: Cascade | None = None) -> BackReference[Any]:
    """Declare the documents that refer to a document by a link or an end of an edge.

    ``posts: ClassVar[BackReference["Post"]] = back_reference("Post.author")``, or ``Post.author`` itself if
    the class exists already. ``session.load(users, User.posts)`` reads them for all users in one query;
    ``user.posts`` is then a tuple. To change it, change the links and load again.

    With ``cascade=Cascade("delete")`` a deleted user's posts are deleted in the same commit.
    """
    return BackReference(field, cascade)


@overload
def outgoing(edges: type[Edge[Any, T]], *, depth: int | tuple[int, int] = 1) -> Neighbours[T]: ...
@overload
def outgoing(edges: str, *, depth: int | tuple[int, int] = 1) -> Neighbours[Any]: ...
def outgoing(edges: Any, *, depth: int | tuple[int, int] = 1) -> Neighbours[Any]:
    """Declare the documents that a document's edges lead to.

    ``friends: ClassVar[Neighbours["User"]] = outgoing("Follows")``; or without a declaration ``near =
    outgoing(Follows, depth=(1, 2))``, ``session.load(users, near)``, ``near.of(user)``. ``depth`` is the
    number of edges, or the least and the most; each document is included once, nearest first.
    """
    return Neighbours(edges, "outbound", depth)


@overload
def incoming(edges: type[Edge[F, Any]], *, depth: int | tuple[int, int] = 1) -> Neighbours[F]: ...
@overload
def incoming(edges: str, *, depth: int | tuple[int, int] = 1) -> Neighbours[Any]: ...
def incoming(edges: Any, *, depth: int | tuple[int, int] = 1) -> Neighbours[Any]:
    """Declare the documents whose edges lead to a document; otherwise as ``outgoing``."""
    return Neighbours(edges, "inbound", depth)


@overload
def adjacent(edges: type[Edge[F, T]], *, depth: int | tuple[int, int] = 1) -> Neighbours[F | T]: ...
@overload
def adjacent(edges: str, *, depth: int | tuple[int, int] = 1) -> Neighbours[Any]: ...
def adjacent(edges: Any, *, depth: int | tuple[int, int] = 1) -> Neighbours[Any]:
    """Declare the documents at the other ends of a document's edges, in both directions."""
    return Neighbours(edges, "any", depth)


# --- names ---------------------------------------------------------------------------------------


def _named_class(name: str, where: Related[Any]) -> Any:
    owner: Any = where.__solidb_owner__
    registry = everything if owner is None else owner.__solidb_registry__
    classes = [cls for cls in _classes(Document, registry) if cls.__name__ == name]
    near = [model for model in classes if owner is not None and model.__module__ == owner.__module__]
    if not classes:
        raise DeclarationError(
            f"there is no Document class {name!r}",
            model=owner.__name__ if owner else "",
            field=where.__solidb_name__ or None,
            hint="import the module that declares it",
        )
    return (near or classes)[-1]


def _classes(base: Any, registry: Registry) -> list[Any]:
    """Return the living classes of a registry in use, also those without a mapping."""
    classes: list[Any] = []
    for cls in base.__subclasses__():
        if cls.__solidb_registry__ is registry and is_in_use(cls):
            classes.append(cls)
        classes += [deeper for deeper in _classes(cls, registry) if deeper not in classes]
    return classes


def _named_field(name: str, where: Related[Any]) -> FieldRef:
    model, *steps = name.split(".")
    member: Any = _named_class(model, where)
    try:
        for step in steps:
            member = getattr(member, step)
    except AttributeError as error:
        raise DeclarationError(
            str(error), model=where.__solidb_owner__.__name__, field=where.__solidb_name__
        ) from error
    _check_reference(member, name)
    return cast(FieldRef, member)


def _check_reference(field: Any, name: str = "") -> None:
    if not isinstance(field, FieldRef) or _leads_to(field) is None:
        raise DeclarationError(
            f"back_reference() takes a field that holds links, or an end of an edge, not {name or field!r}",
            hint='back_reference("Post.author")',
        )


def _leads_to(field: FieldRef) -> Any:
    place = field.__solidb_place__
    if place.name in ("from_", "to") and getattr(place.owner, "__solidb_kind__", None) == "edge":
        return end_target(place) or Document
    return link_target(place.annotation)
