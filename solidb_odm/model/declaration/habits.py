"""What document classes and documents of other mappers have and declare, by what to write here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..._types import is_map
from ...errors import DeclarationError
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
_DECLARED: Final = {
    "__collection__": _COLLECTION,
    "__mapper_args__": "nothing instead of it: revisions are always compared",
    "__table_args__": _INDEXES,
    "__tablename__": _COLLECTION,
}
_CONFIGURED: Final = {"collection": _COLLECTION, "indexes": _INDEXES}


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

_OF_CLASSES: Final = {"meta", "setting", "settings", "index", "indexes", "indices", "collection"}
"""What a class in the class is called that is meant to be ``Settings``, in small letters."""

_OF_PYTHON: Final = frozenset(("__module__", "__qualname__", "__annotations__", "__doc__"))
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
    for word in _HOOKS & namespace.keys():
        if callable(namespace[word]) or isinstance(namespace[word], (classmethod, staticmethod)):
            raise DeclarationError(
                f"{word}() is not called by anything",
                model=name,
                hint="hooks are before_insert, before_update, before_delete, after_insert, after_update, "
                "after_delete and after_load; session.on('before_commit', function) is called at commits; "
                "a method that you call yourself needs another name",
            )
    described = namespace.get("__annotations__", {})
    for word, value in namespace.items():
        if word in _OF_PYTHON:
            continue
        is_meant = word not in described or (word.lower() in _OF_CLASSES and _holds_index(value))
        if is_meant and _is_passed_over(word, value):
            raise DeclarationError(
                f"{word!r} has no effect here",
                model=name,
                hint=f"write {_INDEXES} in the class; the collection is named by "
                f"{_COLLECTION.format(name)}, and the key is the field key",
            )


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
