"""The tables of a vector index, as SQL: its vectors, the documents without one, and what changed last.

A vector stands beside its document in 32-bit floats. ``rest`` has the documents that the index does not
know; the odd ones among them hold something that the language must judge, the others have no vector.
``changes`` numbers the documents whose vector was written. Each row has a random mark: who remembers
number and mark of a state that was read, and finds them again, has to read only what came after it.
"""

from __future__ import annotations

from typing import Final

from .sql_names import PREFIX

_KEPT_CHANGES: Final = 100_000
_TRIM_EVERY: Final = 1_000
_EVENTS: Final = ("insert", "update", "delete")


def vectors_table(number: int) -> str:
    """Return the name of the table with the vectors of an index."""
    return f"{PREFIX}vector_{number}"


def rest_of_vectors(number: int) -> str:
    """Return the name of the table of the documents without a vector of an index."""
    return f"{PREFIX}rest_{number}"


def changes_table(number: int) -> str:
    """Return the name of the table that tells what changed in an index."""
    return f"{PREFIX}changes_{number}"


def create_vectors(number: int, table: str, path: str, dimension: int) -> list[str]:
    """Return the statements that make the tables, fill them, and keep them in step with the documents."""
    vectors, rest, changes = vectors_table(number), rest_of_vectors(number), changes_table(number)
    note = f"INSERT INTO {changes} (document, mark) VALUES"
    forget = f"DELETE FROM {vectors} WHERE rowid = old.rowid; DELETE FROM {rest} WHERE rowid = old.rowid"
    add = "; ".join(_rows(number, path, dimension, "(SELECT new.rowid AS rowid, new.doc AS doc)"))
    noted = f"{add}; {note} (new.rowid, random())"
    written, removed = f"{forget}; {noted}", f"{forget}; {note} (old.rowid, random())"
    is_time = f"AFTER INSERT ON {changes} WHEN new.number % {_TRIM_EVERY} = 0"
    trim = f"DELETE FROM {changes} WHERE number <= new.number - {_KEPT_CHANGES}"
    is_other = f"WHEN old.doc -> {path} IS NOT new.doc -> {path}"
    return [
        f"CREATE TABLE {vectors} (rowid INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
        f"CREATE TABLE {rest} (rowid INTEGER PRIMARY KEY, odd INTEGER NOT NULL)",
        f"CREATE INDEX {rest}_odd ON {rest} (odd) WHERE odd",
        f"CREATE TABLE {changes} (number INTEGER PRIMARY KEY, document INTEGER, mark INTEGER NOT NULL)",
        f"CREATE TRIGGER {changes}_trim {is_time} BEGIN {trim}; END",
        *_rows(number, path, dimension, table),
        f"{note} (NULL, random())",
        f"CREATE TRIGGER {vectors}_insert AFTER INSERT ON {table} BEGIN {noted}; END",
        f"CREATE TRIGGER {vectors}_update AFTER UPDATE OF doc ON {table} {is_other} BEGIN {written}; END",
        f"CREATE TRIGGER {vectors}_delete AFTER DELETE ON {table} BEGIN {removed}; END",
    ]


def drop_vectors(number: int) -> list[str]:
    """Return the statements that delete the tables of an index, also of one without the newer ones."""
    tables = (vectors_table(number), rest_of_vectors(number), changes_table(number))
    return [
        *(f"DROP TRIGGER IF EXISTS {tables[0]}_{event}" for event in _EVENTS),
        *(f"DROP TABLE IF EXISTS {table}" for table in tables),
    ]


def _rows(number: int, path: str, dimension: int, source: str) -> list[str]:
    """Return the statements that take documents up.

    The LIMIT keeps SQLite from merging the inner query into the outer one, which would make each vector
    twice: once for the condition and once for the row.
    """
    vectors, rest = vectors_table(number), rest_of_vectors(number)
    vector = f"solidb_vector(d.doc -> {path}, {dimension})"
    made = f"SELECT d.rowid AS place, {vector} AS vector FROM {source} AS d LIMIT -1"
    unknown = f"NOT EXISTS (SELECT 1 FROM {vectors} AS known WHERE known.rowid = d.rowid)"
    others = f"SELECT d.rowid, {_odd(path, dimension)} FROM {source} AS d WHERE {unknown}"
    return [
        f"INSERT INTO {vectors} (rowid, vector) SELECT place, vector FROM ({made}) WHERE vector IS NOT NULL",
        f"INSERT INTO {rest} (rowid, odd) {others}",
    ]


def _odd(path: str, dimension: int) -> str:
    """Tell what has, to the language, as many parts as a vector of the index, or may have."""
    kind = f"json_type(d.doc, {path})"
    return (
        f"CASE WHEN ifnull({kind}, 'null') = 'null' THEN 0"
        f" WHEN {kind} = 'array' THEN json_array_length(d.doc, {path}) = {dimension} ELSE 1 END"
    )
