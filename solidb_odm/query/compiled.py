"""A statement that is ready to run: its nodes, its bind values, and what becomes of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from ..errors import missing
from ..language import nodes as q
from ..language import printer
from ..language.sizes import refuse_repeated
from ..language.walk import children
from ..model.declaration.registry import Registry
from ..model.document import Document
from ..model.expiry import CLOCK, binds_now
from ..model.expressions.build_scope import Measured
from .columns import Column, Entity, Scalar

if TYPE_CHECKING:
    from .load_paths import Hops

Unreadable: TypeAlias = Literal["raise", "skip", "collect"]
"""What becomes of rows that do not fit their model."""

Fetch: TypeAlias = "tuple[Entity | Scalar | tuple[Scalar, ...] | None, q.Query, dict[str, Any], bool]"
"""A statement of one column, or of values, of a form that was built before: the columns, if they say how rows
are read, its nodes, its bind values of this time, and whether these are of the same types each time."""


@dataclass(frozen=True, repr=False)
class Compiled:
    """A statement ready to run: its nodes, its bind values, and what its rows are.

    ``values`` are the bind values, with a clock where the statement leaves out what has expired;
    ``columns`` say how rows become Python values; ``single`` that a row is one column, not a tuple.
    ``source`` is the text a person wrote, if they did; ``writes`` the collections it writes; ``loads``
    the ways from its documents to those that are to come with them; ``unreadable`` what becomes of rows that
    do not fit their models; ``approximate`` that what is nearest may come from an approximate index.
    ``whole`` is the one model whose whole documents the rows are, if they are that; ``registries`` are those
    of the models it reads; ``are_loaded`` that its rows are taken apart, so that they may be tuples, and
    documents in them stored ones.

    It has no slots, so that ``again`` is a copy of all that one run of a statement shares with the next.
    """

    query: q.Query
    values: dict[str, Any]
    columns: tuple[Column, ...] = ()
    single: bool = True
    source: str = ""
    loads: tuple[Hops, ...] = ()
    unreadable: Unreadable = "raise"
    writes: frozenset[str] = frozenset()
    approximate: bool = False
    whole: type[Document] | None = field(init=False, default=None)
    registries: frozenset[Registry] = field(init=False, default=frozenset())
    are_loaded: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        if not self.source and Measured.__solidb_are_deep__:
            refuse_repeated(cast(q.Node, self.query), children)
        models = [column.model for column in self.columns if isinstance(column, Entity)]
        if models and self.single and len(self.columns) == 1 and models[0] is not Document:
            self.__dict__["whole"] = models[0]
        self.__dict__["are_loaded"] = Document not in models and (bool(models) or not self.single)
        self.__dict__["registries"] = frozenset(model.__solidb_registry__ for model in models)

    def again(self, **changes: Any) -> Compiled:
        """Return this with other values; nothing that was found out about the columns may change."""
        made = object.__new__(Compiled)
        object.__setattr__(made, "__dict__", {**self.__dict__, **changes})
        return made

    @property
    def bind_vars(self) -> dict[str, Any]:
        """The bind variables of a run at this moment."""
        return binds_now(self.values) if CLOCK in self.values else self.values

    @property
    def params(self) -> dict[str, Any]:
        """The bind variables, as SQLAlchemy calls them."""
        return self.bind_vars

    @property
    def text(self) -> str:
        """The SDBQL text, as a server gets it."""
        return self.source or printer.print_query(self.query)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Compiled {self.text}>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, _WAYS)


_WAYS = {
    "bind_names": "compiled.bind_vars",
    "bindparams": "compiled.bind_vars",
    "binds": "compiled.bind_vars",
    "construct_params": "compiled.bind_vars",
    "sql_compiler": "compiled.text",
    "statement": "the statement itself",
    "string": "compiled.text",
}
"""What SQLAlchemy's compiled statements have, by what to write here."""
