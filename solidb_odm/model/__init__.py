"""Models: what people declare, and what the mapper reads from it."""

from typing import TYPE_CHECKING

from .._lazy import lazily
from .declaration.registry import Registry, registry

if TYPE_CHECKING:
    from .declaration.cascade_options import Cascade
    from .declaration.indexes import FulltextIndex, GeoIndex, Index, TTLIndex, VectorIndex
    from .document import Document
    from .edge import Edge
    from .expressions.expression import Expression, Predicate
    from .field_types import GeoPoint, Lossy, RenamedFrom, Vector
    from .links.back_references import BackReference, Neighbours, adjacent, back_reference, incoming, outgoing
    from .links.link import Link
    from .mixins import SoftDelete, Timestamped
else:
    __getattr__ = lazily(
        __name__,
        {
            ".declaration.cascade_options": ("Cascade",),
            ".document": ("Document",),
            ".edge": ("Edge",),
            ".expressions.expression": ("Expression", "Predicate"),
            ".declaration.indexes": ("FulltextIndex", "GeoIndex", "Index", "TTLIndex", "VectorIndex"),
            ".links.link": ("Link",),
            ".mixins": ("SoftDelete", "Timestamped"),
            ".links.back_references": (
                "BackReference",
                "Neighbours",
                "adjacent",
                "back_reference",
                "incoming",
                "outgoing",
            ),
            ".field_types": ("GeoPoint", "Lossy", "RenamedFrom", "Vector"),
        },
    )

__all__ = [
    "BackReference",
    "Cascade",
    "Document",
    "Edge",
    "Expression",
    "FulltextIndex",
    "GeoIndex",
    "GeoPoint",
    "Index",
    "Link",
    "Lossy",
    "Neighbours",
    "Predicate",
    "Registry",
    "RenamedFrom",
    "SoftDelete",
    "TTLIndex",
    "Timestamped",
    "Vector",
    "VectorIndex",
    "adjacent",
    "back_reference",
    "incoming",
    "outgoing",
    "registry",
]
