"""Making what models declare: collections, indexes, schemas, as operations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .._types import JsonObject
from ..commands import (
    CollectionSpec,
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    Operation,
    SetSchema,
    call,
)
from ..errors import CollectionExists, CollectionNotFound, IndexExists
from ..model.stored.shape import union_schema


def create_all(specs: Iterable[CollectionSpec]) -> Operation[None]:
    """Make what is missing of the collections.

    CollectionExists or IndexExists if one is there, but different.
    """
    for spec in merged(specs):
        found = yield from call(DescribeCollection(spec.name))
        if found is None:
            yield from call(CreateCollection(spec.name, spec.kind))
            found = CollectionSpec(spec.name, spec.kind)
        elif found.kind != spec.kind:
            raise CollectionExists(
                f"the collection {spec.name!r} holds {found.kind}s, the models declare {spec.kind}s",
                name=spec.name,
                hint="choose another collection name, or drop the old collection",
            )
        there = {index.name: index for index in found.indexes}
        for index in spec.indexes:
            other = there.get(index.name)
            if other is None:
                yield from call(CreateIndex(spec.name, index))
            elif other != index:
                raise IndexExists(
                    f"{spec.name!r} has an index {index.name!r} on {', '.join(other.fields)}, "
                    f"other than the one that is declared",
                    name=index.name,
                    hint="drop it, or declare the new one under another name=",
                )
        if spec.validation != "off" and (found.schema, found.validation) != (spec.schema, spec.validation):
            yield from call(SetSchema(spec.name, spec.schema, spec.validation))


def drop_all(specs: Iterable[CollectionSpec]) -> Operation[None]:
    """Delete the collections that exist."""
    for spec in reversed(merged(specs)):
        try:
            yield from call(DropCollection(spec.name))
        except CollectionNotFound:
            continue


def merged(specs: Iterable[CollectionSpec]) -> list[CollectionSpec]:
    """Join what several classes declare of one collection; documents' collections before edges'."""
    found: dict[str, CollectionSpec] = {}
    schemas: dict[str, list[JsonObject]] = {}
    for spec in specs:
        if spec.schema is not None:
            schemas.setdefault(spec.name, []).append(spec.schema)
        known = found.get(spec.name)
        if known is None:
            found[spec.name] = spec
            continue
        indexes = tuple(dict.fromkeys((*known.indexes, *spec.indexes)))
        validation = known.validation if known.validation != "off" else spec.validation
        found[spec.name] = replace(known, indexes=indexes, validation=validation)
    joined = [replace(spec, schema=union_schema(schemas.get(spec.name, []))) for spec in found.values()]
    return sorted(joined, key=lambda spec: (spec.kind == "edge", spec.name))
