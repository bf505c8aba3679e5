"""UPDATE and REMOVE of the documents that FILTERs let through, counted, as one statement of SQL.

That is what the builder's ``update()`` and ``delete()`` come to. What is more than that, or may depend on the
order in which documents are written, runs in Python: writes held to a schema or a unique index among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...._dataclasses import dataclass
from ....language import nodes
from ....language.walk import conjuncts, walk
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
    """One UPDATE or DELETE; the number of its rows is the answer."""

    sql: str
    parameters: Parameters

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


def bulk_write(
    query: nodes.Query, types: Signature, find: Find, *, database: str, strict: bool
) -> BulkWrite | None:
    """Return the statement that a counted bulk write comes to; None where it is more than that."""
    parts = _parts(query)
    collection = None if parts is None else find(parts.collection)
    if parts is None or collection is None or not _is_free(collection, parts.patch):
        return None
    try:
        return _written(compilation(types, find, database=database, strict=strict), collection, parts)
    except (NotInSql, RecursionError):
        return None


def _parts(query: nodes.Query) -> _Parts | None:
    """Return the parts of ``FOR d IN c FILTER .. UPDATE d WITH {..} IN c COLLECT .. RETURN count``."""
    if not isinstance(query, nodes.Block) or len(query.body) < 3:
        return None
    first, *filters, write, collect = query.body
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
    if len(conditions) < len(filters) or any(isinstance(node, nodes.Subquery) for node in walk(query)):
        return None
    whole = nodes.Block((loop, *filters, write, collect), returns=query.returns)
    if query != whole or not _is_counted(collect, query.returns, shown):
        return None
    parts = tuple(part for condition in conditions for part in conjuncts(condition))
    return _Parts(first.variable, name, parts, patch)


def _is_counted(collect: nodes.Clause, returns: nodes.Return | None, shown: str) -> bool:
    """Return whether all that a query shows is how many documents it wrote."""
    if not isinstance(collect, nodes.Collect) or len(collect.aggregates) != 1:
        return False
    key = nodes.Attribute(nodes.Name(shown), "_key")
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
    table = f"{collection.table} AS {_ALIAS}"
    if parts.patch is None:
        return BulkWrite(f"DELETE FROM {table}{chosen}", c.parameters)
    pairs = "".join(
        f", {path_sql((name,))}, {c.term(c, value, scope).json}" for name, value in parts.patch.pairs
    )
    changed = f"json_set({document.column('doc')}{pairs})" if pairs else document.column("doc")
    system = f"rev = lower(hex(randomblob(16))), updated = :{_TIME}"
    return BulkWrite(f"UPDATE {table} SET doc = {changed}, {system}{chosen}", c.parameters)
