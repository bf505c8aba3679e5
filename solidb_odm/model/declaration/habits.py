"""What document classes and documents of other mappers have and declare, by what to write here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..._types import is_map
from ...errors import DeclarationError

_ALL = "session.scalars(select({0})).all()"
_SOME = "session.scalars(select({0}).where(..)).all()"
_MANY = "session.add_all(documents), then session.commit()"
_UPDATE = "session.execute(update({0}).where(..).values(..))"
_DELETE = "session.execute(delete({0}).where(..))"
_COUNT = "session.scalar(select(func.count({0})))"

OF_CLASSES: Final = {
    "aggregate": "session.execute(select(field, func.count({0})).group_by(field))",
    "bulk_create": _MANY,
    "c": "{0}.name, the field itself",
    "count": _COUNT,
    "delete_all": "session.execute(delete({0}))",
    "delete_many": _DELETE,
    "filter": _SOME,
    "find": _SOME,
    "find_all": _ALL,
    "find_many": _SOME,
    "find_one": "session.scalars(select({0}).where(..)).first()",
    "get": "session.get({0}, key)",
    "get_or_none": "session.get({0}, key)",
    "insert_many": _MANY,
    "insert_one": "session.add(document), then session.commit()",
    "metadata": "engine.create_all({0}), which makes its collection and indexes",
    "objects": _SOME,
    "query": _SOME,
    "registry": "class Base(Document, abstract=True, registry=Registry())",
    "update_all": "session.execute(update({0}).values(..))",
    "update_many": _UPDATE,
}
"""``{0}`` is the class."""

OF_DOCUMENTS: Final = {
    "create": "session.add(document), then session.commit()",
    "delete": "session.delete(document), then session.commit()",
    "fetch_all_links": "session.load([document], {0}.field)",
    "fetch_link": "session.load([document], {0}.field)",
    "insert": "session.add(document), then session.commit()",
    "model_update": "the attributes, then session.commit()",
    "refresh": "session.refresh(document)",
    "replace": "session.merge(document), then session.commit()",
    "save": "session.add(document), then session.commit(); of a stored one the commit is enough",
    "save_changes": "session.commit()",
    "sync": "session.refresh(document)",
    "update": "the attributes, then session.commit()",
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


def check_declared(name: str, namespace: Mapping[str, Any]) -> None:
    """Refuse what other mappers read of a class and this one would pass over; DeclarationError."""
    config = namespace.get("model_config")
    configured: Mapping[str, Any] = config if is_map(config) else {}
    for where, given, ways in (("", namespace, _DECLARED), ("model_config: ", configured, _CONFIGURED)):
        for word in ways.keys() & given.keys():
            raise DeclarationError(
                f"{where}{word!r} says nothing here", model=name, hint=f"write {ways[word].format(name)}"
            )
