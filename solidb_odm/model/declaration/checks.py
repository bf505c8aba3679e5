"""What every document class is held to when it is made, besides its indexes.

What a key or a collection name may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from inspect import (
    CO_VARARGS,
    get_annotations,
    getattr_static,
    isasyncgenfunction,
    iscoroutinefunction,
    isgeneratorfunction,
)
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any, Final, Literal, cast, get_args, get_origin

from pydantic import AliasChoices, Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from ..._types import is_map
from ...errors import DeclarationError
from ...language.stored_documents import KEY_PATTERN
from .. import type_inspection
from ..expressions.kinds import includes
from ..stored.field_values import stored_name
from ..stored.pydantic_attributes import class_decorators, class_fields, generic_parts
from ..stored.trial import stored_otherwise
from ..type_inspection import cached_by_class
from .cascade_options import Cascade
from .computed import stored_names
from .habits import OF_PYTHON
from .indexes import Index

MAXIMUM_KEY_LENGTH = 254


class KeyRule:
    """What a key may be, in one note of its type, of which Pydantic makes a schema at a third of the time."""

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(min_length=1, max_length=MAXIMUM_KEY_LENGTH, pattern=KEY_PATTERN)


_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


def check_collection_name(name: object, *, model: str) -> str:
    """Return the name if it is safe on every engine; DeclarationError naming the model if not."""
    if not isinstance(name, str) or not _COLLECTION.fullmatch(name):
        raise DeclarationError(
            f"{name!r} is not a collection name",
            model=model,
            hint="use letters, digits, '_' and '-', starting with a letter, at most 128 characters",
        )
    if name.startswith("_"):
        raise DeclarationError(
            f"the collection name {name!r} starts with '_', which is reserved for collections of "
            "the server and of this package",
            model=model,
            hint=f"call it {name.lstrip('_')!r}",
        )
    return name


_RESERVED = ("id", "rev")
_KEY_RULES: list[Any] = cast(
    FieldInfo, Field(min_length=1, max_length=MAXIMUM_KEY_LENGTH, pattern=KEY_PATTERN)
).metadata


def check_reserved(cls: Any) -> None:
    """Refuse fields and attributes that would hide the document's own."""
    for name in _RESERVED:
        if name in class_fields(cls) or name in cls.__dict__:
            raise DeclarationError(
                f"is reserved for the document's own {'id' if name == 'id' else 'revision'}",
                model=cls.__name__,
                field=name,
                hint=f"call the field something else; Field(alias={name!r}) keeps the name in JSON",
            )


def check_fields(cls: Any, names: Iterable[str]) -> None:
    """Refuse declarations of fields that would say nothing; DeclarationError."""
    for name in names:
        info = class_fields(cls)[name]
        for note in (*info.metadata, *type_inspection.metadata(info.annotation)):
            if isinstance(note, type) and issubclass(note, (Index, Cascade)):
                raise DeclarationError(
                    f"has the class {note.__name__} in its annotation, which has no effect",
                    model=cls.__name__,
                    field=name,
                    hint=f"Annotated[.., {note.__name__}()], with parentheses",
                )
        aliases: tuple[Any, ...] = (info.alias, info.serialization_alias)
        for alias in aliases:
            if alias is not None and not isinstance(alias, str):
                raise DeclarationError(
                    f"has the alias {alias!r}, which is not a str",
                    model=cls.__name__,
                    field=name,
                    hint="validation_alias=AliasChoices(..) takes several names to read a field by",
                )
        if isinstance(info.default, (Index, Cascade)):
            kind = type(info.default).__name__
            raise DeclarationError(
                f"has {kind}() as its default value",
                model=cls.__name__,
                field=name,
                hint=f"it belongs to the type: {name}: Annotated[.., {kind}()]",
            )
        _check_notes(cls, name, info)
        if name not in ("from_", "to") or cls.__solidb_kind__ != "edge":
            _check_no_document(cls, name, info.annotation)


def _check_notes(cls: Any, name: str, info: FieldInfo) -> None:
    """Refuse notes and defaults of a field that only others read, or nobody."""
    notes = [*info.metadata, *type_inspection.metadata(info.annotation)]
    called = [getattr(note, "func", None) for note in notes]
    default: Any = info.default
    hint = None
    if other := next((note for note in notes if _word_of(note) in _OPTIONS), None):
        problem = f"has {other!r} in its annotation, which has no effect"
        hint = f"write {_OPTIONS[_word_of(other)]}"
    elif info.exclude is True and any(isinstance(note, Index) for note in notes):
        problem = "has an index, and is excluded from what is stored"
    elif any(map(iscoroutinefunction, called)):
        problem = "has a function that is async, and nothing would await it"
    elif isinstance(default, _FUNCTIONS) and info.exclude is not True:
        problem = f"has the function {default.__name__} itself as its default value"
        hint = f"Field(default_factory={default.__name__}) calls it for each document"
    else:
        return
    raise DeclarationError(problem, model=cls.__name__, field=name, hint=hint)


_FUNCTIONS: Final = (FunctionType, BuiltinFunctionType, MethodType)


def _word_of(note: Any) -> str:
    """Return what a note says for other mappers: a word, the first of several, or the name of its class."""
    if isinstance(note, str):
        return note
    if is_map(note):
        return str(next(iter(note), ""))
    return _OF_OTHERS.get(type(note).__name__, "")


_OF_OTHERS: Final = {
    "Column": "index", "Indexed": "index", "IndexModel": "index", "MappedColumn": "index",
}  # fmt: skip
"""Classes of other packages that make indexes there, by the word for it."""


def _check_no_document(cls: Any, name: str, annotation: Any) -> None:
    for member in type_inspection.alternatives(annotation):
        if isinstance(member, type) and hasattr(member, "__solidb_collection__"):
            raise DeclarationError(
                f"holds a {member.__name__}, which is a Document class",
                model=cls.__name__,
                field=name,
                hint=f"Link[{member.__name__}] refers to a document; an embedded model is a BaseModel",
            )
        if not hasattr(get_origin(member), "__solidb_any_target__") and get_origin(member) is not Literal:
            for argument in get_args(member):
                if argument is not Ellipsis:
                    _check_no_document(cls, name, argument)


_WRITTEN: Final[dict[str, tuple[type, str]]] = {
    "ser_json_bytes": (bytes, "base64"),
    "ser_json_timedelta": (timedelta, "float"),
}
"""Settings of a class that decide how values of a type are stored, and what holds without them."""


@cached_by_class
def _writers(cls: Any) -> dict[str, set[Any]]:
    """Return the functions that store fields, defined beside them by a class or its parents, by name.

    Those of all fields stand under ``"*"``, those of the whole document under no name.
    """
    declared, writers = class_decorators(cls), dict[str, set[Any]]()
    for serializer in declared.field_serializers.values():
        for name in serializer.info.fields:
            writers.setdefault(name, set()).add(_function_of(serializer))
    writers[""] = set(map(_function_of, declared.model_serializers.values()))
    return writers


def _function_of(decorator: Any) -> Any:
    return getattr(decorator.func, "__func__", decorator.func)


def _written_by(cls: Any, name: str) -> set[Any]:
    return _writers(cls).get(name, set()) | _writers(cls).get("*", set())


def check_shared_fields(cls: Any, parent: Any) -> None:
    """Refuse a class that keeps a field otherwise than its parent in the same collection; DeclarationError.

    A query of the parent's field would pass by the documents of this class, or take their values for others.
    """
    if _writers(parent)[""] != _writers(cls)[""]:
        raise DeclarationError(
            f"is stored in another way than {parent.__name__}, which shares the collection, by a "
            f"model_serializer of one of them: queries of {parent.__name__} would not find its documents",
            model=cls.__name__,
            hint=f"give it to {parent.__name__}, or give this one a collection= of its own; what an API "
            "shows can be a computed_field",
        )
    own = names_of(cls)
    for name, stored in names_of(parent).items():
        if own.get(name) != stored:
            where = f"is stored as {own[name]!r}" if name in own else "is not stored"
            problem = f"{where}, but {parent.__name__}, which shares the collection, stores it as {stored!r}"
            hint = "give both the same serialization_alias"
        else:
            problem, hint = _kept_otherwise(cls, parent, name)
        if problem:
            raise DeclarationError(
                f"{problem}: queries of {parent.__name__}.{name} would not find it, or misread it",
                model=cls.__name__,
                field=name,
                hint=f"{hint}, or give this one a collection= of its own",
            )


def _kept_otherwise(cls: Any, parent: Any, name: str) -> tuple[str, str]:
    """Return how a class stores a field of its parent otherwise, and what to do; empty texts if alike."""
    otherwise = f"is stored in another way than in {parent.__name__}, which shares the collection"
    wide, narrow = (class_fields(owner).get(name) for owner in (parent, cls))
    for setting, (kind, default) in _WRITTEN.items():
        asked = [owner.model_config.get(setting) or default for owner in (parent, cls)]
        if asked[0] != asked[1] and wide is not None and type_inspection.holds(wide.annotation, kind):
            return f"{otherwise}, by {setting}={asked[1]!r}", f"give both classes the same {setting}"
    if _written_by(parent, name) != _written_by(cls, name):
        return f"{otherwise}, by a field_serializer of one of them", (
            f"give it to {parent.__name__}, under a name that no class below uses again (what an API shows "
            "can be a computed_field)"
        )
    if wide is None or narrow is None:
        return "", ""
    is_parametrised = generic_parts(cls)["origin"] is parent
    if not is_parametrised and not includes(wide.annotation, narrow.annotation):
        types = [_shown(info.annotation) for info in (narrow, wide)]
        problem = f"is {types[0]}, but {types[1]} in {parent.__name__}, which shares the collection"
        return problem, f"widen the type in {parent.__name__}, e.g. by a union"
    form = _form_otherwise(parent, cls, name)
    hint = "store it alike in both: the same serializers and aliases, also in what is embedded"
    return (f"{otherwise}, {form}", hint) if form else ("", "")


def _form_otherwise(parent: Any, cls: Any, name: str) -> str:
    """Say which value of an inherited field a class stores in another form; empty text if none is known."""
    infos = [class_fields(owner)[name] for owner in (parent, cls)]
    encoders = [owner.model_config.get("json_encoders") for owner in (parent, cls)]
    said = [(info.annotation, info.metadata) for info in infos]
    is_same = said[0] == said[1] and encoders[0] == encoders[1]
    return "" if is_same else stored_otherwise(parent, cls, name)


def _shown(annotation: Any) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")


def names_of(cls: Any) -> dict[str, str]:
    """Return the names that the fields of a class, and what it computes, are stored under."""
    fields = class_fields(cls).items()
    kept = {name: stored_name(cls, name) for name, info in fields if info.exclude is not True}
    return kept | stored_names(cls)


_MODE, _MODES = "schema_validation", ("off", "lenient", "strict")

_SETTINGS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "cascade": ((Cascade, NoneType), 'cascade = Cascade("delete"), in an Edge class'),
    "collection": ((str, NoneType), 'collection = "people", or collection= in the class statement'),
    "indexes": ((list, tuple), 'indexes = [Index("city", "age")]'),
    "renamed_from": ((str, NoneType), 'renamed_from = "old_name", of the collection or class'),
    _MODE: ((str,), 'choose "off", "lenient" or "strict"'),
    "version": ((int,), "version = 2, and a classmethod upgrade_from(cls, stored, version) -> dict"),
}
"""What ``Settings`` may say: the types of the value, and how to write it."""


def check_settings(cls: Any) -> None:
    """Refuse settings that nobody reads, in a class or in what it inherits from others; DeclarationError."""
    for owner in cls.__mro__:
        settings = owner.__dict__.get("Settings")
        if settings is None or (owner is not cls and isinstance(owner, type(cls))):
            continue  # a document class was held to this when it was made
        if not isinstance(settings, type):
            raise DeclarationError(
                f"Settings = {settings!r}", model=cls.__name__, hint="write class Settings: .. in the model"
            )
        for base in settings.__mro__[:-1]:
            _check_stated(cls, base)


def _check_stated(cls: Any, settings: type) -> None:
    for name, value in vars(settings).items():
        is_function = callable(value) or hasattr(value, "__get__")
        if name in _SETTINGS and not is_function:
            _check_setting(cls, name, value)
        elif name not in OF_PYTHON and not (name.startswith("_") and is_function):
            close = get_close_matches(name, _SETTINGS, 1)
            raise DeclarationError(
                f"there is no setting {name!r}" + (", as a function" if name in _SETTINGS else ""),
                model=cls.__name__,
                field="Settings",
                hint=f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(_SETTINGS)}",
            )
    for name in get_annotations(settings):
        if name not in vars(settings):
            raise DeclarationError(
                f"{name} has no value", model=cls.__name__, field="Settings", hint=f"write {name} = .."
            )


def _check_setting(cls: Any, name: str, value: Any) -> None:
    """Refuse a value of a type that the setting can't have; DeclarationError."""
    types, hint = _SETTINGS[name]
    problem = ""
    if type(value) is bool or not issubclass(type(value), types):
        problem = f"{name} = {value!r}" + (" is no list" if list in types else " has no meaning")
    elif value == "" or (name == "version" and value < 1) or (name == _MODE and value not in _MODES):
        problem = f"{name}={value!r}"
    elif name == "indexes" and (wrong := [entry for entry in value if not isinstance(entry, Index)]):
        problem = f"indexes holds {wrong[0]!r}, which is not an index declaration"
    elif name == "indexes" and (wrong := [entry for entry in value if not entry.fields]):
        problem = f"{wrong[0]!r} names no field"
        hint = 'in Settings.indexes the field paths come first: Index("city", unique=True)'
    if problem:
        raise DeclarationError(problem, model=cls.__name__, field="Settings", hint=hint)


EVENTS = frozenset(
    f"{when}_{what}" for when in ("before", "after") for what in ("insert", "update", "delete")
) | {"after_load"}
"""The events that a class hears of by a method of that name."""


def hooks_in(cls: Any) -> frozenset[str]:
    """Return the events for which a class, or a base, defines a method; DeclarationError of other hooks."""
    defined = {name for base in cls.__mro__ for name in EVENTS & base.__dict__.keys()}
    return frozenset(name for name in defined if _is_hook(cls, name))


def check_functions(cls: Any) -> None:
    """Refuse validators, serializers and computed fields that are async: nobody would await them."""
    declared = class_decorators(cls)
    for decorators in map(declared.__getattribute__, _BY_DECORATORS):
        for name, decorator in decorators.items():
            function = getattr(decorator.func, "fget", None) or decorator.func
            function = getattr(function, "__func__", function)
            if iscoroutinefunction(function) or isasyncgenfunction(function):
                raise DeclarationError(
                    "is async, and nothing would await it",
                    model=cls.__name__,
                    field=name,
                    hint=f"def {name}(..): a plain function; await what it needs before the document is made",
                )
    for name, info in declared.computed_fields.items():
        kind: Any = info.info.return_type
        if any(isinstance(note, Index) for note in type_inspection.metadata(kind)):
            raise DeclarationError(
                "is computed, and what its type says of an index has no effect",
                model=cls.__name__,
                field=name,
                hint=f"indexes = [Index({name!r})] in class Settings",
            )


_BY_DECORATORS: Final = (
    "validators", "field_validators", "model_validators", "field_serializers", "model_serializers",
    "computed_fields",
)  # fmt: skip


_INDEX: Final = "Annotated[.., Index(unique=True)], or Index('name') in Settings.indexes"
_TTL: Final = "Annotated[datetime | None, TTLIndex(seconds=..)]"
_LINK: Final = "Link[Other], and Annotated[Link[Other], Cascade(..)] for what is to happen along"
_BACK: Final = "ClassVar[BackReference['Other']] = back_reference('Other.field')"
_TIMES: Final = "created_at and updated_at of class X(Timestamped, Document)"
_DEFAULT: Final = "default= or default_factory="
_OPTIONS: Final = {
    "auto_now": _TIMES, "auto_now_add": _TIMES, "autoincrement": "key: str, a text of your own",
    "back_populates": _BACK, "backref": _BACK, "cascade": _LINK, "cascade_delete": _LINK,
    "db_column": "alias=",
    "db_field": "alias=", "db_index": _INDEX, "expire_after_seconds": _TTL, "expireAfterSeconds": _TTL,
    "fetch": "select(..).load(field), where it is read", "foreign_key": _LINK, "index": _INDEX,
    "indexed": _INDEX, "max_len": "max_length=", "maxlen": "max_length=", "min_len": "min_length=",
    "on_delete": _LINK, "ondelete": _LINK, "onupdate": _TIMES, "original_field": _BACK,
    "primary_key": "key: str, the key itself", "related_name": _BACK, "sa_column": _INDEX,
    "sa_column_args": _INDEX, "sa_column_kwargs": _INDEX, "sa_type": "the type of the field",
    "server_default": _DEFAULT, "sparse": _INDEX, "ttl": _TTL, "unique": _INDEX,
}  # fmt: skip
"""What other mappers say in ``Field(..)``, by what to write here."""


def check_options(cls: Any) -> None:
    """Refuse ``Field(unique=True)`` and its like, which Pydantic takes for words of the JSON schema."""
    for name, info in class_fields(cls).items():
        extra = info.json_schema_extra
        if info.default_factory is not None and iscoroutinefunction(info.default_factory):
            raise DeclarationError(
                "has a default that is async, and nothing would await it", model=cls.__name__, field=name
            )
        if isinstance(extra, dict) and (said := sorted(_OPTIONS.keys() & extra.keys())):
            raise DeclarationError(
                f"Field({said[0]}=..) has no effect",
                model=cls.__name__,
                field=name,
                hint=f"write {_OPTIONS[said[0]]}",
            )


def _is_hook(cls: Any, name: str) -> bool:
    hook = getattr_static(cls, name)
    if name in class_fields(cls):
        if isinstance(hook, FunctionType):
            raise DeclarationError(
                f"has the name of a hook of {hook.__qualname__.partition('.')[0]}",
                model=cls.__name__,
                field=name,
                hint=f"give it another name, and keep this one by Field(alias={name!r})",
            )
        return False
    if isinstance(hook, FunctionType) and not (iscoroutinefunction(hook) or isasyncgenfunction(hook)):
        _check_hook(cls, name, hook)
        return True
    if hook is None:
        return False  # a subclass turned it off
    kind = "async" if isinstance(hook, FunctionType) else f"a {type(hook).__name__}"
    raise DeclarationError(
        f"is {kind}, and would never be run",
        model=cls.__name__,
        field=name,
        hint=f"def {name}(self): a plain method; await before or after session.commit()",
    )


def _check_hook(cls: Any, name: str, hook: FunctionType) -> None:
    """Refuse a hook that can't be called with the document alone, or whose body would not be run."""
    code = hook.__code__
    given = code.co_varnames[: code.co_argcount]
    is_called = len(given) - len(hook.__defaults__ or ()) <= 1 and (given or code.co_flags & CO_VARARGS)
    if not is_called or isgeneratorfunction(hook):
        problem = f"takes {', '.join(given) or 'nothing'}" if not is_called else "is a generator"
        raise DeclarationError(
            f"{problem}, and is called with the document alone",
            model=cls.__name__,
            field=name,
            hint=f"def {name}(self): ..; session.on('before_flush', function) is given the session",
        )


def check_key(cls: Any) -> None:
    """Hold the key to be text, and to be stored as ``_key`` where a class declares it again."""
    info = class_fields(cls)["key"]
    if not all(
        isinstance(kind, type) and issubclass(kind, str) for kind in type_inspection.kinds(info.annotation)
    ):
        raise DeclarationError(
            f"a key is text (str), not {info.annotation!r}",
            model=cls.__name__,
            field="key",
            hint="derive it from your value, e.g. with default_factory, and keep the value in another field",
        )
    if stored_name(cls, "key") != "_key":
        if (alias := info.alias or info.serialization_alias) not in (None, "_key", "key"):
            raise DeclarationError(
                f"has the alias {alias!r}, and is stored as _key",
                model=cls.__name__,
                field="key",
                hint="take the alias away: a key is given as key; a field of another name can hold it too",
            )
        info.validation_alias, info.serialization_alias = AliasChoices("_key", "key"), "_key"
        if type_inspection.strip(info.annotation) is str:
            info.metadata = [*info.metadata, *_KEY_RULES]
        cls.__solidb_rebuild__(force=True)
    default = info.default
    if isinstance(default, str) and (not default or "/" in default):
        raise DeclarationError(
            f"{default!r} is not a key",
            model=cls.__name__,
            field="key",
            hint="a key is not empty and has no '/'",
        )
