"""UPDATE and REMOVE of the documents that FILTERs let through, counted or named, as one statement of SQL.

That is what the builder's ``update()`` and ``delete()`` come to. What is more than that, or may depend on the
order in which documents are written, runs in Python: writes held to a schema or a unique index among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...._dataclasses import dataclass
from ....language import nodes
from ....language.walk import collections_read, conjuncts, walk
from ..catalogue import Collection
from ..json_text import NUL_ESCAPE
from ..sql_names import is_reachable, path_sql
from .compilation import Compilation
from .index_filters import truths, where
from .parameters import Parameters, Signature
from .plans import Find, compilation
from .terms import Document, NotInSql

_ALIAS: Final = "d"
_TIME: Final = "now"


@dataclass(frozen=True, slots=True)
class BulkWrite:
    """One UPDATE or DELETE; the number of its rows is the answer, or the keys of them."""

    sql: str
    parameters: Parameters
    returns_keys: bool

    def values(self, binds: Mapping[str, Any], time: str) -> dict[str, Any] | None:
        """Return the values of the parameters; None where one has a NUL character, which is for Python."""
        values = {**self.parameters.values(binds), _TIME: time}
        return (
            None
            if any(isinstance(value, str) and NUL_ESCAPE in value for value in values.values())
            else values
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    variable: str
    collection: str
    conditions: tuple[nodes.Expression, ...]
    patch: nodes.Object | None
    """What is set; None for REMOVE."""
    returns_keys: bool


def bulk_write(
    query: nodes.Query, types: Signature, find: Find, *, database: str, strict: bool
) -> BulkWrite | None:
    """Return the statement that a counted bulk write comes to; None where it is more than that."""
    parts = _parts(query)
    collection = None if parts is None else find(parts.collection)
    if parts is None or collection is None or not _is_free(collection, parts.patch):
        return None
    try:
        c = compilation(types, find, database=database, strict=strict)
        c.query = (query,)
        return _written(c, collection, parts)
    except (NotInSql, RecursionError):
        return None


def _parts(query: nodes.Query) -> _Parts | None:
    """Return the parts of ``FOR d IN c FILTER .. UPDATE d WITH {..} IN c COLLECT .. RETURN count``.

    Or of one that ends with ``RETURN NEW._key``.
    """
    if not isinstance(query, nodes.Block):
        return None
    collect = [clause for clause in query.body[-1:] if isinstance(clause, nodes.Collect)]
    clauses = query.body[: len(query.body) - len(collect)]
    if len(clauses) < 2:
        return None
    first, *filters, write = clauses
    if not isinstance(first, nodes.For) or not isinstance(first.source, nodes.Name):
        return None
    loop, name = nodes.For(first.variable, first.source), first.source.name
    patch = write.patch if isinstance(write, nodes.Update) else None
    if isinstance(patch, nodes.Object) and write == nodes.Update(nodes.Name(first.variable), patch, name):
        shown = "NEW"
    elif write == nodes.Remove(nodes.Name(first.variable), name):
        patch, shown = None, "OLD"
    else:
        return None
    conditions = [clause.condition for clause in filters if isinstance(clause, nodes.Filter)]
    if len(conditions) < len(filters) or (patch is not None and _reads_again(patch, name)):
        return None
    whole = nodes.Block((loop, *filters, write, *collect), returns=query.returns)
    key = nodes.Attribute(nodes.Name(shown), "_key")
    returns_keys = not collect and query.returns == nodes.Return(key)
    if query != whole or not (returns_keys or (collect and _is_counted(collect[0], query.returns, key))):
        return None
    parts = tuple(part for condition in conditions for part in conjuncts(condition))
    return _Parts(first.variable, name, parts, patch, returns_keys)


def _reads_again(patch: nodes.Object, collection: str) -> bool:
    """Return whether what is set depends on documents of the same collection, some of them written by then.

    Conditions may: SQLite reads all that a condition with a subquery lets through before it writes, as Python
    does.
    """
    read = (collections_read(part.query) for part in walk(patch) if isinstance(part, nodes.Subquery))
    return any(isinstance(part, nodes.Traverse | nodes.Match) for part in walk(patch)) or any(
        collection in names for names in read
    )


def _is_counted(collect: nodes.Collect, returns: nodes.Return | None, key: nodes.Expression) -> bool:
    """Return whether all that a query shows is how many documents it wrote."""
    if len(collect.aggregates) != 1:
        return False
    counted = nodes.Aggregate(collect.aggregates[0].name, "COUNT", key)
    return collect == nodes.Collect(aggregates=(counted,)) and returns == nodes.Return(
        nodes.Name(counted.name)
    )


def _is_free(collection: Collection, patch: nodes.Object | None) -> bool:
    """Return whether a write can be made in any order, and breaks no rule of the collection."""
    if collection.irregular:
        return False
    if patch is None:
        return True
    names = [name for name, _ in patch.pairs]
    if collection.validation != "off" or len(set(names)) < len(names):
        return False
    if not all(is_reachable(name) and not name.startswith("_") and "." not in name for name in names):
        return False
    held = [index.spec for index in collection.indexes if index.spec.unique or index.spec.kind == "vector"]
    paths = [path for spec in held for path in (*spec.fields, *(path for path, _ in spec.where))]
    return {path.split(".")[0] for path in paths}.isdisjoint(names)


def _written(c: Compilation, collection: Collection, parts: _Parts) -> BulkWrite:
    document = Document("object", _ALIAS, collection.name, c.database, collection.exact)
    scope = {parts.variable: document}
    conditions = [truth for condition in parts.conditions for truth in truths(c, condition, scope)]
    chosen = f" WHERE {where(conditions)}" if conditions else ""
    if parts.returns_keys:
        chosen += " RETURNING key"
    table = f"{collection.table} AS {_ALIAS}"
    if parts.patch is None:
        return BulkWrite(f"DELETE FROM {table}{chosen}", c.parameters, parts.returns_keys)
    pairs = "".join(
        f", {path_sql((name,))}, {c.term(c, value, scope).json}" for name, value in parts.patch.pairs
    )
    changed = f"json_set({document.column('doc')}{pairs})" if pairs else document.column("doc")
    system = f"rev = lower(hex(randomblob(16))), updated = :{_TIME}"
    sql = f"UPDATE {table} SET doc = {changed}, {system}{chosen}"
    return BulkWrite(sql, c.parameters, parts.returns_keys)
