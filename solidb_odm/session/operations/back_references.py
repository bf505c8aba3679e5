"""Loading back-references: the documents whose links, or ends, lead to given ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...commands import Operation
from ...model.document import Document
from ...model.expressions.fields import FieldRef
from ...model.links.back_references import BackReference
from ...query.load_paths import EndHop, reference_hop
from ...query.references import referring_to
from ..context import Context
from .queries import execute


def load_referring(
    context: Context, documents: list[Document], reference: BackReference[Any]
) -> Operation[list[Document]]:
    """Load for each of the documents those that refer to it, all in one query."""
    wanted = {document.__solidb_reference__(): document for document in documents}
    field = reference.__solidb_field__
    found: list[Any] = []
    if wanted:
        found = yield from execute(context, referring_to(field, list(wanted)).compile(), None)
    lists: dict[str, list[Document]] = {name: [] for name in wanted}
    for each in found:
        for name in dict.fromkeys(_references(each, field, wanted)):
            lists[name].append(each)
    for name, members in lists.items():
        reference.__solidb_take__(wanted[name], tuple(members))
    return found


def _references(document: Any, field: FieldRef, wanted: Mapping[str, Document]) -> Iterator[str]:
    """Return which of the references a document holds; its links to them are loaded by that."""
    hop = reference_hop(field)
    if isinstance(hop, EndHop):
        name = hop.reference(document)
        if name in wanted:
            document.__dict__[hop.name] = wanted[name]
            yield name
        return
    for link in hop.links(document):
        if link.id in wanted:
            if not link.is_loaded:
                link.__solidb_set__(wanted[link.id])
            yield link.id
