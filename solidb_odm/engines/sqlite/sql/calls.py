"""Function calls in SQL: a few as SQL of their own, the plain ones as calls back into Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....language import functions, nodes
from ..sql_names import text_literal
from .conditions import chosen, first_present, prefix_end, starts_with, truth_of, type_test
from .terms import (
    Column,
    Computed,
    Constant,
    Document,
    JsonPath,
    JsonValue,
    Kind,
    NotInSql,
    Prefixed,
    Term,
    Truth,
)

if TYPE_CHECKING:
    from .compilation import Compilation, Scope

_TYPE_TESTS: Final[dict[str, Kind]] = {
    "IS_NULL": "null",
    "IS_BOOL": "bool",
    "IS_NUMBER": "number",
    "IS_STRING": "string",
    "IS_ARRAY": "array",
    "IS_OBJECT": "object",
}
_PLAIN: Final = frozenset(
    [
        "ABS",
        "BYTE_LENGTH",
        "CAPITALIZE",
        "CEIL",
        "CHAR_LENGTH",
        "CLAMP",
        "CONCAT",
        "CONCAT_SEPARATOR",
        "CONTAINS",
        "DATE_DAY",
        "DATE_DAYOFWEEK",
        "DATE_FORMAT",
        "DATE_HOUR",
        "DATE_ISO8601",
        "DATE_MONTH",
        "DATE_TIMESTAMP",
        "DATE_TRUNC",
        "DISTANCE",
        "DATE_YEAR",
        "ENDS_WITH",
        "FIND_FIRST",
        "FLOOR",
        "IN_RANGE",
        "LEFT",
        "LENGTH",
        "LIKE",
        "LOG",
        "LOWER",
        "LTRIM",
        "MOD",
        "PAD_LEFT",
        "PAD_RIGHT",
        "POW",
        "REGEX_TEST",
        "REPLACE",
        "RIGHT",
        "ROUND",
        "RTRIM",
        "SIGN",
        "SQRT",
        "STARTS_WITH",
        "SUBSTITUTE",
        "SUBSTRING",
        "TITLE_CASE",
        "TO_BOOL",
        "TO_NUMBER",
        "TO_STRING",
        "TRIM",
        "TRUNC",
        "TYPENAME",
        "UPPER",
    ]
)
"""Functions of scalars that ask nothing of their surroundings."""


_STRUCTURED: Final = frozenset(
    ("GEO_CONTAINS", "GEO_DISTANCE", "GEO_INTERSECTS", "GEO_WITHIN", "VECTOR_DISTANCE", "VECTOR_SIMILARITY")
)
"""Functions of arrays and objects that ask nothing of their surroundings."""


_FOLDS: Final = frozenset(
    [
        "AVERAGE",
        "AVG",
        "COUNT",
        "COUNT_DISTINCT",
        "COUNT_UNIQUE",
        "HAS",
        "MAX",
        "MEDIAN",
        "MIN",
        "PERCENTILE",
        "POSITION",
        "PRODUCT",
        "STDDEV",
        "STDDEV_POPULATION",
        "STDDEV_SAMPLE",
        "SUM",
        "VARIANCE",
        "VARIANCE_POPULATION",
        "VARIANCE_SAMPLE",
    ]
)
"""Functions of arrays and objects with a scalar for a result."""
_OF_ARRAYS: Final = frozenset(
    [
        "APPEND",
        "ATTRIBUTES",
        "FIRST",
        "FLATTEN",
        "INTERSECTION",
        "KEEP",
        "KEYS",
        "LAST",
        "MERGE",
        "MINUS",
        "NTH",
        "PUSH",
        "REVERSE",
        "SLICE",
        "SORTED",
        "SORTED_UNIQUE",
        "UNION",
        "UNION_DISTINCT",
        "UNIQUE",
        "UNSET",
        "VALUES",
        "ZIP",
    ]
)
"""Functions of arrays and objects with such for a result."""


def call(c: Compilation, node: nodes.Call, scope: Scope) -> Term:
    """Return a function's result; functions that SQL does not get are refused by name."""
    if node.name == "IF" and len(node.arguments) == 3:
        condition, then, otherwise = (c.term(c, one, scope) for one in node.arguments)
        return chosen(truth_of(condition), then, otherwise)
    function = functions.lookup(node.name)
    if function is None:
        raise NotInSql(f"the function {node.name}")
    name, arguments = function.name, node.arguments
    if name in ("LENGTH", "FIRST") and len(arguments) == 1 and isinstance(arguments[0], nodes.Subquery):
        return (c.count if name == "LENGTH" else c.first)(c, arguments[0].query, scope)
    if name in _TYPE_TESTS and len(arguments) == 1:
        return type_test(_TYPE_TESTS[name], c.term(c, arguments[0], scope))
    if name in ("NOT_NULL", "COALESCE") and len(arguments) > 1:
        return first_present([c.term(c, one, scope) for one in arguments])
    if name in _STRUCTURED:
        texts = [c.term(c, argument, scope).json for argument in arguments]
        return Computed("any", c.call_back("solidb_call_json", text_literal(name), *texts), True)
    if name in _FOLDS or name in _OF_ARRAYS:
        return _of_json(c, name, [c.term(c, argument, scope) for argument in arguments])
    if name not in _PLAIN:
        raise NotInSql(f"the function {name}")
    terms = [c.term(c, argument, scope) for argument in arguments]
    if name == "LENGTH" and len(terms) == 1 and isinstance(terms[0], JsonPath):
        return _length(c, terms[0])
    if name == "LENGTH" and len(terms) == 1 and isinstance(terms[0], JsonValue) and terms[0].kind == "array":
        return Computed("number", terms[0].length or f"json_array_length({terms[0].sql})")
    if name == "CONCAT" and terms and all(term.kind == "string" for term in terms):
        return _concatenated(c, terms)
    keys = [term.key for term in terms]
    return Computed("any", c.call_back("solidb_call", text_literal(name), *keys), True)


def _concatenated(c: Compilation, terms: list[Term]) -> Term:
    sql = f"({' || '.join(term.key for term in terms)})"
    if len(terms) == 2 and isinstance(terms[0], Constant) and isinstance(terms[1], Column):
        take = terms[0].value
        skip = c.parameters.add(lambda binds: len(take(binds).encode()) + 1)
        return Prefixed("string", sql, column=terms[1].sql, skip=skip)
    return Computed("string", sql)


def _of_json(c: Compilation, name: str, terms: list[Term]) -> Term:
    """Return what a function of arrays gives, of values that SQL has made; a document Python has whole.

    It is a subquery, so that SQLite calls it once where its arguments are the same for all rows.
    """
    if any(isinstance(term, Document) for term in terms):
        raise NotInSql(f"the function {name} of a whole document")
    texts = [term.json for term in terms]
    is_scalar = name in _FOLDS
    called = c.call_back("solidb_call_json" if is_scalar else "solidb_value", text_literal(name), *texts)
    return (
        Computed("any", f"(SELECT {called})", True) if is_scalar else JsonValue("any", f"(SELECT {called})")
    )


def _length(c: Compilation, path: JsonPath) -> Term:
    """Return the length of an attribute; SQLite counts the elements of arrays itself."""
    other = c.call_back("solidb_call", "'LENGTH'", path.key)
    count = f"json_array_length({path.document}, {path.sql_path})"
    return Computed("number", f"CASE {path.json_type} WHEN 'array' THEN {count} ELSE {other} END")


def prefix_filter(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth | None:
    """Return ``FILTER STARTS_WITH(text, constant)`` as a range of order keys, or None if it isn't one.

    The function gives null for null and an error for a number; a FILTER drops the row for both.
    """
    if c.strict or not isinstance(node, nodes.Call) or node.name != "STARTS_WITH" or len(node.arguments) != 2:
        return None
    prefix = c.constant(node.arguments[1])
    if prefix is None or prefix.kind != "string":
        return None
    take = prefix.value
    high = c.parameters.add(lambda binds: prefix_end(take(binds)))
    return starts_with(c.term(c, node.arguments[0], scope), prefix.key, high)
