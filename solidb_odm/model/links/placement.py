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
def link_fields(model: Any) -> tuple[LinkPlace, ...]:
    """Return the fields of a class that hold links, and those whose models do, which have no ``target``."""
    return tuple(_fields_with_links(model))


def _fields_with_links(model: Any) -> Iterator[LinkPlace]:
    for name, info in class_fields(model).items():
        if is_plain_type(info.annotation):
            continue
        target = type_inspection.link_target(info.annotation)
        if target is not None:
            yield LinkPlace((name,), cascade_of(info), target)
        elif any(map(_can_hold_links, _models_in(info.annotation))):
            yield LinkPlace((name,))


def _can_hold_links(model: Any) -> bool:
    return not hasattr(model, "__solidb_reference__") and bool(links_below(model))


@cached_by_class
def links_below(model: Any) -> tuple[LinkPlace, ...]:
    """Return the fields that hold links of a class and of the models in it, at any depth, each once.

    The ways that lead to them are as many as the powers of two where models are shared.
    """
    kinds = {model: None}
    for info in class_fields(model).values():
        if not is_plain_type(info.annotation):
            for inner in _models_in(info.annotation):
                if not hasattr(inner, "__solidb_reference__"):
                    kinds |= dict.fromkeys(type_inspection.models_below(inner))
    return tuple(place for kind in kinds for place in _own_links(kind))


@cached_by_class
def _own_links(model: Any) -> tuple[LinkPlace, ...]:
    return tuple(
        LinkPlace((name,), cascade_of(info), target)
        for name, info in class_fields(model).items()
        if (target := type_inspection.link_target(info.annotation)) is not None
    )


def cascade_of(info: Any) -> Cascade:
    """Return what a field says of the documents that its links lead to."""
    notes = (*info.metadata, *_notes(info.annotation))
    return next((note for note in notes if isinstance(note, Cascade)), _NONE)


def links_in(holder: Any) -> Iterator[tuple[tuple[str, ...], LinkPlace, Any]]:
    """Yield the links in a document or a model, at any depth, with the names on the way and the field.

    What stands in several places, or in itself, is looked at once.
    """
    waiting: list[tuple[Any, tuple[str, ...]]] = [(holder, ())]
    seen = set[int]()
    while waiting:
        part, way = waiting.pop()
        seen.add(id(part))
        deeper: list[tuple[Any, tuple[str, ...]]] = []
        for field in link_fields(cast(Any, type(part))):
            names = (*way, *field.names) if way else field.names
            if field.target is not None:
                for link in links_of(part, field.names[0]):
                    yield names, field, link
            else:
                parts = inside(part.__dict__.get(field.names[0]))
                deeper += [(inner, names) for inner in parts if id(inner) not in seen and _is_part(inner)]
        waiting += reversed(deeper)


def _is_part(value: Any) -> bool:
    kind = cast(Any, type(value))
    return type_inspection.is_model(kind) and not hasattr(kind, "__solidb_reference__")


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
        inner = arguments[-2 if arguments[-1] is Ellipsis else -1]
        read, links = reader_of(inner), _links_of_type(inner)
        return None if read is None else lambda value: _in_container(read, value, links)
    is_model = isinstance(member, type) and issubclass(cast(Any, member), BaseModel)
    if is_model and not hasattr(link, "__solidb_reference__") and links_below(member):
        return lambda value: _in_model(member, value)
    return None


def _as_link(link: Any, value: Any, takes_text: bool) -> Any:
    if isinstance(value, link) or not (hasattr(value, "__solidb_reference__") or isinstance(value, str)):
        return value
    if isinstance(value, str) and (takes_text or value.count("/") != 1):
        return value
    return link(value)


def _links_of_type(annotation: Any) -> tuple[type, ...]:
    """Return the kinds of links that a type has among its members, and that of None."""
    kinds = [get_origin(member) or member for member in type_inspection.alternatives(annotation)]
    return (*(kind for kind in kinds if hasattr(kind, "__solidb_any_target__")), type(None))


def _in_container(read: Reader, value: Any, links: tuple[type, ...]) -> Any:
    if is_list(value):
        if all(issubclass(kind, links) for kind in set(map(type, value))):
            return value  # as mostly: whoever reads a long list in a loop has it looked through each time
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
        for _ in links_in(value):
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
