"""The query builder: immutable statements over model fields, compiled to SDBQL nodes and bind values."""

from .columns import Path
from .conditions import all_, and_, any_, asc, contains, desc, in_, is_null, like, not_, not_in, or_, some
from .functions import func, label
from .raw import RawStatement, sdbql
from .select import Select, select
from .sources import aliased
from .statement import Compiled, Statement
from .traversal import PathStatement, Traversal, shortest_path, traverse

__all__ = [
    "Compiled",
    "Path",
    "PathStatement",
    "RawStatement",
    "Select",
    "Statement",
    "Traversal",
    "aliased",
    "all_",
    "and_",
    "any_",
    "asc",
    "contains",
    "desc",
    "func",
    "in_",
    "is_null",
    "label",
    "like",
    "not_",
    "not_in",
    "or_",
    "sdbql",
    "select",
    "shortest_path",
    "some",
    "traverse",
]
