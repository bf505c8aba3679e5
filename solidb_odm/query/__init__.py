"""The query builder: immutable statements over model fields, compiled to SDBQL nodes and bind values."""

from .attributes import attribute
from .changes import Delete, Update, delete, update
from .choices import case, coalesce, exists
from .columns import Path
from .combining import except_, intersect, union
from .conditions import all_, and_, any_, asc, contains, desc, in_, is_null, like, not_, not_in, or_, some
from .functions import func, label
from .geo import distance, within
from .inserts import Insert, Upsert, insert, upsert
from .raw import RawStatement, sdbql
from .returning import Returning
from .search import hybrid, matches, nearest
from .select import Select, select
from .sources import aliased
from .statement import Compiled, Statement
from .traversal import PathStatement, Traversal, shortest_path, traverse
from .windows import over

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
]
