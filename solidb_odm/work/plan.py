"""What one flush writes, encoded, held to its models and in order. Pure: documents in, batches out.

How deep values may be nested: what nobody could read again is refused before it is written.

Unique values that one document gives up and another takes in the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, cast

from .._types import Body, JsonObject, is_map
from ..commands import Batch, Inserts, Patch, Patches, Removals
from ..errors import InvalidDocument, SolidbError, UniqueViolation
from ..language.stored_documents import DEEPEST, is_deep
from ..model.declaration.mapping import Mapping
from ..model.document import Document
from ..model.document_state import State, state_of
from ..model.stored.codec import body_value, check_new, check_valid, encode_many, encode_text
from .differences import Difference, document_difference
from .links import rank_of
from .states import is_marked_now


def check_depth(mapping: Mapping, key: str, body: Body) -> None:
    """Raise InvalidDocument for a document that is nested deeper than it could be read."""
    if is_deep(body) if isinstance(body, str) else _is_deep(body):
        raise InvalidDocument(
            f"{mapping.collection}/{key} is nested deeper than {DEEPEST} levels",
            collection=mapping.collection,
            key=key,
            hint="keep trees as documents that link to each other, or the deep part as a text",
        )


def _is_deep(body: JsonObject) -> bool:
    nested: list[Any] = [part for part in body.values() if type(part) in (dict, list)]
    for _ in range(DEEPEST - 1):
        if not nested:
            return False
        nested = [part for each in nested for part in _parts(each) if type(part) in (dict, list)]
    return bool(nested)


def _parts(value: Any) -> Any:
    return cast("dict[str, Any]", value).values() if isinstance(value, dict) else value


Documents = dict[int, Document]
"""Documents by identity: models are unhashable, and equal ones are not the same."""

_MANY = 20
"""So many new documents of a class are encoded in one call."""

Group = tuple[Mapping, list[Document]]


class WritePlan:
    """Batches in order, the documents behind their rows, and their stored forms afterwards.

    ``looked_at`` are the documents whose changes it holds, should it fail, and ``assigned`` the attributes
    of theirs that were set. ``marked`` are those that are marked as deleted, whose class wants to hear of it.
    """

    __slots__ = ("assigned", "batches", "bodies", "documents", "looked_at", "marked")

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.documents: list[list[Document]] = []
        self.bodies: list[list[Body | None]] = []
        self.looked_at: Documents = {}
        self.assigned: dict[int, set[str]] = {}
        self.marked: Documents = {}

    def note_assigned(self, document: Document, state: State) -> None:
        """Take over which attributes of a document were set; it notes anew what is set from now on."""
        if state.assigned:
            self.assigned[id(document)], state.assigned = state.assigned, None

    def put(self, batch: Batch, documents: list[Document], bodies: list[Body | None]) -> None:
        """Add a batch with the document and the stored form behind each row."""
        self.batches.append(batch)
        self.documents.append(documents)
        self.bodies.append(bodies)

    def of(self, kind: type[Batch]) -> Iterator[Document]:
        """Return the documents of all batches of one kind."""
        for batch, documents in zip(self.batches, self.documents, strict=True):
            if isinstance(batch, kind):
                yield from documents

    def __bool__(self) -> bool:
        return bool(self.batches)


def make_plan(
    encode: Callable[[Mapping, Document], Body],
    new: Iterable[Document],
    changed: Iterable[tuple[Document, Difference, Body]],
    deleted: Iterable[Document],
) -> WritePlan:
    """Encode, validate and order.

    Deletions come first, of edges before their ends, then changes, then new documents: so that a
    value of a unique index is free before it is taken. Edges come after the documents they name, and new
    documents after those they link to, unless the links go in a circle.
    Within a kind by collection and key, so that two sessions touch documents in the same order.
    """
    plan = WritePlan()
    for mapping, documents in reversed(grouped(deleted)):
        rows = [(document.key, state_of(document).revision) for document in documents]
        plan.put(Removals(mapping.collection, rows), documents, [None] * len(documents))
    differences = {id(document): (found, whole) for document, found, whole in changed}
    patched = grouped([document for document, _, _ in changed])
    inserted = sorted(grouped(new), key=lambda group: rank_of(group[0].model))
    for is_edge in (False, True):
        for mapping, documents in patched:
            if (mapping.kind == "edge") is is_edge:
                _put_patches(plan, mapping, documents, differences, encode is encode_text)
        for mapping, documents in inserted:
            if (mapping.kind == "edge") is is_edge:
                _put_inserts(plan, mapping, documents, encode)
    return plan


def _put_patches(
    plan: WritePlan,
    mapping: Mapping,
    documents: list[Document],
    differences: dict[int, tuple[Difference, Body]],
    as_text: bool,
) -> None:
    rows: list[Patch] = []
    bodies: list[Body | None] = []
    for document in documents:
        difference, whole = differences[id(document)]
        check_depth(mapping, document.key, whole)
        check_valid(mapping, document, whole, map(mapping.python_name, difference.changes))
        state, removed = state_of(document), difference.removed
        given = whole if as_text else body_value(whole) if removed else None
        rows.append(Patch(document.key, state.revision, difference.changes, removed, given, state.created))
        bodies.append(whole)
    plan.put(Patches(mapping.collection, rows), documents, bodies)


def _put_inserts(
    plan: WritePlan, mapping: Mapping, documents: list[Document], encode: Callable[[Mapping, Document], Body]
) -> None:
    rows: list[tuple[str, Body]] = []
    looks_closer = bool(mapping.is_unsound or mapping.revalidated or mapping.parts)
    for document, body in zip(documents, _bodies(mapping, documents, encode), strict=True):
        key, is_touched = document.key, state_of(document).touched
        check_depth(mapping, key, body)
        if looks_closer or is_touched:
            check_new(mapping, document, body, is_touched=is_touched)
        rows.append((key, body))
    plan.put(Inserts(mapping.collection, rows), documents, [body for _, body in rows])


def _bodies(
    mapping: Mapping, documents: list[Document], encode: Callable[[Mapping, Document], Body]
) -> Iterable[Body]:
    """Return the stored forms of new documents, made in one call if they are many."""
    many = None
    if len(documents) >= _MANY:
        many = encode_many(mapping, documents, as_text=encode is encode_text)
    return map(partial(_encoded, mapping, encode), documents) if many is None else many


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
        hint="is it nested too deep, or in itself?",
    )


def differences(documents: Iterable[Document]) -> list[tuple[Document, Difference, Body]]:
    """Return the documents that differ from their stored form, with the difference and the new form."""
    found: list[tuple[Document, Difference, Body]] = []
    for document in documents:
        state = state_of(document)
        assert state.body is not None
        mapping = type(document).__solidb_mapping__
        try:
            difference, whole = document_difference(mapping, document, state.body)
        except SolidbError:
            raise
        except (RecursionError, ValueError) as exc:
            raise _unencodable(mapping, document, exc) from exc
        if difference.changes or difference.removed:
            found.append((document, difference, whole))
    return found


def grouped(documents: Iterable[Document]) -> list[Group]:
    """Group documents by class: those of document collections first, each group sorted by key."""
    groups: dict[type[Document], list[Document]] = {}
    for document in documents:
        groups.setdefault(type(document), []).append(document)
    if not groups:
        return []
    found = [(model.__solidb_mapping__, group) for model, group in groups.items()]
    if len(found) > 1:
        found.sort(key=lambda pair: (pair[0].kind == "edge", pair[0].collection, pair[0].model.__name__))
    for _, group in found:
        group.sort(key=_key_of)
    return found


_key_of = attrgetter("key")


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
    found = [_at(body_value(body), field) for field in fields]
    return None if all(value is None for value in found) else repr(found)


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
