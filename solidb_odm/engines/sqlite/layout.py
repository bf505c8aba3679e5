"""The tables, indexes and triggers of a collection, as SQL.

Indexes of a kind that SQLite has no expression index for stand in tables of their own, which
triggers keep in step; their rows have the rowids of the documents.
"""

from __future__ import annotations

from ..._types import Json
from ...commands import CollectionKind, IndexSpec
from ...commands.schema import ELEMENTS
from ...errors import ConfigurationError, UnsupportedQueryError
from .catalogue import Collection, StoredIndex
from .json_text import NUL_ESCAPE
from .order_key import (
    FALSE_KEY,
    FALSE_SQL,
    NULL_KEY_SQL,
    TRUE_KEY,
    TRUE_SQL,
    decimal_key_sql,
    element_key_sql,
    order_key,
    order_key_sql,
)
from .place_tables import create_places, drop_places
from .sql_names import (
    PREFIX,
    SYSTEM_COLUMNS,
    is_reachable,
    path_sql,
    quoted,
    table_name,
    table_sql,
    text_literal,
)
from .vector_tables import create_vectors, drop_vectors

_COLUMNS = "rev TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, doc TEXT NOT NULL"
_HAS_NUL = f"instr(doc, '{NUL_ESCAPE}') AND solidb_has_nul(doc)"
_ELEMENT_KIND = "elements"
_FTS5 = "fts5(words, content='', tokenize='unicode61 remove_diacritics 0')"


def create_collection(name: str, kind: CollectionKind) -> list[str]:
    """Return the statements that make a collection's table."""
    table = table_sql(name)
    statements = [f"CREATE TABLE {table} (key TEXT NOT NULL UNIQUE, {_COLUMNS})"]
    return [*statements, *(_end_indexes(name) if kind == "edge" else ())]


def rename_collection(old: Collection, new: str) -> list[str]:
    """Return the statements that give a collection's table another name; triggers and indexes follow."""
    statements = [f"ALTER TABLE {old.table} RENAME TO {table_sql(new)}"]
    if old.kind == "edge":
        statements += [f"DROP INDEX {_own_index(old.name, end)}" for end in ("_from", "_to")]
        statements += _end_indexes(new, exact=old.exact)
    if old.exact:
        statements += [f"DROP INDEX {_own_index(old.name, 'nul')}", _nul_index(new)]
    return statements


def make_exact(collection: Collection, *, relaxed: bool) -> list[str]:
    """Return the statements that make the indexes of a collection know texts with a NUL character whole."""
    statements = [_nul_index(collection.name)]
    if collection.kind == "edge":
        statements += [f"DROP INDEX {_own_index(collection.name, end)}" for end in ("_from", "_to")]
        statements += _end_indexes(collection.name, exact=True)
    for index in collection.indexes:
        if index.spec.kind in ("persistent", "ttl") and not index.spec.is_of_elements:
            statements += drop_index(index)
            statements += _expression_index(collection.name, index, relaxed=relaxed, exact=True)
    return statements


def find_nul(collection: Collection) -> str:
    """Return the query for a document with a NUL character in an exact collection; an index serves it."""
    index = _own_index(collection.name, "nul")
    return f"SELECT 1 FROM {collection.table} INDEXED BY {index} WHERE {_HAS_NUL} LIMIT 1"


def _nul_index(name: str) -> str:
    return f"CREATE INDEX {_own_index(name, 'nul')} ON {table_sql(name)} (key) WHERE {_HAS_NUL}"


def _own_index(name: str, kind: str) -> str:
    return quoted(f"{PREFIX}{kind}:{table_name(name)}")


def _end_indexes(name: str, *, exact: bool = False) -> list[str]:
    return [
        f"CREATE INDEX {_own_index(name, end)} ON {table_sql(name)}"
        f" ({order_key_sql('doc', path_sql((end,)), exact=exact)}, key)"
        for end in ("_from", "_to")
    ]


def create_index(collection: Collection, index: StoredIndex, *, relaxed: bool = False) -> list[str]:
    """Return the statements that make an index and fill it from the documents there are.

    A ``relaxed`` unique one binds what is written here, not what is mirrored from a server.
    """
    spec = index.spec
    if spec.is_of_elements:
        return _element_index(collection.name, index)
    if spec.kind in ("persistent", "ttl"):
        return _expression_index(collection.name, index, relaxed=relaxed, exact=collection.exact)
    if spec.kind == "vector":
        return create_vectors(index.number, collection.table, field_path(spec.fields[0]), spec.dimension)
    if spec.kind == "geo":
        return create_places(index.number, collection.table, field_path(spec.fields[0]))
    return [
        f"CREATE VIRTUAL TABLE {side_table(index)} USING {_FTS5}",
        f"CREATE VIRTUAL TABLE {vocabulary_table(index)} USING fts5vocab({side_table(index)}, 'row')",
        *_kept_in_step(collection.name, index),
    ]


def drop_index(index: StoredIndex) -> list[str]:
    """Return the statements that delete an index."""
    if index.spec.kind in ("persistent", "ttl") and not index.spec.is_of_elements:
        return [
            f"DROP INDEX IF EXISTS {index_name(index)}",
            f"DROP INDEX IF EXISTS {_unique_name(index)}",
            *(
                f"DROP TRIGGER IF EXISTS {_trigger(index_name(index), event)}"
                for event in ("insert", "update")
            ),
        ]
    if index.spec.kind == "vector":
        return drop_vectors(index.number)
    if index.spec.kind == "geo":
        return drop_places(index.number)
    more = [vocabulary_table(index)] if index.spec.kind == "fulltext" else []
    tables = [*more, side_table(index)]
    triggers = [
        f"DROP TRIGGER IF EXISTS {_trigger(table, event)}"
        for table in tables
        for event in ("insert", "update", "delete")
    ]
    return [*triggers, *(f"DROP TABLE {table}" for table in tables)]


def index_name(index: StoredIndex) -> str:
    """Return the name of a persistent index in SQLite."""
    return f"{PREFIX}index_{index.number}"


def _unique_name(index: StoredIndex) -> str:
    return f"{PREFIX}unique_{index.number}"


def side_table(index: StoredIndex) -> str:
    """Return the name of the table that holds a fulltext index, or one over elements."""
    kind = _ELEMENT_KIND if index.spec.is_of_elements else index.spec.kind
    return f"{PREFIX}{kind}_{index.number}"


def vocabulary_table(index: StoredIndex) -> str:
    """Return the name of the table that tells how often a fulltext index has a word."""
    return f"{PREFIX}vocabulary_{index.number}"


def index_number(name: str) -> int | None:
    """Return the number in the name of an index of ours."""
    for prefix in (f"{PREFIX}index_", f"{PREFIX}unique_", f"{PREFIX}{_ELEMENT_KIND}_"):
        if name.startswith(prefix):
            return int(name.removeprefix(prefix))
    return None


def field_path(field: str) -> str:
    """Return the JSON path of a dotted field, as an SQL literal."""
    parts = field.split(".")
    if not all(map(is_reachable, parts)):
        raise UnsupportedQueryError(
            f"{field!r} can't be indexed in a file",
            construct=field,
            hint="use names without quotes or backslashes",
        )
    return path_sql(parts)


def key_of_field(field: str, alias: str = "", *, exact: bool) -> str:
    """Return the SQL of the order key of a dotted field of a table's documents."""
    prefix = f"{alias}." if alias else ""
    if field in SYSTEM_COLUMNS:
        return f"{prefix}{SYSTEM_COLUMNS[field]}"
    return order_key_sql(f"{prefix}doc", field_path(field), exact=exact)


def index_keys(spec: IndexSpec, alias: str = "", *, exact: bool) -> list[str]:
    """Return the SQL of what an index is sorted by: order keys, of decimals their keys."""
    keys = {field: key_of_field(field, alias, exact=exact) for field in spec.fields}
    return [decimal_key_sql(key) if field in spec.decimals else key for field, key in keys.items()]


def _expression_index(collection: str, index: StoredIndex, *, relaxed: bool, exact: bool) -> list[str]:
    """Index the order keys; a unique one lets off documents in which all the fields are null."""
    spec, table = index.spec, table_sql(collection)
    keys = index_keys(spec, exact=exact)
    if spec.unique and relaxed:
        plain = f"CREATE INDEX {index_name(index)} ON {table} ({', '.join(keys)})"
        return [plain, *_unique_triggers(collection, index, exact=exact)]
    is_whole = len(keys) == 1 and not spec.where
    unique = "UNIQUE " if spec.unique and is_whole else ""
    statements = [f"CREATE {unique}INDEX {index_name(index)} ON {table} ({', '.join(keys)})"]
    if spec.unique and not is_whole:  # SQLite takes NULLs for different, the server takes nulls for equal
        whole = ", ".join(f"ifnull({key}, x'')" for key in keys)
        some = " OR ".join(f"{key} IS NOT NULL" for key in keys)
        held = "".join(f" AND {condition}" for condition in _held(spec, exact=exact))
        statements.append(
            f"CREATE UNIQUE INDEX {_unique_name(index)} ON {table} ({whole}) WHERE ({some}){held}"
        )
    return statements


def _held(spec: IndexSpec, alias: str = "", *, exact: bool) -> list[str]:
    """Return the conditions of the documents that a unique index holds, besides that they have a value."""
    return [f"{key_of_field(path, alias, exact=exact)} IS {_literal(value)}" for path, value in spec.where]


def _literal(value: Json) -> str:
    """Write the order key of a scalar as an SQL literal."""
    key = order_key(value)
    if key is None:
        return "NULL"
    if isinstance(key, bytes):
        raise ConfigurationError(f"a unique index can't be for documents with {value!r}: it is no scalar")
    if isinstance(key, str):
        return text_literal(key)
    return {FALSE_KEY: FALSE_SQL, TRUE_KEY: TRUE_SQL}.get(key, repr(key))


def _unique_triggers(collection: str, index: StoredIndex, *, exact: bool) -> list[str]:
    """Return the triggers that hold what is written here, and not what is mirrored, to a unique index."""
    table, name = table_sql(collection), index_name(index)
    others, new = (index_keys(index.spec, alias, exact=exact) for alias in ("other", "new"))
    pairs = list(zip(others, new, strict=True))
    held = _held(index.spec, "other", exact=exact)
    equal = " AND ".join([*(f"{other} IS {new}" for other, new in pairs), *held])
    valued = " OR ".join(f"{new} IS NOT NULL" for _, new in pairs)
    some = " AND ".join([f"({valued})", *_held(index.spec, "new", exact=exact)])
    taken = f"SELECT 1 FROM {table} AS other WHERE {equal} AND other.rowid <> new.rowid"
    message = text_literal(f"UNIQUE constraint failed: index '{name}'")  # as SQLite itself says it
    quiet = f"NOT EXISTS (SELECT 1 FROM {PREFIX}sync_mirroring)"
    condition = f"WHEN {quiet} AND {some} AND EXISTS ({taken}) BEGIN SELECT RAISE(ABORT, {message}); END"
    return [
        f"CREATE TRIGGER {_trigger(name, 'insert')} AFTER INSERT ON {table} {condition}",
        f"CREATE TRIGGER {_trigger(name, 'update')} AFTER UPDATE OF doc ON {table} {condition}",
    ]


def _element_index(collection: str, index: StoredIndex) -> list[str]:
    """Return the statements for a table of the order keys of elements, and names in objects, by document.

    A name counts because ``"x" IN value`` looks for it where the value is an object.
    """
    table, side = table_sql(collection), side_table(index)
    listed, _, inner = index.spec.fields[0].partition(ELEMENTS)
    path = field_path(listed)
    if inner:  # of what elements that are objects hold there; the others have null
        element = order_key_sql("each.value", field_path(inner.removeprefix(".")), exact=False)
        key, kinds = f"ifnull(CASE each.type WHEN 'object' THEN {element} END, {NULL_KEY_SQL})", "('array')"
    else:
        element = f"ifnull({element_key_sql('each')}, {NULL_KEY_SQL})"
        key = f"CASE typeof(each.key) WHEN 'text' THEN each.key ELSE {element} END"
        kinds = "('array', 'object')"

    def each(alias: str) -> str:
        held = f"CASE WHEN json_type({alias}.doc, {path}) IN {kinds} THEN {alias}.doc END"
        return f"json_each({held}, {path}) AS each"

    def add(alias: str, source: str = "") -> str:
        rows = f"SELECT DISTINCT {key}, {alias}.rowid FROM {source}{each(alias)}"
        return f"INSERT INTO {side} (key, document) {rows}"

    remove = f"DELETE FROM {side} WHERE document = old.rowid AND key IN (SELECT {key} FROM {each('old')})"
    is_changed = f"(old.doc -> {path}) IS NOT (new.doc -> {path})"
    changed = f"WHEN {is_changed} BEGIN {remove}; {add('new')}; END"
    columns = "key NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (key, document)"
    return [
        f"CREATE TABLE {side} ({columns}) WITHOUT ROWID",
        add("d", f"{table} AS d, "),
        f"CREATE TRIGGER {_trigger(side, 'insert')} AFTER INSERT ON {table} BEGIN {add('new')}; END",
        f"CREATE TRIGGER {_trigger(side, 'update')} AFTER UPDATE OF doc ON {table} {changed}",
        f"CREATE TRIGGER {_trigger(side, 'delete')} AFTER DELETE ON {table} BEGIN {remove}; END",
    ]


def _trigger(side: str, event: str) -> str:
    return f"{side}_{event}"


def _kept_in_step(collection: str, index: StoredIndex) -> list[str]:
    """Return the statements that fill a fulltext index, and the triggers that keep it in step."""
    table, side, path = table_sql(collection), side_table(index), field_path(index.spec.fields[0])

    def write(document: str, head: str, source: str = "") -> str:
        words, is_text = (
            f"solidb_words({document}.doc ->> {path})",
            f"json_type({document}.doc, {path}) = 'text'",
        )
        return f"INSERT INTO {side} {head} {document}.rowid, {words}{source} WHERE {is_text}"

    add, added = "(rowid, words) SELECT", write("new", "(rowid, words) SELECT")
    # FTS5 without content is told what to forget.
    removed = write("old", f"({side}, rowid, words) SELECT 'delete',")
    is_other = f"WHEN old.doc -> {path} IS NOT new.doc -> {path}"
    update = f"{_trigger(side, 'update')} AFTER UPDATE OF doc ON {table} {is_other}"
    return [
        write("d", add, f" FROM {table} AS d"),
        f"CREATE TRIGGER {_trigger(side, 'insert')} AFTER INSERT ON {table} BEGIN {added}; END",
        f"CREATE TRIGGER {update} BEGIN {removed}; {added}; END",
        f"CREATE TRIGGER {_trigger(side, 'delete')} AFTER DELETE ON {table} BEGIN {removed}; END",
    ]
