"""A query that changes the documents of one collection, each by itself, as a pass over them.

A server runs no query in a transaction, so what a crash leaves of one can't be known. Such a query is read
page by page instead, with the changes that the server has computed, and each page is written with its
checkpoint.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, cast

from .._types import JsonObject, is_map
from ..commands import Batch, DescribeCollection, Operation, Patch, Patches, Removals, RunQuery, call
from ..errors import MigrationFailed
from ..language import nodes, walk
from .ledger import Checkpoint
from .preflight import misfit_of
from .state import Collection

_PAGE = 500
_AFTER, _SIZE = "after_this_key", "documents_at_once"
_READERS = frozenset({"DOCUMENT", "DOC_AS_OF", "DOC_HISTORY", "COLLECTION_COUNT", "SAMPLE"})


class QueryPass(NamedTuple):
    """What a query does to each document of a collection: ``query`` has rows of document and change."""

    collection: str
    query: nodes.Query
    removes: bool


def query_pass(query: nodes.Query) -> QueryPass | None:
    """Return a query as a pass: ``FOR d IN c FILTER .. LET .. UPDATE d WITH {..} IN c``, or REMOVE.

    None for any other: one that inserts, reads more than the document, or returns rows.
    """
    if not isinstance(query, nodes.Block) or len(query.body) < 2 or query != nodes.Block(body=query.body):
        return None
    loop, *between, write = query.body
    if not isinstance(loop, nodes.For) or not isinstance(loop.source, nodes.Name):
        return None
    if loop != nodes.For(loop.variable, loop.source):
        return None
    if not all(isinstance(clause, (nodes.Filter, nodes.Let)) for clause in between) or _reads_more(query):
        return None
    change = _change(write, loop.source.name, loop.variable)
    if change is None:
        return None
    document = nodes.Name(loop.variable)
    key = nodes.Attribute(document, "_key")
    later = nodes.Filter(nodes.Compare(key, ">", nodes.Bind(_AFTER)))
    page = nodes.Block(
        body=(loop, later, *between),
        sort=(nodes.SortKey(key),),
        limit=nodes.Bind(_SIZE),
        returns=nodes.Return(nodes.Array((document, change))),
    )
    return QueryPass(loop.source.name, page, isinstance(write, nodes.Remove))


def _change(write: nodes.Clause, collection: str, variable: str) -> nodes.Expression | None:
    if isinstance(write, nodes.Update):
        plain = nodes.Update(nodes.Name(variable), write.patch, collection)
        return write.patch if write == plain else None
    removal = nodes.Remove(nodes.Name(variable), collection)
    return nodes.Literal(None) if write == removal else None


def _reads_more(query: nodes.Query) -> bool:
    blocks = [node for node in walk.walk(query) if isinstance(node, nodes.Block)]
    calls = [node for node in walk.walk(query) if isinstance(node, (nodes.Call, nodes.Pipe))]
    return len(blocks) > 1 or any(called.name in _READERS for called in calls)


def pass_over_query(
    checkpoint: Checkpoint, work: QueryPass, binds: JsonObject, declared: Collection | None
) -> Operation[None]:
    """Change the documents page by page, from where the checkpoint stands."""
    described = yield from call(DescribeCollection(work.collection))
    if described is not None and described.validation != "strict":
        declared = None  # nothing holds the documents to what is declared
    write = partial(_write_page, checkpoint, work, binds, declared)
    while (yield from checkpoint.until_alone(work.collection, write)):
        if checkpoint.run.stopped:
            raise KeyboardInterrupt


def _write_page(
    checkpoint: Checkpoint, work: QueryPass, binds: JsonObject, declared: Collection | None, _: int
) -> Operation[bool]:
    """Change the next documents; False if there are none."""
    given = {**binds, _AFTER: str(checkpoint.body["after"]), _SIZE: _PAGE}
    rows = cast("list[tuple[JsonObject, Any]]", (yield from call(RunQuery(work.query, given))))
    if not rows:
        return False
    batch = _batch(checkpoint, work, rows, declared)
    moved = {"after": rows[-1][0]["_key"], "done": int(checkpoint.body["done"]) + len(rows)}
    yield from checkpoint.write([batch], moved)
    return True


def _batch(checkpoint: Checkpoint, work: QueryPass, rows: list[Any], declared: Collection | None) -> Batch:
    if work.removes:
        return Removals(work.collection, [(row[0]["_key"], row[0]["_rev"]) for row in rows])
    patches: list[Patch] = []
    for document, change in rows:
        problem = _problem(document, change, declared)
        if problem is not None:
            raise MigrationFailed(
                f"execute failed at {work.collection}/{document['_key']}: {problem}",
                revision=str(checkpoint.body["revision"]),
                key=document["_key"],
                hint="correct the document or the revision, from this step on, and upgrade again",
            )
        patches.append(Patch(document["_key"], document["_rev"], change, (), None, document["_created_at"]))
    return Patches(work.collection, patches)


def _problem(document: JsonObject, change: Any, declared: Collection | None) -> str | None:
    if not is_map(change):
        return f"the change is {change!r}, where an object is wanted"
    return None if declared is None else misfit_of(declared, {**document, **change})
