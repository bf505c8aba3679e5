"""What all statements share: they compile to SDBQL nodes with bind values.

``load`` of statements: what their documents refer to comes with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from .._types import shown
from ..errors import UsageError, missing
from .columns import Column, Entity, Scalar
from .compiled import Compiled
from .load_paths import Hops, Loadable, hops_of

T_co = TypeVar("T_co", covariant=True)


WAYS = {
    "aggregate": "group_by(field), with func.count() and its like among the columns",
    "all": "session.scalars(statement).all()",
    "alias": "cte(name)",
    "as_scalar": "scalar_subquery()",
    "bindparams": "the values themselves in where(), or sdbql(text, name=value)",
    "c": "cte(name), whose attributes are the columns",
    "columns": "cte(name), whose attributes are the columns",
    "correlate": "the outer model in a condition, which is enough",
    "count": "session.scalar(select(func.count(User)).where(..))",
    "delete": "session.execute(delete(User).where(..))",
    "except_": "except_(statement, other)",
    "execute": "session.execute(statement)",
    "exists": "exists(select(..))",
    "execution_options": "options of the session or the engine",
    "fetch": "limit(count)",
    "filter": "where()",
    "filter_": "where()",
    "find": "where()",
    "first": "session.scalars(statement).first()",
    "get": "session.get(User, key)",
    "intersect": "intersect(statement, other)",
    "join_from": "select_from(User).join(Order, Order.user == User.id)",
    "label": "scalar_subquery(), and label(name, ..) around it",
    "lateral": "scalar_subquery() or list_subquery(), a value for each document",
    "on_conflict_do_nothing": "upsert(User).values([..]), or except UniqueViolation",
    "on_conflict_do_update": "upsert(User).values([..])",
    "one": "session.scalars(statement).one()",
    "one_or_none": "session.scalars(statement).one_or_none()",
    "only": "select(User.name, User.age)",
    "options": "load(Post.author), for what is to come along",
    "order": "order_by(field)",
    "paginate": "session.page(statement, size=20)",
    "params": "the values themselves in where(), or sdbql(text, name=value)",
    "prefetch": "load(Post.author)",
    "project": "select(User.name, User.age)",
    "run": "session.execute(statement)",
    "scalar": "session.scalar(statement)",
    "scalars": "session.scalars(statement)",
    "skip": "offset(start)",
    "slice": "offset(start).limit(count)",
    "sort": "order_by(field)",
    "subquery": "cte(name), or scalar_subquery()",
    "to_list": "session.scalars(statement).all()",
    "union": "union(statement, other)",
    "union_all": "union(statement, other, all=True)",
    "update": "session.execute(update(User).where(..).values(..))",
    "with_for_update": "session.run(work), which tries again where somebody else was first",
    "with_only_columns": "select() with these columns",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What statements of SQLAlchemy and others have, by what to write here."""

OPTIONS = {
    "attribute_names": "session.refresh(document), which reads all of it",
    "autobegin": "nothing instead of it: a transaction begins with the first statement",
    "autocommit": "nothing instead of it: a session writes when commit() is called",
    "bind": "Session(engine)",
    "bind_arguments": "a session of the other engine: Session(engine)",
    "checkfirst": "nothing instead of it: what is there is left as it is",
    "class_": "a session by itself: MySession(engine)",
    "index_elements": "upsert(User).on(User.email).values([..])",
    "execution_options": "session.stream(statement, batch=1000) for many rows, timeouts with the engine",
    "full": "full_join(..)",
    "future": "nothing instead of it: that is how it works here",
    "identity_token": "a session of the other engine",
    "info": "a dict of your own",
    "isouter": "outerjoin(..)",
    "load": "session.add(document) for one that was stored and is known to be as it is",
    "nested": "with session.begin_nested(): ..",
    "objects": "session.flush(), which writes all changes in their order",
    "page": "session.page(statement, size=20, after=cursor): a page begins after the one before",
    "per_page": "session.page(statement, size=20)",
    "options": "select(User).load(User.team), or session.load([user], User.team)",
    "populate_existing": "session.refresh(document)",
    "query_cls": "session.scalars(select(User).where(..))",
    "twophase": "nothing instead of it: one engine is one transaction",
    "with_for_update": "session.run(work), which tries again where somebody else was first",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What SQLAlchemy's calls take, by what to write here."""


def refuse_options(call: str, given: Mapping[str, object], way: str | None = None) -> None:
    """Refuse keywords that a call does not take; UsageError says what to write instead."""
    for name in given:
        way = way or OPTIONS.get(name)
        hint = None if way is None else f"write {way}"
        raise UsageError(f"{call} takes no {name}=", hint=hint)


def refuse_more(call: str, given: Sequence[object], way: str) -> None:
    """Refuse the values that a call was given beside those it takes; UsageError says what to write."""
    if given:
        raise UsageError(f"{call}, and was given {shown(given[0])} besides", hint=way)


_ROWS = "for user in session.scalars(statement), or session.scalars(statement).all()"


class Statement(Generic[T_co]):
    """A query as an immutable value; each method gives a new one."""

    __slots__ = ()

    def compile(self) -> Compiled:
        """Return the SDBQL of the statement and its bind variables."""
        raise TypeError(f"{type(self).__name__} does not compile")

    def __solidb_given__(self, parameters: Any) -> Statement[T_co]:
        """Return the statement with what ``execute`` was given besides, if it takes such; UsageError else."""
        raise UsageError(
            f"the statement, {self.__class__.__name__}, takes no parameters besides",
            hint="its values stand in it: where(User.name == name), values(name=name),"
            " sdbql(text, name=name); upsert(User).values([..]) changes many by their keys",
        )

    def __str__(self) -> str:
        return self.compile().text

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
