"""Models: what people declare, and what the mapper reads from it."""

from typing import TYPE_CHECKING

from .._lazy import lazily
from .registry import registry

if TYPE_CHECKING:
    from .cascades import Cascade
    from .document import Document
    from .edge import Edge
    from .expressions import Expression, Predicate
    from .indexes import FulltextIndex, GeoIndex, Index, TTLIndex, VectorIndex
    from .link import Link
    from .lossy import Lossy
    from .mixins import SoftDelete, Timestamped
    from .related import BackReference, Neighbours, adjacent, back_reference, incoming, outgoing
    from .types import GeoPoint, Vector
else:
    __getattr__ = lazily(
        __name__,
        {
            ".cascades": ("Cascade",),
            ".document": ("Document",),
            ".edge": ("Edge",),
            ".expressions": ("Expression", "Predicate"),
            ".indexes": ("FulltextIndex", "GeoIndex", "Index", "TTLIndex", "VectorIndex"),
            ".link": ("Link",),
            ".lossy": ("Lossy",),
            ".mixins": ("SoftDelete", "Timestamped"),
            ".related": ("BackReference", "Neighbours", "adjacent", "back_reference", "incoming", "outgoing"),
            ".types": ("GeoPoint", "Vector"),
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
