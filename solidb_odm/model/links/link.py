"""``Link[User]``: a field that refers to a document of another collection."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import GenericAlias
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, get_args, overload

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ...errors import DocumentNotFound, UsageError
from ..declaration.registry import check_target, current
from ..document import Document
from ..stored.shape import reference_schema

D = TypeVar("D", bound=Document)

_REFERENCE = r"^[^/]+/[^/]+$"
_reference = re.compile(_REFERENCE)


class Absent(str):
    """The id in a link that was looked behind, and there is no document."""

    __slots__ = ()


class Link(Generic[D]):
    """A reference to a document, stored as ``"collection/key"``.

    A field accepts a document, a link or an id: ``Post(author=ada)``, ``post.author = "users/ada"``. The
    document need not be stored yet. Links to the same document are equal to each other, to the document and
    to its id.

    A link that was read holds only the id. ``session.load(posts, Post.author)`` reads the documents of many
    links at once; then ``link.value`` is the document.
    """

    __slots__ = ("_to",)
    __solidb_any_target__: ClassVar[type[Document]] = Document
    _to: D | str
    """The document, or its id. One slot: with many documents many links are made, and weighed."""

    def __init__(self, to: D | Link[D] | str) -> None:
        if isinstance(to, Link):
            document = to.__solidb_document__()
            self._to = to.id if document is None else document
        elif isinstance(to, Document):
            self._to = to
        else:
            self._to = _checked(to)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> Link[D]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Link[D]: ...
        def __get__(self, instance: object, owner: Any) -> Link[D]: ...
        # None too: checkers ask this of optional links as well, and can't tell them from others.
        def __set__(self, instance: Any, value: Link[D] | D | str | None) -> None: ...

    @property
    def id(self) -> str:
        """The document, as ``collection/key``."""
        to = self._to
        if type(to) is str:
            return to
        return str(to) if isinstance(to, str) else to.__solidb_reference__()

    @property
    def key(self) -> str:
        """The document's key."""
        return self.id.partition("/")[2]

    @property
    def collection(self) -> str:
        """The document's collection."""
        return self.id.partition("/")[0]

    @property
    def is_loaded(self) -> bool:
        """Return whether ``value`` has the document."""
        return not isinstance(self._to, str)

    @property
    def is_dangling(self) -> bool:
        """Return whether ``load()`` found no document behind the link."""
        return self._to.__class__ is Absent

    @property
    def value(self) -> D:
        """The document; UsageError if it was not given or loaded: reading it never asks the engine.

        DocumentNotFound, a LookupError, where ``load()`` found none: ``is_dangling`` says so.
        """
        to = self._to
        if not isinstance(to, str):
            return to
        if to.__class__ is Absent:
            raise DocumentNotFound(
                f"there is no document {to}, which this link names; is_dangling says so beforehand"
            )
        raise UsageError(
            f"the document {to} of this link is not loaded",
            hint="session.load(posts, Post.author) loads the documents of all these links at once",
        )

    if not TYPE_CHECKING:

        def __class_getitem__(cls, target: Any) -> GenericAlias:
            # As list[int] is made: typing would remember it, and keep the classes of functions alive.
            return GenericAlias(cls, target)

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of the document, as response models that read attributes want it."""
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(self.value, name)

    @classmethod
    def __solidb_named__(cls, text: str) -> Self:
        """Return the link to what a text names that is known to be an id."""
        link = cls.__new__(cls)
        link._to = text  # noqa: SLF001  as its __init__
        return link

    def __solidb_set__(self, document: D) -> None:
        """Take the document the link leads to: a session calls it when it has loaded it."""
        if (reference := document.__solidb_reference__()) != self.id:
            raise UsageError(f"{reference} is not the document {self.id} of the link")
        self._to = document

    def __solidb_missed__(self) -> None:
        """Note that there is no such document: a session calls it when it has looked for it."""
        self._to = Absent(self.id)

    def __solidb_document__(self) -> D | None:
        """Return the document, None if it is not loaded: a session adds it before what links to it."""
        to = self._to
        return None if isinstance(to, str) else to

    def __solidb_reference__(self) -> str:
        """Return what is stored, and what a query compares with."""
        return self.id

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Link, Document)):
            return bool(self.id == cast(Any, other).__solidb_reference__())
        return self.id == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        known = ", dangling" if self.is_dangling else ", loaded" if self.is_loaded else ""
        return f"Link({self.id!r}{known})"

    def __copy__(self) -> Link[D]:
        return Link(self)

    def __deepcopy__(self, _memo: Any) -> Link[D]:
        """A copy of a document links to the same documents."""
        return Link(self)

    @classmethod
    def __solidb_read__(cls, source: Any, value: Any) -> Link[Any]:
        """Make a link as a type such as ``Link[User]`` wants it; PydanticCustomError if the value is none."""
        return _Reader(next(iter(get_args(source)), Document)).read(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        reader = _Reader(check_target(next(iter(get_args(source)), Document), "Link"))
        return core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(reader.read, core_schema.str_schema()),
            core_schema.no_info_plain_validator_function(reader.read),
            metadata={"solidb_target": reader.target},
            serialization=core_schema.plain_serializer_function_ser_schema(
                reference_text, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        target = (schema.get("metadata") or {}).get("solidb_target")
        return reference_schema(_REFERENCE, target)


def _checked(text: object) -> str:
    if isinstance(text, str) and _reference.match(text):
        return str.__str__(text)  # of a text of another class, what is in it
    raise UsageError(
        f"a link leads to a document or to 'collection/key', not to {text!r}",
        hint="Link(ada) or Link('users/ada')",
    )


_named = cast("Callable[[str], Link[Any]]", Link.__solidb_named__)


class _Reader:
    """Makes links to documents of one class.

    ``_start`` is how ids of the class begin, once one was read, so that the next take no look at the class.
    """

    __slots__ = ("_start", "target")

    def __init__(self, target: Any) -> None:
        self.target = target
        self._start: str | None = None

    def read(self, value: Any) -> Link[Any]:
        start = self._start
        if start is None or value.__class__ is not str or not value.startswith(start):
            return self._looked_at(value)
        if value.count("/") != 1 or len(value) == len(start):
            return self._looked_at(value)
        return _named(value)

    def _looked_at(self, value: Any) -> Link[Any]:
        try:
            link: Link[Any] = Link(value)
        except UsageError as error:
            raise PydanticCustomError(
                "link", "a link is a document or a text 'collection/key', not {found}", {"found": repr(value)}
            ) from error
        target = current(self.target)
        wanted = getattr(target, "__solidb_collection__", None)
        document = link.__solidb_document__()
        fits = link.collection == wanted if document is None else isinstance(document, (self.target, target))
        if wanted is not None and not fits:
            raise PydanticCustomError(
                "link",
                "this link leads to a {expected} (in {collection}), not to {found}",
                {"expected": self.target.__name__, "collection": wanted, "found": link.id},
            )
        if wanted is not None and target is self.target:
            self._start = f"{wanted}/"
        return link


def reference_text(value: Any) -> str:
    """Return a link, a document or a text as ``collection/key``; UsageError if it is none of them."""
    return (value if value.__class__ is Link else Link(value)).id
