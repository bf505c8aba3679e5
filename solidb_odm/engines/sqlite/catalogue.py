"""What collections and indexes the file holds: two tables, and a copy of them in each connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Final, cast

from ..._dataclasses import dataclass, field_names
from ..._types import JsonObject
from ...commands.schema import CollectionKind, CollectionSpec, IndexSpec, ValidationMode
from ...errors import CollectionNotFound, IndexNotFound, StoreCorrupt
from .sql_names import table_sql

_TABLES = (
    """CREATE TABLE _solidb_collections (
        name TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, schema TEXT,
        validation TEXT NOT NULL DEFAULT 'off',
        irregular INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    """CREATE TABLE _solidb_indexes (
        id INTEGER PRIMARY KEY, collection TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL,
        UNIQUE (collection, name))""",
)


_IRREGULAR: Final = 1
_EXACT: Final = 2
"""The bits of the column ``irregular``."""
_LAYOUTS: Final = {"geo": 1}
"""How the tables of an index are laid out now, for the kinds that were laid out otherwise once."""


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """An index as the file has it; ``number`` names its tables and triggers, ``layout`` says what they are.

    An outdated one was made by an earlier version: it serves less, until ``create_all`` makes it again.
    """

    number: int
    spec: IndexSpec
    layout: int = 0

    @property
    def is_outdated(self) -> bool:
        return self.layout < _LAYOUTS.get(self.spec.kind, 0)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as the file has it.

    ``irregular``: some document holds a NUL character, at which SQLite's JSON functions cut strings
    off, so queries over it that do more than compare run in Python. ``exact``: its indexes, and the order
    keys that queries compare, know texts whole.
    """

    name: str
    kind: CollectionKind
    schema: JsonObject | None
    validation: ValidationMode
    irregular: bool
    exact: bool
    indexes: tuple[StoredIndex, ...] = ()

    @property
    def table(self) -> str:
        return table_sql(self.name)

    def index(self, name: str) -> StoredIndex:
        """Return the index of this name; IndexNotFound if there is none."""
        for index in self.indexes:
            if index.spec.name == name:
                return index
        raise IndexNotFound(f"Index '{name}' not found in collection '{self.name}'", name=name)

    def spec(self) -> CollectionSpec:
        """Return what the collection is, in the words of the commands."""
        return CollectionSpec(
            self.name,
            self.kind,
            tuple(index.spec for index in self.indexes if not index.is_outdated),
            self.schema,
            self.validation,
            sorts_decimals=True,
        )


def lay_out(connection: sqlite3.Connection) -> None:
    """Make the catalogue's tables in a new file."""
    for statement in _TABLES:
        connection.execute(statement)


_VERSION: Final = "PRAGMA schema_version"
_NEVER: Final = -2


def counting(kind: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
    """Return a kind of connection with a place for the count of ``count_compilations``."""
    subclass = _counting.get(kind)
    if subclass is None:
        subclass = _counting[kind] = type(kind.__name__, (kind,), {"__slots__": ("compilations",)})
    return subclass


_counting: dict[type[sqlite3.Connection], type[sqlite3.Connection]] = {}


def count_compilations(connection: sqlite3.Connection) -> None:
    """Have a connection count what it compiles, so that ``has_moved`` knows without asking.

    SQLite asks an authorizer about each step of a statement that it compiles, and compiles it again when it
    meets a changed schema. This one counts, and then answers with the least of the count's numbers: 0, which
    allows all. It consists of functions in C, into which no interrupt can come, as it would be lost there.
    """
    compilations = count()
    connection.set_authorizer(cast(Any, partial(min, 0, key=partial(next, compilations))))
    cast(Any, connection).compilations = compilations  # in the place that counting() made


class SharedCatalogue:
    """What the last connection read of a file, for the next one: each session begins with a look at it.

    Only what is committed is shared, and stays what it is for its version. Safe for threads.
    """

    def __init__(self) -> None:
        self._last: tuple[int, dict[str, Collection]] = (-1, {})

    def get(self, version: int) -> dict[str, Collection] | None:
        """Return a copy of the collections of a version, if they were read."""
        known, collections = self._last
        return dict(collections) if known == version else None

    def put(self, version: int, collections: dict[str, Collection]) -> None:
        """Keep what was read, in the place of what was before."""
        self._last = version, dict(collections)


class Catalogue:
    """The catalogue as one connection sees it, read again when the file's schema has changed."""

    def __init__(self, connection: sqlite3.Connection, shared: SharedCatalogue | None = None) -> None:
        self._connection = connection
        self._shared = shared
        self._versions = connection.cursor()
        self._compilations: Iterator[int] = getattr(connection, "compilations", None) or count(0, 2)
        self._compared = _NEVER
        self._collections: dict[str, Collection] = {}
        self.irregular: tuple[Collection, ...] = ()
        """The collections with a NUL character in some document."""
        self.version = -1
        self.is_private = False
        self._changed: dict[str, Collection | None] = {}

    def refresh(self, *, has_just_begun: bool = False) -> int:
        """Read the catalogue again if any connection has changed it; return its version.

        In a transaction that holds the write lock only what it changed itself is read again; one that
        ``has_just_begun`` has changed nothing yet.
        """
        version = self._current()
        if version != self.version:
            try:
                if self.is_private and self.is_read and self._changed:
                    self._read_changed()
                else:
                    self._collections = self._read_all(version, has_just_begun=has_just_begun)
                    sorted(self._collections)
                self._changed.clear()
                self.irregular = tuple(
                    collection for collection in self._collections.values() if collection.irregular
                )
            except (ValueError, TypeError, KeyError) as exc:
                raise StoreCorrupt(
                    f"the list of collections is damaged: {exc!r}", hint="restore the file from a copy"
                ) from exc
            self.version, self._compared = version, _NEVER
        return self.version

    def _read_all(self, version: int, *, has_just_begun: bool) -> dict[str, Collection]:
        """Return all collections, from another connection of the file if it has read them."""
        if self._shared is None or self.is_private:
            return self._read()
        known = self._shared.get(version)
        if known is not None:
            return known
        contents = self._read()
        is_alone = not self._connection.in_transaction and self._current() == version
        if has_just_begun or is_alone:  # what others see, and no later
            self._shared.put(version, contents)
        return contents

    @property
    def is_read(self) -> bool:
        """Whether the catalogue was read, and not forgotten since."""
        return self.version >= 0

    def has_moved(self) -> bool:
        """Return whether any connection has changed the schema since the catalogue was read.

        Nobody has if the connection has compiled no statement since the last look: those that it had
        compiled run only while the schema is what it was.
        """
        now = next(self._compilations)
        if now == self._compared + 1:
            self._compared = now
            return False
        moved = self._current() != self.version
        self._compared = _NEVER if moved else now
        return moved

    def _current(self) -> int:
        ((version,),) = self._versions.execute(_VERSION)  # a cursor that is kept, as many queries ask
        return cast(int, version)

    def forget(self) -> None:
        """Trust nothing that was read: a change of the schema was rolled back."""
        self.version, self._compared = -1, _NEVER

    def settle(self) -> None:
        """Note the end of a transaction: what is read from now on, others read too."""
        self.is_private = False
        self._changed.clear()

    def note_change(self) -> None:
        """Read again: the schema was changed in the open transaction."""
        self._change()
        self.forget()
        self.refresh()

    def _change(self, *names: str) -> None:
        """Note a change of collections that others do not see until the commit, and have them read again."""
        self.is_private = True
        self._changed.update(dict.fromkeys(names))

    def names(self) -> list[str]:
        self.refresh()
        return sorted(self._collections)

    def find(self, name: str) -> Collection | None:
        return self._collections.get(name)

    def need(self, name: str) -> Collection:
        """Return the collection; CollectionNotFound if there is none."""
        collection = self._collections.get(name)
        if collection is None:
            raise CollectionNotFound(
                f"Collection '{name}' not found",
                name=name,
                hint="engine.create_all(Model) makes the collections and indexes of your models",
            )
        return collection

    def add_collection(self, name: str, kind: CollectionKind) -> None:
        self._connection.execute("INSERT INTO _solidb_collections (name, kind) VALUES (?, ?)", (name, kind))
        self._change(name)
        self._changed[name] = Collection(name, kind, None, "off", irregular=False, exact=False)

    def remove_collection(self, name: str) -> None:
        self._connection.execute("DELETE FROM _solidb_indexes WHERE collection = ?", (name,))
        self._connection.execute("DELETE FROM _solidb_collections WHERE name = ?", (name,))
        self._change(name)

    def rename_collection(self, name: str, new: str) -> None:
        self._connection.execute("UPDATE _solidb_collections SET name = ? WHERE name = ?", (new, name))
        self._connection.execute(
            "UPDATE _solidb_indexes SET collection = ? WHERE collection = ?", (new, name)
        )
        self._change(name, new)

    def add_index(self, collection: str, spec: IndexSpec) -> StoredIndex:
        """Note an index and return it with its number; the tables are the caller's to make."""
        layout = _LAYOUTS.get(spec.kind, 0)
        values: dict[str, Any] = {name: getattr(spec, name) for name in field_names(IndexSpec)}
        text = json.dumps({**values, "layout": layout} if layout else values)
        row = self._connection.execute(
            "INSERT INTO _solidb_indexes (collection, name, spec) VALUES (?, ?, ?)",
            (collection, spec.name, text),
        )
        index = _stored_index(cast(int, row.lastrowid), json.loads(text))
        known = self._changed.get(collection, self._collections.get(collection))
        self._change(collection)
        if known is not None:
            self._changed[collection] = replace(known, indexes=_in_order((*known.indexes, index)))
        return StoredIndex(index.number, spec, layout)

    def remove_index(self, index: StoredIndex) -> None:
        removed = "DELETE FROM _solidb_indexes WHERE id = ? RETURNING collection"
        rows = self._connection.execute(removed, (index.number,)).fetchall()
        self._change(*(name for (name,) in rows))

    def set_schema(self, name: str, schema: JsonObject | None, validation: ValidationMode) -> None:
        text = None if schema is None else json.dumps(schema)
        self._connection.execute(
            "UPDATE _solidb_collections SET schema = ?, validation = ? WHERE name = ?",
            (text, validation if schema is not None else "off", name),
        )
        self._announce(name)

    def mark_exact(self, name: str, *, irregular: bool) -> None:
        """Note that the order keys of a collection are exact, and whether any document holds a NUL."""
        mark = _EXACT | _IRREGULAR if irregular else _EXACT
        self._connection.execute("UPDATE _solidb_collections SET irregular = ? WHERE name = ?", (mark, name))
        self._announce(name)
        self.refresh()

    def _announce(self, name: str) -> None:
        """Change the schema version, by which other connections see that they must read again."""
        self._connection.execute("CREATE TABLE _solidb_announcement (mark)")
        self._connection.execute("DROP TABLE _solidb_announcement")
        self._change(name)

    def _read_changed(self) -> None:
        """Take over what is known of what was changed, and read the rest of it."""
        for name, known in self._changed.items():
            self._collections.pop(name, None)
            self._collections |= self._read(name) if known is None else {name: known}

    def _read(self, only: str | None = None) -> dict[str, Collection]:
        """Return the collections, or just the one of a name."""
        indexes: dict[str, list[StoredIndex]] = {}
        chosen = (only,) if only is not None else ()
        for number, collection, spec in self._connection.execute(
            "SELECT id, collection, spec FROM _solidb_indexes"
            f"{' WHERE collection = ?' if chosen else ''} ORDER BY name",
            chosen,
        ):
            indexes.setdefault(collection, []).append(_stored_index(number, json.loads(spec)))
        return {
            name: Collection(
                name,
                kind,
                None if schema is None else json.loads(schema),
                validation,
                bool(marks & _IRREGULAR),
                bool(marks & _EXACT),
                tuple(indexes.get(name, ())),
            )
            for name, kind, schema, validation, marks in self._connection.execute(
                "SELECT name, kind, schema, validation, irregular FROM _solidb_collections"
                f"{' WHERE name = ?' if chosen else ''}",
                chosen,
            )
        }


def _in_order(indexes: tuple[StoredIndex, ...]) -> tuple[StoredIndex, ...]:
    """Return indexes in the order in which they are read: by their names."""
    return tuple(sorted(indexes, key=lambda index: index.spec.name))


def _stored_index(number: int, values: dict[str, Any]) -> StoredIndex:
    layout = values.pop("layout", 0)
    return StoredIndex(number, IndexSpec.from_json(values), layout)
