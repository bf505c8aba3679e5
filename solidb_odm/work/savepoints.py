"""Where a savepoint goes back to: what was not yet written when it was made."""

from __future__ import annotations

from dataclasses import field

from .._dataclasses import dataclass
from .._types import JsonObject
from ..model.document import Document
from .plan import Documents


@dataclass(slots=True)
class Mark:
    """The unwritten documents of a unit of work at one moment, with their values.

    Stored documents that are not named had the values of their stored form.
    """

    new: Documents = field(default_factory=dict[int, Document])
    changed: Documents = field(default_factory=dict[int, Document])
    deleted: Documents = field(default_factory=dict[int, Document])
    values: dict[int, JsonObject] = field(default_factory=dict[int, JsonObject])
    assigned: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
