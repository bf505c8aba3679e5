"""Index declarations: in ``Annotated[...]`` on a field, or in ``Settings.indexes`` with field paths.

They only hold what was said; ``mapping`` checks them against the model and makes ``IndexSpec``s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ...commands import IndexKind, Metric
from ...errors import DeclarationError

_METRICS: dict[str, Metric] = {
    "cosine": "cosine",
    "euclidean": "euclidean",
    "l2": "euclidean",
    "dot": "dot",
    "dotproduct": "dot",
    "dot_product": "dot",
}


class Index:
    """A persistent index, used for equality, ranges and sorting.

    Field paths consist of the names of fields, with dots for embedded models; in ``Annotated`` no path is
    given. With ``unique``, two documents can't have the same values, unless all are null; with
    ``where={"status": "active"}`` this applies only to documents with these values. Documents that are marked
    as deleted do not count, except with ``where={}``. On a file ``Index("tags[]")`` is over the elements of a
    list, for ``contains(User.tags, "x")``, and ``Index("lines[].sku")`` over an attribute of them, for
    ``any_(Order.lines).sku == "x"``.
    """

    kind: IndexKind = "persistent"

    if not TYPE_CHECKING:  # a checker says so of the call

        def __new__(cls, *_: Any, **options: Any) -> Self:
            known = cls.__init__.__kwdefaults__ or {}
            if unknown := sorted(options.keys() - known.keys()):
                raise DeclarationError(
                    f"{cls.__name__}() has no option {unknown[0]!r}",
                    hint=f"its options are {', '.join(known)}; where={{'status': 'active'}} says of which "
                    "documents a unique one is",
                )
            return super().__new__(cls)

    def __init__(
        self,
        *fields: str,
        unique: bool = False,
        where: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        for path in fields:
            if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise DeclarationError(
                    f"an index takes field paths as strings, not {path!r}",
                    hint='e.g. Index("address.city", "age")',
                )
        self.fields = fields
        if where is not None and (not unique or not _is_by_path(where)):
            raise DeclarationError(
                f"where={where!r}" + ("" if unique else " of an index that is not unique"),
                hint='where= says which documents may not share a value: Index("email", unique=True, '
                'where={"status": "active"})',
            )
        _check(self, "unique", unique, isinstance(unique, bool), "True or False")  # pyright: ignore[reportUnnecessaryIsInstance]
        _check(self, "name", name, _is_name(name), "a text")
        self.unique = unique
        self.where = where
        self.name = name

    def options(self) -> dict[str, Any]:
        """Return the options besides name and fields, as ``IndexSpec`` names them."""
        return {"unique": self.unique}

    def __repr__(self) -> str:
        options = [repr(path) for path in self.fields]
        options += [f"{name}={value!r}" for name, value in self.options().items() if value]
        options += [f"where={dict(self.where)!r}"] if self.where is not None else []
        return f"{type(self).__name__}({', '.join(options)})"


class FulltextIndex(Index):
    """A fulltext index on one text field; words shorter than ``minimum_length`` are left out."""

    kind = "fulltext"

    def __init__(self, *fields: str, minimum_length: int = 3, name: str | None = None) -> None:
        super().__init__(*fields, name=name)
        _check(self, "minimum_length", minimum_length, _is_count(minimum_length, 1), "1 or more")
        self.minimum_length = minimum_length

    def options(self) -> dict[str, Any]:
        return {"minimum_length": self.minimum_length}


class GeoIndex(Index):
    """A geo index on one field that holds a ``GeoPoint``, for ``within`` and ``nearest``."""

    kind = "geo"

    def __init__(self, *fields: str, name: str | None = None) -> None:
        super().__init__(*fields, name=name)

    def options(self) -> dict[str, Any]:
        return {}


class TTLIndex(Index):
    """Delete documents ``seconds`` after the time their field holds.

    The field is a ``datetime``, or an integer of Unix seconds.
    """

    kind = "ttl"

    def __init__(self, *fields: str, seconds: int = 0, name: str | None = None) -> None:
        super().__init__(*fields, name=name)
        _check(self, "seconds", seconds, _is_count(seconds, 0), "a whole number of 0 or more")
        self.seconds = seconds

    def options(self) -> dict[str, Any]:
        return {"seconds": self.seconds}


class VectorIndex(Index):
    """A nearest-neighbour index on one field of ``dimension`` numbers.

    ``metric`` is ``"cosine"``, ``"euclidean"`` or ``"dot"``. In ``Annotated`` it also makes Pydantic refuse a
    vector of another length, because the server would leave such a document out of the index.
    """

    kind = "vector"

    def __init__(
        self, *fields: str, dimension: int | None = None, metric: str = "cosine", name: str | None = None
    ) -> None:
        super().__init__(*fields, name=name)
        self.dimension = dimension
        self.metric = metric

    def options(self) -> dict[str, Any]:
        if not isinstance(self.dimension, int) or isinstance(self.dimension, bool) or self.dimension < 1:
            raise DeclarationError(
                f"a vector index needs a dimension of 1 or more, not {self.dimension!r}",
                hint='e.g. VectorIndex(dimension=384, metric="cosine")',
            )
        known = _METRICS.get(str(self.metric).lower())
        if known is None:
            raise DeclarationError(
                f"a vector index has no metric {self.metric!r}", hint='choose "cosine", "euclidean" or "dot"'
            )
        return {"dimension": self.dimension, "metric": known}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        dimension = self.dimension

        def check(value: Any) -> Any:
            if value is not None and dimension is not None and len(value) != dimension:
                raise PydanticCustomError(
                    "vector_dimension",
                    "a vector of {expected} numbers is needed, not of {found}",
                    {"expected": dimension, "found": len(value)},
                )
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))


def _check(index: Index, option: str, value: Any, is_right: bool, wanted: str) -> None:
    if not is_right:
        raise DeclarationError(f"{type(index).__name__} takes {option}= {wanted}, not {value!r}")


def _is_name(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_by_path(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(path, str) for path in cast(Any, value))
