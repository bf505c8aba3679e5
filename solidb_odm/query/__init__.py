"""The query builder: immutable statements over model fields, compiled to SDBQL nodes and bind values."""

from typing import TYPE_CHECKING

from .._lazy import lazily
from .select import Select, select

if TYPE_CHECKING:
    from .columns import Path
    from .compiled import Compiled
    from .conditionals import case, coalesce, exists
    from .conditions import and_, asc, contains, desc, in_, is_null, like, not_, not_in, or_, some
    from .elements import all_, any_, unnest
    from .functions import func, label
    from .geo import distance, within
    from .inserts import Insert, Upsert, insert, upsert
    from .raw import RawStatement, attribute, sdbql
    from .search import hybrid, matches, nearest
    from .set_operations import except_, intersect, union
    from .shortest import PathStatement, k_shortest_paths, shortest_path
    from .sources import aliased
    from .statement import Statement
    from .traversal import Traversal, TraversalRows, traverse
    from .updates import Delete, Update, delete, update
    from .windows import over
    from .written import Returning
else:
    __getattr__ = lazily(
        __name__,
        {
            ".updates": ("Delete", "Update", "delete", "update"),
            ".conditionals": ("case", "coalesce", "exists"),
            ".columns": ("Path",),
            ".set_operations": ("except_", "intersect", "union"),
            ".conditions": (
                "and_",
                "asc",
                "contains",
                "desc",
                "in_",
                "is_null",
                "like",
                "not_",
                "not_in",
                "or_",
                "some",
            ),
            ".elements": ("all_", "any_", "unnest"),
            ".functions": ("func", "label"),
            ".geo": ("distance", "within"),
            ".inserts": ("Insert", "Upsert", "insert", "upsert"),
            ".raw": ("RawStatement", "attribute", "sdbql"),
            ".written": ("Returning",),
            ".search": ("hybrid", "matches", "nearest"),
            ".sources": ("aliased",),
            ".compiled": ("Compiled",),
            ".statement": ("Statement",),
            ".shortest": ("PathStatement", "k_shortest_paths", "shortest_path"),
            ".traversal": ("Traversal", "TraversalRows", "traverse"),
            ".windows": ("over",),
        },
    )

__all__ = [
    "Compiled",
    "Delete",
    "Insert",
    "Path",
    "PathStatement",
    "RawStatement",
    "Returning",
    "Select",
    "Statement",
    "Traversal",
    "TraversalRows",
    "Update",
    "Upsert",
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
    "k_shortest_paths",
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
    "unnest",
    "update",
    "upsert",
    "within",
]
