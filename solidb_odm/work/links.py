"""The documents that a document refers to: at the ends of an edge, and through links anywhere in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from .._types import is_list
from ..model.document import Document
from ..model.edge import Edge
from ..model.links.placement import link_fields, links_below, links_in
from ..model.type_inspection import cached_by_class, keep


class Reference(NamedTuple):
    """A document object that another refers to, and by which field.

    ``brings`` says that it is added with the one that refers to it, ``keeps`` that it stays only as long.
    """

    document: Document
    field: str
    brings: bool
    keeps: bool = False


@cached_by_class
def refers(model: Any) -> bool:
    """Return whether documents of a class can refer to others."""
    return issubclass(model, Edge) or bool(link_fields(model))


def referred(document: Document) -> Iterator[Reference]:
    """Return the documents, as far as they are objects here, that a document refers to."""
    model = cast(Any, type(document))
    if model.__solidb_kind__ == "edge":
        values = document.__dict__
        for name in ("from_", "to"):
            if isinstance(end := values.get(name), Document):
                yield Reference(end, name, brings=True)
    for names, place, link in links_in(document):
        target = link.__solidb_document__()
        if target is not None:
            cascade = place.cascade
            name = names[0] if len(names) == 1 else ".".join(names)
            yield Reference(target, name, cascade.saves, cascade.deletes_orphans)


def referred_by(documents: Sequence[Document]) -> list[Reference] | None:
    """Return what documents of one class refer to, each of it once a field; None if it takes a closer look.

    All values of a field are looked at at once, which costs the least. What they lead to by its id alone is
    no object here, as in ``referred``.
    """
    model, rows = cast(Any, type(documents[0])), [vars(document) for document in documents]
    references: list[Reference] = []
    for name in ("from_", "to") if model.__solidb_kind__ == "edge" else ():
        ends: list[Any] = [row.get(name) for row in rows]
        objects = {id(end): end for end in ends if not isinstance(end, str)}
        if not all(isinstance(end, Document) for end in objects.values()):
            return None
        references += [Reference(end, name, brings=True) for end in objects.values()]
    for field in link_fields(model):
        held = _held([row.get(field.names[0]) for row in rows]) if field.target is not None else None
        if held is None:
            return None
        saves, keeps = field.cascade.saves, field.cascade.deletes_orphans
        references += [Reference(target, field.names[0], saves, keeps) for target in held.values()]
    return references


def _held(values: list[Any]) -> dict[int, Any] | None:
    """Return the documents that links, or lists of links, hold; None if something else stands for a link."""
    if list in _classes(values):
        values = [link for value in values for link in (value if is_list(value) else (value,))]
    links = [value for value in values if value is not None]
    if not all(hasattr(kind, "__solidb_any_target__") for kind in _classes(links)):
        return None
    targets = [link.__solidb_document__() for link in links]
    return {id(target): target for target in targets if target is not None}


def _classes(values: list[Any]) -> set[Any]:
    return set(map(type, values))


def unread(document: Document) -> Iterator[str]:
    """Return what the links of a document lead to of which they hold no object, by id."""
    for _, _, link in links_in(document):
        if link.__solidb_document__() is None:
            yield link.id


@cached_by_class
def rank_of(model: Any) -> int:
    """Return how many links in a row lead on from a class at most: what it links to has a lower rank.

    Classes whose links lead in a circle have no order among them, and one rank.
    """
    ranks = _ranks(model)
    for other, rank in ranks.items():
        keep(other, f"{rank_of.__module__}.{rank_of.__qualname__}", rank)
    return ranks[model]


def _ranks(start: Any) -> dict[Any, int]:
    """Return the ranks of a class and of those its links lead to, by way of others too, each looked at once.

    The ways through classes that link to each other are as many as the powers of two; so the circles are
    collected first (Kosaraju's algorithm), after which each class ranks above those it links to.
    """
    targets: dict[Any, list[Any]] = {}
    order = _last_first(start, lambda model: targets.setdefault(model, _targets(model)), set())
    sources: dict[Any, list[Any]] = {model: [] for model in order}
    for model in order:
        for target in targets[model]:
            sources[target].append(model)
    met: set[Any] = set()
    circles = [_last_first(model, sources.__getitem__, met) for model in reversed(order) if model not in met]
    ranks: dict[Any, int] = {}
    for circle in reversed(circles):
        beyond = [ranks[target] for model in circle for target in targets[model] if target in ranks]
        ranks.update(dict.fromkeys(circle, 1 + max(beyond, default=-1)))
    return ranks


def _targets(model: Any) -> list[Any]:
    return list({place.target: None for place in links_below(model) if place.target is not Document})


def _last_first(start: Any, leads_to: Callable[[Any], list[Any]], met: set[Any]) -> list[Any]:
    """Return what can be reached from somewhere and was not met before, each after what lies beyond it."""
    order: list[Any] = []
    met.add(start)
    waiting = [(start, iter(leads_to(start)))]
    while waiting:
        model, further = waiting[-1]
        following = next((target for target in further if target not in met), None)
        if following is None:
            order.append(model)
            waiting.pop()
        else:
            met.add(following)
            waiting.append((following, iter(leads_to(following))))
    return order
