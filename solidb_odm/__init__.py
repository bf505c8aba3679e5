"""An object-document mapper for SoliDB: Pydantic models, a unit of work, one query builder.

The same models, sessions and queries run on a SQLite file, on a SoliDB server, and offline.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import Field

    from .model import (
        BackReference,
        Cascade,
        Document,
        Edge,
        FulltextIndex,
        GeoIndex,
        GeoPoint,
        Index,
        Link,
        Lossy,
        Neighbours,
        Predicate,
        SoftDelete,
        Timestamped,
        TTLIndex,
        Vector,
        VectorIndex,
        adjacent,
        back_reference,
        incoming,
        outgoing,
    )
    from .query import (
        Path,
        aliased,
        all_,
        and_,
        any_,
        asc,
        attribute,
        case,
        coalesce,
        contains,
        delete,
        desc,
        distance,
        except_,
        exists,
        func,
        hybrid,
        in_,
        insert,
        intersect,
        is_null,
        label,
        like,
        matches,
        nearest,
        not_,
        not_in,
        or_,
        over,
        sdbql,
        select,
        shortest_path,
        some,
        traverse,
        union,
        update,
        upsert,
        within,
    )
    from .session import (
        AsyncEngine,
        AsyncSession,
        Engine,
        QueryEvent,
        Result,
        Session,
        async_sessionmaker,
        create_async_engine,
        create_engine,
        inspect,
        sessionmaker,
    )

_HOMES = {
    "pydantic": ("Field",),
    "solidb_odm.model": (
        "BackReference",
        "Cascade",
        "Document",
        "Edge",
        "FulltextIndex",
        "GeoIndex",
        "GeoPoint",
        "Index",
        "Link",
        "Lossy",
        "Neighbours",
        "Predicate",
        "SoftDelete",
        "TTLIndex",
        "Timestamped",
        "Vector",
        "VectorIndex",
        "adjacent",
        "back_reference",
        "incoming",
        "outgoing",
    ),
    "solidb_odm.query": (
        "Path",
        "aliased",
        "all_",
        "and_",
        "any_",
        "asc",
        "attribute",
        "case",
        "coalesce",
        "contains",
        "delete",
        "desc",
        "distance",
        "except_",
        "exists",
        "func",
        "hybrid",
        "in_",
        "insert",
        "intersect",
        "is_null",
        "label",
        "like",
        "matches",
        "nearest",
        "not_",
        "not_in",
        "or_",
        "over",
        "sdbql",
        "select",
        "shortest_path",
        "some",
        "traverse",
        "union",
        "update",
        "upsert",
        "within",
    ),
    "solidb_odm.session": (
        "AsyncEngine",
        "AsyncSession",
        "Engine",
        "QueryEvent",
        "Result",
        "Session",
        "async_sessionmaker",
        "create_async_engine",
        "create_engine",
        "inspect",
        "sessionmaker",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: a program pays for what it uses, as with Pydantic."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, in which the function ``sdbql`` hides the sub-package of the same name.

    The import system sets a sub-package as an attribute when it is first loaded, which may be before
    or after the function is; modules are still imported by ``from solidb_odm.sdbql import nodes``.
    """

    @property
    def sdbql(self) -> object:
        return import_module("solidb_odm.query").sdbql

    @sdbql.setter
    def sdbql(self, module: ModuleType) -> None:
        """Let the import system pass."""


sys.modules[__name__].__class__ = _Package


__all__ = [
    "AsyncEngine",
    "AsyncSession",
    "BackReference",
    "Cascade",
    "Document",
    "Edge",
    "Engine",
    "Field",
    "FulltextIndex",
    "GeoIndex",
    "GeoPoint",
    "Index",
    "Link",
    "Lossy",
    "Neighbours",
    "Path",
    "Predicate",
    "QueryEvent",
    "Result",
    "Session",
    "SoftDelete",
    "TTLIndex",
    "Timestamped",
    "Vector",
    "VectorIndex",
    "adjacent",
    "aliased",
    "all_",
    "and_",
    "any_",
    "asc",
    "async_sessionmaker",
    "attribute",
    "back_reference",
    "case",
    "coalesce",
    "contains",
    "create_async_engine",
    "create_engine",
    "delete",
    "desc",
    "distance",
    "except_",
    "exists",
    "func",
    "hybrid",
    "in_",
    "incoming",
    "insert",
    "inspect",
    "intersect",
    "is_null",
    "label",
    "like",
    "matches",
    "nearest",
    "not_",
    "not_in",
    "or_",
    "outgoing",
    "over",
    "sdbql",
    "select",
    "sessionmaker",
    "shortest_path",
    "some",
    "traverse",
    "union",
    "update",
    "upsert",
    "within",
]
