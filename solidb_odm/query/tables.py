"""Named statements: ``statement.cte("name")`` is computed once and read as a model is."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Protocol

from ..errors import UsageError
from ..model.fields import FieldRef, Place, moved
from ..model.system import IdRef
from ..sdbql import nodes as q
from .columns import Column, Entity, Labelled, Scalar, labels_of
from .scope import BuildScope


class Tabled(Protocol):
    """A statement that can be read under a name."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def entity(self) -> Entity | None: ...

    def __rows__(self, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Query: ...


class Table:
    """The rows of a statement; its attributes are the columns, or the fields of the one model it reads."""

    __slots__ = ("__solidb_model__", "__solidb_name__", "__solidb_statement__", "__weakref__")
    __solidb_model__: Any

    def __init__(self, name: str, statement: Tabled) -> None:
        if not name.isidentifier():
            raise UsageError(f"cte() takes a name such as 'ranked', not {name!r}")
        entity = statement.entity
        if entity is None:
            labels_of(statement.columns, "cte()")
        self.__solidb_name__ = name
        self.__solidb_statement__ = statement
        self.__solidb_model__ = None if entity is None else entity.model

    def __getattr__(self, name: str) -> Any:
        model = self.__solidb_model__
        if model is not None:
            found = getattr(model, name)
            if isinstance(found, IdRef):
                return IdRef(self)
            return moved(found, self) if isinstance(found, FieldRef) else found
        for column in self.__solidb_statement__.columns:
            if isinstance(column, Scalar) and column.label == name:
                return FieldRef(self.__solidb_place__(column))
        known = [each.label for each in self.__solidb_statement__.columns if isinstance(each, Scalar)]
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        raise AttributeError(f"{self!r} has no column {name!r}{guess}")

    def __solidb_place__(self, column: Scalar) -> Place:
        inner = column.expression
        inner = inner.expression if isinstance(inner, Labelled) else inner
        place = inner.__place__ if isinstance(inner, FieldRef) else getattr(inner, "place", None)
        if isinstance(place, Place):
            return replace(place, source=self, path=(column.label,), nullable=True)
        annotation = getattr(inner, "annotation", Any)
        return Place(self, (column.label,), annotation, None, column.label, nullable=True)

    def __solidb_table__(self, scope: BuildScope) -> q.CommonTable:
        """Build the statement under its name."""
        labels = None if self.__solidb_model__ is not None else labels_of(self.__solidb_statement__.columns)
        rows = self.__solidb_statement__.__rows__(scope, labels)
        # The underscore keeps the name apart from those of collections.
        return q.CommonTable(f"_t_{self.__solidb_name__}", rows)

    def __repr__(self) -> str:
        return f"cte({self.__solidb_name__!r})"
