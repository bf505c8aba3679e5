"""Where the links of a class stand, and making links of the documents and texts put there.

A field takes a document where a link belongs: ``post.author = ada``, ``post.readers.append(ada)``. What is
assigned becomes a link at once, what is put into a list, dict or embedded model when that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from ..._dataclasses import dataclass
from ..._types import is_list, is_map, is_tuple
from ...errors import UsageError
from .. import type_inspection
from ..declaration.cascade_options import Cascade
from ..stored.plain_types import is_plain_type
from ..stored.pydantic_attributes import class_fields
from ..type_inspection import cached_by_annotation, cached_by_class

Reader: TypeAlias = Callable[[Any], Any]
_NONE = Cascade()


@dataclass(frozen=True, slots=True)
class LinkPlace:
    """A field that holds links: the Python names on the way to it, through embedded models.

    ``target`` is the class the links lead to.
    """

    names: tuple[str, ...]
    cascade: Cascade = _NONE
    target: Any = None

    def links(self, document: Any) -> Iterator[Any]:
        """Return the links of a document at this place."""
        if len(self.names) == 1:
            return links_of(document, self.names[0])
        return self._deeper(document)

    def _deeper(self, document: Any) -> Iterator[Any]:
        holders = [document]
        for name in self.names[:-1]:
            holders = [inner for holder in holders for inner in inside(holder.__dict__.get(name))]
        for holder in holders:
            yield from links_of(holder, self.names[-1])

    def __str__(self) -> str:
        return ".".join(self.names)


@cached_by_class
def link_places(model: Any) -> tuple[LinkPlace, ...]:
    """Return the places of a class that hold links."""
    return tuple(_places_in(model, (), ()))


def _places_in(model: Any, names: tuple[str, ...], above: tuple[Any, ...]) -> Iterator[LinkPlace]:
    for name, info in class_fields(model).items():
        if is_plain_type(info.annotation):
            continue
        target = type_inspection.link_target(info.annotation)
        if target is not None:
            notes = [note for note in (*info.metadata, *_notes(info.annotation)) if isinstance(note, Cascade)]
            yield LinkPlace((*names, name), notes[0] if notes else Cascade(), target)
            continue
        for inner in _models_in(info.annotation):
            if inner not in above and not hasattr(inner, "__solidb_reference__") and _holds_links(inner):
                yield from _places_in(inner, (*names, name), (*above, inner))


def _holds_links(model: Any) -> bool:
    """Return whether a model, or one below it, has links; most have none, and ways to them can be many."""
    fields = (info for part in type_inspection.models_below(model) for info in class_fields(part).values())
    return any(type_inspection.link_target(info.annotation) is not None for info in fields)


def _models_in(annotation: Any) -> Iterator[Any]:
    yield from type_inspection.embedded(annotation)
    for member in type_inspection.alternatives(annotation):
        for argument in get_args(member):
            if argument is not Ellipsis and not isinstance(argument, (str, int, bytes)):
                yield from _models_in(argument)


def _notes(annotation: Any) -> Iterator[Any]:
    """Return what ``Annotated`` says of a type, or of the types within it."""
    yield from type_inspection.metadata(annotation)
    for member in type_inspection.alternatives(annotation):
        for argument in get_args(member):
            if argument is not Ellipsis:
                yield from _notes(argument)


def inside(value: Any) -> Iterator[Any]:
    """Return an embedded model or a link, or those in a list or dict, at any depth."""
    if is_map(value):
        value = list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("Iterable[Any]", value):
            yield from inside(item)
    elif value is not None:
        yield value


def links_of(holder: Any, name: str) -> Iterator[Any]:
    """Return the links in a field of a document or model; what stands there for a link becomes one."""
    values: dict[str, Any] = holder.__dict__
    value = values.get(name)
    if hasattr(value, "__solidb_any_target__"):  # a link itself, which most are
        return iter((value,))
    if value is None:
        return iter(())
    read = _reader_at(cast(Any, type(holder)), name)
    if read is not None:
        values[name] = value = read(value)
    return (link for link in inside(value) if hasattr(link, "__solidb_any_target__"))


@cached_by_class
def _reader_at(model: Any, name: str) -> Reader | None:
    return reader_of(class_fields(model)[name].annotation)


# --- making links --------------------------------------------------------------------------------


@cached_by_annotation
def reader_of(annotation: Any) -> Reader | None:
    """Return what makes links in the values of a type, in place within lists and dicts, if there are any."""
    members = type_inspection.alternatives(annotation)
    readers = [read for member in members if (read := _member_reader(member, str in members)) is not None]
    if len(readers) < 2:
        return next(iter(readers), None)

    def read_any(value: Any) -> Any:
        for read in readers:
            value = read(value)
        return value

    return read_any


def _member_reader(member: Any, takes_text: bool) -> Reader | None:
    origin, arguments = get_origin(member), get_args(member)
    link: Any = origin or member
    if hasattr(link, "__solidb_any_target__"):
        return lambda value: _as_link(link, value, takes_text)
    if isinstance(origin, type) and issubclass(origin, (list, dict, tuple)) and arguments:
        read = reader_of(arguments[-2 if arguments[-1] is Ellipsis else -1])
        return None if read is None else lambda value: _in_container(read, value)
    is_model = isinstance(member, type) and issubclass(cast(Any, member), BaseModel)
    if is_model and not hasattr(link, "__solidb_reference__") and link_places(member):
        return lambda value: _in_model(member, value)
    return None


def _as_link(link: Any, value: Any, takes_text: bool) -> Any:
    if isinstance(value, link) or not (hasattr(value, "__solidb_reference__") or isinstance(value, str)):
        return value
    if isinstance(value, str) and (takes_text or value.count("/") != 1):
        return value
    return link(value)


def _in_container(read: Reader, value: Any) -> Any:
    if is_list(value):
        for place, item in enumerate(value):
            if (made := read(item)) is not item:
                value[place] = made
    elif is_map(value):
        for name, item in value.items():
            if (made := read(item)) is not item:
                value[name] = made
    elif is_tuple(value):
        return tuple(read(item) for item in value)
    return value


def _in_model(model: Any, value: Any) -> Any:
    if isinstance(value, model):
        for place in link_places(model):
            for _ in place.links(value):
                pass
    return value


def direct_readers(model: Any, names: Iterable[str]) -> dict[str, Reader]:
    """Return what makes links of values that are assigned, by those of some fields that are links."""
    readers: dict[str, Reader] = {}
    for name in names:
        members = type_inspection.alternatives(class_fields(model)[name].annotation)
        links = [
            member for member in members if hasattr(get_origin(member) or member, "__solidb_any_target__")
        ]
        if links:
            readers[name] = _assigning(model, name, links, str in members)
    return readers


def _assigning(model: Any, name: str, links: list[Any], takes_text: bool) -> Reader:
    def read(value: Any) -> Any:
        if value is None or (takes_text and isinstance(value, str)):
            return value
        problems: list[PydanticCustomError] = []
        for link in links:
            try:
                return (get_origin(link) or link).__solidb_read__(link, value)
            except PydanticCustomError as error:
                problems.append(error)
        raise UsageError(
            f"{model.__name__}.{name}: {problems[0].message()}",
            hint="assign the document, a Link to it, or its id (collection/key)",
        ) from problems[0]

    return read
