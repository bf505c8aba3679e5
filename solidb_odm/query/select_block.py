"""From what a ``select`` says to an SDBQL block.

The block avoids the server's known defects: every SORT ends with the key, because a sort on a
single indexed field drops documents without it; a LIMIT never stands on a COLLECT without a FILTER
or SORT, because the server would limit the input; DISTINCT stands inside LIMIT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from .._types import is_tuple
from ..errors import UsageError
from ..language import decimals
from ..language import nodes as q
from ..model.document import Document
from ..model.expiry import EARLIEST, expiries
from ..model.expressions.build_scope import Source
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import Combined, Expression
from ..model.expressions.fields import FieldRef
from ..model.expressions.kinds import is_set
from ..model.expressions.literals import alike
from ..model.mixins import SoftDelete
from ..model.stored.field_values import stored_name
from .columns import Column, Entity, Labelled, Partner, Scalar, Table
from .compiler import BuildScope, names_in, same_name, sources_of, substitute
from .elements import Unnest, closed_all
from .sources import are_one, collection_of, family, model_of


@dataclass(frozen=True)
class Selection:
    """All the clauses of a select: the one list of them, which statements, blocks and known forms share.

    It has no slots: most clauses of most selects are absent, and stand in the class.
    """

    columns: tuple[Column, ...]
    single: bool
    partners: tuple[Partner, ...] = ()
    conditions: tuple[Expression, ...] = ()
    groups: tuple[Expression, ...] = ()
    having_conditions: tuple[Expression, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    starts: tuple[Source, ...] = ()
    joins: tuple[Source, ...] = ()
    limit_count: int | None = None
    offset_count: int | None = None
    is_distinct: bool = False
    is_with_deleted: bool = False

    @property
    def expressions(self) -> list[Expression]:
        """All expressions, in the order of the clauses."""
        clauses = [getattr(self, clause.name) for clause in fields(self)]
        parts = [part for clause in clauses if is_tuple(clause) for part in clause]
        return [expression for part in parts for expression in _expressions_of(part)]

    @property
    def is_grouped(self) -> bool:
        """Return whether rows stand for groups."""
        return bool(self.groups) or any(has_aggregate(expression) for expression in self.expressions)


def _expressions_of(part: Any) -> Iterable[Expression]:
    """Return the expressions that a part of a clause consists of."""
    if isinstance(part, Expression):
        return (part,)
    if isinstance(part, Partner):
        return part.conditions
    return (part.expression,) if isinstance(part, (Scalar, Ordering)) else ()


def has_aggregate(expression: Expression) -> bool:
    """Return whether a part of the expression is a value of a whole group."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        if part.__solidb_is_aggregate__:
            return True
        waiting.extend(part.__solidb_operands__())
    return False


def build_select(selection: Selection, scope: BuildScope, labels: tuple[str, ...] | None = None) -> q.Query:
    """Build the block of a select; UsageError where its parts do not fit together.

    With labels a row is an object of the columns by these names.
    """
    scope.shows_deleted = selection.is_with_deleted
    sources = _sources(selection, scope)
    loops, body = _read(sources, selection, scope)
    if selection.is_grouped:
        block = _grouped(selection, scope, body, labels)
    elif selection.having_conditions:
        raise UsageError(
            "having() is about groups, and the statement makes none", hint="group_by(), or where()"
        )
    else:
        block = _plain(selection, scope, body, loops, labels)
    if scope.lets:
        block = _with_lets(block, scope.lets)
    return _limited(block, selection, scope)


def _sources(selection: Selection, scope: BuildScope) -> list[Source]:
    """Return what the statement reads itself: what its columns show and what it joins, each once.

    Inside another statement, what that one reads is its own only where nothing else is.
    """
    named = [column.source for column in selection.columns if isinstance(column, Entity)]
    shown = sources_of(column.expression for column in selection.columns if isinstance(column, Scalar))
    used = sources_of(selection.expressions)
    partners = [partner.source for partner in selection.partners]
    first = [
        source for source in (*named, *shown) if source not in partners
    ]  # those come where they are joined
    of_joins = [source for source in selection.joins if isinstance(source, Unnest)]
    listed = _with_lists([*selection.starts, *first, *of_joins, *selection.joins] or used[:1])
    own = [source for source in listed if source in named or not scope.knows(source)] or listed
    if not own:
        raise UsageError(
            "the statement reads no model", hint="select(func.count(User)) or select(User.name) read one"
        )
    read = _distinct(own, named)
    _check_joined(read, used, selection, scope)
    return read


def check_sources(statement: Any) -> None:
    """Refuse a statement that stands for itself and uses a class it does not read; UsageError."""
    if isinstance(statement, Selection):
        _sources(statement, BuildScope())
    else:
        check_sources(statement.left)
        check_sources(statement.right)


def _with_lists(sources: list[Source]) -> list[Source]:
    """Put before each unnested list what holds it."""
    in_order: dict[Source, None] = {}
    for source in sources:
        if isinstance(source, Unnest):
            in_order |= dict.fromkeys(_with_lists(sources_of([source.__solidb_items__])))
        in_order[source] = None
    return list(in_order)


def _distinct(sources: list[Source], named: list[Source]) -> list[Source]:
    """Take classes of one hierarchy as one source: the one that is read as whole documents, or the first."""
    kept: list[Source] = []
    for source in sources:
        other = next((other_source for other_source in kept if are_one(other_source, source)), None)
        if other is None or (source in named and other in named):
            kept.append(source)
        elif source in named:
            kept[kept.index(other)] = source
    return kept


def _check_joined(read: list[Source], used: list[Source], selection: Selection, scope: BuildScope) -> None:
    """Refuse a source that nothing joins to the others: rows would be all pairs; UsageError."""
    for source in used:
        if not any(are_one(source, other) for other in read) and not scope.knows(source):
            if isinstance(source, Unnest):
                raise UsageError(
                    f"{source!r} is in a condition, and the statement has no row of each element",
                    hint="select it, or .join(element) it; any_(list) asks for any element",
                )
            raise _unjoined(source, read[0])
    joined = [read[0]]
    waiting = [
        source for source in read[1:] if source not in selection.joins and not isinstance(source, Unnest)
    ]
    pairs = [sources_of([condition]) for condition in selection.conditions]
    joined += [source for source in read[1:] if source not in waiting]
    while waiting:
        ready = next((source for source in waiting if _is_joined(source, joined, pairs)), None)
        if ready is None:
            raise _unjoined(waiting[0], read[0])
        waiting.remove(ready)
        joined.append(ready)


def _is_joined(source: Source, joined: list[Source], pairs: list[list[Source]]) -> bool:
    return any(
        any(are_one(source, member) for member in pair)
        and any(are_one(other, member) for other in joined for member in pair if not are_one(source, member))
        for pair in pairs
    )


def _unjoined(source: Source, first: Source) -> UsageError:
    if isinstance(source, Table) and isinstance(first, Table) and repr(source) == repr(first):
        return same_name(source)
    name, other = (getattr(cls, "__name__", None) or repr(cls) for cls in (source, first))
    return UsageError(
        f"the statement uses {name}, and nothing joins it to {other}: all rows would be combined",
        hint=f".join({name}, {name}.field == {other}.field), or without a condition for all pairs; "
        f"in_(field, select({name}.key).where(..)) asks without a join",
    )


def _read(sources: list[Source], selection: Selection, scope: BuildScope) -> tuple[list[str], list[q.Clause]]:
    """Build a FOR for each source, and each condition after the last FOR it needs."""
    loops = [scope.declare(source) for source in sources]
    partners = {partner.source: partner for partner in selection.partners}
    scope.partners |= set(partners)
    built = [condition.__solidb_build__(scope) for condition in _conjuncts(closed_all(selection.conditions))]
    body: list[q.Clause] = []
    for position, (variable, source) in enumerate(zip(loops, sources, strict=True)):
        if source in partners:
            body += _read_partner(partners[source], variable, scope)
        else:
            body.append(q.For(variable, read_from(source, scope)))
        later = set(loops[position + 1 :])
        here = [condition for condition in built if not names_in(condition) & later] if later else built
        built = [condition for condition in built if condition not in here] if later else []
        narrowed = None if source in partners else narrowing(source, variable, scope)
        conditions = [*([narrowed] if narrowed is not None else []), *here]
        if conditions:
            body.append(q.Filter(conjunction(conditions)))
    return loops, body


def _read_partner(partner: Partner, variable: str, scope: BuildScope) -> list[q.Clause]:
    """Build a loop over the documents the conditions are true of, or over null if there is none."""
    source, inner = partner.source, scope.declare(partner.source)
    narrowed = narrowing(source, inner, scope)
    on = [condition.__solidb_build__(scope) for condition in closed_all(partner.conditions)]
    wanted = [*([narrowed] if narrowed is not None else []), *on]
    scope.declare(source, variable)
    loop = q.For(inner, read_from(source, scope))
    body = (loop, q.Filter(conjunction(wanted))) if wanted else (loop,)
    partners = q.Name(scope.fresh("_j"))
    is_there = q.Compare(q.Call("LENGTH", (partners,)), ">", q.Literal(0))
    rows = q.Ternary(is_there, partners, q.Array((q.Literal(None),)))
    return [
        q.Let(partners.name, q.Subquery(q.Block(body=body, returns=q.Return(q.Name(inner))))),
        q.For(variable, rows),
    ]


def read_from(source: Source, scope: BuildScope) -> q.Expression:
    """Return what a FOR over a source reads."""
    if isinstance(source, Unnest):  # a FOR over null has a row of its own
        return q.Binary(source.__solidb_items__.__solidb_build__(scope), "??", q.Array(()))
    return scope.table(source) if isinstance(source, Table) else q.Name(collection_of(source))


def narrowing(source: Source, variable: str, scope: BuildScope) -> q.Expression | None:
    """Return the condition that keeps the documents of a source among those of its collection.

    A subclass keeps its own; what has expired stays out, what is marked as deleted unless it is asked for.
    """
    if isinstance(source, (Table, Unnest)):
        return None
    model = model_of(source)
    kept = [] if scope.shows_deleted else unmarked(model, variable)
    kept += unexpired(model, variable, scope)
    if model.__solidb_mapping__.type_name is not None:
        names = [member.__solidb_mapping__.type_name for member in family(model)]
        kept.insert(0, q.Compare(q.Attribute(q.Name(variable), "_type"), "IN", scope.bind(names)))
    return conjunction(kept) if kept else None


def unmarked(model: type[Document], variable: str) -> list[q.Expression]:
    """Return the condition that leaves out documents marked as deleted, of a class that can mark them."""
    marked = next((member for member in family(model) if issubclass(member, SoftDelete)), None)
    if marked is None:
        return []
    deleted_at = q.Attribute(q.Name(variable), stored_name(marked, "deleted_at"))
    return [q.Compare(deleted_at, "==", q.Literal(None))]


def unexpired(model: type[Document], variable: str, scope: BuildScope) -> list[q.Expression]:
    """Return the conditions that leave out documents whose time, as text or a number, is over."""
    conditions: list[q.Expression] = []
    known = (expiry for member in family(root_of(model)) for expiry in expiries(member))
    for path, seconds in dict.fromkeys(known):
        moment: q.Expression = q.Name(variable)
        for step in path:
            moment = q.Attribute(moment, step)
        for least, as_text in (("", True), (EARLIEST, False)):
            since = q.Compare(moment, ">=", q.Literal(least))
            over = q.Compare(moment, "<=", scope.bind_time(seconds, as_text=as_text))
            conditions.append(q.Unary("NOT", q.Logical("AND", (since, over))))
    return conditions


def root_of(model: type[Document]) -> type[Document]:
    """Return the class that a class and its siblings in the same collection descend from."""
    while model.__solidb_mapping__.type_name is not None:
        model = next(
            base
            for base in model.__mro__[1:]
            if base.__dict__.get("__solidb_collection__") == model.__solidb_collection__
        )
    return model


def _conjuncts(wanted: Iterable[Expression]) -> list[Expression]:
    parts: list[Expression] = []
    for condition in wanted:
        if isinstance(condition, Combined) and condition.operator == "AND":
            parts += _conjuncts(condition.conditions)
        else:
            parts.append(condition)
    return parts


def conjunction(parts: list[q.Expression]) -> q.Expression:
    """Join conditions by AND."""
    return parts[0] if len(parts) == 1 else q.Logical("AND", tuple(parts))


def _plain(
    selection: Selection,
    scope: BuildScope,
    body: list[q.Clause],
    loops: list[str],
    labels: tuple[str, ...] | None,
) -> q.Block:
    scope.windowing = True
    row = _row(selection, scope, labels)
    sort = [q.SortKey(key.expression.__solidb_build__(scope), key.descending) for key in selection.orderings]
    body += scope.windows
    downwards = bool(sort) and sort[-1].descending
    if not selection.is_distinct:
        present = {key.expression for key in sort}
        keys = [
            q.Attribute(q.Name(scope.variables[source]), "_key")
            for source in scope.variables
            if model_of(source) is not None and scope.variables[source] in loops
        ]
        sort += [q.SortKey(key, downwards) for key in keys if key not in present]
    return q.Block(body=tuple(body), sort=tuple(sort), returns=q.Return(row, selection.is_distinct))


def row_of(columns: tuple[Column, ...], single: bool, scope: BuildScope) -> q.Expression:
    """Build what RETURN gives for columns."""
    cells: list[q.Expression] = []
    for column in columns:
        if isinstance(column, Entity):
            cells.append(q.Name(scope.variable(column.source)))
        elif isinstance(column, Scalar):
            cells.append(_cell(column.expression, scope))
    return cells[0] if single else q.Array(tuple(cells))


def _cell(shown: Expression, scope: BuildScope) -> q.Expression:
    """Build what a row shows; of decimals in groups, and where equal ones are one, the sort key."""
    inner = shown.expression if isinstance(shown, Labelled) else shown
    if (scope.collecting or scope.is_distinct) and is_set(inner.__solidb_type__):
        return alike(inner, inner.__solidb_build__(scope))
    if inner.__solidb_kind__ != "decimal":
        return (
            inner.__solidb_build__(scope)
            if scope.collecting and isinstance(inner, FieldRef)
            else inner.__solidb_column__(scope)
        )
    if not (scope.is_distinct or (scope.collecting and not has_aggregate(inner))):
        return inner.__solidb_column__(scope)
    key = inner.__solidb_build__(scope)
    return key if scope.parent is None else decimals.digits_of_key(key)


def _row(selection: Selection, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Expression:
    scope.is_distinct |= selection.is_distinct
    if labels is None:
        return row_of(selection.columns, selection.single, scope)
    cells = row_of(selection.columns, False, scope)
    assert isinstance(cells, q.Array)
    return q.Object(tuple(zip(labels, cells.items, strict=True)))


def _grouped(
    selection: Selection, scope: BuildScope, body: list[q.Clause], labels: tuple[str, ...] | None
) -> q.Block:
    entities = [column.model.__name__ for column in selection.columns if isinstance(column, Entity)]
    if entities:
        raise UsageError(
            f"a row stands for a group, so it can't be a whole {entities[0]}",
            hint="select fields of group_by() and aggregates; count documents with func.count()",
        )
    scope.collecting = True
    built = [alike(group, group.__solidb_build__(scope)) for group in selection.groups]
    keys = {node: f"_g{position}" for position, node in enumerate(built)}
    names: dict[q.Expression, q.Expression] = {node: q.Name(name) for node, name in keys.items()}
    variables = set(scope.all_variables())

    def after(node: q.Expression) -> q.Expression:
        replaced = substitute(node, names)
        if names_in(replaced) & (variables | {let.name for let in scope.lets}):
            raise UsageError(
                "a column or sort key of a grouped select is neither in group_by() nor an aggregate",
                hint="add it to group_by(), or wrap it in func.min(), func.max(), func.count() ..",
            )
        return replaced

    scope.windowing = True
    row = after(_row(selection, scope, labels))
    sort = tuple(
        q.SortKey(after(key.expression.__solidb_build__(scope)), key.descending)
        for key in selection.orderings
    )
    windows = [q.Let(window.name, after(window.value)) for window in scope.windows]
    scope.windowing = False
    having = [
        after(condition.__solidb_build__(scope)) for condition in closed_all(selection.having_conditions)
    ]
    collect = q.Collect(tuple((name, node) for node, name in keys.items()), tuple(scope.aggregates))
    scope.collecting = False
    if selection.limit_count is not None or selection.offset_count is not None:
        body = _guarded(body, bool(sort) or bool(having))
    clauses = [*body, collect, *([q.Filter(conjunction(having))] if having else []), *windows]
    return q.Block(body=tuple(clauses), sort=sort, returns=q.Return(row, selection.is_distinct))


def _guarded(body: list[q.Clause], is_guarded: bool) -> list[q.Clause]:
    """Keep the server from limiting the rows before they are grouped: it does without FILTER and SORT."""
    if is_guarded or any(isinstance(clause, q.Filter) for clause in body):
        return body
    return [*body, q.Filter(q.Literal(True))]


def _with_lets(block: q.Block, lets: list[q.Let]) -> q.Block:
    return q.Block(
        (*lets, *block.body), block.sort, block.offset, block.limit, block.late_lets, block.returns
    )


def _limited(block: q.Block, selection: Selection, scope: BuildScope) -> q.Query:
    offset = None if not selection.offset_count else scope.bind(selection.offset_count)
    limit = None if selection.limit_count is None else scope.bind(selection.limit_count)
    if offset is None and limit is None:
        return block
    if selection.is_distinct:
        row = scope.fresh()
        inner = q.For(row, q.Subquery(block))
        return q.Block(body=(inner,), offset=offset, limit=limit, returns=q.Return(q.Name(row)))
    return q.Block(block.body, block.sort, offset, limit, block.late_lets, block.returns)
