"""What all statements share: they compile to SDBQL nodes with bind values.

``load`` of statements: what their documents refer to comes with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from ..errors import SolidbError, UsageError, missing
from ..model.expressions.build_scope import held_in
from .columns import Column, Entity, Scalar
from .compiled import Compiled, Fetch
from .load_paths import Hops, Loadable, hops_of

T_co = TypeVar("T_co", covariant=True)


WAYS = {
    "add_columns": "select(User, Team.name), all columns at once",
    "aggregate": "group_by(field), with func.count() and its like among the columns",
    "all": "session.scalars(statement).all()",
    "alias": "cte(name)",
    "as_scalar": "scalar_subquery()",
    "bindparams": "the values themselves in where(), or sdbql(text, name=value)",
    "c": "cte(name), whose attributes are the columns",
    "column_descriptions": "statement.columns",
    "columns": "cte(name), whose attributes are the columns",
    "correlate": "the outer model in a condition, which is enough",
    "count": "session.scalar(select(func.count(User)).where(..))",
    "delete": "session.execute(delete(User).where(..))",
    "except_": "except_(statement, other)",
    "execute": "session.execute(statement)",
    "exists": "exists(select(..))",
    "execution_options": "options of the session or the engine",
    "fetch": "limit(count)",
    "fetch_links": "load(Post.author)",
    "filter": "where()",
    "filter_": "where()",
    "find": "where()",
    "first": "session.scalars(statement).first()",
    "from_select": "values([{..} for row in session.execute(select(..))])",
    "froms": "statement.columns",
    "get": "session.get(User, key)",
    "intersect": "intersect(statement, other)",
    "join_from": "select_from(User).join(Order, Order.user == User.id)",
    "label": "scalar_subquery(), and label(name, ..) around it",
    "limit": "where(in_(User.key, keys)), with the keys of select(User.key).limit(count)",
    "lateral": "scalar_subquery() or list_subquery(), a value for each document",
    "on_conflict_do_nothing": "upsert(User).values([..]), or except UniqueViolation",
    "on_conflict_do_update": "upsert(User).values([..])",
    "one": "session.scalars(statement).one()",
    "one_or_none": "session.scalars(statement).one_or_none()",
    "only": "select(User.name, User.age)",
    "order_by": "where(in_(User.key, keys)), with the keys of select(User.key).order_by(..).limit(count)",
    "ordered_values": "values(..), whose values are those from before",
    "options": "load(Post.author), for what is to come along",
    "order": "order_by(field)",
    "paginate": "session.page(statement, size=20)",
    "params": "the values themselves in where(), or sdbql(text, name=value)",
    "prefetch": "load(Post.author)",
    "prefetch_related": "load(Post.author)",
    "prefix_with": "sdbql(text)",
    "project": "select(User.name, User.age)",
    "reverse": "order_by(desc(field))",
    "run": "session.execute(statement)",
    "scalar": "session.scalar(statement)",
    "scalars": "session.scalars(statement)",
    "select_related": "load(Post.author)",
    "selected_columns": "statement.columns",
    "skip": "offset(start)",
    "slice": "offset(start).limit(count)",
    "sort": "order_by(field)",
    "set": "values(..)",
    "subquery": "cte(name), or scalar_subquery()",
    "suffix_with": "sdbql(text)",
    "tablesample": "order_by(func.rand()).limit(count)",
    "to_list": "session.scalars(statement).all()",
    "union": "union(statement, other)",
    "union_all": "union(statement, other, all=True)",
    "update": "session.execute(update(User).where(..).values(..))",
    "whereclause": "str(statement)",
    "with_for_update": "session.run(work), which tries again if another writer was first",
    "with_hint": "Index() on the field, which is used by itself",
    "with_only_columns": "select() with these columns",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What statements of SQLAlchemy and others have, by what to write here."""

_ROWS = "for user in session.scalars(statement), or session.scalars(statement).all()"


def putter(kind: type[Any]) -> Callable[[Any, dict[str, Any]], None]:
    """Return what puts all clauses of a new statement of a kind, which is frozen, where they are."""
    put: Any = next(vars(base)["__dict__"] for base in kind.__mro__ if "__dict__" in vars(base))
    return cast("Callable[[Any, dict[str, Any]], None]", put.__set__)


class Statement(Generic[T_co]):
    """A query as an immutable value; each method gives a new one."""

    __slots__ = ()

    def compile(self) -> Compiled:
        """Return the SDBQL of the statement and its bind variables."""
        raise TypeError(f"{type(self).__name__} does not compile")

    def known_fetch(self) -> Fetch | None:
        """Return what is run, if the statement ran before with other values, and its rows are alike."""
        return None

    def __solidb_held__(self) -> tuple[Any, ...]:
        """Return the expressions and the statements in its clauses."""
        return tuple(held_in(self))

    def __solidb_given__(self, parameters: Any) -> Statement[T_co]:
        """Return the statement with what ``execute`` was given besides, if it takes such; UsageError else."""
        raise UsageError(
            f"the statement, {self.__class__.__name__}, takes no further parameters",
            hint="its values stand in it: where(User.name == name), values(name=name),"
            " sdbql(text, name=name); upsert(User).values([..]) changes many by their keys",
        )

    def __str__(self) -> str:
        return self.compile().text

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__} {self}>"
        except SolidbError as problem:
            return f"<{type(self).__name__} that can't be run: {problem.message}>"

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there, and statements to be lists

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, WAYS)

        def __iter__(self) -> Any:
            raise UsageError("a statement has no rows until a session runs it", hint=f"write {_ROWS}")

        def __getitem__(self, place: object) -> Any:
            way = (
                "statement.offset(start).limit(stop - start), or all()[n]"
                if place.__class__ is slice
                else _ROWS
            )
            raise UsageError("a statement has no rows until a session runs it", hint=f"write {way}")

        def __len__(self) -> int:
            raise UsageError(
                "a statement has no length and no truth before a session runs it",
                hint="write session.scalar(select(func.count(User)).where(..)), or compare with None",
            )


class Loading(Statement[T_co]):
    """A statement whose rows can be whole documents."""

    __slots__ = ()
    loads: tuple[Hops, ...]

    def load(self, *paths: Loadable) -> Self:
        """Fetch what the documents refer to as well, as ``session.load`` does: one query for each path.

        ``select(Post).load(Post.author, Post.author.value.team, Post.comments)``: fields that hold links,
        ends of edges, back-references, and ways on from there.
        """
        if not paths:
            raise UsageError("load() needs fields that hold links", hint="select(Post).load(Post.author)")
        changes: dict[str, Any] = {"loads": (*self.loads, *map(hops_of, paths))}
        return replace(self, **changes)  # type: ignore[type-var]


def check_documents(columns: tuple[Column, ...], reader: Scalar | None) -> None:
    """Refuse to load what documents refer to where rows have none; UsageError."""
    if reader is not None or not any(isinstance(column, Entity) for column in columns):
        raise UsageError(
            "load() fetches what documents refer to, and the rows of this statement are values",
            hint="select(Post).load(..), or select(Post, ..) with other columns",
        )
