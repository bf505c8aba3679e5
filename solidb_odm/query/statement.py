"""What all statements share: they compile to SDBQL nodes with bind values.

``load`` of statements: what their documents refer to comes with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ..errors import UsageError, missing
from .columns import Column, Entity, Scalar
from .compiled import Compiled
from .load_paths import Hops, Loadable, hops_of

T_co = TypeVar("T_co", covariant=True)


WAYS = {
    "aggregate": "group_by(field), with func.count() and its like among the columns",
    "all": "session.scalars(statement).all()",
    "as_scalar": "scalar_subquery()",
    "correlate": "the outer model in a condition, which is enough",
    "count": "session.scalar(select(func.count(User)).where(..))",
    "except_": "except_(statement, other)",
    "execute": "session.execute(statement)",
    "exists": "exists(select(..))",
    "execution_options": "options of the session or the engine",
    "fetch": "limit(count)",
    "filter": "where()",
    "find": "where()",
    "first": "session.scalars(statement).first()",
    "get": "session.get(User, key)",
    "intersect": "intersect(statement, other)",
    "join_from": "select_from(User).join(Order, Order.user == User.id)",
    "on_conflict_do_update": "upsert(User).values([..])",
    "one": "session.scalars(statement).one()",
    "one_or_none": "session.scalars(statement).one_or_none()",
    "options": "load(Post.author), for what is to come along",
    "params": "the values themselves in where(), or sdbql(text, name=value)",
    "scalar": "session.scalar(statement)",
    "scalars": "session.scalars(statement)",
    "skip": "offset(start)",
    "slice": "offset(start).limit(count)",
    "sort": "order_by(field)",
    "subquery": "cte(name), or scalar_subquery()",
    "to_list": "session.scalars(statement).all()",
    "union": "union(statement, other)",
    "union_all": "union_all(statement, other)",
    "with_for_update": "session.run(work), which tries again where somebody else was first",
    "with_only_columns": "select() with these columns",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What statements of SQLAlchemy and others have, by what to write here."""

OPTIONS = {
    "bind": "Session(engine)",
    "bind_arguments": "a session of the other engine: Session(engine)",
    "class_": "a session by itself: MySession(engine)",
    "execution_options": "session.stream(statement, batch=1000) for many rows, timeouts with the engine",
    "full": "full_join(..)",
    "future": "nothing instead of it: that is how it works here",
    "identity_token": "a session of the other engine",
    "isouter": "outerjoin(..)",
    "options": "select(User).load(User.team), or session.load([user], User.team)",
    "populate_existing": "session.refresh(document)",
    "with_for_update": "session.run(work), which tries again where somebody else was first",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What SQLAlchemy's calls take, by what to write here."""


def refuse_options(call: str, given: Mapping[str, object]) -> None:
    """Refuse keywords that a call does not take; UsageError says what to write instead."""
    for name in given:
        hint = f"write {OPTIONS[name]}" if name in OPTIONS else None
        raise UsageError(f"{call} takes no {name}=", hint=hint)


class Statement(Generic[T_co]):
    """A query as an immutable value; each method gives a new one."""

    __slots__ = ()

    def compile(self) -> Compiled:
        """Return the SDBQL of the statement and its bind variables."""
        raise TypeError(f"{type(self).__name__} does not compile")

    def __solidb_given__(self, parameters: Any) -> Statement[T_co]:
        """Return the statement with what ``execute`` was given besides, if it takes such; UsageError else."""
        raise UsageError(
            f"a {type(self).__name__} takes no parameters besides",
            hint="the values stand in the statement: where(User.name == name), values(name=name),"
            " sdbql(text, name=name)",
        )

    def __str__(self) -> str:
        return self.compile().text

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, WAYS)


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
    if reader is not None or not any(isinstance(each, Entity) for each in columns):
        raise UsageError(
            "load() fetches what documents refer to, and the rows of this statement are values",
            hint="select(Post).load(..), or select(Post, ..) with other columns",
        )
