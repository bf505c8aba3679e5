"""``union``, ``intersect`` and ``except_``: the rows of two statements as those of one."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, Self, TypeVar, cast

from .._dataclasses import dataclass
from ..errors import UsageError
from ..language import decimals
from ..language import nodes as q
from ..model.declaration.registry import Registry
from ..model.expressions.build_scope import checked_extent
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import Expression
from ..model.expressions.fields import FieldRef
from ..model.expressions.kinds import plain_type
from .columns import Column, Entity, Labelled, Scalar, Table, check_alike, check_distinct
from .compiled import Compiled
from .compiler import BuildScope, with_tables
from .conditions import bounded
from .load_paths import Hops
from .select import natural, ordering
from .select_block import check_sources
from .select_forms import Form, Values, build_other_once, form_of, no_form, tell_form
from .statement import Loading, Statement, T_co

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Combination(Loading[T_co]):
    """The rows of two statements. To filter or group them, read them by ``cte()``."""

    left: Any
    operator: q.SetOperator
    right: Any
    orderings: tuple[Ordering, ...] = ()
    limit_count: int | None = None
    offset_count: int | None = None
    loads: tuple[Hops, ...] = ()
    _compiled: list[Compiled] = field(default_factory=list[Compiled], init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        checked_extent(self)

    def order_by(self, *keys: Any) -> Self:
        """Sort by fields of the documents, or by columns of the first statement; further calls add keys."""
        return self._with(orderings=(*self.orderings, *(ordering(key) for key in keys)))

    def limit(self, count: int) -> Self:
        """Return at most so many rows."""
        return self._with(limit_count=natural(count, "limit"))

    def offset(self, count: int) -> Self:
        """Skip this many rows at the start."""
        return self._with(offset_count=natural(count, "offset"))

    def _with(self, **changes: Any) -> Self:
        return replace(self, **changes)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the first statement, read as values of both."""
        pairs = zip(self.left.columns, self.right.columns, strict=True)
        return tuple(_read_as_both(one, other) for one, other in pairs)

    @property
    def single(self) -> bool:
        """Return whether a row is one column, not a tuple."""
        return bool(self.left.single)

    @property
    def entity(self) -> Entity | None:
        """The one model the statements give whole documents of, if they do."""
        entity: Entity | None = self.left.entity
        return entity

    def cte(self, name: str) -> Any:
        """Name the rows, to select from them: ``both = union(a, b).cte("both")``, ``select(both)``."""
        check_sources(self)
        return Table(name, self)

    def compile(self) -> Compiled:
        if not self._compiled:
            made = self._build() if self.loads else build_other_once(self, self._build, self.columns)
            self._compiled.append(made)
        return self._compiled[0]

    @bounded
    def _build(self) -> Compiled:
        scope = BuildScope()
        query = with_tables(self.__solidb_rows__(scope, None), scope)
        return Compiled(query, scope.values, self.columns, self.single, loads=self.loads)

    def __solidb_rows__(self, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Query:
        scopes = BuildScope(scope), BuildScope(scope)
        for part in scopes:
            part.is_distinct = self.operator != "UNION ALL" or scope.is_distinct
        left = self.left.__solidb_rows__(scopes[0], labels)
        right = self.right.__solidb_rows__(scopes[1], labels)
        combined = q.SetOperation(_operand(left, scope, self.left), self.operator, _operand(right, scope))
        if not (self.orderings or self.limit_count is not None or self.offset_count):
            return combined
        inner = BuildScope(scope)
        row = inner.fresh()
        limit = None if self.limit_count is None else inner.bind(self.limit_count)
        offset = None if not self.offset_count else inner.bind(self.offset_count)
        loop = q.For(row, q.Subquery(combined))
        return q.Block((loop,), self._sort(inner, row, labels), offset, limit, (), q.Return(q.Name(row)))

    def _sort(self, scope: BuildScope, row: str, labels: tuple[str, ...] | None) -> tuple[q.SortKey, ...]:
        keys: list[q.SortKey] = []
        entity = self.entity
        if entity is not None:
            for source in (entity.source, entity.model):
                scope.declare(source, row)
        for key in self.orderings:
            node = (
                key.expression.__solidb_build__(scope) if entity else self._cell(key.expression, row, labels)
            )
            keys.append(q.SortKey(node, key.descending))
        if keys and entity is not None:
            keys.append(q.SortKey(q.Attribute(q.Name(row), "_key"), keys[-1].descending))
        return tuple(keys)

    def _cell(self, wanted: Expression, row: str, labels: tuple[str, ...] | None) -> q.Expression:
        """Return the place in a row of a column of the first statement; of decimals what they sort by."""
        for place, column in enumerate(self.columns):
            if isinstance(column, Scalar) and _is_same(column, wanted):
                cell: q.Expression = q.Name(row)
                if labels is not None:
                    cell = q.Attribute(cell, labels[place])
                elif not self.single:
                    cell = q.Subscript(cell, q.Literal(place))
                return decimals.key(cell) if wanted.__solidb_kind__ == "decimal" else cell
        raise UsageError(
            f"{wanted!r} is no column of the combined statements, which are sorted by those only",
            hint="select it in all of them, or order a select of .cte()",
        )

    def __solidb_query__(self, scope: BuildScope) -> q.Query:
        if not self.single:
            raise UsageError("a statement inside another one needs exactly one column")
        return self.__solidb_rows__(scope, None)


def _form(part: Combination[Any], values: Values) -> Form:
    if not all(isinstance(key.expression, FieldRef) for key in part.orderings):
        no_form()  # a sort key may be known as a column by its label, or by being the same expression
    cuts = tuple(part.orderings), part.limit_count, part.offset_count
    said = tuple([form_of(clause, values) for clause in cuts])
    return Registry.generation, part.operator, form_of(part.left, values), form_of(part.right, values), *said


tell_form(Combination, _form)


def _read_as_both(one: Column, other: Column) -> Column:
    """Return a column whose values need not meet what the first field's type says beside their kind."""
    if not (isinstance(one, Scalar) and isinstance(other, Scalar)):
        return one
    plain = plain_type((one.expression, other.expression))
    return one if plain is None else replace(one, decode=None)


def _is_same(column: Scalar, wanted: Expression) -> bool:
    """Return whether a sort key is what a column shows: the same field, or the same expression or label."""
    own = column.expression
    inner = own.expression if isinstance(own, Labelled) else own
    asked = wanted.expression if isinstance(wanted, Labelled) else wanted
    if isinstance(inner, FieldRef) and isinstance(asked, FieldRef):
        return (inner.__solidb_place__.source, inner.__solidb_place__.path) == (
            asked.__solidb_place__.source,
            asked.__solidb_place__.path,
        )
    return inner is asked or (isinstance(wanted, Labelled) and wanted.name == column.label)


def _operand(operand: q.Query, scope: BuildScope, first: Any = None) -> q.Query:
    """Make a block of a combination on the right, which the language would read from the left; and of
    any that is cut or sorted, which would be so only after it was combined.
    """
    is_cut = isinstance(operand, q.Block) and (operand.limit is not None or operand.offset is not None)
    if not is_cut and (isinstance(operand, q.Block) or first is not None):
        return operand
    row = scope.fresh()
    return q.Block(body=(q.For(row, q.Subquery(operand)),), returns=q.Return(q.Name(row)))


def _unmeasured(left: Any, operator: q.SetOperator, right: Any) -> Any:
    """Make a combination of which another is made at once: that is measured, with all that is in it."""
    made: Any = object.__new__(cast(Any, Combination))
    values = {**_BARE, "left": left, "operator": operator, "right": right, "_compiled": list[Compiled]()}
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


_BARE = {"orderings": (), "limit_count": None, "offset_count": None, "loads": ()}


def _combine(operator: q.SetOperator, statements: tuple[Any, ...], name: str) -> Combination[Any]:
    if len(statements) < 2 or not all(hasattr(statement, "__solidb_rows__") for statement in statements):
        raise UsageError(f"{name}() takes two or more select() statements")
    for other in statements[1:]:
        check_alike(statements[0], other, name)
    if operator != "UNION ALL":
        for shown in (column for one in statements for column in one.columns if isinstance(column, Scalar)):
            check_distinct(shown.expression, f"{name}()")
    whole = statements[0]
    for other in statements[1:-1]:
        whole = _unmeasured(whole, operator, other)
    return Combination(whole, operator, statements[-1])


def union(*statements: Statement[T], all: bool = False) -> Combination[T]:  # noqa: A002  as the language says it
    """Return the rows of several selects, without duplicates unless ``all``."""
    return _combine("UNION ALL" if all else "UNION", statements, "union")


def intersect(*statements: Statement[T]) -> Combination[T]:
    """Return the rows that are in all of the selects, without duplicates."""
    return _combine("INTERSECT", statements, "intersect")


def except_(*statements: Statement[T]) -> Combination[T]:
    """Return the rows of the first select that are in none of the others, without duplicates."""
    return _combine("EXCEPT", statements, "except_")
