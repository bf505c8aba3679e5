"""What all statements share: they compile to SDBQL nodes with bind values."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from .._dataclasses import dataclass
from ..errors import missing
from ..language import nodes as q
from ..language import printer
from .columns import Column
from .load_paths import Hops

T_co = TypeVar("T_co", covariant=True)
Unreadable: TypeAlias = Literal["raise", "skip", "collect"]
"""What becomes of rows that do not fit their model."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement ready to run: its nodes, its bind values, and what its rows are.

    ``columns`` say how rows become Python values; ``single`` that a row is one column, not a tuple.
    ``source`` is the text a person wrote, if they did; ``writes`` the collections it writes; ``loads``
    the ways from its documents to those that are to come with them; ``unreadable`` what becomes of rows that
    do not fit their models.
    """

    query: q.Query
    bind_vars: dict[str, Any]
    columns: tuple[Column, ...] = ()
    single: bool = True
    source: str = ""
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    loads: tuple[Hops, ...] = ()
    unreadable: Unreadable = "raise"
    writes: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The SDBQL text, as a server gets it."""
        return self.source or printer.print_query(self.query)

    def __str__(self) -> str:
        return self.text


WAYS = {
    "all": "session.scalars(statement).all()",
    "count": "session.scalar(select(func.count(User)).where(..))",
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
