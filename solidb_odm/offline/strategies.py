"""What decides a conflict: strategies set beforehand, and resolutions given one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from .._dataclasses import dataclass
from .._types import JsonObject

Resolver: TypeAlias = Callable[[Any, Any, Any], "JsonObject | None"]
"""Takes the local, the remote and the base version, None where there is none; gives the document."""


@dataclass(frozen=True, slots=True)
class ConflictStrategy:
    """How conflicts are decided that no ``on_conflict`` function has decided.

    ``LastWriteWins`` takes the later edit or removal as a whole, ``FirstWriteWins`` what the server has.
    ``MergeFields`` merges attribute by attribute, inside objects too; where both sides changed the same
    one the later edit has it, and an edit outlives a removal. ``Custom(f)`` asks ``f(local, remote, base)``.
    """

    name: str
    resolver: Resolver | None = None

    LastWriteWins: ClassVar[ConflictStrategy]
    FirstWriteWins: ClassVar[ConflictStrategy]
    MergeFields: ClassVar[ConflictStrategy]

    @classmethod
    def Custom(cls, resolver: Resolver) -> ConflictStrategy:  # noqa: N802 - named by the protocol's documents
        """Have a function decide; it must give the same answer on every device."""
        return cls("Custom", resolver)


ConflictStrategy.LastWriteWins = ConflictStrategy("LastWriteWins")
ConflictStrategy.FirstWriteWins = ConflictStrategy("FirstWriteWins")
ConflictStrategy.MergeFields = ConflictStrategy("MergeFields")


@dataclass(frozen=True, slots=True)
class ConflictResolution:
    """The decision about one conflict: ``AcceptLocal``, ``AcceptRemote``, or ``Merge(document)``."""

    name: str
    document: JsonObject | None = None

    AcceptLocal: ClassVar[ConflictResolution]
    AcceptRemote: ClassVar[ConflictResolution]

    @classmethod
    def Merge(cls, document: JsonObject | None) -> ConflictResolution:  # noqa: N802 - as above
        """Take this document; None removes it."""
        return cls("Merge", document)


ConflictResolution.AcceptLocal = ConflictResolution("AcceptLocal")
ConflictResolution.AcceptRemote = ConflictResolution("AcceptRemote")
