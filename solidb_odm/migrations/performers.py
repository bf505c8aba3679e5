"""What each operation does to a database. All are idempotent: what is there already counts as done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .._types import JsonObject
from ..commands import (
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    DropIndex,
    FetchDocuments,
    FillField,
    GetMany,
    IndexSpec,
    Inserts,
    Operation,
    Removals,
    RenameCollection,
    Rollback,
    RunQuery,
    SetSchema,
    call,
)
from ..errors import (
    IndexNotFound,
    IrreversibleMigration,
    MigrationError,
    SolidbError,
)
from ..language.parser import parse
from ..model.declaration.mapping import Mapping
from ..model.stored.codec import decode
from ..model.stored.shape import canonical
from .ledger import ATTIC, Checkpoint, attic_key, attic_row, body_of
from .passes import Pass, pass_over, read_page
from .paths import Path, depths, members_of, parse_path, parts_of, split_target
from .query_passes import pass_over_query, query_pass
from .replay import index_of, renamed_index
from .state import Collection, State
from .steps import UNSET, Step
from .transforms import ABSENT, Transform, path_of_step, references, transform_of


@dataclass
class Work:
    """One step that is to be performed, with the state before it."""

    checkpoint: Checkpoint
    state: State
    step: Step
    number: int
    direction: str

    @property
    def collection(self) -> str:
        """The name of the collection, without a class."""
        return split_target(self.step.collection)[0]

    def declared(self) -> Collection | None:
        """Return what is known of the collection."""
        return self.state.get(self.collection)


def perform(work: Work) -> Operation[None]:
    """Perform one step."""
    yield from _PERFORM[work.step.operation](work)


def sync_schema(collection: Collection) -> Operation[None]:
    """Hold documents to the schema that the revisions say."""
    described = yield from call(DescribeCollection(collection.name))
    if described is None:
        return
    spec = collection.spec()
    if (described.schema, described.validation) != (spec.schema, spec.validation):
        yield from call(SetSchema(collection.name, spec.schema, spec.validation))


# --- collections ---------------------------------------------------------------------------------


def _create_collection(work: Work) -> Operation[None]:
    step = work.step
    described = yield from call(DescribeCollection(step.collection))
    if described is None:
        yield from call(CreateCollection(step.collection, step["kind"]))
    elif described.kind != step["kind"]:
        raise MigrationError(
            f"the collection {step.collection!r} holds {described.kind}s, where {step['kind']}s are wanted",
            hint="rename or drop it first",
        )
    yield from _restore_documents(work, step.collection)
    for index in step["indexes"]:
        yield from make_index(step.collection, index)


def _restore_documents(work: Work, collection: str) -> Operation[None]:
    """Put back the documents that a dropped collection, or class, has left in the attic."""
    if work.number < 0:
        return
    other = {"u": "d", "d": "u"}[work.direction]
    prefix = attic_key(str(work.checkpoint.body["revision"]), other, work.number, "")
    after = prefix
    while True:
        query = f"FOR a IN `{ATTIC}` FILTER a._key > @after AND a._key < @end SORT a._key LIMIT 500 RETURN a"
        rows = yield from call(FetchDocuments(parse(query), {"after": after, "end": prefix + "\U0010ffff"}))
        stored = [row for row in rows if row is not None]
        if not stored:
            return
        bodies = [body_of(row) for row in stored]
        documents = [(body["key"], body["kept"]) for body in bodies]
        taken = yield from call(GetMany(collection, [key for key, _ in documents]))
        there = {row[0] for row in taken}
        fresh = [(key, document) for key, document in documents if key not in there]
        gone = [(row[0], row[1]) for row in stored]
        moved = {"done": int(work.checkpoint.body["done"]) + len(stored)}
        yield from work.checkpoint.write([Inserts(collection, fresh), Removals(ATTIC, gone)], moved)
        after = stored[-1][0]


def _drop_collection(work: Work) -> Operation[None]:
    _, kind = split_target(work.step.collection)
    if (yield from call(DescribeCollection(work.collection))) is None:
        return
    while work.step["keep"] or kind is not None:
        page = yield from read_page(work.collection, str(work.checkpoint.body["after"]), 500, _of_class(kind))
        if not page:
            break
        kept = [
            attic_row(
                str(work.checkpoint.body["revision"]),
                work.direction,
                max(work.number, 0),
                work.step,
                stored[0],
                body_of(stored),
            )
            for stored in page
        ]
        batches: list[Any] = [Inserts(ATTIC, kept if work.step["keep"] else [])]
        if kind is not None:
            batches.append(Removals(work.collection, [(stored[0], stored[1]) for stored in page]))
        moved = {"after": page[-1][0], "done": int(work.checkpoint.body["done"]) + len(page)}
        yield from work.checkpoint.write(batches, moved)
    if kind is None:
        yield from call(DropCollection(work.collection))


def _of_class(kind: str | None) -> str | None:
    if kind is None:
        return None
    return f'doc._type == "{kind}"' if kind else "doc._type == null"


def _rename_collection(work: Work) -> Operation[None]:
    old, new = work.step.collection, work.step["new"]
    source = yield from call(DescribeCollection(old))
    if work.checkpoint.body.get("phase") != "references":
        if source is not None:
            yield from _move(work, source.kind, source.indexes)
        yield from work.checkpoint.write([], {"phase": "references", "after": "", "place": 0})
    places = list(_reference_places(work.state, old))
    for number, (collection, path) in enumerate(places):
        if number < int(work.checkpoint.body.get("place", 0)):
            continue
        holder = new if collection == old else collection
        transform = references(path, old, new)
        yield from pass_over(
            work.checkpoint,
            Pass(work.step, holder, transform, -1, work.direction, keeps=False),
        )
        yield from work.checkpoint.write([], {"place": number + 1, "after": "", "done": 0, "total": 0})


def _move(work: Work, kind: Any, indexes: tuple[IndexSpec, ...]) -> Operation[None]:
    old, new = work.step.collection, work.step["new"]
    if work.checkpoint.run.is_file:
        yield from call(RenameCollection(old, new))
        return
    if (yield from call(DescribeCollection(new))) is None:
        yield from call(CreateCollection(new, kind))
    while True:
        page = yield from read_page(old, str(work.checkpoint.body["after"]), 500)
        if not page:
            break
        rows = [(stored[0], body_of(stored)) for stored in page]
        there = yield from call(GetMany(new, [key for key, _ in rows]))
        known = {stored[0] for stored in there}
        fresh = [(key, body) for key, body in rows if key not in known]
        moved = {"after": page[-1][0], "done": int(work.checkpoint.body["done"]) + len(page)}
        yield from work.checkpoint.write([Inserts(new, fresh)], moved)
    for index in indexes:
        yield from make_index(new, index)
    yield from call(DropCollection(old))


def _reference_places(state: State, old: str) -> Iterator[tuple[str, Path | None]]:
    for collection in state.values():
        if collection.kind == "edge":
            yield collection.name, None
        seen: set[Path] = set()
        for shape in collection.shapes.values():
            for path in _targets(shape, old, (), shape.get("defs", {})):
                if path not in seen and not (collection.kind == "edge" and path[0].text in ("_from", "_to")):
                    seen.add(path)
                    yield collection.name, path


def _targets(
    shape: JsonObject, old: str, path: Path, definitions: JsonObject, closed: frozenset[str] = frozenset()
) -> Iterator[Path]:
    if shape.get("target") == old and path:
        yield path
    for member in members_of(shape):
        if member is not shape:
            yield from _targets(member, old, path, definitions, closed)
    model = shape.get("ref")
    if model is not None and model not in closed:
        way = (*path, depths(model, definitions, closed))
        yield from _targets(definitions.get(model, {}), old, way, definitions, closed | {model})
    for part, inner in parts_of(shape):
        yield from _targets(inner, old, (*path, part), definitions, closed)


# --- fields --------------------------------------------------------------------------------------


def _change_documents(work: Work) -> Operation[None]:
    after = work.declared()
    transform = transform_of(work.step, after)
    yield from _pass(work, transform)


def _add_field(work: Work) -> Operation[None]:
    """Fill a constant in by one statement where the engine can; document by document elsewhere."""
    collection, kind = split_target(work.step.collection)
    path, fill = path_of_step(work.step, work.declared()), work.step["fill"]
    is_plain = kind is None and fill is not UNSET and all(part.kind == "name" for part in path)
    if not (is_plain and work.checkpoint.run.is_file and not work.checkpoint.body["after"]):
        yield from _change_documents(work)
        return
    if (yield from call(DescribeCollection(collection))) is None or (yield from _has_rows(work)):
        yield from _change_documents(work)
        return
    had = yield from call(FillField(collection, tuple(part.text for part in path), fill))
    if had is None or had:
        yield from call(Rollback())
        yield from _change_documents(work)
        return
    yield from work.checkpoint.write([], {"after": "\U0010ffff"})


def _has_rows(work: Work) -> Operation[bool]:
    """Return whether a step that undid this one has left something in the attic."""
    other = {"u": "d", "d": "u"}[work.direction]
    low = attic_key(str(work.checkpoint.body["revision"]), other, max(work.number, 0), "")
    text = f"FOR a IN `{ATTIC}` FILTER a._key >= @low AND a._key < @high LIMIT 1 RETURN a"
    rows = yield from call(FetchDocuments(parse(text), {"low": low, "high": low + "\U0010ffff"}))
    return bool(rows)


def _pass(work: Work, transform: Transform | None, **options: Any) -> Operation[None]:
    if transform is None and work.number < 0:
        return
    step = work.step
    keeps = step.get("keep", True)
    restores = work.number >= 0 and (yield from _has_rows(work))
    yield from pass_over(
        work.checkpoint,
        Pass(
            step,
            work.collection,
            transform,
            work.number,
            work.direction,
            restores=restores,
            keeps=keeps,
            **options,
        ),
    )


def _rename_field(work: Work) -> Operation[None]:
    collection, path = work.declared(), parse_path(work.step["path"])
    pairs: list[tuple[IndexSpec, IndexSpec]] = []
    for index in collection.indexes.values() if collection is not None else ():
        renamed = renamed_index(index, path, work.step["new"])
        if renamed != index:
            pairs.append((index, renamed))
    for index, _ in pairs:
        yield from _remove_index(work.collection, index.name)
    yield from _change_documents(work)
    for _, renamed in pairs:
        yield from make_index(work.collection, renamed)


def _for_each(work: Work) -> Operation[None]:
    where = work.step["where"]
    transform = transform_of(work.step, None)
    if work.direction == "d" and work.step["function"] is None:
        where = None
    yield from _pass(work, transform, where=where, batch=work.step["batch"])


def _recompute(work: Work) -> Operation[None]:
    is_undo = work.direction == "d" and work.number >= 0
    yield from _pass(work, None if is_undo else _computing(work, work.step["names"]))


def _computing(work: Work, names: tuple[str, ...]) -> Transform:
    readers = _models(work)

    def transform(document: JsonObject, kept: Any) -> None:
        model = readers.get(document.get("_type", "")) or readers.get("")
        if model is None:
            return
        mapping: Mapping = model.__solidb_mapping__
        computed = mapping.computed.intersection(names) if names else mapping.computed
        loaded = decode(mapping, document["_key"], document)
        encoded = mapping.serializer.to_python(loaded, mode="json", by_alias=True, warnings=False)
        for field in sorted(computed):
            if canonical(document.get(field, ABSENT)) != canonical(encoded[field]):
                kept.append([[field], document.get(field, ABSENT), encoded[field]])
                document[field] = encoded[field]

    return transform


def _models(work: Work) -> dict[str, Any]:
    models = {
        model.__solidb_type_name__ or "": model
        for model in work.checkpoint.run.models
        if model.__solidb_collection__ == work.collection
    }
    if not models:
        raise MigrationError(
            f"op.{work.step.operation}({work.collection!r}) needs the models, and none has this collection",
            hint='Migrator(engine, "migrations", models=[...])',
        )
    return models


def _upgrade_documents(work: Work) -> Operation[None]:
    version = work.step["version"]
    if work.direction == "d":
        yield from _pass(work, None)
        return
    readers = _models(work)

    def transform(document: JsonObject, kept: Any) -> None:
        model = readers.get(document.get("_type", "")) or readers.get("")
        stored = int(document.get("_version", 1))
        wanted = version or int(getattr(getattr(model, "Settings", None), "version", 1))
        upgrade: Callable[[JsonObject, int], JsonObject] | None = getattr(model, "upgrade_from", None)
        if stored >= wanted or upgrade is None:
            return
        before = dict(document)
        made = dict(upgrade(dict(document), stored))
        document.clear()
        document.update({**made, "_key": before["_key"], "_version": wanted})
        for field in {**before, **document}:
            old, new = before.get(field, ABSENT), document.get(field, ABSENT)
            if old != new:
                kept.append([[field], old, new])

    yield from _pass(work, transform)


# --- indexes and queries -------------------------------------------------------------------------


def make_index(collection: str, index: IndexSpec) -> Operation[None]:
    """Make an index, unless it is there; one of its name that is different is made again."""
    described = yield from call(DescribeCollection(collection))
    there = {known.name: known for known in described.indexes} if described is not None else {}
    other = there.get(index.name)
    if other == index:
        return
    if other is not None:
        yield from call(DropIndex(collection, other))
    yield from call(CreateIndex(collection, index))


def _create_index(work: Work) -> Operation[None]:
    yield from make_index(work.collection, index_of(work.step))


def _drop_index(work: Work) -> Operation[None]:
    yield from _remove_index(work.collection, work.step["name"])


def _remove_index(collection: str, index_name: str) -> Operation[None]:
    described = yield from call(DescribeCollection(collection))
    indexes = (
        [known for known in described.indexes if known.name == index_name] if described is not None else []
    )
    for index in indexes:
        try:
            yield from call(DropIndex(collection, index))
        except IndexNotFound:
            continue


def _execute(work: Work) -> Operation[None]:
    query = parse(work.step["sdbql"])
    pages = None if work.checkpoint.run.is_file else query_pass(query)
    if pages is not None:
        yield from pass_over_query(work.checkpoint, pages, work.step["binds"], work.declared())
        return
    try:
        yield from call(RunQuery(query, work.step["binds"], work.step["sdbql"]))
    except SolidbError:  # the checkpoint that follows commits it; a server has done that already
        if work.checkpoint.run.is_file:
            yield from call(Rollback())
        raise


def _irreversible(work: Work) -> Operation[None]:
    yield from ()
    raise IrreversibleMigration(work.step["reason"])


def _set_schema(work: Work) -> Operation[None]:
    if work.direction == "d" or work.number >= 0:
        yield from _restore_documents(work, work.collection)


_PERFORM: dict[str, Callable[[Work], Operation[None]]] = {
    "create_collection": _create_collection,
    "drop_collection": _drop_collection,
    "rename_collection": _rename_collection,
    "rename_type": _change_documents,
    "set_schema": _set_schema,
    "add_field": _add_field,
    "rename_field": _rename_field,
    "drop_field": _change_documents,
    "alter_field": _change_documents,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "execute": _execute,
    "for_each": _for_each,
    "recompute": _recompute,
    "upgrade_documents": _upgrade_documents,
    "irreversible": _irreversible,
}
