"""The unit of work: what a flush writes, what came of it, and how to go back.

Pure: it makes plans and takes receipts, and never talks to an engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Mapping as MappingOf
from itertools import chain, repeat
from operator import itemgetter
from typing import Literal

from pydantic_core import to_json

from .._collector import AS_EVER, AT_LEAST, HeldOff
from .._types import Body, Receipt
from ..commands import Inserts, Patches, Removals
from ..errors import InvalidDocument
from ..model.declaration.mapping import Mapping
from ..model.document import Document
from ..model.document_state import (
    State,
    all_untouched,
    begin_all_notes,
    begin_notes,
    state_of,
    untouched_notes,
)
from ..model.stored.codec import encode_text, encode_value
from .aliases import are_sole, has_aliases
from .differences import identical, is_as_stored
from .exposure import Look
from .links import Reference, refers
from .members import Holdings
from .plan import Documents, WritePlan, differences, make_plan
from .states import hooks_of, is_marked_now, loose_reference, run_hook, run_hook_late
from .undo import Mark, Noted, Rewritten, Undo, restore

_FEW = 8
"""How many documents are looked at one by one before a flush."""
_BEFORE = ("before_insert", "before_update", "before_delete")
"""The events whose hooks run before a flush."""


class UnitOfWork(Holdings):
    """The documents of one session, and the transaction they are written in."""

    def __init__(self, body: Literal["text", "value"]) -> None:
        super().__init__()
        self._encode = encode_text if body == "text" else encode_value
        self._undo = Undo()
        self._marks: list[Mark] = []
        self._plain: set[type[Document]] = set()
        self.is_committing = self._is_returning = False
        self._under_way: WritePlan | None = None
        self.rewritten: Rewritten = {}
        """What statements wrote since the last mark of this transaction, past the unit of work."""

    def expunge_all(self) -> None:
        super().expunge_all()
        self._undo.clear()
        self._drop_marks()
        self._plain.clear()

    def end(self) -> None:
        for noted in self._undo.take():  # written, but never committed
            noted.put_back()
        super().end()

    # --- writing --------------------------------------------------------------------------------

    def plan(self) -> WritePlan:
        """Encode, validate and order what a flush writes.

        From here on the unit notes changes made while the plan is carried out: it must hear of the
        outcome by ``applied`` or ``failed``.
        """
        has_hooks = not self._is_plain() and self._prepare()
        fresh: list[Document] = []
        if all_untouched(self.new.values()) is None:
            fresh = [document for document in self.new.values() if untouched_notes(document) is None]
        for document in fresh:
            if state_of(document).touched:
                self.claim(document)  # its key may be another by now
        held = self.candidates()
        looks = [(document, self.looks.of(document)) for document in held if id(document) in self.exposed]
        with HeldOff() if len(self.new) + len(held) >= AT_LEAST else AS_EVER:
            plan = make_plan(self._encode, self.new.values(), differences(held), self.deleted.values())
        self._under_way = plan
        plan.has_hooks, plan.looked_at = has_hooks, dict(zip(map(id, held), held, strict=True))
        later = self.changed.keys() - plan.looked_at.keys()  # touched while the plan was made
        self.changed = {key: self.changed[key] for key in later} if later else {}
        for document in [*held, *fresh]:
            state = state_of(document)
            state.touched = False
            if state.assigned:  # it notes again what is set from now on
                plan.assigned[id(document)], state.assigned = state.assigned, None
            if state.exposed and id(document) in plan.looked_at:
                self.keep_if_shared(document, state)
        if looks:
            self._note_looks(plan, looks)
        if has_hooks:
            self._note_marked(plan)
        if not plan.batches:
            self._under_way = None  # nothing is written that could be interrupted
        return plan

    def _note_looks(self, plan: WritePlan, looks: list[tuple[Document, Look | None]]) -> None:
        """Note how documents were that the plan does not change."""
        changed = {id(document) for document in plan.of(Patches)}
        for document, look in looks:
            if id(document) not in changed:
                self.note_look(document, look)

    def _note_marked(self, plan: WritePlan) -> None:
        """Note the documents that are marked as deleted, whose class wants to hear of it."""
        documents = [*plan.looked_at.values(), *self.new.values()]
        models = {model for model in set(map(type, documents)) if "after_delete" in hooks_of(model)}
        for document in documents if models else ():
            if type(document) in models and is_marked_now(document):
                plan.marked[id(document)] = document

    def _is_plain(self) -> bool:
        """Return whether all that may be written is of classes that refer to nothing and have no hooks."""
        models: set[type[Document]] = set()
        for documents in (self.new, self.changed, self.exposed, self.deleted):
            models.update(map(type, documents.values()))
        return models <= self._plain

    def has_settled(self) -> bool:
        """Return whether there is nothing to write after all, as a look at a few documents may show.

        So it is where a program reads a list of a document and then asks a question: a flush would find
        the same with many more steps. Documents that refer to others, or have hooks, are left to it.
        """
        if self.new or self.deleted or len(self.changed) > _FEW or len(held := self.candidates()) > _FEW:
            return False
        for document in held:
            if (model := document.__class__) not in self._plain:
                return False
            state = state_of(document)
            look = self.looks.of(document) if id(document) in self.exposed else None
            is_clean = is_as_stored(model.__solidb_mapping__, document, state)
            if not is_clean and self.is_modified(document):
                return False
            self.settle(document, state)
            self.note_look(document, look)
        return True

    def _prepare(self) -> bool:
        """Add what is referred to and run the hooks; return whether there are any."""
        self._add_referred()
        has_hooks = self._run_hooks()
        written = (self.new, self.changed, self.exposed, self.deleted)
        models = set(map(type, chain.from_iterable(map(_documents_in, written))))
        self._plain.update(model for model in models if not (hooks_of(model) or refers(model)))
        return has_hooks

    def _add_referred(self) -> None:
        """Add what was made an end of an edge, or linked to, since a document was added.

        StateError if something links to what will not be stored.
        """
        loose: list[tuple[Document, Reference]] = []
        groups: dict[type[Document], list[Document]] = {}
        for document in chain(self.new.values(), self.changed.values()):
            groups.setdefault(type(document), []).append(document)
        for model, documents in groups.items():
            if refers(model) and not self._has_all_of(documents):
                for document in documents:
                    loose += [(document, reference) for reference in self.bring(document)]
        for document, reference in loose:
            if state_of(reference.document).owner is not self and not _was_stored(document, reference):
                raise loose_reference(document, reference)

    def _run_hooks(self) -> bool:
        """Run ``before_*`` of all that will be written, and of what they add or change, once each.

        Return whether any of it has hooks.
        """
        written = chain(self.new.values(), self.candidates(), self.deleted.values())
        if not any(map(hooks_of, set(map(type, written)))):
            return False
        done: dict[str, set[int]] = {event: set() for event in _BEFORE}
        while True:
            # Two lists, as the collector would look at all documents for the tuples of many.
            documents, events = list[Document](), list[str]()
            for document, event in self._about_to(done):
                documents.append(document)
                events.append(event)
            if not documents:
                return True
            for document, event in zip(documents, events, strict=True):
                done[event].add(id(document))
                getattr(document, event)()

    def _about_to(self, done: dict[str, set[int]]) -> Iterator[tuple[Document, str]]:
        """Yield what will be written with the hooks that have not run; to compare a document is dear."""
        inserted, updated, deleted = map(done.__getitem__, _BEFORE)
        for document in [new for key, new in self.new.items() if key not in inserted]:
            if "before_insert" in hooks_of(type(document)):
                yield document, "before_insert"
        for document in self.candidates():
            hooks, key = hooks_of(type(document)), id(document)
            if "before_delete" in hooks and key not in deleted and is_marked_now(document):
                yield document, "before_delete"
            if "before_update" in hooks and key not in updated and self.is_modified(document):
                yield document, "before_update"
        for document in list(self.deleted.values()):
            if "before_delete" in hooks_of(type(document)) and id(document) not in deleted:
                yield document, "before_delete"

    def failed(self, plan: WritePlan) -> None:
        """Take the changes of a plan back that was not carried out."""
        for document in [*plan.looked_at.values(), *self.new.values()]:
            state = state_of(document)
            if assigned := plan.assigned.get(id(document)):
                state.assigned = assigned | (state.assigned or set())
            if state.owner is self:
                self.touched(document)
        self._under_way = None

    def applied(self, plan: WritePlan, receipts: list[list[Receipt]], *, is_lasting: bool = False) -> None:
        """Take over what the engine wrote; it can be undone until ``committed``.

        ``is_lasting``: on the engine it can't any more, so no hook may fail it.
        """
        for batch, documents, bodies, answers in zip(
            plan.batches, plan.documents, plan.bodies, receipts, strict=True
        ):
            with HeldOff() if len(documents) >= AT_LEAST else AS_EVER:
                if isinstance(batch, Removals):
                    for document in documents:
                        self._removed(document)
                    continue
                if isinstance(batch, Inserts):
                    self._inserted(plan, documents, bodies, answers)
                    continue
                has_baselines = False
                for document, body, receipt in zip(documents, bodies, answers, strict=True):
                    state = state_of(document)
                    self._undo.note(document, state, plan.assigned.get(id(document)))
                    state.revision, state.created, state.updated = receipt
                    state.body = body
                    has_baselines |= state.baseline is not None
                if has_baselines:
                    _forget_baselines(documents, batch)
        self._under_way = None
        if plan.has_hooks:
            self._run_after(plan, run_hook_late if is_lasting else run_hook)

    def vanished(self, document: Document, *, is_lasting: bool) -> None:
        """Let go of a document that a statement deleted; going back brings it back, if it can."""
        state = state_of(document)
        if is_lasting:
            self.expunge(document)
            state.store("", state.created, state.updated, None)
            state.is_gone = True
            return
        self._undo.note(document, state, state.assigned, by_statement=True)
        self._removed(document)

    def _inserted(
        self, plan: WritePlan, documents: list[Document], bodies: list[Body | None], receipts: list[Receipt]
    ) -> None:
        """Take over new documents of one class; those that nobody touched at the least cost."""
        if len(documents) >= AT_LEAST and self._inserted_at_once(documents, bodies, receipts):
            return
        note, new = self._undo.note_new, self.new
        is_watched = bool(type(documents[0]).__solidb_watched__) and not self.is_over
        for document, body, receipt in zip(documents, bodies, receipts, strict=True):
            notes = untouched_notes(document)
            if notes is None or notes[0] is not self:
                self._inserted_touched(document, body, receipt, plan.assigned.get(id(document)))
                continue
            note(document)
            begin_notes(document, (self, *receipt, body))
            new.pop(id(document), None)
            if is_watched and has_aliases(document):
                state_of(document).exposed = True
                self.exposed[id(document)] = document

    def _inserted_at_once(
        self, documents: list[Document], bodies: list[Body | None], receipts: list[Receipt]
    ) -> bool:
        """Take over many new documents as below, if nobody touched any or holds a part of one."""
        notes = all_untouched(documents)
        if notes is None or not {self}.issuperset(map(itemgetter(0), notes)):
            return False
        if type(documents[0]).__solidb_watched__ and not self.is_over and not are_sole(documents):
            return False
        self._undo.note_all_new(documents)
        begin_all_notes(
            documents,
            [(self, *receipt, body) for receipt, body in zip(receipts, bodies, strict=True)],
        )
        deque(map(self.new.pop, map(id, documents), repeat(None)), 0)
        return True

    def _inserted_touched(
        self, document: Document, body: Body | None, receipt: Receipt, assigned: set[str] | None
    ) -> None:
        """Take over a new document; look at it at every commit if its caller may hold parts of it."""
        state = state_of(document)
        self._undo.note(document, state, assigned)
        state.revision, state.created, state.updated = receipt
        state.body = body
        self.new.pop(id(document), None)
        if state.owner is not self:  # let go of while it was written
            return
        if state.exposed or document.__solidb_watched__:
            state.exposed = not self.is_over and has_aliases(document)
            if state.exposed:
                self.exposed[id(document)] = document
        if state.touched:  # changed while it was written
            self.changed[id(document)] = document

    def _removed(self, document: Document) -> None:
        state = state_of(document)
        self._undo.note(document, state, state.assigned)
        if state.owner is self:
            self.expunge(document)
        state.store("", state.created, state.updated, None)
        self.removed[id(document)] = document

    def _run_after(self, plan: WritePlan, run: Callable[[Document, str], None]) -> None:
        for kind, event in ((Inserts, "after_insert"), (Patches, "after_update"), (Removals, "after_delete")):
            for documents in plan.groups_of(kind):
                if event in hooks_of(type(documents[0])):
                    for document in documents:
                        run(document, event)
        for document in plan.marked.values():
            run(document, "after_delete")

    def committed(self) -> None:
        """Forget how to undo what was written."""
        self._undo.settle()
        self.rewritten = {}
        self.forget_deleted()
        self.is_committing = False

    # --- going back -----------------------------------------------------------------------------

    def unflush(self) -> None:
        """Take back what ``applied`` noted, but keep the objects' values: all is unsent again."""
        self._take_back(self._undo.all())
        self._undo.clear()
        self._drop_marks()
        self.is_committing = False

    @property
    def is_torn(self) -> bool:
        """Return whether something that was begun was neither done nor taken back."""
        return self._under_way is not None or self._is_returning

    def recover(self) -> None:
        """Put the notes in order after an interrupt, which may have come between any two of them.

        All that was not committed is unsent again, whole; a rollback that was begun is finished.
        """
        plan, self._under_way = self._under_way, None
        self.unflush()
        if plan is not None:
            self.failed(plan)
            for document in plan.of(Removals):
                self._again_deleted(document)
        for document in self.identity:
            state = state_of(document)
            if state.owner is not self or id(document) in self.deleted:
                continue
            if not state.is_stored:
                self.new[id(document)] = document
            elif state.touched:
                self.touched(document)
        if self._is_returning:
            self.rollback()

    def _again_deleted(self, document: Document) -> None:
        state = state_of(document)
        if state.is_stored and (state.owner is None or state.owner is self):
            state.owner = self
            self.identity.put(type(document).__solidb_mapping__.collection, document.key, document)
            self.deleted[id(document)] = document
            self.changed.pop(id(document), None)

    def _take_back(self, notes: list[Noted]) -> None:
        for noted in notes:
            document, state = noted.document, noted.state
            is_there = state.is_stored
            noted.put_back()
            if state.is_stored:
                self._again_unsent(noted, is_there)
            elif is_there and state.owner is self:
                self._again_new(document, state)
        for document in self.new.values():
            self.take_place(document)
        if any(noted.state.owner is not self for noted in notes):
            self._take_back_successors(notes)

    def _take_back_successors(self, notes: list[Noted]) -> None:
        """Give what was noted of documents that left the session to the objects that were read since."""
        first: dict[str, Noted] = {}
        for noted in notes:
            first.setdefault(noted.document.__solidb_reference__(), noted)
        for noted in first.values():
            mapping = type(noted.document).__solidb_mapping__
            read = self.identity.get(mapping.collection, noted.document.key)
            if noted.state.owner is self or read is None or id(read) in self.new:
                continue
            state = state_of(read)
            state.store(*noted.stored)
            if state.is_stored:
                state.assigned = set(mapping.fields)  # any of them may differ from what is stored again
                self.touched(read)
            else:
                self._again_new(read, state)

    def _again_unsent(self, noted: Noted, is_there: bool) -> None:
        """Take a document back whose change, or removal, was written."""
        document, state = noted.document, noted.state
        if state.owner is self:  # changed, or removed and added again
            if self.new.pop(id(document), None) is not None or is_there:
                self.touched(document)
        elif state.owner is None and not is_there:
            state.owner = self
            self.identity.put(type(document).__solidb_mapping__.collection, document.key, document)
            if noted.by_statement:
                self.touched(document)
            else:
                self.deleted[id(document)] = document

    def _again_new(self, document: Document, state: State) -> None:
        if id(document) in self.deleted:
            self.expunge(document)
            return
        self.changed.pop(id(document), None)
        self.exposed.pop(id(document), None)
        self.new[id(document)] = document
        state.touched = True

    def rollback(self) -> None:
        """Put all documents back as they were stored at the start; new ones become transient."""
        self._is_returning = True
        self.unflush()
        self._return_to(Mark())
        self.forget_deleted()
        self._is_returning = False

    def _return_to(self, mark: Mark) -> None:
        for document in list(self.new.values()):
            if id(document) not in mark.new:
                self.expunge(document)
        gone = [document for key, document in self.deleted.items() if key not in mark.deleted]
        for document in gone:
            del self.deleted[id(document)]
        marked = [*mark.new.values(), *mark.changed.values(), *mark.deleted.values()]
        back = _by_id([*self.candidates(), *gone, *marked])
        for key, document in back.items():
            state = state_of(document)
            if state.owner is None and key in mark.new:
                self.add(document)
            if state.owner is self:
                self._give_values(document, state, mark)
        for key, document in mark.deleted.items():
            if state_of(document).owner is self:
                self.deleted[key] = document
                self.changed.pop(key, None)
        self.dropped, self.removed, self.along = mark.dropped, mark.removed, mark.along

    def _give_values(self, document: Document, state: State, mark: Mark) -> None:
        """Set a document to the values of a mark, or else those of its stored form."""
        mapping = type(document).__solidb_mapping__
        value = mark.values.get(id(document))
        if value is not None:
            if not self._is_value(mapping, document, value):
                restore(document, mapping, value)
            state.assigned = set(mark.assigned.get(id(document), ())) or None
            self.touched(document)
        elif state.body is not None:
            if state.assigned or self.is_modified(document):  # what is set may differ in its type alone
                restore(document, mapping, state.body)
                self.forget_exposure(document, state)
            self.settle(document)

    def _is_value(self, mapping: Mapping, document: Document, value: object) -> bool:
        try:
            return identical(encode_value(mapping, document), value)
        except InvalidDocument:
            return False

    # --- savepoints -----------------------------------------------------------------------------

    def set_mark(self) -> None:
        """Begin a part that can be undone by itself."""
        mark = Mark(dict(self.new), _by_id(self.dirty()), dict(self.deleted))
        mark.dropped, mark.removed, mark.along = dict(self.dropped), dict(self.removed), dict(self.along)
        for key, document in {**mark.new, **mark.changed}.items():
            mark.values[key] = encode_value(type(document).__solidb_mapping__, document)
            mark.assigned[key] = frozenset(state_of(document).assigned or ())
        mark.rewritten, self.rewritten = self.rewritten, {}
        self._undo.push()
        self._marks.append(mark)

    def _drop_marks(self) -> None:
        while self._marks:
            self.note_rewritten(self._marks.pop().rewritten)

    @property
    def depth(self) -> int:
        """Return how many marks are set."""
        return len(self._marks)

    def drop_mark(self) -> None:
        """End the innermost part, keeping what was done in it."""
        self._undo.merge()
        inner, self.rewritten = self.rewritten, self._marks.pop().rewritten
        self.note_rewritten(inner)

    def return_to_mark(self) -> None:
        """End the innermost part and undo what was done in it."""
        self._take_back(self._undo.pop())
        mark = self._marks.pop()
        self.rewritten = mark.rewritten
        self._return_to(mark)

    # --- statements -----------------------------------------------------------------------------

    def note_rewritten(self, written: MappingOf[str, Collection[str] | None]) -> None:
        """Remember what a statement wrote, in case it is undone."""
        for collection, keys in written.items():
            known = self.rewritten.setdefault(collection, set())
            if keys is None or known is None:
                self.rewritten[collection] = None
            else:
                known.update(keys)

    def take_rewritten(self) -> Rewritten:
        """Return what statements wrote, forgetting it."""
        rewritten, self.rewritten = self.rewritten, {}
        return rewritten


_documents_in = dict[int, Document].values


def _by_id(documents: Iterable[Document]) -> Documents:
    return {id(document): document for document in documents}


def _forget_baselines(documents: list[Document], batch: Patches) -> None:
    """Compare what was written with that from now on."""
    for document, row in zip(documents, batch.rows, strict=True):
        state, written = state_of(document), {*row.changes, *row.removed}
        if state.baseline is not None:
            state.baseline = {name: value for name, value in state.baseline.items() if name not in written}


def _was_stored(document: Document, reference: Reference) -> bool:
    """Return whether a document refers to another, which was deleted since, in its stored form already."""
    body = state_of(document).body
    text = "" if body is None else body if isinstance(body, str) else to_json(body).decode()
    return to_json(reference.document.__solidb_reference__()).decode() in text
