"""Named statements: ``statement.cte("name")`` is computed once and read as a model is."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Protocol, cast

from ..errors import UsageError
from ..language import nodes as q
from ..model.expressions.fields import FieldRef, IdRef, Place, moved
from .columns import Column, Entity, Labelled, Scalar, labels_of
from .compiler import BuildScope


class Tabled(Protocol):
    """A statement that can be read under a name."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def entity(self) -> Entity | None: ...

    def __solidb_rows__(self, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Query: ...


class Table:
    """The rows of a statement; its attributes are the columns, or the fields of the one model it reads."""

    __slots__ = (
        "__solidb_base__",
        "__solidb_model__",
        "__solidb_name__",
        "__solidb_recursive__",
        "__solidb_statement__",
        "__solidb_step__",
        "__weakref__",
    )
    __solidb_model__: Any
    __solidb_base__: Table | None
    __solidb_step__: Tabled | None

    def __init__(self, name: str, statement: Tabled, *, recursive: bool = False) -> None:
        if not isinstance(cast(Any, name), str) or not name.isidentifier():
            raise UsageError(f"cte() takes a name such as 'ranked', not {name!r}")
        entity = statement.entity
        if entity is None:
            labels_of(statement.columns, "cte()")
        self.__solidb_name__ = name
        self.__solidb_statement__ = statement
        self.__solidb_model__ = None if entity is None else entity.model
        self.__solidb_recursive__ = recursive
        self.__solidb_base__ = self.__solidb_step__ = None

    def union_all(self, step: Any) -> Any:
        """Add what each round finds from the rows of the round before, until one finds nothing.

        ``start = select(..).cte("chain", recursive=True)``, then ``chain = start.union_all(select(..).join(
        start, ..))``: the step reads ``start``, the statement around them ``chain``. In a circle it would not
        end: carry a depth and stop at one.
        """
        if not self.__solidb_recursive__:
            raise UsageError(f"{self!r} is not recursive", hint="cte(name, recursive=True)")
        check_alike(self.__solidb_statement__, step, "union_all")
        made = Table(self.__solidb_name__, self.__solidb_statement__, recursive=True)
        made.__solidb_base__, made.__solidb_step__ = self, step
        return made

    def __getattr__(self, name: str) -> Any:
        model = self.__solidb_model__
        if model is not None:
            found = getattr(model, name)
            if isinstance(found, IdRef):
                return IdRef(self)
            return moved(found, self) if isinstance(found, FieldRef) else found
        for column in self.__solidb_statement__.columns:
            if isinstance(column, Scalar) and column.label == name:
                return FieldRef(self.__solidb_place_of__(column))
        known = [each.label for each in self.__solidb_statement__.columns if isinstance(each, Scalar)]
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        raise AttributeError(f"{self!r} has no column {name!r}{guess}")

    def __solidb_place_of__(self, column: Scalar) -> Place:
        inner = column.expression
        inner = inner.expression if isinstance(inner, Labelled) else inner
        place = inner.__solidb_place__ if isinstance(inner, FieldRef) else getattr(inner, "place", None)
        if isinstance(place, Place):
            return replace(place, source=self, path=(column.label,), nullable=True)
        annotation = inner.__solidb_type__
        return Place(self, (column.label,), annotation, None, column.label, nullable=True)

    def __solidb_table__(self, scope: BuildScope) -> q.CommonTable:
        """Build the statement under its name."""
        labels = None if self.__solidb_model__ is not None else labels_of(self.__solidb_statement__.columns)
        rows = self.__solidb_statement__.__solidb_rows__(BuildScope(scope), labels)
        if self.__solidb_recursive__:
            if self.__solidb_step__ is None:
                raise UsageError(
                    f"the recursive {self!r} has no step", hint="read what start.union_all(step) gives"
                )
            rows = q.SetOperation(
                rows, "UNION ALL", self.__solidb_step__.__solidb_rows__(BuildScope(scope), labels)
            )
        return q.CommonTable(f"_t_{self.__solidb_name__}", rows)

    def __solidb_stands_for__(self, other: object) -> bool:
        """Return whether a table of the same name is this one, or what a round of it reads."""
        return other is self or other is self.__solidb_base__

    def __repr__(self) -> str:
        return f"cte({self.__solidb_name__!r})"


def check_alike(one: Any, other: Any, name: str) -> None:
    """Hold two statements whose rows are to be put together to the same columns; UsageError."""
    if not hasattr(other, "__solidb_rows__"):
        raise UsageError(f"{name}() takes select() statements")
    models = [each.entity.model if each.entity else None for each in (one, other)]
    if len(one.columns) != len(other.columns) or models[0] is not models[1]:
        raise UsageError(f"the statements of {name}() need the same columns: one model, or as many fields")
    if getattr(one, "reader", None) or getattr(other, "reader", None):
        raise UsageError(f"{name}() takes statements without into()")
