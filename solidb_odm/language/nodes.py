"""SDBQL as data: one frozen node for each thing the language can say.

Nodes neither parse nor print themselves and hold no positions, so two texts that mean the same
compare equal. The query builder makes them, the parser reads them from text; the printer, the SQL
back end and the evaluator each have one method per node.

Names are stored as they are, unquoted. Values a caller supplies are ``Bind`` nodes: the values
themselves travel beside the query.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias
from typing import Literal as OneOf

from .._dataclasses import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

Scalar: TypeAlias = "str | int | float | bool | None"
Direction: TypeAlias = OneOf["OUTBOUND", "INBOUND", "ANY"]
UnaryOperator: TypeAlias = OneOf["NOT", "-", "~"]
BinaryOperator: TypeAlias = OneOf["+", "-", "*", "/", "%", "??", "||", "&", "|", "^", "<<", ">>"]
ComparisonOperator: TypeAlias = OneOf[
    "==", "!=", "<", "<=", ">", ">=", "<=>", "IN", "NOT IN", "LIKE", "NOT LIKE", "=~", "!~", "~=", "~"
]
LogicalOperator: TypeAlias = OneOf["AND", "OR"]
ArrayQuantifier: TypeAlias = OneOf["ANY", "ALL", "NONE", "AT LEAST"]
DecimalFunction: TypeAlias = OneOf[
    "KEY",
    "DIGITS",
    "NEGATIVE",
    "ADD",
    "SUBTRACT",
    "MULTIPLY",
    "DIVIDE",
    "FLOOR",
    "REST",
    "TOTAL",
    "PAIR",
    "PAIR_KEY",
    "PAIR_DIGITS",
]
SetOperator: TypeAlias = OneOf["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]
PathMode: TypeAlias = OneOf["SHORTEST_PATH", "ALL_SHORTEST_PATHS", "K_SHORTEST_PATHS", "K_PATHS"]
JoinKind: TypeAlias = OneOf["INNER", "LEFT", "RIGHT", "FULL", "ASOF"]
AsofDirection: TypeAlias = OneOf["BACKWARD", "FORWARD", "NEAREST"]
OptionValue: TypeAlias = "Scalar | tuple[OptionValue, ...]"
Options: TypeAlias = tuple[tuple[str, OptionValue], ...]


@dataclass(frozen=True, slots=True)
class Node:
    """The base of everything in a query."""


@dataclass(frozen=True, slots=True)
class Expression(Node):
    """Something that has a value."""


@dataclass(frozen=True, slots=True)
class Clause(Node):
    """A step in the body of a block: it turns a list of rows into another."""


# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Expression):
    """A constant in the text. ``1``, ``1.0`` and ``true`` are three different literals."""

    value: Scalar

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Literal):
            return NotImplemented
        return type(self.value) is type(other.value) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Bind(Expression):
    """``@name``: a value given beside the query."""

    name: str


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """A variable; as the source of a FOR also a collection or a view."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Expression):
    """``base.name``, ``base["name"]`` with a literal, or with ``optional`` ``base?.name``."""

    base: Expression
    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Subscript(Expression):
    """``base[index]`` with a computed index."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Expansion(Expression):
    """``base[* FILTER .. LIMIT offset, limit RETURN ..].path``; ``depth`` counts the stars."""

    base: Expression
    depth: int = 1
    condition: Expression | None = None
    offset: Expression | None = None
    limit: Expression | None = None
    projection: Expression | None = None
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Array(Expression):
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Object(Expression):
    """``{key: value}``, in written order; a repeated key keeps its last value."""

    pairs: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    """``operator operand``."""

    operator: UnaryOperator
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """``left operator right`` for operators that give values."""

    left: Expression
    operator: BinaryOperator
    right: Expression


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    """``left op right``, as in ``u.age >= @min``; a boolean (``<=>`` a number)."""

    left: Expression
    operator: ComparisonOperator
    right: Expression


@dataclass(frozen=True, slots=True)
class ArrayCompare(Expression):
    """``left ANY|ALL|NONE|AT LEAST(count) op right``: the comparison over an array's elements."""

    left: Expression
    quantifier: ArrayQuantifier
    operator: ComparisonOperator
    right: Expression
    count: Expression | None = None


@dataclass(frozen=True, slots=True)
class Logical(Expression):
    """``a AND b AND c``: two operands or more, read from the left, lazily; a boolean."""

    operator: LogicalOperator
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Range(Expression):
    """``low..high``: the integers from low to high, both included."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Ternary(Expression):
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Case(Expression):
    """``CASE subject WHEN a THEN b .. ELSE c END``; without a subject each WHEN is a condition."""

    subject: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None = None


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """``NAME(arguments)``; the name is upper case."""

    name: str
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipe(Expression):
    """``value |> NAME(arguments)``: the value is the first argument of the call."""

    value: Expression
    name: str
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class DecimalCall(Expression):
    """An exact computation of decimals; ``decimals`` writes out what the language has no function for."""

    name: DecimalFunction
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """``(a, b) -> body``; only as an argument of a higher-order function."""

    parameters: tuple[str, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Quantified(Expression):
    """``ANY x IN source SATISFIES condition``; without a condition: the source is not empty."""

    quantifier: OneOf["ANY", "NONE"]
    variable: str
    source: Expression
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Template(Expression):
    """``$"text ${expression} text"``: texts and expressions in turn."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class SortKey(Node):
    """One key of a SORT or of a window's ORDER BY."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Window(Expression):
    """``NAME(arguments) OVER (PARTITION BY .. ORDER BY ..)``."""

    name: str
    arguments: tuple[Expression, ...] = ()
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[SortKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Subquery(Expression):
    """``(FOR .. RETURN ..)``: the array of the rows the query returns."""

    query: Query


def path(base: Expression, steps: Iterable[str | int]) -> Expression:
    """Return what attributes and elements lead to, one read from another."""
    for step in steps:
        base = Attribute(base, step) if isinstance(step, str) else Subscript(base, Literal(step))
    return base


def call(name: str, *arguments: Expression) -> Call:
    """Return a call of a function of the language."""
    return Call(name, arguments)


def let(variable: str, value: Expression, body: Expression) -> Expression:
    """Return ``body`` where ``variable`` stands for a value, which is computed once.

    The server reads 64 levels: an element by its number is one level less than ``FIRST(..)``.
    """
    return Subscript(call("MAP", Array((value,)), Lambda((variable,), body)), Literal(0))


# --- clauses -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class For(Clause):
    """``FOR variable IN source``: a row for each element, or for each document of a collection.

    ``system_time`` reads a versioned collection as of a time; ``valid_time`` filters on the
    attributes ``valid_from`` and ``valid_to``: one expression (AS OF) or two (FROM .. TO ..).
    ``options`` holds ``indexHint``, ``forceIndexHint`` and what the server ignores.
    """

    variable: str
    source: Expression
    system_time: Expression | None = None
    valid_time: tuple[Expression, ...] = ()
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Traverse(Clause):
    """``FOR v, e, p IN min..max OUTBOUND start edges``: a row for each vertex that is reached."""

    variables: tuple[str, ...]
    direction: Direction
    start: Expression
    edges: str
    minimum: int = 1
    maximum: int = 1
    prune: Expression | None = None
    options: Options = ()
    graph: bool = False


@dataclass(frozen=True, slots=True)
class PathSearch(Clause):
    """``FOR v, e, p IN SHORTEST_PATH start TO end OUTBOUND edges``: a row for each path."""

    variables: tuple[str, ...]
    mode: PathMode
    start: Expression
    end: Expression
    direction: Direction
    edges: str
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Match(Clause):
    """``MATCH (a:coll {_key: key})-[:edges*min..max]->(target)``: binds target, ``_e`` and ``_p``."""

    start_name: str | None
    collection: str
    key: Expression
    edges: str
    target: str
    direction: Direction = "OUTBOUND"
    minimum: int = 1
    maximum: int = 1


@dataclass(frozen=True, slots=True)
class Let(Clause):
    """``LET name = value``; a list of bindings in the text is as many nodes."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Filter(Clause):
    """``FILTER condition``: keep the rows where it is truthy."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Search(Clause):
    """``SEARCH condition``: as FILTER, but errors are raised, and a number is a score."""

    condition: Expression


INTEGER_SUM = "SUM OF INTEGERS"
"""The function of an aggregate or window that adds integers exactly, which SUM does as floats.

No text can name it: a file computes it, a server gets it written out.
"""


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """``name = FUNCTION(argument)`` of a COLLECT; the function's name is upper case."""

    name: str
    function: str
    argument: Expression | None = None


@dataclass(frozen=True, slots=True)
class Collect(Clause):
    """``COLLECT name = key, .. INTO .. WITH COUNT INTO .. AGGREGATE ..``."""

    groups: tuple[tuple[str, Expression], ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    count_into: str | None = None
    into: str | None = None
    into_expression: Expression | None = None
    keep: tuple[str, ...] = ()
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Join(Clause):
    """``LEFT JOIN collection ON condition``: binds the collection's own name, to an array."""

    kind: JoinKind
    collection: str
    condition: Expression
    left_time: Expression | None = None
    right_time: Expression | None = None
    direction: AsofDirection | None = None
    tolerance: Expression | None = None


@dataclass(frozen=True, slots=True)
class Insert(Clause):
    """``INSERT document INTO collection OPTIONS {..}``."""

    document: Expression
    collection: str
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Update(Clause):
    """``UPDATE selector WITH patch IN collection``; with ``replace`` REPLACE."""

    selector: Expression
    patch: Expression | None
    collection: str
    replace: bool = False
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Remove(Clause):
    """``REMOVE selector IN collection``."""

    selector: Expression
    collection: str
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Upsert(Clause):
    """``UPSERT search INSERT document UPDATE patch IN collection``; with ``replace`` REPLACE."""

    search: Expression
    document: Expression
    patch: Expression
    collection: str
    replace: bool = False
    options: Options = ()


@dataclass(frozen=True, slots=True)
class StreamWindow(Clause):
    """``WINDOW TUMBLING (SIZE "1m")`` of a stream."""

    kind: OneOf["TUMBLING", "SLIDING"]
    size: str


# --- blocks and queries --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Return(Node):
    """``RETURN DISTINCT expression``."""

    expression: Expression
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class CommonTable(Node):
    """``name (columns) AS (query)``; the server reads the columns and ignores them."""

    name: str
    query: Query
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class With(Node):
    """``WITH RECURSIVE a AS (..), b AS (..)``."""

    tables: tuple[CommonTable, ...]
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class CreateStream(Node):
    """``CREATE STREAM name AS``."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateView(Node):
    """``CREATE MATERIALIZED VIEW name REFRESH "5m" AS query``."""

    name: str
    query: Query
    refresh: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshView(Node):
    """``REFRESH MATERIALIZED VIEW name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Block(Node):
    """One block: clauses, then at most one SORT, OFFSET and LIMIT, then LETs, then RETURN.

    ``late_lets`` stand after LIMIT and are evaluated once for each row that is left.
    """

    body: tuple[Clause, ...] = ()
    sort: tuple[SortKey, ...] = ()
    offset: Expression | None = None
    limit: Expression | None = None
    late_lets: tuple[Let, ...] = ()
    returns: Return | None = None
    tables: With | None = None
    head: CreateStream | CreateView | RefreshView | None = field(default=None)


@dataclass(frozen=True, slots=True)
class SetOperation(Node):
    """``left UNION right``; INTERSECT binds tighter than the others, otherwise from the left."""

    left: Query
    operator: SetOperator
    right: Query


Query: TypeAlias = Block | SetOperation
