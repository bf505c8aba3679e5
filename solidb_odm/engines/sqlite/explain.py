"""What EXPLAIN answers: the SQL of a query, the indexes that serve it, what is left to Python and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...language.walk import bind_names
from .layout import index_number
from .sql_names import PREFIX

if TYPE_CHECKING:
    from ..._types import JsonObject
    from .catalogue import Catalogue
    from .plan_cache import Known, Way
    from .sql.candidates import Narrowing
    from .sql.plans import Plan

_STATEMENT = ("sql", "parameters", "indexes", "steps")


def explain(
    connection: sqlite3.Connection,
    catalogue: Catalogue,
    entry: Known,
    way: Way | None,
    binds: Mapping[str, Any],
) -> JsonObject:
    """Return which SQL a query becomes, which indexes that uses, and what runs in Python and why.

    A query in Python reads collections by SQL, which leaves out what the FILTERs behind a FOR do not
    let through; ``sql`` and its companions are those of the first, ``python["reads"]`` has them all.
    """
    if entry.plan is not None:
        return {"engine": "file", **_statement(connection, catalogue, entry.plan, binds), "python": None}
    reads = _reads(connection, catalogue, entry, way, binds)
    what = "the whole query, over the rows of the SQL" if reads else "the whole query"
    if entry.head is not None:
        what = f"{entry.head.left}, over the rows of the SQL"
        reads.insert(0, _statement(connection, catalogue, entry.head.plan, binds))
    first: JsonObject = reads[0] if reads else {"sql": None, "parameters": {}, "steps": []}
    return {
        "engine": "file",
        **{name: first.get(name) for name in _STATEMENT},
        "indexes": list(dict.fromkeys(index for read in reads for index in read["indexes"])),
        "python": {
            "what": what,
            "why": entry.reason,
            "reads": reads,
        },
    }


def _statement(
    connection: sqlite3.Connection, catalogue: Catalogue, source: Plan | Narrowing, binds: Mapping[str, Any]
) -> JsonObject:
    """Describe a statement: what SQLite does for it, and by which indexes."""
    parameters = source.parameters.values(binds)
    steps = connection.execute(f"EXPLAIN QUERY PLAN {source.sql}", parameters).fetchall()
    details = [step[3] for step in steps]
    return {
        "sql": source.sql,
        "parameters": parameters,
        "indexes": _indexes(catalogue, details),
        "steps": details,
    }


def _reads(
    connection: sqlite3.Connection,
    catalogue: Catalogue,
    entry: Known,
    way: Way | None,
    binds: Mapping[str, Any],
) -> list[JsonObject]:
    """Describe what each FOR of a query in Python reads by SQL; what depends on a row is shown as ''."""
    if way is None or entry.narrowings is None:
        return []
    reads: list[JsonObject] = []
    for selection in way.prepared.selections:
        names = frozenset[str]().union(*map(bind_names, selection.conditions))
        by_row = dict.fromkeys(names - binds.keys(), "")
        narrowing = entry.narrowings.of(selection, by_row, catalogue.find, connection)
        if narrowing is not None:
            statement = _statement(connection, catalogue, narrowing, {**binds, **by_row})
            reads.append({"collection": selection.collection, "by row": bool(selection.by_row), **statement})
    return reads


def _indexes(catalogue: Catalogue, steps: list[str]) -> list[str]:
    """Return the names of the declared indexes that the steps of SQLite's plan use."""
    declared = {
        index.number: f"{name}.{index.spec.name}"
        for name in catalogue.names()
        for index in catalogue.need(name).indexes
    }
    used: dict[str, None] = {}
    for step in steps:
        if "VIRTUAL TABLE" in step:
            continue
        name = (step.partition(" INDEX ")[2] or step.removeprefix("SEARCH ")).partition(" ")[0]
        number = index_number(name)
        if number is not None and number in declared:
            used[declared[number]] = None
        elif name.startswith("sqlite_autoindex_") and step.startswith("SEARCH"):
            used["_key"] = None
        elif name.startswith(PREFIX):
            used[name] = None
    return list(used)
