"""``Edge``: a document that leads from one document to another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar, get_args

from pydantic import AliasChoices, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PrivateAttr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import dataclass_transform

from ..commands import CollectionKind
from .declaration.metaclass import DocumentMeta
from .declaration.registry import check_target, current
from .document import Document
from .stored.shape import reference_schema

F = TypeVar("F", bound=Document)
T = TypeVar("T", bound=Document)
V_co = TypeVar("V_co", covariant=True)

_REFERENCE = r"^[^/]+/[^/]+$"
_reference = re.compile(_REFERENCE)


def End(  # noqa: N802  a field specifier, as Field is
    alias: str,
    *,
    init: bool = True,  # noqa: ARG001  read by type checkers
    kw_only: Literal[False] = False,  # noqa: ARG001  read by type checkers
) -> Any:
    """Declare an end of an edge: a field that may be given by position."""
    return Field(
        validation_alias=AliasChoices(alias, alias.lstrip("_"), _NAMES[alias]), serialization_alias=alias
    )


_NAMES = {"_from": "from_", "_to": "to"}


class EndType:
    """How the end of an edge is read: a document or ``"collection/key"``; it is stored as the latter."""

    __slots__ = ()
    __solidb_end__ = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EndType)

    def __hash__(self) -> int:
        return hash(EndType)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        wanted = check_target(next((end for end in get_args(source) if end is not str), None), "Edge")
        start: str | None = None
        """How ids of the class begin, once one was read, so that the next take no look at the class."""

        def check(value: Any) -> Any:
            if value.__class__ is str:
                return check_reference(value)
            if isinstance(value, Document):
                if isinstance(wanted, type) and not isinstance(value, (wanted, current(wanted))):
                    raise PydanticCustomError(
                        "edge_end",
                        "this end of the edge must be a {expected}, not a {found}",
                        {"expected": wanted.__name__, "found": type(value).__name__},
                    )
                return value
            return check_reference(value)

        def check_reference(value: Any) -> str:
            nonlocal start
            if (
                start is not None
                and isinstance(value, str)
                and value.startswith(start)
                and value.count("/") == 1
                and value != start
            ):
                return value
            if not isinstance(value, str) or not _reference.match(value):
                raise PydanticCustomError(
                    "edge_end", "an end of an edge is a document or a text 'collection/key', not {found}",
                    {"found": repr(value)},
                )  # fmt: skip
            collection = getattr(wanted, "__solidb_collection__", None)
            if collection is not None and value.partition("/")[0] != collection:
                raise PydanticCustomError(
                    "edge_end",
                    "this end of the edge must be in '{expected}', not '{found}'",
                    {"expected": collection, "found": value},
                )
            start = None if collection is None else f"{collection}/"
            return value

        return core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(check_reference, core_schema.str_schema()),
            core_schema.no_info_plain_validator_function(check),
            metadata={"solidb_target": wanted},
            serialization=core_schema.plain_serializer_function_ser_schema(
                reference_of, return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        target = (schema.get("metadata") or {}).get("solidb_target")
        return reference_schema(_REFERENCE, target)


def reference_of(end: Document | str) -> str:
    """Return the end of an edge as ``"collection/key"``."""
    return end if isinstance(end, str) else end.__solidb_reference__()


if TYPE_CHECKING:

    class EndText(str):  # noqa: PLW1641  as a text is hashed
        """An end of an edge class in a query: a text, which is compared with ids and documents."""

        @property
        def id(self) -> str: ...
        def __eq__(self, other: object) -> bool: ...
        def __ne__(self, other: object) -> bool: ...


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr, End))
class EdgeMeta(DocumentMeta):
    """The class of edge classes: their first two arguments are the ends."""

    if TYPE_CHECKING:  # ``F | str`` would be ambiguous to a checker where no instance says what F is

        @property
        def from_(cls) -> EndText: ...  # noqa: N805  a metaclass
        @property
        def to(cls) -> EndText: ...  # noqa: N805  a metaclass

    else:

        def __call__(cls, *ends: Any, **values: Any) -> Any:  # noqa: N805  a metaclass
            if ends:
                if len(ends) > 2:
                    raise TypeError(
                        f"{cls.__name__}() takes two positional arguments, {len(ends)} were given"
                    )
                for name, end in zip(("from_", "to"), ends, strict=False):
                    if name in values:
                        raise TypeError(f"{cls.__name__} got two values for {name!r}")
                    values[name] = end
            return super().__call__(**values)


class Connects(Protocol[V_co]):
    """An edge by the classes of both of its ends, of which a type checker finds one type."""

    def __solidb_ends__(self) -> V_co:
        """Return nothing: it is there for type checkers alone."""
        ...


class Edge(Document, Generic[F, T], metaclass=EdgeMeta):
    """The base class of edges: ``class Follows(Edge[User, User], collection="follows")``.

    The first two arguments are its ends: documents, which need not be stored yet (adding the edge to a
    session adds them too), or ids ``"collection/key"``. An edge that was read holds the ids.
    """

    __slots__ = ()
    __solidb_kind__: ClassVar[CollectionKind] = "edge"

    if TYPE_CHECKING:
        from_: F | str = End("_from", kw_only=False)
        to: T | str = End("_to", kw_only=False)

        def __solidb_ends__(self) -> F | T: ...  # what ``Connects`` knows an edge by
    else:
        from_: Annotated[F | str, EndType()] = End("_from", kw_only=False)
        to: Annotated[T | str, EndType()] = End("_to", kw_only=False)

    @property
    def from_id(self) -> str:
        """The document the edge starts from, as ``collection/key``."""
        return reference_of(self.from_)

    @property
    def to_id(self) -> str:
        """The document the edge leads to, as ``collection/key``."""
        return reference_of(self.to)
