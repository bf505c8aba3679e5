"""What others hold of documents, as it was when these were found to be as they are stored.

A document of which a list is held outside is looked at by every flush and every query. Encoding it each time
takes some 10 us, and comparing the list alone with what it was takes 0.3 us: of plain values, in a few calls
that run in C for all documents of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, compress, repeat
from marshal import dumps
from operator import attrgetter, eq, gt, is_, le
from sys import getrefcount
from typing import Any, NamedTuple

from .._types import Body
from ..model.document import Document
from ..model.document_state import SLOT, State, state_of
from .aliases import held_fields, in_one_place

_AS_VALUES = 2
"""The version of the encoding that tells values apart by their class, and not by who refers to them."""

_Place = tuple[type[Document], tuple[str, ...]]


class Look(NamedTuple):
    """What is held of one document: which fields, and their values; and what was stored of it then."""

    fields: tuple[str, ...]
    state: State
    body: Body | None
    values: bytes


class Exposure:
    """The looks at documents of a session since which nobody touched them, by class and by held fields."""

    __slots__ = ("_groups", "_places", "_whole")

    def __init__(self) -> None:
        self._groups: dict[_Place, dict[int, Look]] = {}
        self._places: dict[int, _Place] = {}
        self._whole: set[int] = set()
        """The documents of which more than plain values is held: compared whole until they are touched."""

    def of(self, document: Document) -> Look | None:
        """Return what is held of a document now; None where it has to be compared whole each time."""
        return None if id(document) in self._whole else look_at(document)

    def note(self, document: Document, look: Look | None) -> None:
        """Note how a document was that is as it is stored; ``look`` was taken before that was found."""
        self.forget(id(document))
        if look is None:
            self._whole.add(id(document))
        else:
            place = (type(document), look.fields)
            self._places[id(document)] = place  # the first: what has none is not forgotten
            self._groups.setdefault(place, {})[id(document)] = look

    def forget(self, key: int) -> None:
        """Forget how a document was, as more of it may be held by now."""
        if (place := self._places.get(key)) is not None:
            looks = self._groups.get(place, {})
            looks.pop(key, None)
            if not looks:
                self._groups.pop(place, None)
            del self._places[key]  # the last, as an interrupt may come before it

    def clear(self) -> None:
        """Forget all documents."""
        self._groups.clear()
        self._places.clear()
        self._whole.clear()

    def suspects(self, documents: dict[int, Document], touched: Collection[int]) -> list[Document]:
        """Return those of some documents that may have changed, or of which nobody may hold a part any more.

        ``touched`` are those that are looked at anyway.
        """
        if touched:
            self._whole.difference_update(touched)
            for key in self._places.keys() & touched:
                self.forget(key)
        if self._whole:
            self._whole.intersection_update(documents)
        if not self._places:
            return list(documents.values())
        if not self._places.keys() <= documents.keys():
            for key in self._places.keys() - documents.keys():
                self.forget(key)
        sure = [_unchanged(documents, fields, looks) for (_, fields), looks in self._groups.items() if looks]
        if sum(map(len, sure)) == len(documents):
            return []
        known = set(chain.from_iterable(sure))
        return [document for key, document in documents.items() if key not in known]


def look_at(document: Document) -> Look | None:
    """Return what is held of a document; None where more than that has to be compared each time."""
    mapping, state = type(document).__solidb_mapping__, state_of(document)
    if mapping.computed or mapping.cached or mapping.computes_below or mapping.keeps_below:
        return None
    if mapping.rewrites or mapping.is_open or type(document).__solidb_unsteady__:
        return None
    fields = held_fields(document)
    if not fields:
        return None
    values = _encoded(tuple(map(document.__dict__.get, fields)))
    return None if values is None else Look(fields, state, state.body, values)


def _unchanged(
    documents: dict[int, Document], fields: tuple[str, ...], looks: dict[int, Look]
) -> Collection[int]:
    """Return which documents of one class are as they were, and of which parts are still held."""
    held = list(map(documents.__getitem__, looks))
    rows = list(map(_values_of, held))
    columns = [list(map(dict[str, Any].get, rows, repeat(field))) for field in fields]
    counts = [list(map(getrefcount, column)) for column in columns]
    most = counts[0] if len(counts) == 1 else list(map(max, *counts))
    encoded = _all_encoded(columns)

    def signs() -> Iterator[Iterable[bool]]:
        _, states, bodies, values = zip(*looks.values(), strict=True)
        yield map(gt, most, repeat(in_one_place))
        yield map(le, map(getrefcount, rows), repeat(in_one_place))
        yield map(is_, map(_slot, held, repeat(SLOT)), states)
        yield map(is_, map(_body_of, states), bodies)
        yield map(eq, encoded, values)

    if all(map(all, signs())):  # mostly so, and half as much as one by one
        return looks
    return dict.fromkeys(compress(looks, map(all, zip(*signs(), strict=True))))


def _all_encoded(columns: list[list[Any]]) -> list[bytes | None]:
    """Return the values of each document as bytes; tuples that lasted would wake the collector."""
    try:
        return list(map(dumps, zip(*columns, strict=True), repeat(_AS_VALUES)))
    except ValueError:
        return list(map(_encoded, zip(*columns, strict=True)))


def _encoded(value: tuple[Any, ...]) -> bytes | None:
    """Return values as bytes that no others have; None for what is not plain."""
    try:
        return dumps(value, _AS_VALUES)
    except ValueError:
        return None


_slot: Callable[[Any, str], Any] = object.__getattribute__
_values_of: Callable[[Any], dict[str, Any]] = attrgetter("__dict__")
_body_of: Callable[[Any], Any] = attrgetter("body")
