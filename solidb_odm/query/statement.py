"""What all statements share: they compile to SDBQL nodes with bind values.

``load`` of statements: what their documents refer to comes with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeAlias, TypeVar

from ..errors import UsageError, missing
from ..language import nodes as q
from ..language import printer
from ..model.declaration.registry import Registry
from ..model.document import Document
from ..model.expiry import CLOCK, binds_now
from .columns import Column, Entity, Scalar
from .load_paths import Hops, Loadable, hops_of

T_co = TypeVar("T_co", covariant=True)
Unreadable: TypeAlias = Literal["raise", "skip", "collect"]
"""What becomes of rows that do not fit their model."""


@dataclass(frozen=True)
class Compiled:
    """A statement ready to run: its nodes, its bind values, and what its rows are.

    ``values`` are the bind values, with a clock where the statement leaves out what has expired;
    ``columns`` say how rows become Python values; ``single`` that a row is one column, not a tuple.
    ``source`` is the text a person wrote, if they did; ``writes`` the collections it writes; ``loads``
    the ways from its documents to those that are to come with them; ``unreadable`` what becomes of rows that
    do not fit their models; ``approximate`` that what is nearest may come from an approximate index.
    ``whole`` is the one model whose whole documents the rows are, if they are that; ``registries`` are those
    of the models it reads.

    It has no slots, so that ``again`` is a copy of all that one run of a statement shares with the next.
    """

    query: q.Query
    values: dict[str, Any]
    columns: tuple[Column, ...] = ()
    single: bool = True
    source: str = ""
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    loads: tuple[Hops, ...] = ()
    unreadable: Unreadable = "raise"
    writes: frozenset[str] = frozenset()
    approximate: bool = False
    whole: type[Document] | None = field(init=False, default=None)
    registries: frozenset[Registry] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        models = [each.model for each in self.columns if isinstance(each, Entity)]
        if models and self.single and len(self.columns) == 1 and models[0] is not Document:
            self.__dict__["whole"] = models[0]
        self.__dict__["registries"] = frozenset(model.__solidb_registry__ for model in models)

    def again(self, **changes: Any) -> Compiled:
        """Return this with other values; nothing that was found out about the columns may change."""
        made = object.__new__(Compiled)
        made.__dict__.update(self.__dict__, **changes)
        return made

    @property
    def bind_vars(self) -> dict[str, Any]:
        """The bind variables of a run at this moment."""
        return binds_now(self.values) if CLOCK in self.values else self.values

    @property
    def text(self) -> str:
        """The SDBQL text, as a server gets it."""
        return self.source or printer.print_query(self.query)

    def __str__(self) -> str:
        return self.text


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
