"""What one flush writes, encoded, held to its models and in order. Pure: documents in, batches out.

Unique values that one document gives up and another takes in the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, cast

from .._types import Body, is_map
from ..commands import Batch, Inserts, Patch, Patches, Removals
from ..errors import InvalidDocument, SolidbError, UniqueViolation
from ..language.stored_documents import DEEPEST, is_deep
from ..model.declaration.mapping import Mapping
from ..model.document import Document
from ..model.document_state import State, all_untouched, state_of, untouched_notes
from ..model.stored.codec import body_value, check_changed, check_new, encode_many, encode_text
from .differences import Difference, document_difference
from .links import rank_of
from .states import is_marked_now

T = TypeVar("T")

Documents = dict[int, Document]
"""Documents by identity: models are unhashable, and equal ones are not the same."""

_MANY = 20
"""So many new documents of a class are encoded in one call."""

Group = tuple[Mapping, list[Document]]


class WritePlan:
    """Batches in order, the documents behind their rows, and their stored forms afterwards.

    ``looked_at`` are the documents whose changes it holds, should it fail, and ``assigned`` the attributes
    of theirs that were set. ``has_hooks`` says that classes of theirs have hooks, and ``marked`` are those
    that are marked as deleted, whose class wants to hear of it.
    """

    __slots__ = ("assigned", "batches", "bodies", "documents", "has_hooks", "looked_at", "marked")

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.documents: list[list[Document]] = []
        self.bodies: list[list[Body | None]] = []
        self.looked_at: Documents = {}
        self.assigned: dict[int, set[str]] = {}
        self.marked: Documents = {}
        self.has_hooks = False

    def put(self, batch: Batch, documents: list[Document], bodies: list[Body | None]) -> None:
        """Add a batch with the document and the stored form behind each row."""
        self.batches.append(batch)
        self.documents.append(documents)
        self.bodies.append(bodies)

    def of(self, kind: type[Batch]) -> Iterator[Document]:
        """Return the documents of all batches of one kind."""
        for documents in self.groups_of(kind):
            yield from documents

    def groups_of(self, kind: type[Batch]) -> Iterator[list[Document]]:
        """Return the documents of each batch of one kind, which are of one class."""
        for batch, documents in zip(self.batches, self.documents, strict=True):
            if isinstance(batch, kind):
                yield documents

    def __bool__(self) -> bool:
        return bool(self.batches)


class Changed(NamedTuple):
    """A document that differs from its stored form, what is noted on it, and its new form."""

    document: Document
    state: State
    difference: Difference
    whole: Body


def make_plan(
    encode: Callable[[Mapping, Document], Body],
    new: Collection[Document],
    changed: list[tuple[Mapping, list[Changed]]],
    deleted: Collection[Document],
) -> WritePlan:
    """Encode, validate and order.

    Deletions come first, of edges before their ends, then changes, then new documents: so that a
    value of a unique index is free before it is taken. Edges come after the documents they name, and new
    documents after those they link to, unless the links go in a circle.
    Within a kind by collection and key, so that two sessions touch documents in the same order.
    """
    plan = WritePlan()
    for mapping, documents in reversed(grouped(deleted)) if deleted else ():
        rows = [(document.key, state_of(document).revision) for document in documents]
        plan.put(Removals(mapping.collection, rows), documents, [None] * len(documents))
    inserted = sorted(grouped(new), key=lambda group: rank_of(group[0].model)) if new else []
    for is_edge in (False, True):
        for mapping, changes in changed:
            if (mapping.kind == "edge") is is_edge:
                _put_patches(plan, mapping, changes, encode is encode_text)
        for mapping, documents in inserted:
            if (mapping.kind == "edge") is is_edge:
                _put_inserts(plan, mapping, documents, encode)
    return plan


def _put_patches(plan: WritePlan, mapping: Mapping, changes: list[Changed], as_text: bool) -> None:
    rows: list[Patch] = []
    documents: list[Document] = []
    bodies: list[Body | None] = []
    is_shallow, sure = mapping.is_shallow, _sure_fields(mapping, changes)
    for document, state, (changed, removed), whole in changes:
        key = document.key
        if not is_shallow and is_deep(whole):
            raise _too_deep(mapping, key)
        check_changed(mapping, document, whole, changed, sure)
        given = whole if as_text else body_value(whole) if removed else None
        rows.append(Patch(key, state.revision, changed, removed, given, state.created))
        documents.append(document)
        bodies.append(whole)
    plan.put(Patches(mapping.collection, rows), documents, bodies)


def _sure_fields(mapping: Mapping, changes: list[Changed]) -> set[str]:
    """Return the changed fields of which all documents, if they are many, hold what will be read again."""
    if len(changes) < _MANY:
        return set()
    stored = set[str]().union(*[change.difference.changes for change in changes])
    names = {mapping.by_stored[name].name for name in stored & mapping.by_stored.keys()}
    return names.difference(mapping.columns.unsure([change.document for change in changes], names))


def _put_inserts(
    plan: WritePlan, mapping: Mapping, documents: list[Document], encode: Callable[[Mapping, Document], Body]
) -> None:
    sure = set[str]()
    bodies = _bodies(mapping, documents, encode, sure)
    for document, body in () if mapping.is_shallow else zip(documents, bodies, strict=True):
        if is_deep(body):
            raise _too_deep(mapping, document.key)
    touched: list[bool] = []
    if all_untouched(documents) is None:
        touched = [untouched_notes(document) is None and state_of(document).touched for document in documents]
    check_new(mapping, documents, bodies, touched, sure)
    plan.put(
        Inserts(mapping.collection, list(zip(map(_key_of, documents), bodies, strict=True))),
        documents,
        [*bodies],
    )


def _bodies(
    mapping: Mapping, documents: list[Document], encode: Callable[[Mapping, Document], Body], sure: set[str]
) -> Sequence[Body]:
    """Return the stored forms of new documents, made in one call if they are many; see there for ``sure``."""
    many = None
    if len(documents) >= _MANY:
        many = encode_many(mapping, documents, as_text=encode is encode_text, sure=sure)
    return list(map(partial(_encoded, mapping, encode), documents)) if many is None else many


def _encoded(mapping: Mapping, encode: Callable[[Mapping, Document], Body], document: Document) -> Body:
    try:
        return encode(mapping, document)
    except SolidbError:
        raise
    except (RecursionError, ValueError) as exc:
        raise _unencodable(mapping, document, exc) from exc


def _unencodable(mapping: Mapping, document: Document, problem: Exception) -> InvalidDocument:
    """Return our error for a document that can't be encoded, or whose encoded form can't be read."""
    return InvalidDocument(
        f"{mapping.collection}/{document.key} can't be stored: {problem}",
        collection=mapping.collection,
        key=document.key,
        hint="it may be nested too deep, or contain itself",
    )


def _too_deep(mapping: Mapping, key: str) -> InvalidDocument:
    """Return our error for a document that is nested deeper than it could be read."""
    return InvalidDocument(
        f"{mapping.collection}/{key} is nested deeper than {DEEPEST} levels",
        collection=mapping.collection,
        key=key,
        hint="keep trees as documents that link to each other, or the deep part as a text",
    )


def differences(documents: Iterable[Document]) -> list[tuple[Mapping, list[Changed]]]:
    """Return the documents that differ from their stored form, by class, in the order they are written in."""
    groups: dict[type[Document], list[Document]] = {}
    for document in documents:
        groups.setdefault(type(document), []).append(document)
    changed: list[tuple[Mapping, list[Changed]]] = []
    for model, members in groups.items():
        mapping, changes = model.__solidb_mapping__, list[Changed]()
        for document, text in zip(members, _texts(mapping, members), strict=False):
            state = state_of(document)
            try:
                difference, whole = document_difference(mapping, document, state, text)
            except SolidbError:
                raise
            except (RecursionError, ValueError) as exc:
                raise _unencodable(mapping, document, exc) from exc
            if difference.changes or difference.removed:
                changes.append(Changed(document, state, difference, whole))
        if changes:
            changed.append((mapping, changes))
    return _in_order(changed, _key_of_changed)


def _texts(mapping: Mapping, documents: list[Document]) -> Iterable[str | None]:
    """Return stored documents of one class as texts, made in one call if they are many.

    None, endlessly, if they are to be encoded one by one: what is computed may have to be computed again.
    """
    if len(documents) >= _MANY and not (mapping.cached or mapping.keeps_below):
        bodies = map(attrgetter("body"), map(state_of, documents))
        made = encode_many(mapping, documents, as_text=True) if {str}.issuperset(map(type, bodies)) else None
        if made is not None:
            return cast("Sequence[str]", made)
    return repeat(None)


def grouped(documents: Iterable[Document]) -> list[Group]:
    """Group documents by class: those of document collections first, each group sorted by key."""
    groups: dict[type[Document], list[Document]] = {}
    for document in documents:
        groups.setdefault(type(document), []).append(document)
    return _in_order([(model.__solidb_mapping__, group) for model, group in groups.items()], _key_of)


def _in_order(
    groups: list[tuple[Mapping, list[T]]], key_of: Callable[[T], str]
) -> list[tuple[Mapping, list[T]]]:
    """Sort groups, those of document collections first, and each of them by key."""
    if len(groups) > 1:
        groups.sort(key=lambda pair: (pair[0].kind == "edge", pair[0].collection, pair[0].model.__name__))
    for _, group in groups:
        group.sort(key=key_of)
    return groups


_key_of = attrgetter("key")
_key_of_changed = attrgetter("document.key")


def moved_value(plan: WritePlan, error: UniqueViolation) -> UniqueViolation | None:
    """Return the error of a server that holds a plan to what is committed, if the plan itself frees the
    value that is taken; None if the value is taken by a document the plan does not touch.
    """
    given: dict[str, Document] = {}
    taken: dict[str, Document] = {}
    for batch, documents, bodies in zip(plan.batches, plan.documents, plan.bodies, strict=True):
        if error.collection and batch.collection != error.collection:
            continue
        for document, body in zip(documents, bodies, strict=True):
            old, new = _values(state_of(document).body, error.fields), _values(body, error.fields)
            is_gone = isinstance(batch, Removals) or is_marked_now(document)
            if old is not None and (old != new or is_gone):
                given[old] = document
            if new is not None and old != new:
                taken[new] = document
    for value, taker in taken.items():
        giver = given.get(value)
        if giver is not None and giver is not taker:
            return _named(error, giver, taker)
    return None


def _values(body: Body | None, fields: Sequence[str]) -> str | None:
    """Return what a stored form has in some fields, as text to compare; None if it has nothing there."""
    if body is None:
        return None
    values = [_at(body_value(body), field) for field in fields]
    return None if all(value is None for value in values) else repr(values)


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if is_map(value) else None
    return value


def _named(error: UniqueViolation, giver: Document, taker: Document) -> UniqueViolation:
    fields = ", ".join(error.fields)
    return UniqueViolation(
        f"{taker.__solidb_reference__()} takes the value of the unique index {error.index} on {fields} that "
        f"{giver.__solidb_reference__()} gives up in the same commit, and the server compares with what is "
        "committed",
        collection=error.collection,
        key=taker.key,
        index=error.index,
        fields=error.fields,
        hint=f"commit in two steps: first let {giver.__solidb_reference__()} give the value up (for a swap: "
        "set it to something else), session.commit(), then give it to the other",
    )
