"""Conditions on the elements of a list, such that an index over them serves.

The index gives the documents that have an element, and the condition itself tests them: it knows arrays from
objects, of which the index has the names.
"""

from __future__ import annotations

from ....commands.schema import ELEMENTS
from ....language import nodes
from ..layout import side_table
from ..order_key import NULL_KEY_SQL
from .compilation import Compilation, Scope
from .conditions import keys_text, truth_of
from .terms import Document, JsonPath, Term, Truth


def element_filter(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth | None:
    """Return a condition on elements in the form that an index over them serves; None if none does."""
    parts = _parts(node)
    if parts is None:
        return None
    listed, wanted, is_one = parts
    document = c.document_of(listed, scope)
    table = None if document is None else _index_table(c, document, c.term(c, listed, scope))
    if document is None or table is None:
        return None
    keys = _one(c, wanted, scope) if is_one else _several(c, wanted)
    if not keys:
        return None
    condition = truth_of(c.term(c, node, scope))
    chosen = f"{document.column('rowid')} IN (SELECT document FROM {table} WHERE key {keys})"
    return Truth("bool", condition.sql, f"({chosen} AND {condition.where})")


def _parts(node: nodes.Expression) -> tuple[nodes.Expression, nodes.Expression, bool] | None:
    """Return the list that a condition is about, and the element, or the elements, of which it has one."""
    if isinstance(node, nodes.Compare) and node.operator == "IN":
        return node.right, node.left, True
    if isinstance(node, nodes.ArrayCompare) and node.quantifier == "ANY":
        if node.operator == "==":
            return node.left, node.right, True
        if node.operator == "IN" and isinstance(node.right, nodes.Bind | nodes.Array):
            return node.left, node.right, False
    return None


def _index_table(c: Compilation, document: Document, listed: Term) -> str | None:
    """Return the table of the index over the elements of a list."""
    if type(document) is not Document or not isinstance(listed, JsonPath):
        return None
    path = f"{'.'.join(listed.path)}{ELEMENTS}"
    collection = c.collection(document.collection)
    for index in () if collection.irregular else collection.indexes:  # it has texts up to a NUL character
        if index.spec.is_of_elements and index.spec.fields == (path,):
            return side_table(index)
    return None


def _one(c: Compilation, wanted: nodes.Expression, scope: Scope) -> str:
    return f"= ifnull({c.term(c, wanted, scope).key}, {NULL_KEY_SQL})"


def _several(c: Compilation, wanted: nodes.Expression) -> str:
    """Return the SQL that tells the keys of a list of scalars, without null."""
    constant = c.constant(wanted)
    if constant is None or c.type_of(wanted) != "list":
        return ""
    values = constant.value
    return f"IN (SELECT value FROM json_each({c.parameters.add(lambda binds: keys_text(values(binds)))}))"
