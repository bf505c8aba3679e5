"""The unit of work: which documents are new, changed or deleted, and what a flush would write.

Pure: it makes batches and takes receipts, and never talks to an engine.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Literal

from .._types import Body, JsonObject, Receipt
from ..commands import Batch, Inserts, Patch, Patches, Removals
from ..errors import StateError
from ..model.codec import check_valid, encode_text, encode_value
from ..model.document import Document
from ..model.edge import Edge
from ..model.mapping import Mapping
from ..model.state import State, state_of, state_or_none
from .changes import document_difference
from .identity import IdentityMap
from .undo import Undo, restore

Documents = dict[int, Document]
"""Documents by identity: models are unhashable, and equal ones are not the same."""


class Plan:
    """What one flush writes: batches in order, and the documents behind their rows."""

    __slots__ = ("batches", "bodies", "documents")

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.documents: list[list[Document]] = []
        self.bodies: list[list[Body | None]] = []

    def put(self, batch: Batch, documents: list[Document], bodies: list[Body | None]) -> None:
        """Add a batch with the document and the stored form behind each row."""
        self.batches.append(batch)
        self.documents.append(documents)
        self.bodies.append(bodies)

    def __bool__(self) -> bool:
        return bool(self.batches)


class UnitOfWork:
    """The documents of one session."""

    def __init__(self, body: Literal["text", "value"]) -> None:
        self._encode = encode_text if body == "text" else encode_value
        self.identity = IdentityMap()
        self.new: Documents = {}
        self.changed: Documents = {}
        self.deleted: Documents = {}
        self.exposed: dict[int, weakref.ref[Document]] = {}
        self.undo = Undo()

    # --- moves ----------------------------------------------------------------------------------

    def add(self, document: Document) -> None:
        """Make a transient document pending, or a detached one persistent again; ends of edges too."""
        if not isinstance(document, Document):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise StateError(f"a session keeps documents, not {document!r}", state="foreign", move="add")
        state = state_of(document)
        if state.owner is self:
            if id(document) in self.deleted:
                del self.deleted[id(document)]
            return
        if state.owner is not None:
            raise StateError(
                f"{_name(document)} is in another session",
                state="persistent",
                move="add",
                hint="expunge it there first, or session.merge() a copy here",
            )
        mapping = type(document).__solidb_mapping__
        self._claim(document, mapping)
        state.owner = self
        if state.is_stored:
            self.touched(document)
        else:
            self.new[id(document)] = document
        for end in ends_of(document):
            self.add(end)

    def _claim(self, document: Document, mapping: Mapping) -> None:
        other = self.identity.get(mapping.collection, document.key)
        if other is not None and other is not document and id(other) not in self.deleted:
            raise StateError(
                f"the session holds another object for {mapping.collection}/{document.key}",
                state="transient",
                move="add",
                hint="change that one (session.get), or session.merge() this one into it",
            )
        self.identity.put(mapping.collection, document.key, document)

    def delete(self, document: Document) -> None:
        """Mark a persistent document for deletion; a pending one becomes transient again."""
        state = state_or_none(document)
        if state is None or state.owner is not self:
            raise StateError(
                f"{_name(document)} is not in this session",
                state="detached" if state is not None and state.is_stored else "transient",
                move="delete",
                hint="get it with this session, or add it first",
            )
        if id(document) in self.new:
            self.expunge(document)
        else:
            self.deleted[id(document)] = document
            self.changed.pop(id(document), None)

    def expunge(self, document: Document) -> None:
        """Take a document out of the session, with its unsent changes."""
        state = state_or_none(document)
        if state is None or state.owner is not self:
            raise StateError(f"{_name(document)} is not in this session", state="detached", move="expunge")
        mapping = type(document).__solidb_mapping__
        if self.identity.get(mapping.collection, document.key) is document:
            self.identity.drop(mapping.collection, document.key)
        for documents in (self.new, self.changed, self.deleted):
            documents.pop(id(document), None)
        self.exposed.pop(id(document), None)
        state.owner = None

    def touched(self, document: Document) -> None:
        """Hold on to a document that may have changed, so that its changes are not lost."""
        key = id(document)
        if key not in self.new and key not in self.deleted:
            self.changed[key] = document
            state = state_of(document)
            state.touched = True
            if state.exposed:
                self.exposed[key] = weakref.ref(document)

    def adopt(self, document: Document, mapping: Mapping, state: State) -> None:
        """Enter a document that was just loaded."""
        object.__setattr__(document, "__solidb_state__", state)
        self.identity.put(mapping.collection, document.key, document)

    # --- looking --------------------------------------------------------------------------------

    def candidates(self) -> Iterator[Document]:
        """Give the stored documents that can have changed."""
        yield from list(self.changed.values())
        for key, reference in list(self.exposed.items()):
            document = reference()
            if document is None:
                del self.exposed[key]
            elif key not in self.changed and key not in self.deleted:
                yield document

    def dirty(self) -> list[Document]:
        """Give the stored documents that differ from their stored form."""
        return [document for document in self.candidates() if self.is_modified(document)]

    def is_modified(self, document: Document) -> bool:
        """Say whether a document differs from its stored form."""
        state = state_of(document)
        if state.body is None:
            return True
        mapping = type(document).__solidb_mapping__
        return bool(document_difference(mapping, document, state.body)[0])

    @property
    def has_work(self) -> bool:
        """Say whether a flush could have something to write."""
        return bool(self.new or self.deleted or self.changed or self.exposed)

    def collections_with_work(self) -> set[str]:
        """Give the collections of which the engine does not hold the newest state."""
        documents = [*self.new.values(), *self.deleted.values(), *self.dirty()]
        return {type(document).__solidb_mapping__.collection for document in documents}

    # --- writing --------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """Encode, validate and order what a flush writes.

        Documents before the edges that name them, deletions of edges before their ends; within a
        kind by collection and key, so that two sessions touch documents in the same order. A
        deletion whose key is inserted anew comes first.
        """
        for document in [*self.new.values(), *self.changed.values()]:
            for end in ends_of(document):
                if (state := state_or_none(end)) is None or state.owner is None:
                    self.add(end)
        plan = Plan()
        reused = {(d.__solidb_collection__, d.key) for d in self.new.values()}
        removals = [d for d in self.deleted.values() if (d.__solidb_collection__, d.key) not in reused]
        replaced = [d for d in self.deleted.values() if (d.__solidb_collection__, d.key) in reused]
        self._plan_removals(plan, replaced)
        self._plan_inserts(plan)
        self._plan_patches(plan)
        self._plan_removals(plan, removals)
        return plan

    def _plan_inserts(self, plan: Plan) -> None:
        encode = self._encode
        for mapping, documents in _grouped(self.new.values()):
            bodies: list[Body | None] = []
            rows: list[tuple[str, Body]] = []
            for document in documents:
                body = encode(mapping, document)
                state = state_of(document)
                if state.touched:
                    check_valid(mapping, document, body)
                rows.append((document.key, body))
                bodies.append(body)
            plan.put(Inserts(mapping.collection, rows), documents, bodies)

    def _plan_patches(self, plan: Plan) -> None:
        found: dict[int, tuple[Patch, JsonObject]] = {}
        changed: list[Document] = []
        for document in self.candidates():
            mapping, state = type(document).__solidb_mapping__, state_of(document)
            assert state.body is not None
            difference, whole = document_difference(mapping, document, state.body)
            if not difference:
                continue
            check_valid(mapping, document, whole)
            patch = Patch(
                document.key,
                state.revision,
                difference.changes,
                difference.removed,
                whole if difference.removed else None,
            )
            found[id(document)] = (patch, whole)
            changed.append(document)
        for mapping, documents in _grouped(changed):
            rows = [found[id(document)][0] for document in documents]
            bodies: list[Body | None] = [found[id(document)][1] for document in documents]
            plan.put(Patches(mapping.collection, rows), documents, bodies)

    def _plan_removals(self, plan: Plan, removed: list[Document]) -> None:
        for mapping, documents in reversed(list(_grouped(removed))):
            rows = [(document.key, state_of(document).revision) for document in documents]
            plan.put(Removals(mapping.collection, rows), documents, [None] * len(documents))

    def applied(self, plan: Plan, receipts: list[list[Receipt]]) -> None:
        """Take over what the engine wrote; it can be undone until ``committed``."""
        for batch, documents, bodies, answers in zip(
            plan.batches, plan.documents, plan.bodies, receipts, strict=True
        ):
            if isinstance(batch, Removals):
                for document in documents:
                    self._removed(document)
                continue
            for document, body, receipt in zip(documents, bodies, answers, strict=True):
                state = state_of(document)
                self.undo.note(document, state, is_new=isinstance(batch, Inserts))
                state.revision, state.created, state.updated = receipt
                state.body = body
        for document in self.new.values():
            self._settle(document)
        self.new.clear()
        self.deleted.clear()
        self.settle()

    def settle(self) -> None:
        """Let go of the documents that were touched: what changed in them is written."""
        for document in self.changed.values():
            state_of(document).touched = False
        self.changed.clear()

    def _settle(self, document: Document) -> None:
        """Look at a new document at every commit if its caller may hold parts of it."""
        state = state_of(document)
        state.touched = False
        if type(document).__solidb_watched__:
            state.exposed = True
            self.exposed[id(document)] = weakref.ref(document)

    def _removed(self, document: Document) -> None:
        state = state_of(document)
        self.undo.note(document, state, is_new=False, is_removed=True)
        self.expunge(document)
        state.revision = ""
        state.body = None

    def committed(self) -> None:
        """Forget how to undo what was written."""
        self.undo.clear()

    # --- going back -----------------------------------------------------------------------------

    def unflush(self) -> None:
        """Take back what ``applied`` noted, but keep the objects' values: all is unsent again."""
        for document, state, noted in self.undo.take():
            collection = type(document).__solidb_mapping__.collection
            state.revision, state.created, state.updated, state.body = noted.stored
            state.owner = self
            if noted.is_new:
                self.new[id(document)] = document
            elif noted.is_removed:
                self.identity.put(collection, document.key, document)
                self.deleted[id(document)] = document
            else:
                self.touched(document)

    def rollback(self) -> None:
        """Put all documents back as they were stored at the start; new ones become transient."""
        self.unflush()
        for document in list(self.new.values()):
            self.expunge(document)
            state_of(document).touched = False
        changed = [*self.candidates(), *self.deleted.values()]
        for document in changed:
            state = state_of(document)
            if state.body is not None:
                restore(document, type(document).__solidb_mapping__, state)
            state.touched = False
        self.changed.clear()
        self.deleted.clear()

    def expunge_all(self) -> None:
        """Let go of all documents."""
        for document in [*self.identity, *self.new.values(), *self.deleted.values()]:
            state = state_or_none(document)
            if state is not None and state.owner is self:
                state.owner = None
        self.identity.clear()
        self.undo.clear()
        for documents in (self.new, self.changed, self.deleted, self.exposed):
            documents.clear()


def ends_of(document: Document) -> list[Document]:
    """Give the documents an edge holds at its ends."""
    if not isinstance(document, Edge):
        return []
    values = document.__dict__
    return [end for end in (values.get("from_"), values.get("to")) if isinstance(end, Document)]


def _grouped(documents: Iterable[Document]) -> Iterator[tuple[Mapping, list[Document]]]:
    """Group documents by class: those of document collections first, each group sorted by key."""
    groups: dict[type[Document], list[Document]] = {}
    for document in documents:
        groups.setdefault(type(document), []).append(document)
    mappings = [(model.__solidb_mapping__, group) for model, group in groups.items()]
    mappings.sort(key=lambda pair: (pair[0].kind == "edge", pair[0].collection, pair[0].model.__name__))
    for mapping, group in mappings:
        group.sort(key=_key_of)
        yield mapping, group


def _key_of(document: Document) -> str:
    return document.key


def _name(document: Document) -> str:
    return f"{type(document).__name__} {document.key!r}"
