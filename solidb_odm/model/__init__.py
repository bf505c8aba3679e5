"""Models: what people declare, and what the mapper reads from it."""

from .document import Document
from .edge import Edge
from .expressions import Expression, Predicate
from .indexes import FulltextIndex, GeoIndex, Index, TTLIndex, VectorIndex
from .link import Link
from .mixins import SoftDelete, Timestamped
from .registry import registry
from .types import GeoPoint, Vector

__all__ = [
    "Document",
    "Edge",
    "Expression",
    "FulltextIndex",
    "GeoIndex",
    "GeoPoint",
    "Index",
    "Link",
    "Predicate",
    "SoftDelete",
    "TTLIndex",
    "Timestamped",
    "Vector",
    "VectorIndex",
    "registry",
]
