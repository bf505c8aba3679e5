"""A server's queries see committed data only; here the session's own changes are folded in.

For a select over one collection, what the server finds among the untouched documents and the
session's own documents together hold the answer, which the language's evaluator then picks out:
the same nodes decide on both sides.

A handful of whole documents as something the evaluator can read.

Held documents and the statements that write past the unit of work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from enum import Enum
from typing import Any, Final, NoReturn
from uuid import UUID

from .._types import JsonObject, is_list
from ..commands import GetMany, Operation, RunQuery, call
from ..errors import CollectionNotFound, UnflushedChangesError
from ..language import interpreter as evaluator
from ..language import nodes as q
from ..language.walk import conjuncts, walk
from ..model.document import Document
from ..model.document_state import state_of
from ..model.edge import reference_of
from ..model.links.link import reference_text
from ..model.stored.codec import encode_value
from ..model.stored.field_values import is_stored_as_it_is
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
    """Return the rows of a select as if the session's changes were written.

    Documents that the session changed or deleted are left out by the server. Whether it has one with the key
    of a new document shows in its answer, so that a program that asks before it adds sends no list of keys.
    """
    query = compiled.query
    assert isinstance(query, q.Block)
    loop = query.body[0]
    assert isinstance(loop, q.For)
    assert isinstance(loop.source, q.Name)
    collection = loop.source.name
    new, changed = work.new_of(collection), work.dirty_of(collection)
    own = {d.key: _stored_form(d) for d in _that_may_match(query, compiled.bind_vars, [*new, *changed])}
    gone = [d for d in work.deleted.values() if d.__solidb_collection__ == collection]
    others = [d.key for d in (*changed, *gone)]
    rows = yield from call(_apart_from(others, query, loop, compiled.bind_vars))
    taken = {d.key for d in new} if rows else set[str]()
    kept = [row for row in rows if row["_key"] not in taken]
    if len(kept) < len(rows) and query.limit is not None:  # more of them may match than were asked for
        kept = yield from call(_apart_from([*taken, *others], query, loop, compiled.bind_vars))
    source = HeldDocuments(collection, [*kept, *own.values()])
    return list(evaluator.evaluate(query, source, compiled.bind_vars))


def _apart_from(keys: list[str], query: q.Block, loop: q.For, values: dict[str, Any]) -> RunQuery:
    """Return the question for the documents of a select but for some, as many as its answer may need."""
    binds = {**values, _EXCLUDED: keys} if keys else {**values}
    variable = q.Name(loop.variable)
    others = q.Filter(q.Compare(q.Attribute(variable, "_key"), "NOT IN", q.Bind(_EXCLUDED)))
    needed = _needed(query, binds)
    if needed is not None:
        binds[_COUNT] = needed
    asked = replace(
        query,
        body=(*query.body, others) if keys else query.body,
        offset=None,
        limit=None if needed is None else q.Bind(_COUNT),
        returns=q.Return(variable),
    )
    return RunQuery(asked, binds)


def _that_may_match(query: q.Block, binds: dict[str, Any], documents: list[Document]) -> list[Document]:
    """Leave out the documents that hold another value than a select asks for.

    What is left is encoded and evaluated, which takes a hundred times as long for each.
    """
    for stored, values in _sought(query, binds).items():
        kind, models = next(iter(values)).__class__, set(map(type, documents))
        names = {cls: _name_of(cls, stored, is_stored_as_it_is) for cls in models}
        documents = [
            document
            for document in documents
            if (value := document.__dict__.get(names[document.__class__])).__class__ is not kind
            or value in values
        ]
        names = {cls: _name_of(cls, stored, _is_stored_as_text) for cls in models}
        if kind is str and any(names.values()):
            documents = [
                document
                for document in documents
                if (text := _text_of(document.__dict__.get(names[document.__class__]))) is None
                or text in values
            ]
    return documents


def _is_stored_as_text(cls: type[Document], name: str) -> bool:
    return is_stored_as_it_is(cls, name, "uuid", "date", "enum", reference_text, reference_of)


def _text_of(value: Any) -> str | None:
    """Return what is stored of a value, of which its class tells that; None of others."""
    kind = value.__class__
    if kind is str or kind is UUID:
        return str(value)
    if kind is date:
        return str(value.isoformat())
    if isinstance(value, Enum):
        return value.value if value.value.__class__ is str else None
    refer: Callable[[], str] | None = getattr(value, "__solidb_reference__", None)
    return None if refer is None else refer()


_PLAIN: Final[frozenset[type[Any]]] = frozenset((str, int, bool))


def _sought(query: q.Block, binds: dict[str, Any]) -> dict[str, frozenset[Any]]:
    """Return the values, of one plain class, that attributes must have one of, by their stored names."""
    loop, *filters = query.body
    sought: dict[str, frozenset[Any]] = {}
    for part in (
        part for clause in filters if isinstance(clause, q.Filter) for part in conjuncts(clause.condition)
    ):
        match part:
            case q.Compare(
                q.Attribute(base, stored), "==" | "IN" as operator, q.Bind() | q.Literal() as right
            ):
                value = binds.get(right.name) if isinstance(right, q.Bind) else right.value
                values = [value] if operator == "==" else value
                if not (isinstance(loop, q.For) and base == q.Name(loop.variable) and is_list(values)):
                    continue
                kinds: set[type[Any]] = set(map(type, values))
                if len(kinds) == 1 and kinds <= _PLAIN:
                    sought[stored] = frozenset(values)
            case _:
                continue
    return sought


def _name_of(cls: type[Document], stored: str, is_known: Callable[[type[Document], str], bool]) -> str:
    """Return the name of the attribute that alone is stored under a name, in a known way; else empty."""
    mapping = cls.__solidb_mapping__
    known = mapping.by_stored.get(stored)
    if known is None or mapping.is_open or mapping.rewrites or stored in mapping.computed:
        return ""
    return known.name if is_known(cls, known.name) else ""


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
    return compiled.again(query=query, columns=(), are_loaded=False)


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
