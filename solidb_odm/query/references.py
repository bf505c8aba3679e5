"""The statement that finds what refers to given documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..model import type_inspection
from ..model.expressions.fields import FieldRef
from .conditions import in_
from .elements import any_
from .load_paths import EndHop, reference_hop
from .select import Select, select


def referring_to(field: FieldRef, references: Sequence[str]) -> Select[Any]:
    """Ask for the documents whose field, of links or an end of an edge, holds one of the references."""
    place = field.__solidb_place__
    if type_inspection.is_collection(place.annotation):
        return select(place.source).where(in_(any_(field), references))
    if not isinstance(reference_hop(field), EndHop) and not _is_link(place.annotation):
        raise UsageError(
            f"{field!r} can't be asked for what leads to a document: its links stand in a dict",
            hint="keep the links in a list, or as single fields",
        )
    field_id: Any = field.__solidb_id__()
    return select(place.source).where(in_(field_id, references))


def _is_link(annotation: Any) -> bool:
    """Return whether a value of the type is a link itself, not a list or dict of them."""
    members = type_inspection.alternatives(annotation)
    return any(hasattr(getattr(each, "__origin__", each), "__solidb_any_target__") for each in members)
