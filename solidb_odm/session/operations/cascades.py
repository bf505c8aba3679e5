"""Deleting along: before a flush, what declared cascades delete is read and marked, all at once a round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...commands import FetchDocuments, GetMany, Operation
from ...model.declaration.cascades import Cascade
from ...model.declaration.registry import registry_of
from ...model.document import Document
from ...model.expressions.fields import FieldRef
from ...model.mixins import SoftDelete, now
from ...query.load_paths import EndHop, reference_hop
from ...query.references import referring_to
from ...work.cascades import fields_deleted_with, let_go, orphans
from ...work.plan import Documents
from ..context import Context
from ..hydration import load_documents


def cascade(context: Context) -> Operation[None]:
    """Mark for deletion what is deleted with what is marked, and what was let go of, until nothing is left.

    It reads one query for each field that cascades, and one for each collection that links lead to;
    nothing where no class declares a cascade.
    """
    work = context.work
    done: Documents = {}
    while work.deleted or Cascade.any_orphans:
        fresh = [document for key, document in work.deleted.items() if key not in done]
        done.update((id(each), each) for each in fresh)
        found = yield from _deleted_with(context, fresh)
        found += yield from _stored(context, let_go(work, fresh))
        found += orphans(work)
        waiting = [each for each in found if id(each) not in work.deleted and id(each) not in done]
        for document in waiting:
            _delete(context, document)
            if id(document) not in work.deleted:  # marked only, or never stored
                done[id(document)] = document
        if not waiting:
            return


def _delete(context: Context, document: Document) -> None:
    if isinstance(document, SoftDelete) and id(document) not in context.work.new:
        document.deleted_at = document.deleted_at or now()
    else:
        context.work.delete(document)


def _deleted_with(context: Context, deleted: list[Document]) -> Operation[list[Any]]:
    """Read the documents, edges mostly, that are deleted with others; new ones are among them."""
    wanted: dict[FieldRef, list[str]] = {}
    rules = {model: fields_deleted_with(model) for model in {type(document) for document in deleted}}
    for document in deleted:
        for field in rules[type(document)]:
            wanted.setdefault(field, []).append(document.__solidb_reference__())
    found: list[Any] = []
    for field, references in wanted.items():
        compiled = referring_to(field, references).compile()
        rows = yield from context.ask(FetchDocuments(compiled.query, compiled.bind_vars))
        stored = load_documents(context.work, field.__place__.source, rows)
        own = [*context.work.new.values(), *context.work.candidates()]
        found += _leading(field, set(references), [*stored, *own])
    return list({id(each): each for each in found}.values())


def _leading(field: FieldRef, references: set[str], documents: Iterable[Any]) -> list[Any]:
    """Return the documents whose field leads to one of the references, as they are now in the session."""
    hop = reference_hop(field)
    members = [each for each in documents if isinstance(each, field.__place__.source)]
    if isinstance(hop, EndHop):
        return [each for each in members if hop.reference(each) in references]
    return [each for each in members if any(link.id in references for link in hop.links(each))]


def _stored(context: Context, references: set[str]) -> Operation[list[Any]]:
    """Return the documents, in the session or not, of some references; those there are."""
    keys: dict[str, list[str]] = {}
    for reference in sorted(references):
        collection, _, key = reference.partition("/")
        keys.setdefault(collection, []).append(key)
    found: list[Any] = []
    for collection, wanted in keys.items():
        held = {key: context.work.identity.get(collection, key) for key in wanted}
        found += [each for each in held.values() if each is not None]
        missing = [key for key, each in held.items() if each is None]
        if missing:
            rows = yield from context.ask(GetMany(collection, missing))
            found += load_documents(
                context.work, registry_of(collection, context.work.registries).claimants(collection)[0], rows
            )
    return found
