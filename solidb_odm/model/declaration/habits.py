"""What document classes and documents of other mappers have and declare, by what to write here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any, ClassVar, Final, get_args, get_origin

from pydantic import ConfigDict
from pydantic.fields import FieldInfo

from ..._types import is_map
from ...errors import DeclarationError
from .. import type_inspection
from .cascade_options import Cascade
from .indexes import Index

_ALL = "session.scalars(select({0})).all()"
_SOME = "session.scalars(select({0}).where(..)).all()"
_MANY = "session.add_all(documents), then session.commit()"
_UPDATE = "session.execute(update({0}).where(..).values(..))"
_DELETE = "session.execute(delete({0}).where(..))"
_CLIENT = "session.execute(sdbql(text)), or solidb_odm.client for all that a server offers"
_COUNT = "session.scalar(select(func.count({0})))"

OF_CLASSES: Final = {
    "__mapper__": "{0}.__collection_spec__(), what it declares",
    "__table__": "{0}.__collection_spec__(), what it declares",
    "__tablename__": "{0}.__collection_spec__().name",
    "_id": "{0}.id",
    "_key": "{0}.key",
    "_rev": "{0}.rev",
    "aggregate": "session.execute(select(field, func.count({0})).group_by(field))",
    "all": _ALL,
    "bulk_create": _MANY,
    "bulk_insert": _MANY,
    "c": "{0}.name, the field itself",
    "count": _COUNT,
    "create": "session.add({0}(..)), then session.commit()",
    "create_collection": "engine.create_all({0})",
    "create_table": "engine.create_all({0})",
    "delete_all": "session.execute(delete({0}))",
    "delete_many": _DELETE,
    "distinct": "session.scalars(select(field).distinct()).all()",
    "drop": "engine.drop_all({0})",
    "drop_collection": "engine.drop_all({0})",
    "drop_table": "engine.drop_all({0})",
    "exists": "session.scalars(select({0}.key).where(..).limit(1)).first() is not None",
    "filter": _SOME,
    "filter_by": "select({0}).filter_by(..)",
    "find": _SOME,
    "find_all": _ALL,
    "find_many": _SOME,
    "find_one": "session.scalars(select({0}).where(..)).first()",
    "first": "session.scalars(select({0})).first()",
    "get": "session.get({0}, key)",
    "get_by_id": "session.get({0}, key)",
    "get_collection": _CLIENT,
    "get_collection_name": "{0}.__collection_spec__().name",
    "get_motor_collection": _CLIENT,
    "get_or_404": "session.get({0}, key), which is None where there is none",
    "get_or_create": "session.get({0}, key), and session.add({0}(..)) where that is None",
    "get_or_none": "session.get({0}, key)",
    "get_pymongo_collection": _CLIENT,
    "get_settings": "{0}.__collection_spec__(), what it declares",
    "insert": "session.add({0}(..)), then session.commit()",
    "insert_many": _MANY,
    "inspect_collection": "solidb-odm inspect, or Migrator(engine, models=[{0}]).check()",
    "link_from_id": "Link('collection/key')",
    "insert_one": "session.add(document), then session.commit()",
    "metadata": "engine.create_all({0}), which makes its collection and indexes",
    "objects": _SOME,
    "order_by": "select({0}).order_by({0}.name)",
    "paginate": "session.page(select({0}), size=20)",
    "pk": "{0}.key",
    "query": _SOME,
    "registry": "class Base(Document, abstract=True, registry=Registry())",
    "select": "select({0})",
    "update_all": "session.execute(update({0}).values(..))",
    "update_many": _UPDATE,
    "update_one": _UPDATE,
    "where": _SOME,
}
"""``{0}`` is the class."""

OF_DOCUMENTS: Final = {
    "_id": "document.id",
    "_key": "document.key",
    "_rev": "document.rev",
    "create": "session.add(document), then session.commit()",
    "delete": "session.delete(document), then session.commit()",
    "fetch": "session.load([document], {0}.field)",
    "fetch_all_links": "session.load([document], {0}.field)",
    "fetch_link": "session.load([document], {0}.field)",
    "get_changes": "inspect(document).changes",
    "get_saved_state": "inspect(document)",
    "has_changed": "session.is_modified(document)",
    "is_changed": "session.is_modified(document)",
    "inc": "document.field += 1, then session.commit()",
    "insert": "session.add(document), then session.commit()",
    "model_update": "the attributes, then session.commit()",
    "pk": "document.key",
    "reload": "session.refresh(document)",
    "refresh": "session.refresh(document)",
    "refresh_from_db": "session.refresh(document)",
    "ref": "document.id",
    "replace": "session.merge(document), then session.commit()",
    "rollback": "session.refresh(document), or session.rollback() of all",
    "save": "session.add(document), then session.commit(); of a stored one the commit is enough",
    "save_changes": "session.commit()",
    "sqlmodel_update": "the attributes, then session.commit()",
    "set": "the attributes, then session.commit()",
    "sync": "session.refresh(document)",
    "to_ref": "Link(document)",
    "to_dict": "document.model_dump()",
    "to_json": "document.model_dump_json()",
    "to_mongo": "document.model_dump()",
    "update": "the attributes, then session.commit()",
    "upsert": "session.merge(document), then session.commit()",
}
"""``{0}`` is the class of the document."""

_COLLECTION = "class {0}(Document, collection='users')"
_INDEXES = "class Settings: indexes = [Index('name', unique=True)]"
_ENGINE: Final = "create_engine('solidb://user:password@host:6745/database')"
_ORDER: Final = "select({0}).order_by({0}.name)"
_BASE: Final = "class {0}(Document, abstract=True)"
_STATE: Final = "nothing instead of it: a commit writes what changed, and revisions are always compared"
_CHECKED: Final = "nothing instead of it: a commit checks what was set past validation"
_SOFT: Final = "class {0}(SoftDelete, Document)"
_DECLARED: Final = {
    "__abstract__": _BASE,
    "__allow_unmapped__": "nothing instead of it",
    "__bind_key__": _ENGINE,
    "__collection__": _COLLECTION,
    "__connection__": _ENGINE,
    "__database__": _ENGINE,
    "__db__": _ENGINE,
    "__discriminator__": "nothing instead of it: _type names the class in a shared collection",
    "__mapper_args__": "nothing instead of it: revisions are always compared",
    "__ordering__": _ORDER,
    "__soft_delete__": _SOFT,
    "__table__": _COLLECTION,
    "__table_args__": _INDEXES,
    "__tablename__": _COLLECTION,
    "__virtual__": "@computed_field, which is stored, or a property, which is not",
}
_CONFIGURED: Final = {
    "abstract": _BASE,
    "bson_encoders": "Annotated[.., PlainSerializer(..), BeforeValidator(..)]",
    "collection": _COLLECTION,
    "indexes": _INDEXES,
    "parse_doc_with_default_factories": "nothing instead of it: defaults are made as documents are read",
    "registry": "class {0}(Document, registry=Registry())",
    "table": _COLLECTION,
    "tablename": _COLLECTION,
    "use_revision": _STATE,
    "use_state_management": _STATE,
    "validate_on_save": _CHECKED,
}
_KNOWN: Final = frozenset(ConfigDict.__annotations__)
_FORMER: Final = frozenset(
    ("allow_mutation", "allow_population_by_field_name", "anystr_lower", "anystr_strip_whitespace",
     "anystr_upper", "copy_on_model_validation", "error_msg_templates", "fields", "getter_dict", "json_dumps",
     "json_loads", "keep_untouched", "max_anystr_length", "min_anystr_length", "orm_mode", "schema_extra",
     "smart_union", "underscore_attrs_are_private", "validate_all")
)  # fmt: skip
"""Settings of Pydantic 1, of which it warns."""
_KEY: Final = "key: str, the key itself"
_TEXTS: Final = {
    "bind_key": _ENGINE, "collection": _COLLECTION, "collection_name": _COLLECTION, "database": _ENGINE,
    "db": _ENGINE, "db_alias": _ENGINE, "db_table": _COLLECTION, "key_field": _KEY, "ordering": _ORDER,
    "pk": _KEY, "primary_key": _KEY, "table": _COLLECTION, "table_name": _COLLECTION,
    "tablename": _COLLECTION,
}  # fmt: skip
_LISTS: Final = {
    "constraints": _INDEXES, "index": _INDEXES, "index_together": _INDEXES, "indexes": _INDEXES,
    "indices": _INDEXES, "meta": _INDEXES, "ordering": _ORDER, "settings": _INDEXES, "unique": _INDEXES,
    "unique_constraints": _INDEXES, "unique_together": _INDEXES,
}  # fmt: skip
_FLAGS: Final = {
    "abstract": _BASE, "is_root": "a class; its subclasses share its collection", "soft_delete": _SOFT,
    "soft_deletes": _SOFT, "timestamps": "class {0}(Timestamped, Document)", "use_revision": _STATE,
    "use_state_management": _STATE, "validate_on_save": _CHECKED,
}  # fmt: skip
"""What class attributes, with ``ClassVar`` or an underscore, say to other mappers: texts, lists and flags."""
_SYSTEM: Final = {
    "_from": "class {0}(Edge[From, To]), whose end is from_",
    "_id": "key: str; {0}.id is made of it",
    "_key": "key: str",
    "_rev": "nothing instead of it: {0}.rev is there",
    "_to": "class {0}(Edge[From, To]), whose end is to",
}


_HOOKS: Final = frozenset(
    [
        "after_commit",
        "after_create",
        "after_flush",
        "after_remove",
        "after_replace",
        "after_save",
        "before_commit",
        "before_create",
        "before_flush",
        "before_load",
        "before_remove",
        "before_replace",
        "before_save",
        "on_create",
        "on_delete",
        "on_insert",
        "on_load",
        "on_save",
        "on_update",
        "post_insert",
        "post_load",
        "post_save",
        "pre_delete",
        "pre_insert",
        "pre_load",
        "pre_save",
        "pre_update",
    ]
)
"""Methods that other mappers call by themselves."""

_HOOK_LIKE: Final = re.compile(
    r"(?:on_?)?(?:before|after|pre|post)_?(?:insert|update|delete|save|load|create|remove|replace|upsert|refresh"
    r"|persist|destroy|commit|flush)(?:s|d|ed|ing|_?event)?",
    re.IGNORECASE,
)
"""How methods are called that some mapper, or a misspelling of ours, would have run."""
_CHECKS: Final = {
    "__post_init__": "def model_post_init(self, context): ..",
    "after_validate": "@model_validator(mode='after')",
    "before_validate": "@model_validator(mode='before')",
    "clean": "@model_validator(mode='after')",
    "full_clean": "@model_validator(mode='after')",
    "init_on_load": "def after_load(self): ..",
    "validate_on_save": _CHECKED,
}
_ASYNC: Final = ("__init__", "model_post_init")
_EVENTS: Final = frozenset(
    ("after_load", "before_insert", "before_update", "before_delete", "after_insert", "after_update",
     "after_delete")
)  # fmt: skip

_OF_CLASSES: Final = {"meta", "setting", "settings", "index", "indexes", "indices", "collection"}
"""What a class in the class is called that is meant to be ``Settings``, in small letters."""

OF_PYTHON: Final = frozenset(vars(type("", (), {"__annotations__": {}}))) | {
    "__annotate__", "__annotate_func__", "__annotations_cache__", "__conditional_annotations__",
    "__firstlineno__", "__qualname__", "__static_attributes__", "__type_params__",
}  # fmt: skip
"""What Python itself puts into the namespace of a class."""

_OF_NAMES: Final = re.compile(
    r"__(?!pydantic|solidb)\w*(index|indices|unique|constraint|primary|key|ttl|table|collection|database|schema|settings)"
)
"""Names with two underscores of what only ``Settings``, or the class statement, says."""


def check_declared(name: str, namespace: Mapping[str, Any]) -> None:
    """Refuse what other mappers read of a class and this one would pass over; DeclarationError."""
    config: Any = namespace.get("model_config")
    older: Mapping[str, Any] = getattr(namespace.get("Config"), "__dict__", {})
    configured = config if is_map(config) else older
    for where, given, ways in (("", namespace, _DECLARED), ("model_config: ", configured, _CONFIGURED)):
        for word in ways.keys() & given.keys():
            raise DeclarationError(
                f"{where}{word!r} has no effect here", model=name, hint=f"write {ways[word].format(name)}"
            )
    _check_configured(name, config if is_map(config) else {}, older)
    described = _annotations(namespace)
    _check_annotated(name, namespace, described)
    for word, value in namespace.items():
        if word in OF_PYTHON:
            continue
        if callable(value) or isinstance(value, (classmethod, staticmethod)):
            _check_method(name, word, value)
        elif way := _meant(word, value, described):
            raise DeclarationError(
                f"{word!r} has no effect here", model=name, hint=f"write {way.format(name)}"
            )
        is_field = word in described and not _is_class_variable(described[word])
        is_meant = word not in described or (
            _holds_index(value) and not (is_field and isinstance(value, Index))
        )
        if is_meant and _is_passed_over(word, value):
            raise DeclarationError(
                f"{word!r} has no effect here",
                model=name,
                hint=f"write {_INDEXES} in the class; the collection is named by "
                f"{_COLLECTION.format(name)}, and the key is the field key",
            )


def _check_configured(name: str, config: Mapping[str, Any], older: Mapping[str, Any]) -> None:
    """Refuse settings that Pydantic does not know, and passes over."""
    for word in (*config, *(word for word in older if not word.startswith("_"))):
        if word not in _KNOWN and word not in _FORMER and not callable(older.get(word)):
            close = get_close_matches(word, _KNOWN, 1)
            raise DeclarationError(
                f"model_config has no setting {word!r}",
                model=name,
                hint=f"did you mean {close[0]!r}?" if close else "ConfigDict lists those there are",
            )


def _check_method(name: str, word: str, value: Any) -> None:
    """Refuse a method that looks as if somebody called it."""
    if word in _CHECKS and isinstance(value, FunctionType):
        raise DeclarationError(
            f"{word}() is not called by anything",
            model=name,
            hint=f"write {_CHECKS[word]}; a method that you call yourself needs another name",
        )
    if word in _ASYNC and iscoroutinefunction(value):
        raise DeclarationError(
            f"{word}() is async, and nothing would await it",
            model=name,
            hint=f"def {word}(self, ..): a plain function; await what it needs before the document is made",
        )
    if (word in _HOOKS or _HOOK_LIKE.fullmatch(word)) and word not in _EVENTS and not _is_class(value):
        raise DeclarationError(
            f"{word}() is not called by anything",
            model=name,
            hint="hooks are before_insert, before_update, before_delete, after_insert, after_update, "
            "after_delete and after_load; session.on('before_commit', function) is called at commits; "
            "a method that you call yourself needs another name",
        )


def _annotations(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the annotations of a class that is being made, for which Python 3.14 has a function."""
    known: Mapping[str, Any] | None = namespace.get("__annotations__")
    annotate: Any = namespace.get("__annotate_func__") or namespace.get("__annotate__")
    if known is not None or annotate is None:
        return known or {}
    library: Any = import_module("annotationlib")
    forward: Mapping[str, Any] = library.call_annotate_function(annotate, library.Format.FORWARDREF)
    return forward


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return "ClassVar" in annotation.partition("[")[0]
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _says_of_fields(annotation: Any) -> bool:
    """Return whether an annotation declares an index or a cascade."""
    if isinstance(annotation, str):
        return _OF_FIELDS.search(annotation) is not None
    inner = get_args(annotation)[0] if get_origin(annotation) is ClassVar else annotation
    return any(isinstance(note, (Index, Cascade)) for note in type_inspection.metadata(inner))


def _check_annotated(name: str, namespace: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    """Refuse indexes and cascades of what is no field, and what stands for a document's own attributes."""
    for word, annotation in described.items():
        if not (word.startswith("_") or _is_class_variable(annotation)):
            continue
        if _says_of_fields(annotation):
            raise DeclarationError(
                f"{word!r} is no field, so that what its annotation says has no effect",
                model=name,
                hint=f"a field, {word.strip('_')}: Annotated[..], or Index('..') in Settings.indexes",
            )
    for word in _SYSTEM.keys() & (namespace.keys() | described.keys()):
        value = namespace.get(word)
        if isinstance(value, FieldInfo) or callable(value) or hasattr(value, "__get__"):
            continue  # a method, or what Pydantic refuses
        raise DeclarationError(
            f"{word!r} would be a private attribute, which is not stored",
            model=name,
            hint=f"write {_SYSTEM[word].format(name)}",
        )
    if isinstance(namespace.get("key"), property):
        raise DeclarationError(
            "the key is a property, which is not stored",
            model=name,
            hint="key: str = Field(default_factory=lambda data: ..), made of the fields before it",
        )


_OF_FIELDS: Final = re.compile(r"\b(?:\w*Index|Cascade)\(")


def _meant(word: str, value: Any, described: Mapping[str, Any]) -> str | None:
    """Return what to write for a class attribute that says something to other mappers only."""
    if not (word.startswith("_") or word not in described or _is_class_variable(described[word])):
        return None
    plain = word.strip("_").lower()
    if isinstance(value, bool):
        return _FLAGS.get(plain)
    if isinstance(value, str):
        return _TEXTS.get(plain)
    return _LISTS.get(plain) if value and (_is_several(value) or _is_map(value)) else None


def _is_passed_over(word: str, value: Any) -> bool:
    """Return whether what stands in a class without an annotation looks like settings and is not."""
    if word == "Settings":
        return False
    if _is_class(value):
        return _is_plain_class(value) and (word.lower() in _OF_CLASSES or _holds_index(_attributes(value)))
    return _holds_index(value) or (_is_data(value) and _OF_NAMES.match(word) is not None)


def _is_class(value: Any) -> bool:
    return isinstance(value, type)


def _attributes(value: Any) -> dict[str, Any]:
    return {**vars(value)}


def _is_plain_class(value: Any) -> bool:
    return value.__bases__ == (object,) and not hasattr(value, "__dataclass_fields__")


def _is_data(value: Any) -> bool:
    return isinstance(value, (str, int, list, tuple, set, frozenset, dict))


def _holds_index(value: Any) -> bool:
    parts: Any = value.values() if _is_map(value) else value if _is_several(value) else (value,)
    return any(isinstance(part, Index) or (_is_several(part) and _holds_index(part)) for part in parts)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _is_several(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset))
