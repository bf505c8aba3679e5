"""A server for tests: the same requests, performed on a database in memory, with faults at chosen steps."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from solidb_odm.commands import (
    Apply,
    CollectionKind,
    Commit,
    CreateCollection,
    DescribeCollection,
    DropCollection,
    Get,
    GetMany,
    Inserts,
    ListCollections,
    Removals,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileDriver, json_text
from solidb_odm.errors import (
    ConnectionFailed,
    ConnectionLost,
    DocumentNotFound,
    DuplicateKey,
    InvalidDocument,
    PermissionDenied,
    SolidbError,
    StaleDocument,
    StaleDocumentError,
)
from solidb_odm.language.parser import parse
from solidb_odm.offline.remote import (
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
    Written,
)

WRITES = (CreateMany, CreateOne, ReplaceMany, RemoveMany)


class ModelServer:
    """Documents with revisions; writes under a condition, each row on its own.

    ``before`` is called with a request that is about to run, and may raise or write; ``between`` before each
    row of a batch; ``after`` with a request that has run, and may raise to lose its answer. ``refuse`` gives
    the error a document is refused with.
    """

    def __init__(self) -> None:
        self._driver = FileDriver("sqlite://")
        self._channel = self._driver.channel()
        self._lock = threading.RLock()
        self._cursors: dict[str, tuple[list[Any], int]] = {}
        self._numbers = itertools.count()
        self.is_away = False
        self.identity = ""
        self.requests: list[RemoteCommand[Any]] = []
        self.before: Callable[[RemoteCommand[Any]], None] = lambda command: None
        self.after: Callable[[RemoteCommand[Any]], None] = lambda command: None
        self.refuse: Callable[[str, dict[str, Any]], SolidbError | None] = lambda collection, document: None
        self.between: Callable[[], None] = lambda: None
        self.unreadable: set[str] = set()

    # --- the other side of a sync -------------------------------------------------------------------

    def perform(self, command: RemoteCommand[Any]) -> Any:
        with self._lock:
            if self.is_away:
                raise ConnectionFailed("nobody is there")
            self.before(command)
            self.requests.append(command)
            reply = getattr(self, f"_{type(command).__name__}")(command)
            self.after(command)
            return reply

    def close(self) -> None:
        pass

    def end(self) -> None:
        self._channel.close()
        self._driver.close()

    def _Identify(self, command: Identify) -> str:
        self.identity = self.identity or command.proposed
        return self.identity

    def _RemoteCollections(self, _: RemoteCollections) -> dict[str, str]:
        names = self._channel.perform(ListCollections())
        specs = [self._channel.perform(DescribeCollection(name)) for name in names]
        return {spec.name: spec.kind for spec in specs if spec is not None}

    def _MakeCollection(self, command: MakeCollection) -> None:
        self.make(command.name, command.kind)

    def _IndexTimes(self, command: IndexTimes) -> None:
        pass

    def _Query(self, command: Query) -> Page:
        if command.collection in self.unreadable:
            raise PermissionDenied(f"no right to read {command.collection}")
        rows = self._channel.perform(RunQuery(parse(command.text), command.binds, command.text))
        return self._page(rows, command.size)

    def _ReadOn(self, command: ReadOn) -> Page:
        return self._page(*self._cursors.pop(command.more))

    def _page(self, rows: list[Any], size: int) -> Page:
        if len(rows) <= size:
            return Page(rows)
        name = str(next(self._numbers))
        self._cursors[name] = (rows[size:], size)
        return Page(rows[:size], name)

    def _Fetch(self, command: Fetch) -> list[dict[str, Any]]:
        return [self._whole(row) for row in self._channel.perform(GetMany(command.collection, command.keys))]

    def _CreateMany(self, command: CreateMany) -> dict[str, Written]:
        results: dict[str, Written] = {}
        for document in command.documents:
            self.between()
            written = self._create(command.collection, document)
            if isinstance(written, Written):
                results[document["_key"]] = written
        return results

    def _CreateOne(self, command: CreateOne) -> Written | SolidbError:
        return self._create(command.collection, command.document)

    def _create(self, collection: str, document: dict[str, Any]) -> Written | SolidbError:
        if self._channel.perform(Get(collection, document["_key"])) is not None:
            return DuplicateKey("there is one")
        return self._write(collection, document["_key"], document)

    def _ReplaceMany(self, command: ReplaceMany) -> list[Written | SolidbError]:
        results: list[Written | SolidbError] = []
        for row in command.rows:
            self.between()
            results.append(self._replace(command.collection, *row))
        return results

    def _replace(
        self, collection: str, key: str, revision: str, document: dict[str, Any], base: dict[str, Any]
    ) -> Written | SolidbError:
        """Change what differs from the base, which is to be what is here under the revision."""
        stored = self._channel.perform(Get(collection, key))
        if stored is None:
            return DocumentNotFound("gone")
        if stored[1] != revision:
            return StaleDocumentError.of((StaleDocument(collection, key, revision, stored[1]),))
        held = plain(self._whole(stored))
        assert held == plain(base), f"{collection}/{key} is {held}, not {base}"
        return self._write(collection, key, document)

    def _RemoveMany(self, command: RemoveMany) -> list[SolidbError | None]:
        return [self._remove(command.collection, *row) for row in command.rows]

    def _remove(self, collection: str, key: str, revision: str) -> SolidbError | None:
        stored = self._channel.perform(Get(collection, key))
        if stored is None or stored[1] != revision:
            return StaleDocumentError.of((StaleDocument(collection, key, revision, None),))
        self.delete(collection, key)
        return None

    def _write(self, collection: str, key: str, document: dict[str, Any]) -> Written | SolidbError:
        if (problem := self.refuse(collection, document)) is not None:
            return problem
        try:
            stored = self._put(collection, key, document)
        except InvalidDocument as problem:
            self._channel.perform(Rollback())
            return problem
        return Written(stored["_rev"], stored["_updated_at"])

    # --- other people -------------------------------------------------------------------------------

    def make(self, name: str, kind: CollectionKind = "document") -> None:
        """Make a collection, if it is missing."""
        with self._lock:
            if self._channel.perform(DescribeCollection(name)) is None:
                self._channel.perform(CreateCollection(name, kind))

    def put(self, collection: str, key: str, *, staged: float = 0.0, **values: Any) -> dict[str, Any]:
        """Write a whole document, as one that was staged so many seconds ago in a transaction."""
        with self._lock:
            self.make(collection)
            stored = self._put(collection, key, values)
            if staged:
                self._connection.execute(
                    f"UPDATE \"{collection}\" SET updated = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', ?)"
                    " WHERE key = ?",
                    (f"-{staged} seconds", key),
                )
            return stored

    def update(self, collection: str, key: str, *, staged: float = 0.0, **values: Any) -> None:
        """Merge attributes into a document."""
        with self._lock:
            stored = self._channel.perform(Get(collection, key))
            held = {} if stored is None else plain(self._whole(stored))
            self.put(collection, key, staged=staged, **{**held, **values})

    def delete(self, collection: str, key: str) -> None:
        """Delete a document, if it is there."""
        with self._lock:
            stored = self._channel.perform(Get(collection, key))
            if stored is not None:
                self._channel.perform(Apply([Removals(collection, [(key, stored[1])])]))
                self._channel.perform(Commit())

    def drop(self, collection: str) -> None:
        """Drop a collection."""
        with self._lock:
            self._channel.perform(DropCollection(collection))

    def all(self, collection: str) -> dict[str, dict[str, Any]]:
        """Return the documents by key, without what a server adds."""
        with self._lock:
            if self._channel.perform(DescribeCollection(collection)) is None:
                return {}
            rows = self._channel.perform(RunQuery(parse(f"FOR d IN `{collection}` RETURN d")))
            return {row["_key"]: plain(row) for row in rows}

    def backup(self, collection: str) -> list[tuple[Any, ...]]:
        """Return the rows of a collection as they are stored."""
        columns = "key, rev, created, updated, doc"
        with self._lock:
            rows = self._connection.execute(f'SELECT {columns} FROM "{collection}"').fetchall()
        return [tuple(row) for row in rows]

    def restore(self, collection: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Put the rows of a backup in the place of those stored."""
        with self._lock:
            self._connection.execute(f'DELETE FROM "{collection}"')
            sql = f'INSERT INTO "{collection}" (key, rev, created, updated, doc) VALUES (?, ?, ?, ?, ?)'
            self._connection.executemany(sql, rows)

    @property
    def _connection(self) -> Any:
        return getattr(self._channel, "_connection")  # noqa: B009

    def _put(self, collection: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
        stored = self._channel.perform(Get(collection, key))
        batches: list[Any] = []
        if stored is not None:
            batches.append(Removals(collection, [(key, stored[1])]))
        batches.append(Inserts(collection, [(key, {**values, "_key": key})]))
        self._channel.perform(Apply(batches))
        self._channel.perform(Commit())
        written = self._channel.perform(Get(collection, key))
        assert written is not None
        return self._whole(written)

    def _whole(self, stored: Any) -> dict[str, Any]:
        key, revision, created, updated, body = stored
        document = json_text.decode(body)
        return {**document, "_key": key, "_rev": revision, "_created_at": created, "_updated_at": updated}


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what an engine adds."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def lose_answer(kind: type[Any]) -> Callable[[RemoteCommand[Any]], None]:
    """Return a hook for ``after`` that loses the next answer to a kind of request."""
    left = [1]

    def hook(command: RemoteCommand[Any]) -> None:
        if isinstance(command, kind) and left:
            left.pop()
            raise ConnectionLost("the answer was lost")

    return hook


def once(kind: type[Any], work: Callable[[], Any]) -> Callable[[RemoteCommand[Any]], None]:
    """Return a hook for ``before`` that does something just before the next request of a kind."""
    left = [1]

    def hook(command: RemoteCommand[Any]) -> None:
        if isinstance(command, kind) and left:
            left.pop()
            work()

    return hook
