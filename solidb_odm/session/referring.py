"""Loading back-references: the documents whose links, or ends, lead to given ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..commands import Operation
from ..errors import UsageError
from ..model import shapes
from ..model.document import Document
from ..model.fields import FieldRef
from ..model.related import BackReference
from ..query.conditions import any_, in_
from ..query.hops import EndHop, reference_hop
from ..query.select import select
from .context import Context
from .operations_reading import execute


def load_referring(
    context: Context, documents: list[Document], reference: BackReference[Any]
) -> Operation[list[Document]]:
    """Give each of the documents those that refer to it, and fetch them all in one query."""
    wanted = {document.__solidb_reference__(): document for document in documents}
    found = yield from referring(context, reference.__solidb_field__, list(wanted))
    lists: dict[str, list[Document]] = {name: [] for name in wanted}
    for each in found:
        for name in dict.fromkeys(_references(each, reference.__solidb_field__, wanted)):
            lists[name].append(each)
    for name, members in lists.items():
        reference.__solidb_take__(wanted[name], tuple(members))
    return found


def referring(context: Context, field: FieldRef, wanted: list[str]) -> Operation[list[Any]]:
    """Read the documents whose field holds one of some references, by their keys."""
    if not wanted:
        return []
    place = field.__place__
    direct = any(shapes.link_target(each) is not None for each in _plain_members(place.annotation))
    is_list = shapes.is_collection(place.annotation)
    if not (direct or is_list or isinstance(reference_hop(field), EndHop)):
        raise UsageError(
            f"{field!r} can't be asked for what leads to a document: its links stand in a dict",
            hint="keep the links in a list, or as single fields",
        )
    condition = in_(any_(field), wanted) if is_list else in_(field.__solidb_id__(), wanted)
    statement = select(place.source).where(condition)
    return (yield from execute(context, statement.compile(), None))


def _plain_members(annotation: Any) -> Iterator[Any]:
    """Give the members of a union that are links themselves, not lists or dicts of them."""
    for member in shapes.alternatives(annotation):
        if hasattr(getattr(member, "__origin__", member), "__solidb_any_target__"):
            yield member


def _references(document: Any, field: FieldRef, wanted: dict[str, Document]) -> Iterator[str]:
    """Give which of the references a document holds; its links to them are loaded by that."""
    hop = reference_hop(field)
    if isinstance(hop, EndHop):
        end = document.__dict__[hop.name]
        name = end if isinstance(end, str) else end.__solidb_reference__()
        if name in wanted:
            document.__dict__[hop.name] = wanted[name]
            yield name
        return
    for link in hop.links(document):
        if link.id in wanted:
            if not link.is_loaded:
                link.__solidb_set__(wanted[link.id])
            yield link.id
