"""What statements that write give back: how many documents they wrote, or columns of each."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Generic, TypeVar, overload

from .._dataclasses import dataclass
from ..errors import UsageError
from ..language import nodes as q
from ..model.document import Document
from ..model.expressions.expression import Value
from .columns import Column, Entity, Scalar, column
from .compiled import Compiled
from .compiler import BuildScope, sources_of, with_tables
from .conditions import bounded
from .select_block import row_of
from .select_forms import build_other_once
from .statement import Statement, T_co

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
E = TypeVar("E")
D = TypeVar("D", bound=Document)

WRITTEN = Scalar(Value(None), "count", None)
"""The column of a statement that writes and returns how many documents it wrote."""


class Write(Statement[int]):
    """A statement that writes documents of one model; its one row is how many.

    It runs when it is executed, past the session's unit of work: on a file within the session's
    transaction, on a server at once and document by document, so that an error may leave a part
    done. Documents that the session holds take their new values at once, which costs one more request
    if it holds any that were written, and leave it if they were deleted; one with uncommitted changes
    keeps them.
    """

    __slots__ = ()
    model: type[Document]

    @property
    def __solidb_writes__(self) -> frozenset[str]:
        """The collections it writes."""
        return frozenset({self.model.__solidb_mapping__.collection})

    def __solidb_row__(self) -> str:
        """Return the name of the document that was written, after the clause that writes it."""
        return "NEW"

    @overload
    def returning(self, item: type[D], /) -> Returning[D]: ...  # pyright: ignore[reportOverlappingOverload]  # a class is a value too
    @overload
    def returning(self, item: A, /) -> Returning[A]: ...
    @overload
    def returning(self, a: A, b: B, /) -> Returning[tuple[A, B]]: ...
    @overload
    def returning(self, a: A, b: B, c: C, /) -> Returning[tuple[A, B, C]]: ...
    @overload
    def returning(self, a: A, b: B, c: C, d: E, /) -> Returning[tuple[A, B, C, E]]: ...
    @overload
    def returning(self, *items: Any) -> Returning[tuple[Any, ...]]: ...
    def returning(self, *items: Any) -> Returning[Any]:
        """Return each document as it is now (after a delete: as it was), or fields of it, not a count."""
        if not items:
            raise UsageError("returning() needs the Document class, or fields of it")
        columns = tuple(column(item) for item in items)
        for returned in columns:
            _check_source(returned, self.model)
        return Returning(self, columns, len(items) == 1)

    def compile(self) -> Compiled:
        return build_other_once(self, self._build, (WRITTEN,))

    @bounded
    def _build(self) -> Compiled:
        scope = BuildScope()
        body = self.__solidb_write__(scope)
        written = q.Attribute(q.Name(self.__solidb_row__()), "_key")
        name = scope.fresh("_n")
        # COUNT(NEW._key) and not WITH COUNT: naming NEW keeps the server from its batches of over
        # 100 rows, which leave out in silence what does not fit the schema.
        counted = q.Collect(aggregates=(q.Aggregate(name, "COUNT", written),))
        query: q.Query = q.Block(body=(*scope.lets, *body, counted), returns=q.Return(q.Name(name)))
        query = with_tables(query, scope)
        return Compiled(query, scope.values, (WRITTEN,), writes=self.__solidb_writes__)

    def __solidb_write__(self, scope: BuildScope) -> list[q.Clause]:
        """Build the clauses up to the one that writes."""
        raise TypeError(f"{type(self).__name__} does not write")


def _check_source(column: Column, model: type[Document]) -> None:
    if isinstance(column, Entity):
        sources: list[Any] = [column.source]
    else:
        sources = sources_of([column.expression]) if isinstance(column, Scalar) else []
    if any(source is not model for source in sources):
        raise UsageError(f"returning() can return only {model.__name__} and its fields")


@dataclass(frozen=True, slots=True)
class Returning(Statement[T_co], Generic[T_co]):
    """A statement that writes and gives back columns of each document it wrote."""

    write: Write
    columns: tuple[Column, ...]
    single: bool
    _compiled: list[Compiled] = field(default_factory=list[Compiled], init=False, compare=False, repr=False)

    def __solidb_given__(self, parameters: Any) -> Returning[T_co]:
        write: Any = self.write.__solidb_given__(parameters)
        return Returning(write, self.columns, self.single)

    @bounded
    def compile(self) -> Compiled:
        if not self._compiled:
            scope = BuildScope()
            body = self.write.__solidb_write__(scope)
            scope.declare(self.write.model, self.write.__solidb_row__())
            row = row_of(self.columns, self.single, scope)
            query = with_tables(q.Block(body=(*scope.lets, *body), returns=q.Return(row)), scope)
            self._compiled.append(
                Compiled(query, scope.values, self.columns, self.single, writes=self.write.__solidb_writes__)
            )
        return self._compiled[0]
