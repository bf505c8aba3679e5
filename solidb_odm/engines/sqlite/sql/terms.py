"""What an expression is in SQL: its order key, its JSON, and how a result column is read back.

``key`` is the SQL of the value's order key, by which everything is compared; ``json`` is SQL that
gives the value as JSON, or NULL for null. A term says what it can; the rest is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias

from ...._dataclasses import dataclass
from ..order_key import FALSE_SQL, TRUE_SQL, element_key_sql, order_key_sql
from ..sql_names import SYSTEM_COLUMNS, is_reachable, path_sql, text_literal


class NotInSql(Exception):  # a signal, never seen by callers
    """SQL can't say this exactly; the message says what, for EXPLAIN."""


Kind: TypeAlias = Literal["null", "bool", "number", "string", "array", "object", "any"]
Decoder: TypeAlias = Literal["json", "key", "bool"]
Binds: TypeAlias = Mapping[str, Any]
Getter: TypeAlias = Callable[[Binds], Any]
"""Takes a value of a constant out of the bind values."""

SCALARS = frozenset(("null", "bool", "number", "string"))
DOCUMENT_COLUMNS = ("key", "rev", "created", "updated", "doc")


@dataclass(frozen=True, slots=True)
class Term:
    """A value in SQL. ``kind`` is its type where that is known before the query runs."""

    kind: Kind = "any"

    @property
    def key(self) -> str:
        """The order key of the value."""
        raise NotInSql("the comparison of this value")

    @property
    def json(self) -> str:
        """The value as JSON; what has only an order key is not shown this way."""
        raise NotInSql("the value of a computed expression inside an array or an object")

    @property
    def output(self) -> tuple[str, Decoder]:
        """The result column, and how it is read back."""
        return self.key, "key"

    def attribute(self, name: str) -> Term:
        """Return what ``value.name`` is; of anything but an object it is null."""
        raise NotInSql(f"the attribute {name!r} of a computed value")


@dataclass(frozen=True, slots=True)
class Constant(Term):
    """A literal or a bind value; ``value`` takes it from the binds when the query runs."""

    value: Getter = lambda _: None
    key_parameter: Callable[[], str] = str
    json_parameter: Callable[[], str] = str
    precision: str = ""
    """``wide`` for an integer that is no float, ``large`` for a float that several integers equal."""
    parameter_of: Callable[[Callable[[Any], Any]], str] = lambda _: ""
    """Returns the parameter of something made of the value."""

    @property
    def key(self) -> str:
        return self.key_parameter()

    @property
    def json(self) -> str:
        return f"json({self.json_parameter()})"

    @property
    def output(self) -> tuple[str, Decoder]:
        return self.json_parameter(), "json"


@dataclass(frozen=True, slots=True)
class Computed(Term):
    """The result of an operator or a function, known by its order key.

    ``scalar``: it is never an array or an object, so that its key says its value.
    """

    sql: str = "NULL"
    scalar: bool = False

    @property
    def key(self) -> str:
        return self.sql

    @property
    def json(self) -> str:
        if not self.scalar and self.kind not in SCALARS:
            raise NotInSql("the value of a computed expression inside an array or an object")
        return f"json(solidb_json({self.sql}))"

    def attribute(self, name: str) -> Term:
        if not self.scalar and self.kind not in SCALARS:
            raise NotInSql(f"the attribute {name!r} of a computed value")
        return NULL


@dataclass(frozen=True, slots=True)
class Column(Computed):
    """A text column of a table: a system attribute, always there.

    Bare, it would have what it meets taken for text; ``+`` stops that, and the use of its index.
    """

    @property
    def key(self) -> str:
        return f"+{self.sql}"

    @property
    def json(self) -> str:
        return f"json_quote({self.sql})"

    def attribute(self, name: str) -> Term:  # noqa: ARG002  # of a text or a boolean every one is null
        return NULL


@dataclass(frozen=True, slots=True)
class Prefixed(Computed):
    """A column behind a constant text, as a document's ``collection/key`` is.

    ``skip`` is SQL of the number of the first byte behind the text.
    """

    column: str = ""
    skip: str = ""

    def column_of(self, key: str) -> str:
        """Return what the column must be for the whole to equal a value; by bytes, as a text may hold NUL."""
        return f"{self.column} = CAST(substr(CAST({key} AS BLOB), {self.skip}) AS TEXT)"


@dataclass(frozen=True, slots=True)
class Truth(Term):
    """A condition: SQL that is 0 or 1, never NULL.

    ``where`` may be NULL for false, and is what an index can serve. ``present`` is an order key
    that is not null where the condition holds; ``bare`` is what is left of the condition to test
    if its own order key, ``subject``, is known to be not null. ``is_rare``: it holds for few rows.
    ``before`` is sooner tested, and holds wherever the condition does. ``by_key`` is all that need be tested
    where SQLite goes to a document by its key, the one called ``key_of``, and ``by_path`` where it does not,
    but begins with that document and searches those of ``path_of``.
    """

    sql: str = "0"
    where_sql: str = ""
    present: str = ""
    subject: str = ""
    bare: str = ""
    equals: str = ""
    is_rare: bool = False
    before: str = ""
    by_key: str = ""
    by_path: str = ""
    key_of: str = ""
    path_of: str = ""

    @property
    def where(self) -> str:
        return self.where_sql or self.sql

    @property
    def key(self) -> str:
        return f"CASE WHEN {self.sql} THEN {TRUE_SQL} ELSE {FALSE_SQL} END"

    @property
    def json(self) -> str:
        return f"json(CASE WHEN {self.sql} THEN 'true' ELSE 'false' END)"

    @property
    def output(self) -> tuple[str, Decoder]:
        return self.sql, "bool"

    def attribute(self, name: str) -> Term:  # noqa: ARG002  # of a text or a boolean every one is null
        return NULL


@dataclass(frozen=True, slots=True)
class JsonPath(Term):
    """An attribute inside JSON: of a document, or of an element of an array."""

    document: str = ""
    path: tuple[str, ...] = ()
    exact: bool = False

    @property
    def sql_path(self) -> str:
        return path_sql(self.path)

    @property
    def key(self) -> str:
        return order_key_sql(self.document, self.sql_path, exact=self.exact)

    @property
    def json(self) -> str:
        return f"({self.document} -> {self.sql_path})"

    @property
    def json_type(self) -> str:
        return f"json_type({self.document}, {self.sql_path})"

    @property
    def bare(self) -> str:
        """The attribute of a document as SQLite has it; "" where it may be cut off at a NUL character."""
        is_of_document = not self.exact and self.document.endswith(".doc")
        return f"{self.document} ->> {self.sql_path}" if is_of_document else ""

    @property
    def output(self) -> tuple[str, Decoder]:
        return f"{self.document} -> {self.sql_path}", "json"

    def attribute(self, name: str) -> Term:
        if not is_reachable(name):
            raise NotInSql(f"the attribute name {name!r}")
        return JsonPath("any", self.document, (*self.path, name), self.exact)


@dataclass(frozen=True, slots=True)
class Document(Term):
    """A whole document of a collection, in a table of the FROM clause."""

    alias: str = ""
    collection: str = ""
    database: str = ""
    exact: bool = False

    def column(self, name: str) -> str:
        """Return the SQL of a column of the document's table."""
        return f"{self.alias}.{name}"

    @property
    def key(self) -> str:
        raise NotInSql("the comparison of whole documents")

    @property
    def json(self) -> str:
        pairs = ", ".join(f"'$.{name}', {self.column(column)}" for name, column in SYSTEM_COLUMNS.items())
        return f"json_set({self.column('doc')}, {pairs}, '$._id', {self.id})"

    @property
    def output(self) -> tuple[str, Decoder]:
        return self.json, "json"

    @property
    def id(self) -> str:
        """The SQL of ``_id``."""
        return f"{text_literal(f'{self.database}:{self.collection}/')} || {self.column('key')}"

    def attribute(self, name: str) -> Term:
        if name in SYSTEM_COLUMNS:
            return Column("string", self.column(SYSTEM_COLUMNS[name]))
        if name == "_id":
            return Column("string", f"({self.id})")
        return JsonPath("any", self.column("doc"), exact=self.exact).attribute(name)


@dataclass(frozen=True, slots=True)
class Vertex(Document):
    """A document that a traversal reached, in the one of several tables that has it.

    ``vertex`` is SQL that says which: "collection/key".
    """

    vertex: str = ""
    tables: tuple[str, ...] = ()

    def column(self, name: str) -> str:
        columns = ", ".join(f"{table}.{name}" for table in self.tables)
        return f"coalesce({columns})" if len(self.tables) > 1 else columns

    @property
    def id(self) -> str:
        return f"{text_literal(f'{self.database}:')} || {self.vertex}"


@dataclass(frozen=True, slots=True)
class MaybeDocument(Term):
    """A document of a table, or null where the table has no row."""

    document: Document = field(default_factory=Document)

    @property
    def key(self) -> str:
        return f"solidb_key({self.json})"

    @property
    def json(self) -> str:
        return self.document.json

    @property
    def output(self) -> tuple[str, Decoder]:
        return self.json, "json"

    def attribute(self, name: str) -> Term:
        attribute = self.document.attribute(name)
        return Computed("any", f"+{attribute.sql}", True) if isinstance(attribute, Column) else attribute


@dataclass(frozen=True, slots=True)
class Element(Term):
    """An element of an array, as a row of ``json_each``.

    ``array`` is SQL of the array, from which floats are read as they are written.
    """

    alias: str = ""
    array: str = ""

    @property
    def key(self) -> str:
        return element_key_sql(self.alias)

    @property
    def json(self) -> str:
        value = f"{self.alias}.value"
        exact = f"{self.array} -> {self.alias}.fullkey" if self.array else f"solidb_json({value})"
        return (
            f"json(CASE {self.alias}.type WHEN 'text' THEN json_quote({value}) WHEN 'real' THEN {exact}"
            f" WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE {value} END)"
        )

    @property
    def output(self) -> tuple[str, Decoder]:
        return self.json, "json"

    def inside(self, kind: Kind) -> str:
        """Return the SQL of the element where it is an array, or an object, else NULL."""
        return f"(CASE {self.alias}.type WHEN {text_literal(kind)} THEN {self.alias}.value END)"

    def attribute(self, name: str) -> Term:
        return JsonPath("any", self.inside("object")).attribute(name)


@dataclass(frozen=True, slots=True)
class JsonValue(Term):
    """SQL that gives JSON: the rows of a subquery, an array or an object that is built.

    ``length`` is SQL that counts an array without building it, ``keys`` a SELECT of the order keys of
    its elements as ``k``; ``order_key`` is SQL of the value's order key, if it is at hand.
    """

    sql: str = "NULL"
    length: str = ""
    keys: str = ""
    order_key: str = ""

    @property
    def key(self) -> str:
        return self.order_key or f"solidb_key({self.sql})"

    @property
    def json(self) -> str:
        return f"json({self.sql})"

    @property
    def output(self) -> tuple[str, Decoder]:
        return self.sql, "json"

    def attribute(self, name: str) -> Term:
        if self.kind == "array":
            return NULL
        if not is_reachable(name):
            raise NotInSql(f"the attribute name {name!r}")
        return JsonValue("any", f"(({self.sql}) -> {path_sql((name,))})")


@dataclass(frozen=True, slots=True)
class Choice(Term):
    """``CASE``: the value of the first branch whose condition, SQL of 0, 1 or NULL, holds."""

    branches: tuple[tuple[str, Term], ...] = ()
    otherwise: Term = field(default_factory=lambda: NULL)

    @property
    def key(self) -> str:
        whens = " ".join(f"WHEN {condition} THEN {term.key}" for condition, term in self.branches)
        return f"CASE {whens} ELSE {self.otherwise.key} END"

    @property
    def json(self) -> str:
        whens = " ".join(f"WHEN {condition} THEN {term.json}" for condition, term in self.branches)
        return f"json(CASE {whens} ELSE {self.otherwise.json} END)"

    @property
    def output(self) -> tuple[str, Decoder]:
        if self.kind in SCALARS or all(term.kind in SCALARS for term in self.terms):
            return self.key, "key"
        try:
            return self.json, "json"
        except NotInSql:
            return self.key, "key"

    @property
    def terms(self) -> tuple[Term, ...]:
        return (*(term for _, term in self.branches), self.otherwise)

    def attribute(self, name: str) -> Term:
        branches = tuple((condition, term.attribute(name)) for condition, term in self.branches)
        return Choice("any", branches, self.otherwise.attribute(name))


@dataclass(frozen=True, slots=True)
class Structure(Term):
    """An array or an object built in the query; a result is put together from its parts in Python."""

    names: tuple[str, ...] = ()
    items: tuple[Term, ...] = ()

    @property
    def key(self) -> str:
        return f"solidb_key({self.json})"

    @property
    def json(self) -> str:
        if self.kind == "array":
            return f"json_array({', '.join(item.json for item in self.items)})"
        pairs = zip(self.names, self.items, strict=True)
        return f"json_object({', '.join(f'{text_literal(name)}, {item.json}' for name, item in pairs)})"

    def attribute(self, name: str) -> Term:
        if self.kind == "array" or name not in self.names:
            return NULL
        return self.items[self.names.index(name)]


NULL: Computed = Computed("null", "NULL")
"""The value null."""


def key_of(term: Term) -> str:
    """Return the order key of any value, of a whole document too."""
    try:
        return term.key
    except NotInSql:
        return f"solidb_key({term.json})"
