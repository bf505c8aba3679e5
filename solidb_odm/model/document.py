"""``Document``: a Pydantic model that is stored in a collection."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime
from inspect import getattr_static
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from .._types import JsonObject
from ..commands import CollectionKind, CollectionSpec
from ..errors import InvalidDocument, StateError, missing
from ..language.stored_documents import new_key
from .declaration.checks import KeyRule
from .declaration.forward_references import is_completed
from .declaration.habits import OF_DOCUMENTS
from .declaration.metaclass import DocumentMeta, finish, spec_of
from .declaration.registry import Registry
from .document_state import (
    SLOT,
    Loaded,
    expose,
    is_shared,
    note_assigned,
    own_fields_set,
    pickled,
    state_of,
    state_or_none,
    touch,
    unpickle,
)
from .links.placement import Reader
from .stored.codec import encode_value
from .stored.pydantic_attributes import class_computed_fields, class_fields, extra_of, generic_parts, is_built
from .stored.scalars import parse_time
from .type_inspection import UNCHANGEABLE

KeyText = Annotated[str, KeyRule()]


class Document(BaseModel, metaclass=DocumentMeta):
    """The base class of documents.

    ``class User(Document, collection="users")`` declares a collection. Without ``collection``, a class shares
    the collection of its parent, or is named in snake case after itself. ``abstract=True`` declares a base
    without a collection, ``registry=`` a base whose classes belong to another ``Registry``. ``key`` is a
    UUIDv7 unless given, and can't change once the document is stored.

    ``id`` is ``collection/key``. The engine sets ``rev``, ``created_at`` and ``updated_at``; they are None
    until the document is stored. All five can be used in queries like fields.
    """

    __slots__ = ("__solidb_state__",)

    key: KeyText = Field(
        default_factory=new_key, validation_alias=AliasChoices("_key", "key"), serialization_alias="_key"
    )
    if TYPE_CHECKING:
        id: str = Field(init=False)
        rev: str | None = Field(init=False)
        created_at: datetime = Field(init=False)
        updated_at: datetime = Field(init=False)
        __solidb_collection__: ClassVar[str]
        __solidb_type_name__: ClassVar[str | None]
        __solidb_registry__: ClassVar[Registry]
        __solidb_kind__: ClassVar[CollectionKind]
        __solidb_watched__: ClassVar[frozenset[str]]
        __solidb_linked__: ClassVar[dict[str, Reader]]
        __solidb_unsteady__: ClassVar[bool]
        __solidb_hidden_by__: ClassVar[str | None]

    if not TYPE_CHECKING:
        # Without annotations, which Pydantic would read again for each class.
        __solidb_kind__ = "document"
        __solidb_watched__ = frozenset()
        __solidb_linked__ = {}
        __solidb_unsteady__ = False
        __solidb_hidden_by__ = None

        def __getattr__(self, name: str) -> Any:
            if name == SLOT:  # not noted yet; Pydantic's own search is slow
                raise AttributeError(name)
            if name == "id":
                return self.__solidb_reference__()
            if name in ("rev", "created_at", "updated_at"):
                return _system_value(self, name)
            try:
                value = super().__getattr__(name)
            except AttributeError:
                if name not in OF_DOCUMENTS:
                    raise
                way = OF_DOCUMENTS[name].format(type(self).__name__)
                raise missing(self, name, {name: way}) from None
            if not name.startswith("_") and not isinstance(value, UNCHANGEABLE):
                expose(self)  # an extra attribute, whose value can change in place
            return value

    def __hash__(self) -> int:
        # By what equal documents share and nobody changes, so that they can be in sets and be keys.
        # Documents of ``Model[int]`` and ``Model`` are equal to Pydantic.
        return hash((generic_parts(self)["origin"] or type(self), self.key))

    def __setattr__(self, name: str, value: Any) -> None:
        if (read := type(self).__solidb_linked__.get(name)) is not None:
            value = read(value)
        if name == "key" and (state := state_or_none(self)) is not None and state.is_stored:
            raise StateError(
                f"the key of {type(self).__name__} {self.key!r} can't change: it is stored",
                state="persistent",
                move="change its key",
                hint="add a copy under the new key (model_copy(update={'key': ...})) and delete this one",
            )
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        others = None if not self.model_config.get("validate_assignment") else dict(self.__dict__)
        state = state_of(self)
        before = state.assigned
        if self.model_config.get("extra") == "allow" and is_shared(self):
            own_fields_set(self)  # Pydantic adds the name of an extra attribute
        touch(self, state, name)  # before there is a change, so that an interrupt after it can't hide it
        try:
            if name in class_computed_fields(type(self)) and not self.model_config.get("frozen"):
                self.__solidb_set_computed__(name, value)
            else:
                super().__setattr__(name, value)
        except ValidationError:
            state.assigned = before
            if others is not None:  # a validator of the whole model came after the value was set
                object.__setattr__(self, "__dict__", others)
            raise
        if others is not None:
            note_assigned(self, _replaced(others, self.__dict__))
        if name in type(self).__solidb_watched__ or name not in class_fields(type(self)):
            expose(self)  # the caller may hold the value

    def __solidb_set_computed__(self, name: str, value: Any) -> None:
        """Call the setter of a computed field, which Pydantic does not find behind a reference."""
        attribute = getattr_static(type(self), name)
        if isinstance(attribute, property):
            attribute.__set__(self, value)
        else:
            vars(self)[name] = value

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        note_assigned(self, (name,))
        touch(self)

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        expose(self)
        yield from super().__iter__()

    def __copy__(self) -> Self:
        expose(self)
        copied = super().__copy__()
        expose(copied)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        touch(copied)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        """Return what is pickled: a stored document is a detached one when it is read again."""
        own_fields_set(self)
        return {**super().__getstate__(), SLOT: pickled(self)}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        stored = state.pop(SLOT, None)
        super().__setstate__(state)
        unpickle(self, stored)
        touch(self)

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Make a document of values as they are, as Pydantic does; they are validated before it is stored."""
        made = super().model_construct(_fields_set, **values)
        touch(made)
        return made

    def __solidb_baseline__(self) -> JsonObject | None:
        """Return the document in stored form, to see later what changed; None if it can't be stored."""
        try:
            return encode_value(type(self).__solidb_mapping__, self)
        except InvalidDocument:
            return None

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were set."""
        return own_fields_set(self)

    @property
    def model_extra(self) -> dict[str, Any] | None:
        """The extra attributes; None if the class takes none."""
        if extra_of(self):
            expose(self)
        return extra_of(self)

    def __solidb_reference__(self) -> str:
        """Return ``collection/key``, as an edge or a link names this document."""
        return f"{type(self).__solidb_collection__}/{self.key}"

    if not TYPE_CHECKING:

        @classmethod
        def model_rebuild(
            cls,
            *,
            force: bool = False,
            raise_errors: bool = True,
            _parent_namespace_depth: int = 2,
            _types_namespace: Any = None,
        ) -> bool | None:
            """Make the class complete, when the classes it names are there; as Pydantic's."""
            if is_built(cls) and not force:
                return None
            done = not force and _types_namespace is None and is_completed(cls)
            if not done:
                done = super().model_rebuild(
                    force=force,
                    raise_errors=raise_errors,
                    _parent_namespace_depth=_parent_namespace_depth + 1,
                    _types_namespace=_types_namespace,
                )
            if is_built(cls):
                finish(cls)
            return done

        @classmethod
        def __solidb_rebuild__(cls, **options: Any) -> bool | None:
            return super().model_rebuild(**options)

    @classmethod
    def __collection_spec__(cls) -> CollectionSpec:
        """Return what the class declares of its collection."""
        return spec_of(cls)


put_notes: Callable[[Document, Loaded], None] = Document.__dict__[SLOT].__set__
"""Puts the notes on a loaded document into its slot, where the slot is."""


def is_document_class(value: object) -> bool:
    """Return whether something is a class of documents, of which there can be some."""
    return isinstance(value, type) and issubclass(value, Document)


def _replaced(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield the attributes that validating an assignment has given other values."""
    for name, value in after.items():
        if before.get(name, before) is not value:
            yield name


def _system_value(document: Document, name: str) -> Any:
    state = state_or_none(document)
    if state is None or not state.is_stored:
        return None
    if name == "rev":
        return state.revision
    return parse_time(state.created if name == "created_at" else state.updated)
