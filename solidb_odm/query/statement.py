"""What all statements share: they compile to SDBQL nodes with bind values.

``load`` of statements: what their documents refer to comes with them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ..errors import UsageError, missing
from .columns import Column, Entity, Scalar
from .compiled import Compiled
from .load_paths import Hops, Loadable, hops_of

T_co = TypeVar("T_co", covariant=True)


WAYS = {
    "all": "session.scalars(statement).all()",
    "count": "session.scalar(select(func.count(User)).where(..))",
    "exists": "exists(select(..))",
    "execution_options": "options of the session or the engine",
    "filter": "where()",
    "first": "session.scalars(statement).first()",
    "get": "session.get(User, key)",
    "join_from": "select_from(User).join(Order, Order.user == User.id)",
    "on_conflict_do_update": "upsert(User).values([..])",
    "one": "session.scalars(statement).one()",
    "options": "load(Post.author), for what is to come along",
    "scalars": "session.scalars(statement)",
    "slice": "offset(start).limit(count)",
    "subquery": "cte(name), or scalar_subquery()",
    "with_for_update": "session.run(work), which tries again where somebody else was first",
    "with_only_columns": "select() with these columns",
}
"""What SQLAlchemy's statements have, by what to write here."""


class Statement(Generic[T_co]):
    """A query as an immutable value; each method gives a new one."""

    __slots__ = ()

    def compile(self) -> Compiled:
        """Return the SDBQL of the statement and its bind variables."""
        raise TypeError(f"{type(self).__name__} does not compile")

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
