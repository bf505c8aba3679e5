"""Reading, as operations: the same for the blocking and the async session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from ..._types import Stored, is_list
from ...commands import FetchDocuments, Get, GetMany, Operation, RunQuery
from ...errors import (
    CollectionNotFound,
    DuplicateKey,
    UnflushedChangesError,
    UniqueViolation,
    UsageError,
    listed,
)
from ...language.walk import MadeOnce, collections_looped, collections_read, collections_written
from ...model.document import Document, is_document_class
from ...model.expiry import CLOCK, expiries, has_expired
from ...query.compiled import Compiled
from ...query.written import WRITTEN
from ...work import UnitOfWork
from ..context import Context, note_holder
from ..hydration import load_documents, load_rows, split
from ..overlay import can_fold, fold, note_written, telling
from ..rows import read_rows

D = TypeVar("D", bound=Document)


def get(context: Context, model: type[D], key: str) -> Operation[D | None]:
    """Return the document with this key, or this ``collection/key``."""
    if key.__class__ is not str or "/" in key or not is_document_class(model):
        key = _key_of(model, key)
    work = context.work
    collection = model.__solidb_mapping__.collection
    held = work.identity.get(collection, key)
    work.registries.add(model.__solidb_registry__)
    if held is not None and not isinstance(held, model) and work.give_way(held):
        held = None
    if held is not None and held.key == key and not work.is_expired(held):
        return held if _is_there(work, held, model) else None
    wanted = Get(collection, key)
    try:
        row = yield wanted  # as context.ask does, without an operation for the shortest of all reads
    except CollectionNotFound as problem:
        row = yield from context.ask_again(wanted, problem)
    if row is None:
        return None
    document = load_documents(work, model, [row])[0]
    return document if document is not None and _is_there(work, document, model) else None


def get_many(context: Context, model: type[D], keys: Iterable[str]) -> Operation[list[D | None]]:
    """Return the documents with these keys, in their order, None for those there are not."""
    work = context.work
    if isinstance(keys, str):
        raise UsageError(f"get_many() takes several keys, not {keys!r}", hint=f"get_many(.., [{keys!r}])")
    wanted = listed(keys, "get_many()", 'get_many(User, ["ada", "bob"])')
    if set(map(type, wanted)) == {str} and "/" not in "".join(wanted):
        _key_of(model, wanted[0])
    else:
        wanted = [_key_of(model, key) for key in wanted]
    if not wanted:
        return []
    collection = model.__solidb_mapping__.collection
    by_key = _held(work, model, collection, wanted)
    missing = [key for key in dict.fromkeys(wanted) if key not in by_key]
    if missing:
        rows = yield from context.ask(GetMany(collection, missing))
        by_key |= {document.key: document for document in load_documents(work, model, rows) if document}
    documents = [by_key.get(key) for key in wanted]
    if (
        not work.deleted
        and not expiries(model)
        and all(type(document) is model for document in by_key.values())
    ):
        return documents
    return [d if d is not None and _is_there(work, d, model) else None for d in documents]


def _held(work: UnitOfWork, model: type[D], collection: str, keys: list[str]) -> dict[str, Any]:
    """Return the documents with these keys that the session holds, and that need not be read again."""
    by_key: dict[str, Any] = {}
    references = work.identity.of(collection)
    for key in dict.fromkeys(keys) if references else ():
        reference = references.get(key)
        held = None if reference is None else reference()
        if held is not None and not isinstance(held, model) and work.give_way(held):
            continue
        if held is not None and held.key == key and not work.is_expired(held):
            by_key[key] = held
    return by_key


def _is_there(work: UnitOfWork, document: Document, model: type[Document]) -> bool:
    """Return whether a document is one of a class, neither deleted nor expired."""
    if not isinstance(document, model) or id(document) in work.deleted:
        return False
    return not expiries(type(document)) or not has_expired(type(document), document)


def _key_of(model: type[Document], key: object) -> str:
    """Return the key in what names a document of a class: a key, or ``collection/key``; UsageError else."""
    if not is_document_class(model):
        raise UsageError(
            f"a document is read by its class and its key, not by {model!r}",
            hint='session.get(User, "ada")',
        )
    if not isinstance(key, str):
        raise UsageError(
            f"the key of a {model.__name__} is text, not {key!r}",
            hint="numbers are keys as text too: str(number)" if isinstance(key, int) else None,
        )
    collection, slash, name = key.rpartition("/")
    own = model.__solidb_mapping__.collection
    if slash and collection != own:
        raise UsageError(
            f"{key!r} names no {model.__name__}: its documents are in {own!r}",
            hint=f"session.get({model.__name__}, {name!r})",
        )
    return name


def execute(context: Context, compiled: Compiled, read: str | None) -> Operation[list[Any]]:
    """Run a statement and make its rows Python values; held documents take what it writes."""
    return _write(context, compiled, read) if compiled.writes else _rows(context, compiled, read)


def _write(context: Context, compiled: Compiled, read: str | None) -> Operation[list[Any]]:
    """Run a statement that writes, and bring what is held up to date: what it wrote, if it can tell."""
    told = telling(context, compiled)
    try:
        rows = yield from _rows(context, told or compiled, read)
    except (DuplicateKey, UniqueViolation) as error:
        note_holder(context.work.registries, error, compiled.writes)
        raise
    keys: list[str] | None = None
    if told is not None:
        keys, rows = _told(context, compiled, rows)
    elif compiled.whole is not None:
        keys = [document.key for document in rows]
    elif _is_counted(compiled) and rows == [0]:
        keys = []
    yield from note_written(context, compiled.writes, keys)
    return rows


def _told(context: Context, compiled: Compiled, raw: list[Any]) -> tuple[list[str] | None, list[Any]]:
    """Return the keys of what a statement wrote, and its rows, from what it tells instead."""
    if _is_counted(compiled):
        are_keys = all(isinstance(key, str) for key in raw)  # an engine of a test may know the number alone
        return (raw, [len(raw)]) if are_keys else (None, raw)
    pairs: list[list[Any]] = [row if is_list(row) and len(row) == 2 else [None, row] for row in raw]
    rows = read_rows(_loader(context, compiled), [row for _, row in pairs], compiled)
    keys = [key for key, _ in pairs if isinstance(key, str)]
    return (keys if len(keys) == len(rows) else None), rows


def _is_counted(compiled: Compiled) -> bool:
    """Return whether all that a statement returns is how many documents it wrote."""
    return bool(compiled.columns) and compiled.columns[0] is WRITTEN


def _rows(context: Context, compiled: Compiled, read: str | None) -> Operation[list[Any]]:
    context.work.registries |= compiled.registries
    if not context.interactive:
        yield from context.finish((*collections_looped(compiled.query), *compiled.writes))
    if (
        context.work.has_work
        and not is_settled(context)
        and (unsent := (yield from _unsent(context, compiled, read)))
    ):
        rows = yield from _folded(context, compiled, unsent)
        return read_rows(_loader(context, compiled), rows, compiled)
    if (whole := compiled.whole) is not None:
        values = compiled.values
        binds = compiled.bind_vars if CLOCK in values else values
        wanted = FetchDocuments(compiled.query, binds, compiled.approximate)
        try:
            stored = yield wanted  # as context.ask does, without an operation for what most queries end with
        except CollectionNotFound as problem:
            stored = yield from context.ask_again(wanted, problem)
        if compiled.unreadable == "raise":
            return load_documents(context.work, whole, stored)
        return read_rows(partial(load_documents, context.work, whole), stored, compiled)
    asked = RunQuery(
        compiled.query,
        compiled.bind_vars,
        compiled.source,
        compiled.approximate,
        are_loaded=compiled.are_loaded,
    )
    try:
        raw = yield asked
    except CollectionNotFound as problem:
        raw = yield from context.ask_again(asked, problem)
    if not compiled.columns:
        return list(raw)
    return read_rows(_loader(context, compiled), raw, compiled)


def _loader(context: Context, compiled: Compiled) -> Callable[[Sequence[Any]], Sequence[Any]]:
    def load(rows: Sequence[Any]) -> Sequence[Any]:
        return load_rows(context.work, compiled.columns, compiled.single, list(rows))

    return load


def stored_rows(context: Context, compiled: Compiled, read: str | None) -> Operation[list[Stored]]:
    """Run a statement that gives whole documents, and give its rows as they are stored."""
    unsent = yield from _unsent(context, compiled, read)
    if unsent:
        rows = yield from _folded(context, compiled, unsent)
        return [split(row) for row in rows]
    stored = yield from context.ask(FetchDocuments(compiled.query, compiled.bind_vars))
    return [row for row in stored if row is not None]


def is_settled(context: Context) -> bool:
    """Return whether a flush would write nothing, and nobody wants to hear of it."""
    return context.interactive and not context.listeners and context.work.has_settled()


def _unsent(context: Context, compiled: Compiled, read: str | None) -> Operation[frozenset[str]]:
    """Flush where the engine then shows the changes; else give the collections it does not know all of."""
    work = context.work
    if read == "committed" or not work.has_work:
        return frozenset()
    if context.interactive:
        if context.autoflush:
            yield from context.flush(context)
        return frozenset()
    return frozenset(work.collections_with_work(_named.of(compiled.query)))


_named: Final = MadeOnce(lambda query: collections_read(query) | collections_written(query), 256)
"""The collections that queries read or write."""


def is_entity(compiled: Compiled) -> bool:
    """Return whether the rows are whole documents of one model."""
    return compiled.whole is not None


def _folded(context: Context, compiled: Compiled, unsent: frozenset[str]) -> Operation[list[Any]]:
    """Run a statement on what is committed, with the session's own changes folded in."""
    if not can_fold(compiled, unsent):
        names = ", ".join(sorted(unsent))
        raise UnflushedChangesError(
            f"the query reads {names}, where this session has changes the server does not see yet",
            collections=tuple(sorted(unsent)),
            hint='commit() first, or pass read="committed", which ignores the changes',
        )
    return (yield from fold(context.work, compiled))
