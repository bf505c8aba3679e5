"""The writes of a commit as bytes: packed once, before anything is sent, and cut into frames.

New documents and deletions are sent in ``batch`` frames, whose answers are known to stay small. The answer
to a staged update is the whole document, however small the patch, so each update gets a frame of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TypeAlias

from ..._dataclasses import dataclass
from ..._types import Body
from ...commands import Batch, Inserts, Patch, Patches, Removals
from ...errors import InvalidDocument, MessageTooLarge
from ...wire.exchange import NOT_FINITE, query_request
from ...wire.frames import MAX_FRAME, array_header, frame, map_header, pack, packer, unsuitable
from ...wire.names import quoted

OPERATIONS_AT_ONCE = 250
BYTES_AT_ONCE = 4 * 1024 * 1024
LARGEST = MAX_FRAME - 1024
"""Of one document: its answer repeats it with the system attributes and must fit in a frame too."""
_KEYS_AT_ONCE = 5000
_DOCUMENT = pack("document")


class Purpose(Enum):
    """What an operation is for. CLEAR and REPLACE together take attributes away from a document."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    CLEAR = "clear"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one kind on one collection: what all begin with, and how each goes on.

    ``batch`` is the number of the batch they come from, ``rows`` their rows in it.
    """

    role: Purpose
    collection: str
    batch: int
    rows: Sequence[int]
    keys: Sequence[str]
    head: bytes
    tails: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Leg:
    """The operations of a group that one frame carries."""

    group: Group
    start: int
    stop: int
    batched: bool


@dataclass(frozen=True, slots=True)
class Read:
    """A query for the committed revisions and times of some documents of a collection."""

    collection: str
    keys: Sequence[str]
    database: str

    def frame(self) -> bytes:
        """Return the query as a frame."""
        text = (
            f"FOR d IN {quoted(self.collection)} FILTER d._key IN @keys "
            "RETURN [d._key, d._rev, d._created_at, d._updated_at]"
        )
        return frame(pack(query_request(text, {"keys": list(self.keys)}, self.database)))


Guarded: TypeAlias = dict[str, dict[str, str]]
"""Documents that must not have moved: the expected revisions by collection and key."""


def groups_of(batches: Sequence[Batch], database: str) -> list[Group]:
    """Pack the operations of all batches, or raise what is wrong with the first that can't be sent."""
    groups: list[Group] = []
    for number, batch in enumerate(batches):
        if batch.rows:
            groups += _groups(number, batch, database)
    return groups


def frames_of(groups: Sequence[Group], tx_id: str) -> tuple[list[bytes], list[Leg]]:
    """Cut groups into frames for a transaction; the legs say which answer is whose."""
    prefix = map_header(3) + b"".join(map(pack, ("cmd", "transaction_command", "tx_id", tx_id, "command")))
    chunks: list[bytes] = []
    legs: list[Leg] = []
    for group in groups:
        glue = prefix + group.head
        if group.role is Purpose.UPDATE:
            chunks.append(b"".join([frame(glue + tail) for tail in group.tails]))
            legs += [Leg(group, row, row + 1, batched=False) for row in range(len(group.tails))]
            continue
        for start, stop in _cuts(group.tails, len(glue)):
            chunks.append(_batch_frame(glue, group.tails[start:stop]))
            legs.append(Leg(group, start, stop, batched=stop - start > 1))
    return chunks, legs


def reads_of(guarded: Guarded, database: str) -> list[Read]:
    """Return the queries that read the committed revisions of documents."""
    return [
        Read(collection, keys[start : start + _KEYS_AT_ONCE], database)
        for collection, revisions in guarded.items()
        for keys in [list(revisions)]
        for start in range(0, len(keys), _KEYS_AT_ONCE)
    ]


def guarded_of(batches: Sequence[Batch]) -> Guarded:
    """Return the documents that must not have moved: their expected revisions by collection and key.

    Not those that the same commit makes. A document that is written twice counts as it was first.
    """
    if all(isinstance(batch, Inserts) for batch in batches):
        return {}
    fresh: set[tuple[str, str]] = set()
    guarded: Guarded = {}
    for batch in batches:
        if isinstance(batch, Inserts):
            fresh |= {(batch.collection, key) for key, _ in batch.rows}
            continue
        expected = guarded.setdefault(batch.collection, {})
        for key, revision in _expected(batch):
            if (batch.collection, key) not in fresh:
                expected.setdefault(key, revision)
    return {collection: revisions for collection, revisions in guarded.items() if revisions}


def blame(batches: Sequence[Batch]) -> None:
    """Raise InvalidDocument for the first document that holds what JSON does not have, if there is one."""
    for batch in batches:
        if isinstance(batch, Inserts):
            _blame([body for _, body in batch.rows], batch.collection, [key for key, _ in batch.rows])
        elif isinstance(batch, Patches):
            bodies = [row.changes if row.whole is None else row.whole for row in batch.rows]
            _blame(bodies, batch.collection, [row.key for row in batch.rows])


def _expected(batch: Patches | Removals) -> Iterator[tuple[str, str]]:
    if isinstance(batch, Removals):
        yield from batch.rows
    else:
        for row in batch.rows:
            yield row.key, row.revision


def _groups(number: int, batch: Batch, database: str) -> Iterator[Group]:
    collection = batch.collection
    keyed, plain = _head("update", database, collection, 5), _head("delete", database, collection, 4)
    if isinstance(batch, Inserts):
        yield _insert_group(Purpose.INSERT, number, range(len(batch.rows)), batch.rows, collection, database)
    elif isinstance(batch, Removals):
        keys = [key for key, _ in batch.rows]
        yield Group(Purpose.DELETE, collection, number, range(len(keys)), keys, plain, list(map(pack, keys)))
    else:
        patched = [place for place, row in enumerate(batch.rows) if not row.removed]
        if patched:
            rows = [batch.rows[place] for place in patched]
            tails = _patch_tails(rows, collection)
            yield Group(Purpose.UPDATE, collection, number, patched, [row.key for row in rows], keyed, tails)
        replaced = [place for place, row in enumerate(batch.rows) if row.removed]
        if replaced:
            whole = [(row.key, _whole(row, collection)) for row in map(batch.rows.__getitem__, replaced)]
            keys = [key for key, _ in whole]
            yield Group(Purpose.CLEAR, collection, number, replaced, keys, plain, list(map(pack, keys)))
            yield _insert_group(Purpose.REPLACE, number, replaced, whole, collection, database)


def _head(command: str, database: str, collection: str, size: int) -> bytes:
    """Pack the beginning of an inner command, up to the name of what differs."""
    names = ("cmd", command, "database", database, "collection", collection)
    return map_header(size) + b"".join(map(pack, names)) + pack("document" if command == "insert" else "key")


def _insert_group(
    role: Purpose,
    batch: int,
    rows: Sequence[int],
    whole: Sequence[tuple[str, Body]],
    collection: str,
    database: str,
) -> Group:
    keys = [key for key, _ in whole]
    bodies = [body for _, body in whole]
    tails = _packed(bodies, collection, keys)
    return Group(role, collection, batch, rows, keys, _head("insert", database, collection, 4), tails)


def _patch_tails(rows: Sequence[Patch], collection: str) -> list[bytes]:
    keys = [row.key for row in rows]
    changes = _packed([row.changes for row in rows], collection, keys)
    return [pack(key) + _DOCUMENT + change for key, change in zip(keys, changes, strict=True)]


def _whole(row: Patch, collection: str) -> Body:
    if row.whole is None:
        raise InvalidDocument(
            f"{collection}/{row.key}: attributes can't be removed without the complete new document",
            collection=collection,
            key=row.key,
        )
    return row.whole


def _packed(bodies: Sequence[Body], collection: str, keys: Sequence[str]) -> list[bytes]:
    """Pack maps; the checks run over all of them at C's speed, and look closer only on a hit."""
    if set(map(type, bodies)) - {dict}:  # anything else the server takes, and spoils
        culprit = next(place for place, body in enumerate(bodies) if not isinstance(body, dict))
        raise InvalidDocument(
            f"{collection}/{keys[culprit]} is not a mapping of attributes",
            collection=collection,
            key=keys[culprit],
        )
    try:
        tails = list(map(packer(), bodies))
    except (TypeError, OverflowError, ValueError) as problem:
        _blame(bodies, collection, keys)
        raise InvalidDocument(
            f"a document can't be sent: {problem}", collection=collection, key=keys[0]
        ) from problem  # a text that is no Unicode, say
    if any(map(NOT_FINITE.search, tails)):
        _blame(bodies, collection, keys)
    if max(map(len, tails)) > LARGEST:
        _too_large(tails, collection, keys)
    return tails


def _blame(bodies: Sequence[Body], collection: str, keys: Sequence[str]) -> None:
    """Raise InvalidDocument for the first body that can't be kept, if there is one."""
    for key, body in zip(keys, bodies, strict=True):
        for reason in unsuitable(body):
            raise InvalidDocument(
                f"{collection}/{key}: {reason}",
                collection=collection,
                key=key,
                hint="use a value that JSON has, or None",
            )


def _too_large(tails: Sequence[bytes], collection: str, keys: Sequence[str]) -> None:
    size, key = max((len(tail), key) for tail, key in zip(tails, keys, strict=True))
    raise MessageTooLarge(
        f"the document {collection}/{key} takes {size:,} bytes; a document may take at most {LARGEST:,}",
        size=size,
        limit=LARGEST,
        hint="keep large data in a blob, or in several documents; nothing was written",
    )


def _cuts(tails: Sequence[bytes], extra: int) -> Iterator[tuple[int, int]]:
    """Cut operations into runs that a batch frame, and its answer, can hold."""
    start = size = 0
    for place, tail in enumerate(tails):
        added = len(tail) + extra
        if place > start and (size + added > BYTES_AT_ONCE or place - start >= OPERATIONS_AT_ONCE):
            yield start, place
            start, size = place, 0
        size += added
    if start < len(tails):
        yield start, len(tails)


def _batch_frame(glue: bytes, tails: Sequence[bytes]) -> bytes:
    if len(tails) == 1:  # a batch around a single large document could be over the limit
        return frame(glue + tails[0])
    head = map_header(2) + pack("cmd") + pack("batch") + pack("commands") + array_header(len(tails))
    return frame(head + glue + glue.join(tails))
