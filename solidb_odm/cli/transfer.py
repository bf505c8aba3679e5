"""The commands dump, load and shell."""

from __future__ import annotations

import code
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..commands import (
    CollectionSpec,
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    Inserts,
    ListCollections,
    Operation,
    SetSchema,
    call,
)
from ..errors import InvalidDocument, MigrationError
from ..migrations.ledger import Run, body_of, write
from ..migrations.passes import read_page
from ..migrations.state import declared_models
from ..query import select
from ..schema.creation import LEDGER
from ..session import Session
from .dispatch import Context

_AT_ONCE = 500


def dump(context: Context) -> None:
    """Write everything to a file: a line for each collection, and one for each document after it."""
    path = Path(context.options.file)
    draft = path.with_name(path.name + ".new")
    count = 0
    with draft.open("w", encoding="utf-8") as file:
        for line in _lines(context):
            count += "document" in line
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    draft.replace(path)
    print(f"wrote {count} documents to {path}")


def _lines(context: Context) -> Iterator[dict[str, Any]]:
    names = context.engine.run(call(ListCollections()))
    ledger = context.engine.run(call(DescribeCollection(LEDGER)))
    for name in [*names, *([LEDGER] if ledger is not None else [])]:
        spec = context.engine.run(call(DescribeCollection(name)))
        if spec is None:
            continue
        yield {"collection": asdict(spec)}
        after = ""
        while page := context.engine.run(read_page(name, after, _AT_ONCE)):
            for stored in page:
                if name != LEDGER or stored[0].startswith("rev-"):
                    yield {"document": body_of(stored)}
            after = page[-1][0]


def load(context: Context) -> None:
    """Read a file that ``dump`` wrote."""
    run = Run(context.engine.capabilities)
    spec: CollectionSpec | None = None
    rows: list[tuple[str, Any]] = []
    count = 0
    for line in _read(Path(context.options.file)):
        if isinstance(line, CollectionSpec):
            count += _finish(context, run, spec, rows)
            spec, rows = line, []
            context.engine.run(_create(spec))
        else:
            rows.append(line)
        if spec is not None and len(rows) >= _AT_ONCE:
            count += _write(context, run, spec, rows)
            rows = []
    count += _finish(context, run, spec, rows)
    print(f"read {count} documents from {context.options.file}")


def _read(path: Path) -> Iterator[CollectionSpec | tuple[str, Any]]:
    """Yield the collections and documents of a file; InvalidDocument for what ``dump`` does not write."""
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for text in file:
                number += 1
                line = json.loads(text)
                if "collection" in line:
                    yield CollectionSpec.from_json(line["collection"])
                else:
                    yield str(line["document"]["_key"]), dict(line["document"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidDocument(
            f"{path}, line {number}: this is not what dump writes: {error!r}",
            hint="restore the file from a copy",
        ) from error


def _create(spec: CollectionSpec) -> Operation[None]:
    if (yield from call(DescribeCollection(spec.name))) is not None:
        raise MigrationError(
            f"the collection {spec.name!r} is there already", hint="load into an empty database"
        )
    yield from call(CreateCollection(spec.name, spec.kind))


def _write(context: Context, run: Run, spec: CollectionSpec, rows: list[tuple[str, Any]]) -> int:
    context.engine.run(write(run, [Inserts(spec.name, rows)]))
    return len(rows)


def _finish(context: Context, run: Run, spec: CollectionSpec | None, rows: list[tuple[str, Any]]) -> int:
    """Write the last documents of a collection, then its indexes and schema."""
    if spec is None:
        return 0
    count = _write(context, run, spec, rows) if rows else 0
    for index in spec.indexes:
        context.engine.run(call(CreateIndex(spec.name, index)))
    if spec.schema is not None:
        context.engine.run(call(SetSchema(spec.name, spec.schema, spec.validation)))
    return count


def shell(context: Context) -> None:
    """Open a Python shell."""
    models = declared_models(context.configuration.models)
    with Session(context.engine) as session:
        names = {model.__name__: model for model in models}
        known = {"session": session, "engine": context.engine, "select": select, **names}
        code.interact(banner=f"session, engine, select, {', '.join(names)}", local=known, exitmsg="")
