"""The real server as the other side: what performs a sync's requests, blocking and async."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote

from .._types import JsonObject, is_map
from ..client.databases import ping
from ..commands import (
    CollectionKind,
    CommitBatches,
    CreateCollection,
    Patch,
    Patches,
    Removals,
    call,
)
from ..engines.solidb.async_driver import AsyncServerDriver
from ..engines.solidb.commit import commit_batches
from ..engines.solidb.definitions import create_collection
from ..engines.solidb.driver import ServerDriver
from ..engines.solidb.reads import open_cursor, read_on
from ..errors import (
    AuthError,
    CollectionExists,
    CollectionNotFound,
    ConnectionFailed,
    DatabaseError,
    DocumentNotFound,
    DuplicateKey,
    InvalidDocument,
    MessageTooLarge,
    NotFoundError,
    PermissionDenied,
    ProtocolError,
    RequestTimeout,
    SolidbError,
    StaleDocument,
    StaleDocumentError,
    TransactionConflict,
)
from ..wire.exchange import (
    Exchange,
    HttpAnswer,
    HttpCall,
    http_fault,
    over_http,
    packed,
    query_request,
    send,
    send_all,
)
from ..wire.faults import Subject
from ..wire.http_json import as_read
from ..wire.names import quoted
from ..wire.url import ServerAddress
from .contents import same_value
from .remote import (
    CreateMany,
    CreateOne,
    Fetch,
    Identify,
    IndexTimes,
    MakeCollection,
    Page,
    Query,
    ReadOn,
    RemoteCollections,
    RemoteCommand,
    RemoveMany,
    ReplaceMany,
    Replacement,
    Written,
)

R = TypeVar("R")

TIME_INDEX: Final = "solidb_odm_sync_time"
IDENTITY: Final = "_solidb_odm_sync"
_NAME: Final = "name"
_KINDS: Final = ("document", "edge")
_STALE: Final = 409
_ALL_OR_NOTHING: Final = 100
"""How many rows of a query are written one by one; more are stored all or none."""

_TOGETHER: Final = 4
"""From how many changed documents on a transaction is worth its three round trips."""

_NOT_ITS_FAULT: Final = (401, 408, 429)
"""HTTP statuses that say nothing about the document that was sent."""

_NO_PATH: Final = (".", "..")
"""Keys that a path of HTTP can't name."""

_ONE_BY_ONE: Final = ' OPTIONS {overwriteMode: "ignore", ignoreErrors: true}'
_LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a document that can be replaced under a condition, so none larger is made."""


def collections(_: RemoteCollections, database: str) -> Exchange[dict[str, CollectionKind]]:
    """List the collections that can be synced."""
    listing = yield from over_http("GET", _at(database, "collection"))
    kinds = {row["name"]: row.get("type") or "document" for row in listing["collections"]}
    return {
        name: cast(CollectionKind, kind)
        for name, kind in kinds.items()
        if kind in _KINDS and not name.startswith("_")
    }


def identify(command: Identify, database: str) -> Exchange[str]:
    """Read the name that the first store to sync with a database has left there, or leave the one given."""
    place = {"database": database, "collection": IDENTITY}
    for _ in range(2):
        try:
            answer = yield from send({"cmd": "get", **place, "key": _NAME}, repeatable=True, light=True)
            return str(answer.data[_NAME])
        except (CollectionNotFound, DocumentNotFound) as problem:
            missing = problem
        if not command.proposed:
            return ""
        try:
            if isinstance(missing, CollectionNotFound):
                yield from make_collection(MakeCollection(IDENTITY, "document"), database)
            document: JsonObject = {"_key": _NAME, _NAME: command.proposed}
            yield from send({"cmd": "insert", **place, "key": _NAME, "document": document})
            return command.proposed
        except DuplicateKey:
            continue  # another store was first
    return ""


def make_collection(command: MakeCollection, database: str) -> Exchange[None]:
    """Make a collection; one that somebody else has just made will do."""
    try:
        yield from create_collection(CreateCollection(command.name, command.kind), database)
    except CollectionExists:
        return


def index_times(command: IndexTimes, database: str) -> Exchange[None]:
    """Make the index that "what was written since" is read by; without it that is only slower."""
    body = {"name": TIME_INDEX, "fields": ["_updated_at"], "type": "persistent"}
    yield from call(HttpCall("POST", _at(database, "index", command.collection), body))


def query(command: Query, database: str) -> Exchange[Page]:
    """Run a query that reads."""
    context = Subject(database, command.collection, query=command.text, binds=dict(command.binds))
    return _page((yield from open_cursor(database, command.text, command.binds, context, command.size)))


def read_more(command: ReadOn, database: str) -> Exchange[Page]:
    """Read the next rows."""
    return _page((yield from read_on(command.more, Subject(database))))


def fetch(command: Fetch, database: str) -> Exchange[list[JsonObject]]:
    """Read documents by key."""
    text = f"FOR d IN {quoted(command.collection)} FILTER d._key IN @keys RETURN d"
    context = Subject(database, command.collection, query=text)
    keys = list(command.keys)
    page = yield from open_cursor(database, text, {"keys": keys}, context, max(1, len(keys)))
    rows: list[JsonObject] = page["result"]
    while page.get("has_more"):
        page = yield from read_on(page["id"], context)
        rows += page["result"]
    wanted = set(keys)
    if not all(is_map(row) and row.get("_key") in wanted for row in rows):
        raise ProtocolError("the server answered a request for documents with something else")
    return rows


def create_many(command: CreateMany, database: str) -> Exchange[dict[str, Written]]:
    """Store new documents; what is there already, or refused, has no row in the answer."""
    if len(command.documents) > _ALL_OR_NOTHING:
        try:
            return (yield from _insert(command, "", database))
        except InvalidDocument:
            pass  # one of them is taken or refused, so none is stored
    return (yield from _insert(command, _ONE_BY_ONE, database))


def _insert(command: CreateMany, options: str, database: str) -> Exchange[dict[str, Written]]:
    text = (
        f"FOR d IN @documents INSERT d INTO {quoted(command.collection)}{options}"
        " RETURN [NEW._key, NEW._rev, NEW._updated_at]"
    )
    request = query_request(text, {"documents": list(command.documents)}, database)
    answer = yield from send(request, Subject(database, command.collection, query=text))
    return {key: Written(revision, updated) for key, revision, updated in answer.data if key is not None}


def create_one(command: CreateOne, database: str) -> Exchange[Written | SolidbError]:
    """Store one new document, to hear why it is refused."""
    document = dict(command.document)
    context = Subject(database, command.collection, str(document["_key"]))
    request: JsonObject = {"cmd": "insert", "database": database, "collection": command.collection}
    request |= {"document": document, "key": context.key}
    try:
        _check(document, context)
        stored = (yield from send(request, context)).data
    except (InvalidDocument, PermissionDenied, MessageTooLarge) as problem:
        return problem
    return Written(stored["_rev"], stored["_updated_at"])


def replace_many(command: ReplaceMany, database: str) -> Exchange[list[Written | SolidbError]]:
    """Replace documents, each under the condition of its revision.

    Many at a time in a transaction, whose commit is such a condition on all of them; but the server checks no
    schema there, calls no trigger, and takes no attribute away.
    """
    together: list[Replacement] = []
    if len(command.rows) >= _TOGETHER and (yield from _is_plain(command.collection, database)):
        together = [row for row in command.rows if row.base.keys() <= row.document.keys()]
    done = yield from _replace_together(command.collection, together, database)
    results: list[Written | SolidbError] = []
    for row in command.rows:
        result = done.get(row.key) or (yield from _replace(command.collection, row, database))
        results.append(result)
    return results


def _is_plain(collection: str, database: str) -> Exchange[bool]:
    """Return whether a collection has neither a schema nor a trigger."""
    place = {"database": database, "collection": collection}
    requests = [{"cmd": name, **place} for name in ("get_collection_schema", "list_collection_triggers")]
    schema, triggers = yield from send_all(requests, label="describe", repeatable=True)
    return (
        schema.refusal is None and triggers.refusal is None and not (schema.data or triggers.data["triggers"])
    )


def _replace_together(
    collection: str, rows: Sequence[Replacement], database: str
) -> Exchange[dict[str, Written | SolidbError]]:
    """Change documents in as few transactions as it takes; those that are left are to be tried one by one."""
    if len(rows) < _TOGETHER:
        return {}
    try:
        (receipts,) = yield from commit_batches(CommitBatches([_patches(collection, rows)]), database)
        return {row.key: Written(receipt[0], receipt[2]) for row, receipt in zip(rows, receipts, strict=True)}
    except StaleDocumentError as problem:
        moved = {document.key for document in problem.documents}
    except TransactionConflict:
        return {}
    except PermissionDenied as problem:
        return {row.key: problem for row in rows}
    except (DatabaseError, MessageTooLarge):  # one of them is at fault
        half = len(rows) // 2
        first = yield from _replace_together(collection, rows[:half], database)
        return first | (yield from _replace_together(collection, rows[half:], database))
    left = [row for row in rows if row.key not in moved]
    return (yield from _replace_together(collection, left, database)) if moved else {}


def _patches(collection: str, rows: Sequence[Replacement]) -> Patches:
    return Patches(collection, [Patch(row.key, row.revision, _changes(row)) for row in rows])


def _changes(row: Replacement) -> JsonObject:
    """Return the attributes that differ from the base."""
    return {
        name: value
        for name, value in row.document.items()
        if name not in row.base or not same_value(value, row.base[name])
    }


def _replace(collection: str, row: Replacement, database: str) -> Exchange[Written | SolidbError]:
    """Replace one document over HTTP, which checks its schema and its revision under one lock."""
    key, revision, document, _ = row
    context = Subject(database, collection, key)
    try:
        _check(document, context)
    except (InvalidDocument, MessageTooLarge) as problem:
        return problem
    if key in _NO_PATH:
        removed = tuple(name for name in row.base if name not in document)
        patch = Patch(key, revision, _changes(row), removed, document)
        return (yield from _commit(collection, patch, database))
    path, condition = _at(database, "document", collection, key), {"If-Match": f'"{revision}"'}
    answer = yield from call(HttpCall("PUT", path, document, {"replace": "true"}, condition))
    written = _written(answer, context, revision)
    inexact = {name: value for name, value in document.items() if as_read(value) is not value}
    if isinstance(written, Written) and inexact:
        return (yield from _commit(collection, Patch(key, written.revision, inexact), database))
    return written


def _commit(collection: str, patch: Patch, database: str) -> Exchange[Written | SolidbError]:
    """Change one document by the driver's protocol, which carries floats that JSON can't, and every key."""
    try:
        ((receipt,),) = yield from commit_batches(CommitBatches([Patches(collection, [patch])]), database)
    except (StaleDocumentError, TransactionConflict, DocumentNotFound):
        return _stale(collection, patch.key, patch.revision)
    except InvalidDocument as problem:
        return problem
    return Written(receipt[0], receipt[2])


def remove_many(command: RemoveMany, database: str) -> Exchange[list[SolidbError | None]]:
    """Delete documents, each under the condition of its revision: in one transaction, if none has moved."""
    left = dict(command.rows)
    failed: dict[str, SolidbError] = {}
    while left:
        try:
            yield from commit_batches(
                CommitBatches([Removals(command.collection, list(left.items()))]), database
            )
            break
        except StaleDocumentError as problem:
            moved = {document.key: document for document in problem.documents} or dict.fromkeys(left)
        except (TransactionConflict, DocumentNotFound):
            moved = dict.fromkeys(left)
        except PermissionDenied as problem:
            return [problem] * len(command.rows)
        for key in moved:
            failed[key] = _stale(command.collection, key, left.pop(key))
    return [failed.get(key) for key, _ in command.rows]


def _check(document: JsonObject, context: Subject) -> None:
    """Raise what is wrong with a document before it is sent: that it holds what the server can't keep."""
    place = f"{context.collection}/{context.key}"
    size = len(packed(document, place))
    if size > _LARGEST:
        raise MessageTooLarge(f"{place} has {size:,} bytes", size=size, limit=_LARGEST)


def _written(answer: HttpAnswer, context: Subject, revision: str = "") -> Written | SolidbError:
    """Return what came of one write; what says nothing about the document is raised."""
    body: JsonObject = answer.body if is_map(answer.body) else {}
    if answer.status < 300 and "_rev" in body:
        return Written(body["_rev"], body["_updated_at"])
    if answer.status == _STALE:
        return _stale(context.collection, context.key, revision)
    if answer.status == 404 and body.get("type") == "DocumentNotFound":
        return _stale(context.collection, context.key, revision)
    problem = http_fault(answer, context)
    is_its_fault = 400 <= answer.status < 500 and answer.status not in _NOT_ITS_FAULT
    if is_its_fault and not isinstance(problem, NotFoundError):
        return problem  # whatever is wrong with it, the others go on
    raise problem


def _stale(collection: str, key: str, revision: str) -> StaleDocumentError:
    return StaleDocumentError.of((StaleDocument(collection, key, revision, None),))


def _page(page: JsonObject) -> Page:
    return Page(page["result"], str(page["id"]) if page.get("has_more") else "")


def _at(database: str, *parts: str) -> str:
    return "/_api/database/" + "/".join(quote(part, safe="") for part in (database, *parts))


_EXCHANGES: dict[type[Any], Callable[[Any, str], Exchange[Any]]] = {
    RemoteCollections: collections,
    Identify: identify,
    MakeCollection: make_collection,
    IndexTimes: index_times,
    Query: query,
    ReadOn: read_more,
    Fetch: fetch,
    CreateMany: create_many,
    CreateOne: create_one,
    ReplaceMany: replace_many,
    RemoveMany: remove_many,
}


class ServerRemote:
    """A server, blocking."""

    def __init__(self, address: ServerAddress) -> None:
        self.address = address
        self.driver = ServerDriver(address)

    def perform(self, command: RemoteCommand[R], /) -> R:
        """Perform a request on a connection of the pool."""
        exchange: Exchange[R] = _EXCHANGES[type(command)](command, self.address.database)
        return self.driver.run(exchange)

    def log_in(self) -> bool:
        """Return whether the server took the login, AuthError if it did not; False if it is away."""
        try:
            self.driver.run(ping())
        except AuthError:
            raise
        except (ConnectionFailed, RequestTimeout):
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self.driver.close()


class AsyncServerRemote:
    """A server, async."""

    def __init__(self, address: ServerAddress) -> None:
        self.address = address
        self.driver = AsyncServerDriver(address)

    async def perform(self, command: RemoteCommand[R], /) -> R:
        """Perform a request on a connection of the pool."""
        exchange: Exchange[R] = _EXCHANGES[type(command)](command, self.address.database)
        return await self.driver.run(exchange)

    async def log_in(self) -> bool:
        """Return whether the server took the login, AuthError if it did not; False if it is away."""
        try:
            await self.driver.run(ping())
        except AuthError:
            raise
        except (ConnectionFailed, RequestTimeout):
            return False
        return True

    async def aclose(self) -> None:
        """Close the connections."""
        await self.driver.aclose()
