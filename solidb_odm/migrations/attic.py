"""Looking into the attic, and emptying it: the only thing that destroys what a step dropped."""

from __future__ import annotations

from dataclasses import dataclass

from ..commands import FetchDocuments, Operation, Removals, RunQuery, call
from ..errors import CollectionNotFound
from ..language.parser import parse
from .ledger import ATTIC, Run, acquire, write


@dataclass(frozen=True)
class Shelf:
    """What one step took from the documents of one collection."""

    revision: str
    collection: str
    path: str
    operation: str
    documents: int


def shelves() -> Operation[list[Shelf]]:
    """Return what is in the attic."""
    text = (
        f"FOR a IN `{ATTIC}` COLLECT r = a.revision, c = a.collection, p = a.path, o = a.operation "
        "WITH COUNT INTO n RETURN [r, c, p, o, n]"
    )
    try:
        rows = yield from call(RunQuery(parse(text)))
    except CollectionNotFound:
        return []
    return sorted(
        (Shelf(*row) for row in rows), key=lambda shelf: (shelf.revision, shelf.collection, shelf.path)
    )


def purge(run: Run, revision: str) -> Operation[int]:
    """Destroy what one revision dropped, or ``all``; return how many documents' values that were."""
    yield from acquire(run)
    count = 0
    low, high = ("", "\U0010ffff") if revision == "all" else (f"{revision}-", f"{revision}-~")
    while True:
        text = f"FOR a IN `{ATTIC}` FILTER a._key >= @low AND a._key < @high SORT a._key LIMIT 1000 RETURN a"
        rows = yield from call(FetchDocuments(parse(text), {"low": low, "high": high}))
        found = [(stored[0], stored[1]) for stored in rows if stored is not None]
        if not found:
            return count
        yield from write(run, [Removals(ATTIC, found)])
        count += len(found)
