"""Making what models declare: collections, indexes, schemas, as operations.

Whether a database is kept by migrations: then nobody else makes its collections.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Final

from .._types import JsonObject
from ..commands import (
    Begin,
    CollectionSpec,
    Command,
    Commit,
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    FetchDocuments,
    Operation,
    Rollback,
    SetSchema,
    call,
    without_repeats,
)
from ..errors import AlreadyExists, CollectionExists, CollectionNotFound, IndexExists
from ..language import nodes as q
from ..model.stored.shape import union_schema

_TRIES: Final = 8
"""How often others may be first with a part of the same collection."""


def create_all(specs: Iterable[CollectionSpec]) -> Operation[None]:
    """Make what is missing of the collections: on a file all or nothing, in one transaction.

    Others may be making the same, and what somebody began to make is finished. CollectionExists or
    IndexExists if something is there, but different.
    """
    wanted = merged(specs)
    if not (yield from _all_missing(wanted)):
        return
    begun = yield from call(Begin())
    try:
        for spec in wanted:
            yield from _create(spec)
    except Exception:
        if begun:
            yield from call(Rollback())
        raise
    if begun:
        yield from call(Commit())


def is_complete(specs: Iterable[CollectionSpec]) -> Operation[bool]:
    """Return whether collections are as they are declared, with their indexes and schemas."""
    try:
        return not (yield from _all_missing(merged(specs)))
    except AlreadyExists:
        return False


def _all_missing(specs: Iterable[CollectionSpec]) -> Operation[list[Command[None]]]:
    missing: list[Command[None]] = []
    for spec in specs:
        missing += yield from _missing(spec)
    return missing


def _create(spec: CollectionSpec) -> Operation[None]:
    """Make what is missing of a collection; what another makes at the same time is found there."""
    lost: AlreadyExists | None = None
    for _ in range(_TRIES):
        missing = yield from _missing(spec)
        try:
            for command in missing:
                yield from call(command)
        except AlreadyExists as problem:
            lost = problem
        else:
            return
    if lost is not None:
        raise lost


def _missing(spec: CollectionSpec) -> Operation[list[Command[None]]]:
    """Return what makes a collection as it is declared, from what there is of it."""
    existing = yield from call(DescribeCollection(spec.name))
    missing: list[Command[None]] = []
    if existing is None:
        missing.append(CreateCollection(spec.name, spec.kind))
        existing = CollectionSpec(spec.name, spec.kind)
    elif existing.kind != spec.kind:
        raise CollectionExists(
            f"the collection {spec.name!r} holds {existing.kind}s, the models declare {spec.kind}s",
            name=spec.name,
            hint="choose another collection name, or drop the old collection",
        )
    there = {index.name: index for index in existing.indexes}
    for index in spec.indexes:
        other = there.get(index.name)
        if other is None:
            missing.append(CreateIndex(spec.name, index))
        elif other != index:
            raise IndexExists(
                f"{spec.name!r} has an index {index.name!r} on {', '.join(other.fields)}, "
                f"other than the one that is declared",
                name=index.name,
                hint="drop it, or declare the new one under another name=",
            )
        elif existing.sorts_decimals and other.decimals != index.decimals:
            missing.append(CreateIndex(spec.name, index))  # made again: it tells values apart by their text
    if spec.validation != "off" and (existing.schema, existing.validation) != (spec.schema, spec.validation):
        missing.append(SetSchema(spec.name, spec.schema, spec.validation))
    return missing


def drop_all(specs: Iterable[CollectionSpec]) -> Operation[None]:
    """Delete the collections that exist."""
    for spec in reversed(merged(specs)):
        try:
            yield from call(DropCollection(spec.name))
        except CollectionNotFound:
            continue


def merged(specs: Iterable[CollectionSpec]) -> list[CollectionSpec]:
    """Join what several classes declare of one collection; documents' collections before edges'."""
    by_name: dict[str, CollectionSpec] = {}
    schemas: dict[str, list[JsonObject]] = {}
    for spec in specs:
        if spec.schema is not None:
            schemas.setdefault(spec.name, []).append(spec.schema)
        known = by_name.get(spec.name)
        if known is None:
            by_name[spec.name] = spec
            continue
        indexes = without_repeats((*known.indexes, *spec.indexes))
        validation = known.validation if known.validation != "off" else spec.validation
        by_name[spec.name] = replace(known, indexes=indexes, validation=validation)
    joined = [replace(spec, schema=union_schema(schemas.get(spec.name, []))) for spec in by_name.values()]
    return sorted(joined, key=lambda spec: (spec.kind == "edge", spec.name))


LEDGER: Final = "_migrations"
"""The collection in which a database remembers the revisions that have run."""


@cache
def _first_run() -> q.Query:
    """Return the query for one revision that has run."""
    run = q.Name("d")
    has_run = q.Filter(q.Compare(q.Attribute(run, "checksum"), "!=", q.Literal(None)))
    return q.Block((q.For("d", q.Name(LEDGER)), has_run), limit=q.Literal(1), returns=q.Return(run))


def has_history() -> Operation[bool]:
    """Return whether revisions have run on the database."""
    try:
        rows = yield from call(FetchDocuments(_first_run()))
    except CollectionNotFound:
        return False
    return bool(rows)
