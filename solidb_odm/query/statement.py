"""What all statements share: they compile to SDBQL nodes with bind values."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Generic, TypeVar

from .._dataclasses import dataclass
from ..language import nodes as q
from ..language import printer
from .columns import Column
from .load_paths import Hops

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement ready to run: its nodes, its bind values, and what its rows are.

    ``columns`` say how rows become Python values; ``single`` that a row is one column, not a tuple.
    ``source`` is the text a person wrote, if they did; ``writes`` the collections it writes; ``loads``
    the ways from its documents to those that are to come with them.
    """

    query: q.Query
    bind_vars: dict[str, Any]
    columns: tuple[Column, ...] = ()
    single: bool = True
    source: str = ""
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    loads: tuple[Hops, ...] = ()
    writes: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The SDBQL text, as a server gets it."""
        return self.source or printer.print_query(self.query)

    def __str__(self) -> str:
        return self.text


class Statement(Generic[T_co]):
    """A query as an immutable value; each method gives a new one."""

    __slots__ = ()

    def compile(self) -> Compiled:
        """Give the SDBQL of the statement and its bind variables."""
        raise TypeError(f"{type(self).__name__} does not compile")

    def __str__(self) -> str:
        return self.compile().text
