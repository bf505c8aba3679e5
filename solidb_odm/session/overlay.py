"""A server's queries see committed data only; here the session's own changes are folded in.

For a select over one collection, what the server finds among the untouched documents and the
session's own documents together hold the answer, which the language's evaluator then picks out:
the same nodes decide on both sides.

A handful of whole documents as something the evaluator can read.

Held documents and the statements that write past the unit of work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from .._types import JsonObject
from ..commands import GetMany, Operation, RunQuery, call
from ..errors import CollectionNotFound, UnflushedChangesError
from ..language import interpreter as evaluator
from ..language import nodes as q
from ..language.walk import conjuncts, walk
from ..model.document import Document
from ..model.document_state import state_of
from ..model.stored.codec import encode_value
from ..query.compiled import Compiled
from ..work import UnitOfWork
from .context import Context
from .hydration import take_stored


class HeldDocuments:
    """One collection of documents as they are; a ``Source`` that can only be read."""

    database = "session"

    def __init__(self, collection: str, documents: Iterable[JsonObject]) -> None:
        self._collection = collection
        self._documents = {document["_key"]: document for document in documents}

    def exists(self, name: str) -> bool:
        return name == self._collection

    def kind(self, name: str) -> str:
        return "document" if name == self._collection else self._missing(name)

    def scan(self, collection: str) -> Iterable[JsonObject]:
        if collection != self._collection:
            self._missing(collection)
        return [self._documents[key] for key in sorted(self._documents, key=str.encode)]

    def get(self, collection: str, key: str) -> JsonObject | None:
        if collection != self._collection:
            self._missing(collection)
        return self._documents.get(key)

    def edges(self, collection: str, vertex: str, direction: str) -> Iterable[JsonObject]:
        end = "_from" if direction == "OUTBOUND" else "_to"
        return [edge for edge in self.scan(collection) if edge.get(end) == vertex]

    def index_of(self, collection: str, kind: str, name_or_field: str) -> None:  # noqa: ARG002  no index
        return None

    def insert(self, collection: str, document: JsonObject) -> NoReturn:  # noqa: ARG002  refused
        self._refuse(collection)

    def replace(self, collection: str, key: str, document: JsonObject) -> NoReturn:  # noqa: ARG002  refused
        self._refuse(collection)

    def remove(self, collection: str, key: str) -> NoReturn:  # noqa: ARG002  refused
        self._refuse(collection)

    def _missing(self, name: str) -> NoReturn:
        raise CollectionNotFound(f"Collection '{name}' not found", name=name)

    def _refuse(self, collection: str) -> NoReturn:
        raise UnflushedChangesError(
            f"a statement that writes to {collection!r} can't see the session's own changes",
            collections=(collection,),
            hint="commit() first",
        )

    def __repr__(self) -> str:
        return f"<HeldDocuments {self._collection}: {len(self._documents)}>"


_EXCLUDED = "_own_keys"
_COUNT = "_own_count"


def can_fold(compiled: Compiled, unsent: frozenset[str]) -> bool:
    """Return whether a statement is a select over one collection, and only this has uncommitted changes."""
    query = compiled.query
    if not isinstance(query, q.Block) or query.returns is None or query.returns.distinct or query.tables:
        return False
    match query.body:
        case (q.For(source=q.Name(name)),) | (q.For(source=q.Name(name)), q.Filter()):
            return unsent == frozenset((name,)) and not _has_subquery(query)
        case _:
            return False


def _has_subquery(query: q.Block) -> bool:
    return any(isinstance(node, q.Subquery) for node in walk(query))


def fold(work: UnitOfWork, compiled: Compiled) -> Operation[list[Any]]:
    """Return the rows of a select as if the session's changes were written."""
    query = compiled.query
    assert isinstance(query, q.Block)
    loop = query.body[0]
    assert isinstance(loop, q.For)
    assert isinstance(loop.source, q.Name)
    collection = loop.source.name
    own = _own(work, collection)
    gone = [d.key for d in work.deleted.values() if d.__solidb_collection__ == collection]
    binds = {**compiled.bind_vars, _EXCLUDED: [*own, *gone]}
    others = q.Compare(q.Attribute(q.Name(loop.variable), "_key"), "NOT IN", q.Bind(_EXCLUDED))
    needed = _needed(query, binds)
    asked = replace(
        query,
        body=(*query.body, q.Filter(others)),
        offset=None,
        limit=None if needed is None else q.Bind(_COUNT),
        returns=q.Return(q.Name(loop.variable)),
    )
    if needed is not None:
        binds[_COUNT] = needed
    rows = yield from call(RunQuery(asked, binds))
    source = HeldDocuments(collection, [*rows, *own.values()])
    return list(evaluator.evaluate(query, source, compiled.bind_vars))


def _own(work: UnitOfWork, collection: str) -> dict[str, JsonObject]:
    """Return the new and changed documents of a collection as the engine would return them."""
    bodies: dict[str, JsonObject] = {}
    for document in [*work.new.values(), *work.dirty()]:
        if document.__solidb_collection__ == collection:
            bodies[document.key] = _stored_form(document)
    return bodies


def _stored_form(document: Document) -> JsonObject:
    mapping, state = type(document).__solidb_mapping__, state_of(document)
    return {
        **encode_value(mapping, document),
        "_id": document.__solidb_reference__(),
        "_rev": state.revision,
        "_created_at": state.created,
        "_updated_at": state.updated,
    }


def _needed(query: q.Block, binds: dict[str, Any]) -> int | None:
    """Return how many of the server's rows can be in the answer; None for all."""
    if query.limit is None:
        return None
    total = 0
    for part in (query.offset, query.limit):
        if isinstance(part, q.Bind):
            total += int(binds[part.name])
        elif isinstance(part, q.Literal) and isinstance(part.value, int):
            total += part.value
        elif part is not None:
            return None
    return total


def telling(context: Context, compiled: Compiled) -> Compiled | None:
    """Return a statement that writes so that its rows begin with the keys of what it wrote.

    None where nothing is held that it may change, where its rows are those documents anyway, or where it
    may write more than the program named, whose keys a server would have to send: what is held is then read.
    """
    query, work = compiled.query, context.work
    if compiled.source or compiled.whole or not isinstance(query, q.Block) or not compiled.writes:
        return None
    if not any(work.identity.of(collection) for collection in compiled.writes):
        return None
    counted = _counted(query)
    if counted is None:
        if query.returns is None or not query.body:
            return None
        shown = q.Name("OLD" if isinstance(query.body[-1], q.Remove) else "NEW")
        row = q.Array((q.Attribute(shown, "_key"), query.returns.expression))
        return _untyped(compiled, replace(query, returns=q.Return(row)))
    if not context.interactive and not _is_bounded(query):
        return None
    return _untyped(compiled, replace(query, body=query.body[:-1], returns=q.Return(counted)))


def _counted(query: q.Block) -> q.Expression | None:
    """Return the key whose number is all that a statement returns."""
    last = query.body[-1] if query.body else None
    if not isinstance(last, q.Collect) or len(last.aggregates) != 1:
        return None
    counted = last.aggregates[0]
    is_counted = counted.function == "COUNT" and query.returns == q.Return(q.Name(counted.name))
    return counted.argument if is_counted else None


def _is_bounded(query: q.Block) -> bool:
    """Return whether a statement writes no more than the documents, or keys, that the program gave."""
    match query.body:
        case (q.For(source=q.Bind()), *_):
            return True
        case (q.For(variable, q.Name()), q.Filter(condition), *_):
            key = q.Attribute(q.Name(variable), "_key")
            return any(
                isinstance(part, q.Compare) and part.left == key and part.operator in ("==", "IN")
                for part in conjuncts(condition)
            )
        case _:
            return False


def _untyped(compiled: Compiled, query: q.Query) -> Compiled:
    return compiled.again(query=query, columns=(), has_documents=False)


def note_written(
    context: Context, collections: Iterable[str], keys: Collection[str] | None
) -> Operation[None]:
    """Set held documents of these collections to what a statement made of them.

    ``keys`` are those of what it wrote; None if that may be any.
    """
    written = dict.fromkeys(collections, keys)
    if context.interactive:
        context.work.note_rewritten(written)
    yield from _read_anew(context, written)


def note_undone(context: Context, undone: Mapping[str, Collection[str] | None]) -> Operation[None]:
    """Restore on held documents what statements had changed, after these were undone."""
    yield from _read_anew(context, undone)


def _read_anew(context: Context, written: Mapping[str, Collection[str] | None]) -> Operation[None]:
    work = context.work
    for collection in sorted(written):
        held = work.unchanged_of(collection, written[collection])
        if not held:
            continue
        rows = yield from context.ask(GetMany(collection, list(held)))
        by_key = {row[0]: row for row in rows}
        for key, document in held.items():
            row = by_key.get(key)
            if row is None:
                work.vanished(document, is_lasting=not context.interactive)
            elif row[1] != state_of(document).revision:
                take_stored(work, document, row)
