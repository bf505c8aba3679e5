"""The one hook into class creation: collection names, checks, and ``User.age`` as an expression.

While a class is being made the hook stays silent, so Pydantic sees ordinary classes: inherited
defaults stay defaults, and no field seems to shadow another.
"""

from __future__ import annotations

import copyreg
import re
import sys
import threading
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from inspect import currentframe, get_annotations
from types import FrameType
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from pydantic import ConfigDict, Field, PrivateAttr
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic.fields import FieldInfo
from typing_extensions import dataclass_transform

from ...commands import CollectionSpec
from ...errors import DeclarationError, SolidbError, UsageError
from .. import type_inspection
from ..document_state import expose
from ..expressions.comparisons import Mark
from ..expressions.fields import SYSTEM_FIELDS, FieldRef, IdRef, Place
from ..links.placement import Reader, direct_readers, link_fields, reader_of
from ..stored.field_values import stored_name
from ..stored.plain_types import is_plain_field, is_plain_link, is_plainly_declared, validated_fields
from ..stored.pydantic_attributes import (
    FIELDS,
    GENERIC,
    PARENT_NAMESPACE,
    RESETS_NAMESPACE,
    ModelMetaclass,
    class_computed_fields,
    class_fields,
    generic_parts,
    is_built,
)
from ..stored.trial import check_defaults, is_unsteady, may_be_refused, try_fields
from ..type_inspection import attributes_of, forget
from .cascade_options import Cascade, check_cascades
from .checks import (
    KeyRule,
    check_collection_name,
    check_fields,
    check_functions,
    check_key,
    check_options,
    check_reserved,
    check_settings,
    check_shared_fields,
    hooks_in,
)
from .computed import described, stored_names
from .forward_references import check_names, complete, note_class
from .habits import OF_CLASSES, check_declared
from .indexes import Index
from .mapping import Mapping, complete_mapping, make_mapping, make_spec
from .registry import REFUSED, Registry
from .registry import registry as everything


class _Building(threading.local):
    """How many classes, one within another, this thread is making."""

    depth = 0


_building = _Building()
_makers: list[None] = []
"""One entry for each class that any thread is making."""


def _is_building() -> bool:
    return _building.depth > 0


class _Kept:
    """An attribute of the metaclass, for the name of a field that queries ask classes for: ``User.age``.

    Python finds it before it makes the error of an attribute that is not there, which is most of what
    ``DocumentMeta.__getattr__`` takes. A class's own attribute of this name comes before it, documents do not
    see it, and where the class has kept no field of the name, that method is asked.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, cls: Any, metaclass: Any = None) -> Any:
        if cls is None:
            return self
        if not _makers:  # the hook stays silent while this thread makes a class, and tells which thread it is
            try:
                return attributes_of(cls)["__solidb_references__"][self.name]
            except KeyError:
                pass
        raise AttributeError(self.name)


def _is_built_later(namespace: dict[str, Any], options: dict[str, Any]) -> bool:
    """Return whether a class is a base of this package, which Pydantic need not build to import it."""
    return namespace.get("__module__", "").startswith(_OWN) and GENERIC not in options


_OWN = "solidb_odm.model."
_NEUTRAL = (Index, KeyRule)
"""Notes of a field that change nothing in how its values are stored."""
_ANNOTATED = {"__annotations__", "__annotate__", "__annotate_func__"}
_CONFIGURED = frozenset(ConfigDict.__annotations__)


class Watched:
    """A field whose value can change in place: reading it notes that the document may change."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, document: Any, owner: Any = None) -> Any:
        if document is None:
            if _is_building():
                raise AttributeError(self.name)
            return class_field(owner, self.name)
        try:
            value = document.__dict__[self.name]
        except KeyError:
            raise AttributeError(
                f"{type(document).__name__!r} object has no attribute {self.name!r}"
            ) from None
        if value is not None:
            expose(document)
        return value

    def __set__(self, document: Any, value: Any) -> None:
        document.__dict__[self.name] = value

    def __delete__(self, document: Any) -> None:
        document.__dict__.pop(self.name, None)


class WatchedLinks(Watched):
    """A watched field that holds links: documents that were put among them become links as it is read."""

    __slots__ = ("read",)

    def __init__(self, name: str, read: Reader) -> None:
        super().__init__(name)
        self.read = read

    def __get__(self, document: Any, owner: Any = None) -> Any:
        value = super().__get__(document, owner)
        if document is None or value is None:
            return value
        made = self.read(value)
        if made is not value:
            document.__dict__[self.name] = made
        return made


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class DocumentMeta(ModelMetaclass):
    """The class of document classes."""

    if not TYPE_CHECKING:

        def __new__(  # noqa: PYI034  the metaclass itself is what this makes
            mcs,
            name: str,
            bases: tuple[type, ...],
            namespace: dict[str, Any],
            collection: str | None = None,
            abstract: bool = False,
            registry: Registry | None = None,
            **options: Any,
        ) -> DocumentMeta:
            settings = namespace.pop(
                "Settings", None
            )  # Pydantic would take a class made elsewhere for a field
            check_declared(name, namespace)
            later, is_stated = _is_built_later(namespace, options), "__qualname__" in namespace
            is_bare = not (is_stated or options or _ANNOTATED & namespace.keys())
            if later:
                namespace["model_config"] = {**namespace.get("model_config", {}), "defer_build": True}
            if RESETS_NAMESPACE not in options:
                check_names(name, namespace.get("__annotations__", {}), currentframe())
                namespace[PARENT_NAMESPACE] = _types_around(currentframe())
                options[RESETS_NAMESPACE] = False
            _makers.append(None)  # first: an interrupt after it only lets _Kept leave all to the hook
            _building.depth += 1
            try:
                cls = super().__new__(mcs, name, bases, namespace, **options)
            except Exception as error:
                if isinstance(error, SolidbError) or _is_of_others(error):
                    raise
                raise _refusal(error, name, options) from error
            finally:
                _building.depth -= 1
                _makers.pop()
            if later:
                cls.model_config.pop("defer_build")  # classes that inherit from it are built at once
                _evaluate_annotations(cls)
            try:
                type.__setattr__(cls, "__solidb_is_stated__", is_stated)
                type.__setattr__(cls, "__solidb_is_bare__", is_bare)
                _complete_declaration(cls, settings, registry)
                declare(cls, collection, abstract, waits=not later)
            except Exception as error:
                type.__setattr__(cls, REFUSED, True)
                if isinstance(error, SolidbError) or _is_of_others(error):
                    raise
                if isinstance(error, PydanticUserError):
                    raise _refusal(error, name, options) from error
                raise DeclarationError(
                    f"can't be mapped ({type(error).__name__}: {error})",
                    model=name,
                    hint="simplify the types of its fields; Annotated[.., Lossy()] skips this check for one",
                ) from error
            return cls

        def __setattr__(cls, name: str, value: Any) -> None:  # noqa: N805  a metaclass
            is_field = name[:2] != "__" and name in cls.__dict__.get(FIELDS, ()) and not _is_building()
            if is_field and not hasattr(type(value), "__set__"):  # which a copy of a class sets again
                raise UsageError(
                    f"{cls.__name__}.{name} stands for the field in queries, and can't be set on the class",
                    hint="set it on a document; update(Model).set(Model.field, value) changes those stored",
                )
            super().__setattr__(name, value)

        def __getattr__(cls, name: str) -> Any:  # noqa: N805  a metaclass
            if name[:2] == "__" and name not in OF_CLASSES:  # Pydantic asks for many
                raise AttributeError(name)
            kept = cls.__dict__.get("__solidb_references__")
            if kept is not None and name in kept and not _building.depth:
                return kept[name]
            if _is_building() or name == "Settings":  # which few classes have
                raise AttributeError(name)
            if name in cls.__dict__.get(FIELDS, ()):
                return class_field(cls, name)
            if name in SYSTEM_FIELDS and "__solidb_collection__" in cls.__dict__:
                return system_field(cls, name)
            try:
                return super().__getattr__(name)
            except AttributeError:
                raise AttributeError(_unknown(cls, name)) from None

    def __dir__(cls) -> list[str]:  # noqa: N805  a metaclass
        """Return what a REPL completes: fields too, which no attribute of the class holds."""
        named = SYSTEM_FIELDS if cls.__dict__.get("__solidb_collection__") is not None else ()
        return sorted({*super().__dir__(), *cls.__dict__.get(FIELDS, ()), *named})

    @property
    def __solidb_mapping__(cls) -> Mapping:  # noqa: N805  a metaclass
        """What the mapper knows of the class; made when first needed."""
        mapping: Mapping | None = cls.__dict__.get("__solidb_made_mapping__")
        return cast(Mapping, finish(cls, required=True)) if mapping is None else mapping


def _evaluate_annotations(cls: Any) -> None:
    """Look up once what the annotations of a base name, which Pydantic would do for each class over it."""
    own = type("", (), {"__annotations__": get_annotations(cls), "__module__": cls.__module__})
    type.__setattr__(cls, "__annotations__", get_type_hints(own, include_extras=True))


def _refusal(error: Exception, model: str, options: dict[str, Any]) -> DeclarationError:
    """Return what is wrong with a class that Pydantic, or Python, refuses."""
    unknown = [option for option in options if not option.startswith("_") and option not in _CONFIGURED]
    if isinstance(error, TypeError) and "keyword argument" in str(error) and unknown:
        problem = f"there is no option {unknown[0]!r}"
        hint = "a document class takes collection=, abstract=, registry=, and what ConfigDict has"
    elif isinstance(error, PydanticSchemaGenerationError):
        problem = str(error).partition(". ")[0]
        hint = (
            "use a type Pydantic knows, or "
            "Annotated[.., PlainValidator(..), PlainSerializer(..)] to say how to read and store it"
        )
    elif isinstance(error, PydanticUserError):
        problem, hint = error.message, None
    else:
        problem, hint = f"is no class that can be made ({type(error).__name__}: {error})", None
    kind = _KINDS.get(type(error)) or _KINDS.setdefault(type(error), _kind_of(type(error)))
    refusal = kind(problem, model=model, hint=hint)
    refusal.__dict__.update({**error.__dict__, **refusal.__dict__})
    return refusal


_KINDS: dict[type[Exception], type[DeclarationError]] = {}


def _kind_of(raised: type[Exception]) -> type[DeclarationError]:
    """Return the class of an error that is ours and, where Python can make such, of the raised kind too."""
    try:
        return cast(
            "type[DeclarationError]",
            type("DeclarationError", (DeclarationError, raised), {"__module__": DeclarationError.__module__}),
        )
    except TypeError:
        return DeclarationError


_MAKERS = frozenset(("pydantic", "pydantic_core", "solidb_odm", "typing", "typing_extensions", "abc"))


def _is_of_others(error: Exception) -> bool:
    """Return whether an error is not of those who make a class: of a program's code there, or a warning."""
    if isinstance(error, Warning):
        return True
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals["__name__"].partition(".")[0] not in _MAKERS


def _types_around(metaclass: FrameType | None) -> dict[str, Any] | None:
    """Return the types among the variables of a function that makes a class, whose annotations may name them.

    Pydantic looks for them itself, but from here it would find the variables of the metaclass.
    """
    frame = metaclass and metaclass.f_back
    if frame is None or frame.f_locals is frame.f_globals:
        return None
    return {
        name: value
        for name, value in frame.f_locals.items()
        if isinstance(value, type) or type(value).__module__ in ("typing", "types", "typing_extensions")
    }


# --- declaring -----------------------------------------------------------------------------------


def _complete_declaration(cls: Any, settings: Any, registry: Any) -> None:
    """Add to a class what Pydantic must not see of it."""
    make_referable(cls)
    type.__setattr__(cls, "__solidb_is_made__", True)
    if settings is not None:
        type.__setattr__(cls, "Settings", settings)
    if registry is not None and not isinstance(registry, Registry):
        raise DeclarationError(
            f"registry={registry!r}", model=cls.__name__, hint="registry=Registry(), kept in a variable"
        )
    type.__setattr__(cls, "__solidb_registry__", registry or _inherited_registry(cls))


def _inherited_registry(cls: Any) -> Registry:
    """Return the registry of the bases of a class, or of the classes at the ends of an edge."""
    related = [*cls.__mro__[1:], *generic_parts(cls)["args"]]
    for model in related:
        bound = model.__dict__.get("__solidb_registry__") if isinstance(model, DocumentMeta) else None
        if bound is not None and bound is not everything:
            return cast(Registry, bound)
    return everything


def declare(cls: Any, collection: str | None, abstract: bool, *, waits: bool) -> None:
    """Assign a new class its collection and, if it is complete or gets so with this one, its mapping."""
    registry = cls.__solidb_registry__
    Registry.generation += 1
    model = cls.__name__
    is_base = cls.__module__.startswith(_OWN) or bool(
        generic_parts(cls)["origin"] or generic_parts(cls)["parameters"]
    )
    parent = _parent(cls)
    inherited = cast("str | None", parent.__solidb_collection__) if parent is not None else None
    said = getattr(cls.__dict__.get("Settings"), "collection", None)
    if collection is None:
        collection = said
    elif said is not None and said != collection:
        raise DeclarationError(
            f"has two names for its collection, {collection!r} and {said!r} in Settings", model=model
        )
    if collection is not None:
        check_collection_name(collection, model=model)
    generic = generic_parts(cls)
    is_of_origin = parent is not None and generic["origin"] is parent and not generic["parameters"]
    if collection is None and not abstract and (not is_base or is_of_origin):
        collection = inherited or check_collection_name(_default_name(model), model=model)
    check_reserved(cls)
    check_settings(cls)
    check_functions(cls)
    check_options(cls)
    hooks_in(cls)
    type.__setattr__(cls, "__solidb_collection__", collection)
    is_child = inherited is not None and collection == inherited
    type.__setattr__(cls, "__solidb_type_name__", model if is_child else None)
    type.__setattr__(cls, "__solidb_references__", {})
    if is_built(cls):
        finish(cls)
    elif collection is not None and waits:
        registry.wait(cls)
    for waiting in note_class(cls, waits=waits):
        if waiting is cls:  # whose building was put off
            finish(cls)
            continue
        with suppress(DeclarationError):  # raised again when that class is used
            finish(waiting)


def finish(cls: Any, *, required: bool = False) -> Mapping | None:
    """Make the mapping of a class and enter it into the registry, once its annotations resolve.

    DeclarationError if it is ``required`` and they don't, or if the class has no collection.
    """
    if not is_built(cls) and required:
        complete(cls, 4)
    forget(cls)
    fields: dict[str, FieldInfo] = class_fields(cls)
    watched = [name for name, info in fields.items() if type_inspection.can_change(info.annotation)]
    doubtful = [name for name, info in fields.items() if not is_plainly_declared(info, _NEUTRAL)]
    for name in watched:
        if not isinstance(cls.__dict__.get(name), Watched):
            read = reader_of(fields[name].annotation) if name in doubtful else None
            type.__setattr__(cls, name, Watched(name) if read is None else WatchedLinks(name, read))
    type.__setattr__(cls, "__solidb_watched__", frozenset(watched))
    type.__setattr__(cls, "__solidb_linked__", direct_readers(cls, doubtful))
    check_cascades(cls, link_fields(cls) if doubtful else (), doubtful)
    if cls.__solidb_collection__ is None:
        if required:
            raise DeclarationError(
                "has no collection of its own",
                model=cls.__name__,
                hint="it is abstract or generic; use a subclass",
            )
        return None
    check_key(cls)
    check_fields(cls, doubtful)
    suspects, validated = list(fields), validated_fields(cls)
    if validated is not None:
        suspects = [name for name in doubtful if not is_plain_link(fields[name], (Index, Cascade))]
        suspects += [name for name in fields if name in validated and name not in suspects]
    if suspects:
        try_fields(cls, suspects)
    unsteady = [name for name in watched if name in suspects or not is_plain_field(fields[name], _NEUTRAL)]
    type.__setattr__(cls, "__solidb_unsteady__", is_unsteady(cls, unsteady))
    if cls.__solidb_type_name__ is not None:
        check_shared_fields(cls, _parent(cls))
    mapping = make_mapping(cls, cls.__solidb_collection__, cls.__solidb_kind__, cls.__solidb_type_name__)
    if suspects:
        check_defaults(cls, suspects)
        if may_be_refused(cls, suspects):
            complete_mapping(mapping)
    type.__setattr__(cls, "__solidb_made_mapping__", mapping)
    if not required or cls.__dict__.get("__solidb_claimed__") is None:
        try:
            cls.__solidb_registry__.claim(cls, _claim(mapping))
        except DeclarationError:
            type.__delattr__(cls, "__solidb_made_mapping__")
            raise
        type.__setattr__(cls, "__solidb_claimed__", True)
    return mapping


def _claim(mapping: Mapping) -> CollectionSpec:
    return CollectionSpec(mapping.collection, mapping.kind, mapping.indexes, None, mapping.validation)


def _parent(cls: Any) -> Any:
    for base in cls.__mro__[1:]:
        if isinstance(base, DocumentMeta) and base.__dict__.get("__solidb_collection__") is not None:
            return base
    return None


def _default_name(model: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", model.partition("[")[0]).lower()


# --- class attributes as expressions -------------------------------------------------------------


def class_field(cls: Any, name: str) -> FieldRef:
    """Return the reference of a field of a document class."""
    cache: dict[str, FieldRef] = cls.__dict__["__solidb_references__"]
    reference = cache.get(name)
    if reference is None:
        info = class_fields(cls)[name]
        if not is_built(cls):
            complete(cls, 4)
            info = class_fields(cls)[name]
        annotation = info.annotation
        place = Place(
            cls, (stored_name(cls, name),), annotation, cls, name, type_inspection.is_nullable(annotation)
        )
        reference = cache[name] = FieldRef(place, Mark(cls))
        if not hasattr(DocumentMeta, name):
            type.__setattr__(DocumentMeta, name, _Kept(name))
    return reference


def system_field(cls: Any, name: str) -> Any:
    """Return the reference of an attribute that the engine keeps."""
    stored, annotation = SYSTEM_FIELDS[name]
    place, mark = Place(cls, (stored,), annotation, None, name, False), Mark(cls)
    made: Any = IdRef(cls, mark) if name == "id" else FieldRef(place, mark)
    return cls.__dict__["__solidb_references__"].setdefault(name, made)


def _unknown(cls: Any, name: str) -> str:
    if name in OF_CLASSES:
        return f"{cls.__name__} has no {name!r}; write {OF_CLASSES[name].format(cls.__name__)}"
    known = [*cls.__dict__.get(FIELDS, ()), *SYSTEM_FIELDS]
    close = get_close_matches(name, known, 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    if "__" in name and name.partition("__")[0] in known:  # as Django asks
        field = f"{cls.__name__}.{name.partition('__')[0]}"
        guess = f"; write where(..), which compares {field} or a part of it by any operator"
    return f"{cls.__name__} has no field or attribute {name!r}{guess}"


def spec_of(cls: Any) -> CollectionSpec:
    """Return what the class declares of its collection."""
    return make_spec(cls.__solidb_mapping__)


# --- computed fields, which the class answers for with references -------------------------------------


class Computed(property):
    """A computed field, which the class itself answers with its reference."""

    def __init__(self, own: property, name: str) -> None:
        super().__init__(own.fget, own.fset, own.fdel, own.__doc__)
        self._name = name

    def __get__(self, document: Any, owner: Any = None) -> Any:
        if document is None and _is_made(owner):
            return computed_field_ref(owner, self._name)
        return super().__get__(document, owner)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again, for what sends classes by value to other processes."""
        return _computed_again, (self.fget, self.fset, self.fdel, self.__doc__, self._name)


def _computed_again(fget: Any, fset: Any, fdel: Any, doc: str | None, name: str) -> Computed:
    return Computed(property(fget, fset, fdel, doc), name)


class ComputedOnce(cached_property[Any]):
    """A computed field that keeps its value, which the class itself answers with its reference."""

    def __get__(self, document: Any, owner: Any = None) -> Any:
        if document is None and _is_made(owner):
            return computed_field_ref(owner, cast(str, self.attrname))
        return super().__get__(document, owner)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again, for what sends classes by value to other processes."""
        return _computed_once, (self.func, self.attrname)


def _is_made(cls: Any) -> bool:
    return "__solidb_is_made__" in cls.__dict__


def make_referable(cls: Any) -> None:
    """Let a class answer with references for the computed fields that are properties of its own."""
    for name in class_computed_fields(cls):
        own = cls.__dict__.get(name)
        if type(own) is property:
            type.__setattr__(cls, name, Computed(own, name))
        elif type(own) is cached_property:
            type.__setattr__(cls, name, _computed_once(own.func, name))


def _computed_once(function: Any, name: str | None) -> ComputedOnce:
    return cast(ComputedOnce, _once(ComputedOnce, function, name))


def _once(kind: type[cached_property[Any]], function: Any, name: str | None) -> cached_property[Any]:
    made = kind(function)
    if name is not None:
        made.__set_name__(cast(Any, None), name)
    return made


def _sent_once(own: cached_property[Any]) -> tuple[Any, ...]:
    return _once, (cached_property, own.func, own.attrname)


if sys.version_info < (3, 12):  # where it holds a lock, with which no class could be sent by value
    copyreg.pickle(cached_property, _sent_once)


def computed_field_ref(cls: Any, name: str) -> FieldRef:
    """Return the reference of a computed field of a document class."""
    owner, _, kind = described(cls, name)
    return FieldRef(
        Place(cls, (stored_names(cls)[name],), kind, owner, name, type_inspection.is_nullable(kind))
    )
