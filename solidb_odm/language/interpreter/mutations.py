"""INSERT, UPDATE, REPLACE, REMOVE and UPSERT.

A mutation reads all its rows before it writes the first document, and writes them all whatever
becomes of its own rows later: there is no feedback, and a LIMIT only trims the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..._types import Json, JsonObject
from ...errors import (
    DatabaseError,
    DocumentNotFound,
    InvalidDocument,
    QueryError,
    QueryLimitError,
    QueryTimeout,
)
from .. import nodes
from ..stored_documents import SYSTEM_ATTRIBUTES
from ..values import describe, is_object, kind_of
from .expressions import CompileClause, Compiler
from .runtime import Row, Run, Stage, Value
from .scope import Variables

Change = tuple["JsonObject | None", "JsonObject | None"]
"""The document before and after; None where there is none."""

Write = Callable[[Run, Row], Change]


class _InExpressionError(Exception):
    """Carries an error of an expression past ``ignoreErrors``, which is about writing alone."""

    def __init__(self, error: DatabaseError) -> None:
        super().__init__(error)
        self.error = error


def _apart(compiler: Compiler, node: nodes.Expression, scope: Variables) -> Value:
    """Compile an expression whose errors are told from those of the write."""
    value = compiler.expression(node, scope)

    def apart(row: Row) -> Json:
        try:
            return value(row)
        except DatabaseError as exc:
            raise _InExpressionError(exc) from exc

    return apart


def _stage(compiler: Compiler, scope: Variables, write: Write, options: nodes.Options, *, new: bool) -> Stage:
    """Compile the loop of a mutation; OLD, and NEW unless it removes, become variables."""
    old_slot = compiler.frame.declare(scope, "OLD")
    new_slot = compiler.frame.declare(scope, "NEW") if new else 0
    ignore = dict(options).get("ignoreErrors") is True

    def stage(run: Run, rows: Iterable[Row]) -> list[Row]:
        written: list[Row] = []
        for row in list(rows):
            run.spend(1)
            try:
                old, fresh = write(run, row)
                run.written += 1
            except (QueryTimeout, QueryLimitError):
                raise
            except _InExpressionError as exc:
                raise exc.error from exc.error.__cause__
            except DatabaseError:
                if ignore:
                    continue
                raise
            row[old_slot] = old
            if new_slot:
                row[new_slot] = fresh
            written.append(row)
        return written

    return stage


# --- the clauses ---------------------------------------------------------------------------------


def _insert(compiler: Compiler, node: nodes.Insert, scope: Variables) -> Stage:
    document = _apart(compiler, node.document, scope)
    collection, mode = node.collection, _overwrite_mode(node.options)
    keep_null, merge = _merge_options(node.options)

    def write(run: Run, row: Row) -> Change:
        body = _object(document(row), "INSERT", collection)
        run.known(collection)
        key: Json = body.get("_key")
        look = mode != "conflict" and isinstance(key, str)
        old = run.source.get(collection, key) if look else None
        if old is None:
            return None, run.source.insert(collection, body)
        if mode == "ignore":
            return old, None
        if mode == "update":
            body = _merged(old, body, keep_null=keep_null, deep=merge)
        return old, run.source.replace(collection, key, _own(body))

    return _stage(compiler, scope, write, node.options, new=True)


def _overwrite_mode(options: nodes.Options) -> str:
    given = dict(options)
    mode = given.get("overwriteMode")
    if isinstance(mode, str):
        return mode.lower()
    return "replace" if given.get("overwrite") is True else "conflict"


def _update(compiler: Compiler, node: nodes.Update, scope: Variables) -> Stage:
    selector = _apart(compiler, node.selector, scope)
    patch = selector if node.patch is None else _apart(compiler, node.patch, scope)
    verb = "REPLACE" if node.replace else "UPDATE"
    change = _change(node.collection, verb, node.options, replace=node.replace)

    def write(run: Run, row: Row) -> Change:
        run.known(node.collection)
        key = _selected(selector(row), verb, node.collection)
        return change(run, key, patch(row))

    return _stage(compiler, scope, write, node.options, new=True)


def _remove(compiler: Compiler, node: nodes.Remove, scope: Variables) -> Stage:
    selector = _apart(compiler, node.selector, scope)

    def write(run: Run, row: Row) -> Change:
        run.known(node.collection)
        key = _selected(selector(row), "REMOVE", node.collection)
        old = _existing(run, node.collection, key)
        run.source.remove(node.collection, key)
        return old, None

    return _stage(compiler, scope, write, node.options, new=False)


def _upsert(compiler: Compiler, node: nodes.Upsert, scope: Variables) -> Stage:
    """Compile an UPSERT: as on the server it looks a document up by its key only."""
    search = _apart(compiler, node.search, scope)
    document = _apart(compiler, node.document, scope)
    patch = _apart(compiler, node.patch, scope)
    change = _change(node.collection, "UPSERT", node.options, replace=node.replace)

    def write(run: Run, row: Row) -> Change:
        run.known(node.collection)
        key = _searched(search(row))
        if key is not None and run.source.get(node.collection, key) is not None:
            return change(run, key, patch(row))
        body = _object(document(row), "UPSERT", node.collection)
        return None, run.source.insert(node.collection, body)

    return _stage(compiler, scope, write, node.options, new=True)


def _change(
    collection: str, verb: str, options: nodes.Options, *, replace: bool
) -> Callable[[Run, str, Json], Change]:
    keep_null, merge = _merge_options(options)

    def change(run: Run, key: str, patch: Json) -> Change:
        old = _existing(run, collection, key)
        body = _object(patch, verb, collection)
        if not replace:
            body = _merged(old, body, keep_null=keep_null, deep=merge)
        return old, run.source.replace(collection, key, _own(body))

    return change


# --- documents and keys --------------------------------------------------------------------------


def _merge_options(options: nodes.Options) -> tuple[bool, bool]:
    given = dict(options)
    return given.get("keepNull") is not False, given.get("mergeObjects") is True


def _object(value: Json, verb: str, collection: str) -> JsonObject:
    if not is_object(value):
        raise InvalidDocument(f"{verb} expects an object, got: {describe(value)}", collection=collection)
    return value


def _own(document: JsonObject) -> JsonObject:
    return {name: value for name, value in document.items() if name not in SYSTEM_ATTRIBUTES}


def _selected(value: Json, verb: str, collection: str) -> str:
    key: Json = value.get("_key") if kind_of(value) is dict else value
    if not isinstance(key, str):
        raise QueryError(
            f"{verb}: selector must be a string key or an object with _key, got: {describe(value)}",
            hint=f"name a document of {collection} by its key",
        )
    return key


def _searched(value: Json) -> str | None:
    if kind_of(value) is dict:
        key: Json = value.get("_key")
        if isinstance(key, str):
            return key
        value = value.get("_id")
        return value.rpartition("/")[2] if isinstance(value, str) else None
    return value if isinstance(value, str) else None


def _existing(run: Run, collection: str, key: str) -> JsonObject:
    document = run.source.get(collection, key)
    if document is None:
        raise DocumentNotFound(
            f"Document '{key}' not found in '{collection}'", name=key, collection=collection
        )
    return document


def _merged(old: JsonObject, patch: JsonObject, *, keep_null: bool, deep: bool) -> JsonObject:
    """Lay the patch over the document: attribute by attribute, into objects only if ``deep``."""
    merged = dict(old)
    for name, value in patch.items():
        before: Json = merged.get(name)
        if deep and is_object(value) and is_object(before):
            merged[name] = _merged(before, value, keep_null=keep_null, deep=True)
        elif value is None and not keep_null:
            merged.pop(name, None)
        else:
            merged[name] = value if keep_null else _without_nulls(value)
    return merged


def _without_nulls(value: Json) -> Json:
    if kind_of(value) is dict:
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


CLAUSES: dict[type[nodes.Clause], CompileClause] = {
    nodes.Insert: _insert,
    nodes.Update: _update,
    nodes.Remove: _remove,
    nodes.Upsert: _upsert,
}
