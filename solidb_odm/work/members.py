"""The documents of a session: which are new, changed or deleted, and how they get there."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from .._collector import AT_LEAST
from ..errors import InvalidDocument, SolidbError, StateError
from ..model.declaration.registry import SUCCESSOR, Registry
from ..model.document import Document, is_document_class
from ..model.document_state import (
    Loaded,
    State,
    any_noted,
    begin_all_notes,
    begin_notes,
    has_notes,
    state_of,
    state_or_none,
)
from .aliases import has_aliases
from .differences import document_difference
from .exposure import Exposure, Look
from .identity import IdentityMap, References
from .links import Reference, referred, referred_by, refers, unread
from .states import check_document, checked, gone, outdated, refusal

if TYPE_CHECKING:
    from .plan import Documents


_key_of = attrgetter("key")


class Holdings:
    """The documents of one session, by what is to become of them.

    ``changed`` may differ from their stored form and are held until that is known; ``exposed`` are held and
    looked at by every flush, because somebody else holds a part of them; ``expired`` are to be read again.
    ``dropped`` were deleted before they were stored, ``removed`` since: nothing that refers to them
    brings them back. ``along`` came with another document, by a link that deletes its orphans.
    """

    def __init__(self) -> None:
        self.identity = IdentityMap()
        self.new: Documents = {}
        self.changed: Documents = {}
        self.deleted: Documents = {}
        self.exposed: Documents = {}
        self.looks = Exposure()
        """How ``exposed`` documents were that are as they are stored, and that nobody touched since."""
        self.expired: dict[int, weakref.ref[Document]] = {}
        self.dropped: Documents = {}
        self.removed: Documents = {}
        self.along: dict[int, weakref.ref[Document]] = {}
        self._replaced: dict[tuple[str, str], list[weakref.ref[Document]]] = {}
        """The deleted documents whose keys others took since."""
        self.is_over = False
        self.registries: set[Registry] = set()
        """The registries of the models in use."""
        self.readings: dict[type[Document], Any] = {}
        """How documents of these models are read, for whoever makes them of rows."""

    # --- moves ----------------------------------------------------------------------------------

    def add(self, document: Document) -> None:
        """Make a transient document pending, or a detached one persistent again.

        The ends of an edge come along, and what links lead to that are declared to save; all of them or none.
        """
        entered: list[Document] = []
        try:
            self._enter_all(document, entered)
        except SolidbError:
            for part in entered:
                self.expunge(part)
            raise

    def _enter_all(self, document: Document, entered: list[Document]) -> None:
        """Enter a document and what comes along, noting in ``entered`` what was not in the session."""
        self.along.pop(id(document), None)
        waiting = [document]
        while waiting:
            document = waiting.pop()
            if not self._enter(document):
                continue
            entered.append(document)
            if refers(type(document)):
                for reference in filter(self._comes_along, referred(document)):
                    waiting.append(reference.document)
                    self._note_along(reference)

    def _note_along(self, reference: Reference) -> None:
        if reference.keeps and not state_of(reference.document).is_stored:
            self.along[id(reference.document)] = weakref.ref(reference.document)

    def add_all(self, documents: list[Document]) -> None:
        """Add documents, all or none, at the least cost for each that is new, alone and of a free key."""
        before, entered = len(self.new), list[Document]()
        try:
            self._add_all(documents, entered)
        except SolidbError:
            new = dict(islice(self.new.items(), before, None))
            new |= {id(part): part for part in entered}
            for part in new.values():
                self.expunge(part)
            raise

    def _add_all(self, documents: list[Document], entered: list[Document]) -> None:
        """Add documents, noting in ``entered`` those that are not at the end of ``new`` then."""
        known: dict[type[Document], References | None] = {}
        fresh: Loaded = (self, "", "", "", None)
        if len(documents) >= AT_LEAST and len(set(map(type, documents))) == 1:
            references = self._references_of(type(documents[0]))
            is_alone = references is not None and self._brings_none(documents)
            if references is not None and is_alone and self._add_at_once(documents, references, fresh):
                return
        for document in documents:
            model = document.__class__
            if model not in known:
                known[model] = self._references_of(model)
            references = known[model]
            if (
                references is None
                or has_notes(document)
                or document.key in references
                or self._brings(document)
            ):
                self._enter_all(document, entered)
                continue
            references[document.key] = weakref.ref(document)
            self.new[id(document)] = document
            begin_notes(document, fresh)  # the last: an interrupt before it loses nothing

    def _add_at_once(self, documents: list[Document], references: References, fresh: Loaded) -> bool:
        """Add many documents of one class, if nobody has any of them and all their keys are free."""
        keys = list(map(_key_of, documents))
        if len(set(keys)) < len(keys) or not references.keys().isdisjoint(keys) or any_noted(documents):
            return False
        references.update(zip(keys, map(weakref.ref, documents), strict=True))
        self.new.update(zip(map(id, documents), documents, strict=True))
        begin_all_notes(documents, repeat(fresh))  # the last: an interrupt before it loses nothing
        return True

    def _references_of(self, model: type[Document]) -> References | None:
        """Return where documents of a class are entered; None for what is no document."""
        if not is_document_class(cast("object", model)):
            return None
        self.registries.add(model.__solidb_registry__)
        return self.identity.of(model.__solidb_mapping__.collection)

    def _enter(self, document: Document) -> bool:
        """Enter one document; return whether it was not in the session."""
        check_document(document, "add")
        state = state_of(document)
        if state.is_gone:
            raise gone(document)
        if state.owner is self:
            if self.deleted.pop(id(document), None) is not None:
                self.touched(document)
            return False
        if not is_free(state):
            raise refusal(document, self, "add", None)
        self.claim(document)
        if state.is_stored:  # noted before it is owned: an interrupt in between then loses nothing
            self.touched(document)
        else:
            self.new[id(document)] = document
        state.owner = self
        self.dropped.pop(id(document), None)
        self.removed.pop(id(document), None)
        return True

    def _brings_none(self, documents: Sequence[Document]) -> bool:
        """Return whether no others are added with documents of one class."""
        if not refers(type(documents[0])):
            return True
        references = referred_by(documents)
        if references is not None:
            return not any(map(self._comes_along, references))
        return not any(map(self._brings, documents))

    def _has_all_of(self, documents: Sequence[Document]) -> bool:
        """Return whether documents of one class surely refer to nothing that is to be added or is missing."""
        references = referred_by(documents)
        return references is not None and all(
            (state := state_of(reference.document)).owner is self
            or (state.is_stored and not self._comes_along(reference))
            for reference in references
        )

    def _brings(self, document: Document) -> bool:
        """Return whether other documents are added with one."""
        return refers(type(document)) and any(map(self._comes_along, referred(document)))

    def _comes_along(self, reference: Reference) -> bool:
        """Return whether what a document refers to is added with it: others have not stored it."""
        state = state_of(reference.document)
        place = id(reference.document)
        if state.owner is self or state.is_gone or place in self.dropped or place in self.removed:
            return False
        return reference.brings and (is_free(state) or not state.is_stored)

    def bring(self, document: Document) -> list[Reference]:
        """Add the documents that one refers to and brings along, unless others have stored them.

        Gives the references to documents that are neither stored nor in this session.
        """
        loose: list[Reference] = []
        for reference in list(referred(document)):
            state = state_of(reference.document)
            if state.owner is self:
                continue
            if self._comes_along(reference):
                self.add(reference.document)
                self._note_along(reference)
            elif not state.is_stored:
                loose.append(reference)
        return loose

    def leave_orphans(self) -> None:
        """Let go of new documents that came along with others, which refer to them no longer."""
        while self.along:
            living = (reference() for reference in self.along.values())
            waiting = {id(document): document for document in living if document is not None}
            waiting = {place: document for place, document in waiting.items() if place in self.new}
            kept = self._kept(waiting)
            orphaned = [document for place, document in waiting.items() if place not in kept]
            self.along = {place: weakref.ref(waiting[place]) for place in waiting.keys() & kept}
            if not orphaned:
                return
            for document in orphaned:
                self.expunge(document)

    def _kept(self, waiting: Documents) -> set[int]:
        """Return which new documents others refer to; by their ids, where a rollback set a link anew."""
        referring = [
            document
            for document in (*self.new.values(), *self.changed.values(), *self.exposed.values())
            if id(document) not in self.deleted and refers(type(document))
        ]
        objects = {id(reference.document) for document in referring for reference in referred(document)}
        ids = {reference for document in referring for reference in unread(document)}
        named = {place for place, document in waiting.items() if document.__solidb_reference__() in ids}
        return objects | named

    def claim(self, document: Document) -> None:
        """Enter a document under its key; StateError if another one has it."""
        collection, key = type(document).__solidb_mapping__.collection, document.key
        self.registries.add(type(document).__solidb_registry__)
        references = self.identity.of(collection)
        known = references.get(key)
        other = None if known is None else known()
        if other is not None and other is not document and id(other) not in self.deleted:
            raise StateError(
                f"the session holds another object for {collection}/{key}",
                state="transient",
                move="add",
                hint="change that one (session.get), or merge this one, and use what session.merge() returns",
            )
        if other is not None and other is not document:
            self._replaced.setdefault((collection, key), []).append(weakref.ref(other))
        references[key] = weakref.ref(document)

    def take_place(self, document: Document) -> None:
        """Let a new document stand for its key again, until it leaves; then the one before it does."""
        collection = type(document).__solidb_mapping__.collection
        other = self.identity.get(collection, document.key)
        if other is not None and other is not document:
            self._replaced.setdefault((collection, document.key), []).append(weakref.ref(other))
        self.identity.put(collection, document.key, document)

    def delete(self, document: Document) -> None:
        """Mark a persistent document for deletion; a pending one becomes transient again."""
        self.check_held(document, "delete", "get it with this session, or add it first")
        if id(document) in self.new:
            self.expunge(document)
            self.dropped[id(document)] = document
        else:
            self.deleted[id(document)] = document
            self.changed.pop(id(document), None)

    def expunge(self, document: Document) -> None:
        """Take a document out of the session, with its uncommitted changes."""
        state = self.check_held(document, "expunge", "only a document of this session can leave it")
        collection = type(document).__solidb_mapping__.collection
        for documents in (self.new, self.changed, self.deleted, self.exposed, self.expired):
            documents.pop(id(document), None)
        if self.identity.get(collection, document.key) is document:
            self.identity.drop(collection, document.key)
            self._restore_identity(collection, document.key)
        state.owner = None

    def _restore_identity(self, collection: str, key: str) -> None:
        """Let a deleted document stand for its key again, as the one that replaced it leaves."""
        replaced = [reference() for reference in self._replaced.get((collection, key), ())]
        for documents in (self.changed, self.deleted):  # changed: a statement deleted it
            for document in replaced:
                if document is not None and id(document) in documents:
                    self.identity.put(collection, key, document)

    def give_way(self, document: Document) -> bool:
        """Let go of an object of a class that was declared again since; return whether it is one.

        StateError if it has uncommitted changes.
        """
        if SUCCESSOR not in type(document).__dict__:
            return False
        if id(document) in self.new or id(document) in self.deleted or self.is_modified(document):
            raise outdated(document)
        self.expunge(document)
        return True

    def check_held(self, document: Document, move: str, hint: str | None) -> State:
        """Return the notes on a document of this unit; StateError if it is not in it."""
        state = checked(document, move)
        if state is None or state.owner is not self:
            raise refusal(document, self, move, hint)
        return state

    def touched(self, document: Document, state: State | None = None) -> None:
        """Hold on to a document that may have changed, so that its changes are not lost."""
        key = id(document)
        if key not in self.new and key not in self.deleted and not self.is_over:
            self.changed[key] = document
            (state or state_of(document)).touched = True

    def settle(self, document: Document, state: State | None = None) -> None:
        """Let go of a document that is as it is stored; ``state`` are the notes on it, if they are known."""
        self.changed.pop(id(document), None)
        state = state or state_of(document)
        state.touched = False
        self.keep_if_shared(document, state)

    def keep_if_shared(self, document: Document, state: State) -> None:
        """Hold a document that somebody else holds a part of; stop looking at one of which nobody does."""
        if not state.exposed:
            return
        self.looks.forget(id(document))
        if state.owner is self and not self.is_over and has_aliases(document):
            self.exposed[id(document)] = document
        else:  # as forget_exposure
            state.exposed = False
            self.exposed.pop(id(document), None)

    def release(self, documents: Iterable[object]) -> None:
        """Stop holding documents that were read but not changed."""
        held = [
            document
            for document in documents
            if isinstance(document, Document) and id(document) in self.changed
        ]
        for _ in self.modified(held):
            pass

    def forget_exposure(self, document: Document, state: State) -> None:
        """Stop looking at a document at every commit: nobody can hold the values it was just given."""
        state.exposed = False
        self.exposed.pop(id(document), None)

    def expire_all(self) -> None:
        """Have all stored documents read again when they are next asked for; changes are kept."""
        for document in self.identity:
            if id(document) not in self.new:
                self.expired[id(document)] = weakref.ref(document)

    def is_expired(self, document: Document) -> bool:
        """Return whether a document is to be read again; another one may have its place in memory by now."""
        reference = self.expired.get(id(document))
        return reference is not None and reference() is document

    def expunge_all(self) -> None:
        """Let go of all documents."""
        for document in [*self.identity, *self.new.values(), *self.deleted.values()]:
            state = state_or_none(document)
            if state is not None and state.owner is self:
                state.owner = None
        self._clear()

    def end(self) -> None:
        """Let go of all documents for good; at no cost, however many there are."""
        self.is_over = True
        self._clear()

    def _clear(self) -> None:
        self.identity.clear()
        for documents in (self.new, self.changed, self.deleted, self.exposed, self.expired):
            documents.clear()
        self.looks.clear()
        self.along.clear()
        self.readings.clear()
        self.forget_deleted()

    def forget_deleted(self) -> None:
        """Forget what was deleted, as it lasts or was taken back."""
        self.dropped.clear()
        self.removed.clear()
        self._replaced.clear()

    # --- looking --------------------------------------------------------------------------------

    def candidates(self) -> list[Document]:
        """Return the stored documents that can have changed, and exposed ones that may be so no more."""
        if not self.exposed:
            return [*self.changed.values()]
        held = [
            document
            for document in self.looks.suspects(self.exposed, self.changed)
            if id(document) not in self.changed and id(document) not in self.deleted
        ]
        return [*self.changed.values(), *held]

    def unchanged_of(self, collection: str, keys: Collection[str] | None = None) -> dict[str, Document]:
        """Return the stored documents of a collection that are held as they are stored, by key.

        ``keys`` are those to look for; None for all.
        """
        references = self.identity.of(collection)
        by_key: dict[str, Document] = {}
        for key in list(references) if keys is None else filter(references.__contains__, keys):
            document: Document | None = references[key]()
            if document is None or id(document) in self.new or id(document) in self.deleted:
                continue
            is_suspect = id(document) in self.changed or id(document) in self.exposed
            if not is_suspect or not list(self.modified([document])):
                by_key[key] = document
        return by_key

    def dirty(self) -> list[Document]:
        """Return the stored documents that differ from their stored form."""
        return list(self.modified(self.candidates()))

    def modified(self, suspects: Iterable[Document]) -> Iterator[Document]:
        """Yield the suspects that differ from their stored form; settle those that do not."""
        for document in suspects:
            look = self.looks.of(document) if id(document) in self.exposed else None
            if self.is_modified(document):
                yield document
            else:
                self.settle(document)
                self.note_look(document, look)

    def note_look(self, document: Document, look: Look | None) -> None:
        """Note how a document was, before it was compared and found to be as it is stored."""
        if id(document) in self.exposed and id(document) not in self.changed:
            self.looks.note(document, look)

    def is_modified(self, document: Document) -> bool:
        """Return whether a document differs from its stored form."""
        state = state_of(document)
        if state.body is None:
            return True
        try:
            return bool(document_difference(type(document).__solidb_mapping__, document, state)[0])
        except (InvalidDocument, RecursionError, ValueError):  # what can't be stored was not
            return True

    @property
    def has_work(self) -> bool:
        """Return whether a flush could have something to write."""
        return bool(self.new or self.deleted or self.changed or self.exposed)

    def collections_with_work(self, among: Collection[str]) -> set[str]:
        """Return which collections the engine does not hold the newest state of."""
        models: set[type[Document]] = set(map(type, (*self.new.values(), *self.deleted.values())))
        unsent = {model.__solidb_mapping__.collection for model in models}.intersection(among)
        for document in self._candidates_of(among):
            name = type(document).__solidb_mapping__.collection
            if name not in unsent and list(self.modified((document,))):
                unsent.add(name)
        return unsent

    def new_of(self, collection: str) -> list[Document]:
        """Return the new documents of a collection."""
        models: set[type[Document]] = set(map(type, self.new.values()))
        own = {model for model in models if model.__solidb_mapping__.collection == collection}
        return [document for document in self.new.values() if document.__class__ in own]

    def dirty_of(self, collection: str) -> list[Document]:
        """Return the stored documents of a collection that differ from their stored form."""
        return list(self.modified(self._candidates_of((collection,))))

    def _candidates_of(self, collections: Collection[str]) -> list[Document]:
        """Return the stored documents of some collections that can have changed."""
        suspects = self.candidates()
        models: set[type[Document]] = set(map(type, suspects))
        own = {model for model in models if model.__solidb_mapping__.collection in collections}
        return [document for document in suspects if document.__class__ in own] if own else []


def is_free(state: State) -> bool:
    """Return whether a document is in no session, or in one that is over."""
    return state.owner is None or (isinstance(state.owner, Holdings) and state.owner.is_over)
