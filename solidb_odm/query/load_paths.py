"""What ``load()`` is given, taken apart: hops from documents to those they refer to, over links,
ends of edges, back-references and edges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .._dataclasses import dataclass
from ..errors import UsageError
from ..model import type_inspection
from ..model.document import Document
from ..model.expressions.fields import FieldRef, Place, end_target
from ..model.links.back_references import BackReference, Neighbours
from ..model.links.link import Link
from ..model.links.link_paths import LoadPath
from ..model.links.placement import LinkPlace
from ..model.stored.field_values import stored_name
from ..model.stored.pydantic_attributes import FIELDS
from .elements import Elements

if TYPE_CHECKING:
    from ..model.edge import EndText
    from ..model.links.link_paths import Related

_Led: TypeAlias = "Link[Any] | Document | None"
_Many: TypeAlias = "Collection[_Led] | Collection[Collection[_Led]] | Mapping[str, _Led | Collection[_Led]]"
Loadable: TypeAlias = "_Led | EndText | Related[Any] | _Many"
"""What leads to documents, as a type checker sees it: links, ends of edges, back-references, neighbours."""


@dataclass(frozen=True, slots=True)
class LinkHop:
    """From documents of a class over the links in a field, by Python names; lists on the way are entered.

    ``target`` is the class the field names; None if it takes any document.
    """

    model: type[Document]
    names: tuple[str, ...]
    target: type[Document] | None

    @property
    def place(self) -> LinkPlace:
        """The place of the links at the end of the way."""
        return LinkPlace(self.names)

    def links(self, document: Document) -> Iterator[Link[Any]]:
        """Return the links at the end of the way."""
        return self.place.links(document)


@dataclass(frozen=True, slots=True)
class EndHop:
    """From edges of a class to the documents at one end, ``from_`` or ``to``."""

    model: type[Document]
    name: str
    target: type[Document] | None

    def reference(self, edge: Document) -> str:
        """Return the end of an edge as ``collection/key``."""
        end: Document | str = edge.__dict__[self.name]
        return end if isinstance(end, str) else end.__solidb_reference__()


@dataclass(frozen=True, slots=True)
class BackHop:
    """From documents to those that refer to them, by a link or an end of an edge."""

    model: type[Document]
    reference: Any
    """A ``BackReference``, which checkers take for a descriptor."""


@dataclass(frozen=True, slots=True)
class NeighbourHop:
    """From documents to those at the other ends of their edges."""

    model: type[Document]
    neighbours: Any
    """A ``Neighbours``."""


Hop: TypeAlias = LinkHop | EndHop | BackHop | NeighbourHop
Hops: TypeAlias = tuple[Hop, ...]


def hops_of(given: Any) -> Hops:
    """Read ``Post.author``, ``Post.author.team``, ``User.posts``; UsageError if it is no way to documents."""
    steps: tuple[Any, ...] = given.__solidb_hops__ if isinstance(given, LoadPath) else (given,)
    return tuple(_hop(step, given) for step in steps)


def reference_hop(field: FieldRef) -> LinkHop | EndHop:
    """Return the hop of a field that holds links, or of an end of an edge."""
    return cast("LinkHop | EndHop", _hop(field, field))


def _hop(step: Any, given: Any) -> Hop:
    owner: type[Document] = getattr(step, "__solidb_owner__", None) or Document
    if isinstance(step, BackReference):
        return BackHop(owner, cast(Any, step))
    if isinstance(step, Neighbours):
        return NeighbourHop(owner, cast(Any, step))
    place, names, annotation = _way(step, given)
    if names[0] in ("from_", "to") and getattr(place.source, "__solidb_kind__", None) == "edge":
        return EndHop(place.source, names[0], end_target(place))
    target = type_inspection.link_target(annotation)
    if target is None:
        raise _refusal(given)
    return LinkHop(place.source, names, None if target is Document else target)


def _way(step: Any, given: Any) -> tuple[Place, tuple[str, ...], Any]:
    """Return the place a field begins at, the Python names on the way, and the type at its end."""
    if isinstance(step, Elements) and isinstance(step.__solidb_list__, FieldRef):
        place, names, element = _way(step.__solidb_list__, given)
        more, annotation = _names(_model_in(type_inspection.element(element)), step.__solidb_path__, given)
        return place, (*names, *more), annotation if more else element
    if not isinstance(step, FieldRef) or not isinstance(step.__solidb_place__.source, type):
        raise _refusal(given)
    place = step.__solidb_place__
    names, annotation = _names(place.source, place.path, given)
    return place, names, annotation


def _names(owner: Any, path: tuple[str | int, ...], given: Any) -> tuple[tuple[str, ...], Any]:
    names: list[str] = []
    annotation: Any = None
    for step in path:
        fields: dict[str, Any] = getattr(owner, FIELDS, {})
        name = next((field for field in fields if stored_name(owner, field) == step), None)
        if name is None:
            raise _refusal(given)
        names.append(name)
        annotation = fields[name].annotation
        owner = _model_in(annotation)
    return tuple(names), annotation


def _model_in(annotation: Any) -> Any:
    return next((cls for cls in type_inspection.embedded(annotation) if not issubclass(cls, Document)), None)


def _refusal(given: Any) -> UsageError:
    return UsageError(
        f"load() takes fields that hold links, such as Post.author, not {given!r}",
        hint="or back-references (User.posts), ends of edges (Follows.to), and ways on from there: "
        "Post.author.value.team",
    )
