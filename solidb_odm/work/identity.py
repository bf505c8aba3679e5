"""The identity map: one object for one document, as long as the object is referenced."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

References = dict[str, "weakref.ref[Any]"]


class IdentityMap:
    """Documents by collection and key, held weakly.

    No callbacks: dead entries are swept when a collection's map has doubled since the last sweep,
    which costs less than a callback for each object.
    """

    def __init__(self) -> None:
        self._collections: dict[str, References] = {}
        self._sweep_at: dict[str, int] = {}

    def of(self, collection: str) -> References:
        """Return the map of one collection, for a loop that looks up and enters many documents."""
        by_key = self._collections.get(collection)
        if by_key is None:
            by_key = self._collections[collection] = {}
            self._sweep_at[collection] = 1024
        elif len(by_key) > self._sweep_at[collection]:
            self._sweep(collection, by_key)
        return by_key

    def _sweep(self, collection: str, references: References) -> None:
        for key in [key for key, reference in references.items() if reference() is None]:
            del references[key]
        self._sweep_at[collection] = max(1024, 2 * len(references))

    def get(self, collection: str, key: str) -> Any | None:
        """Return the object of a document, if there is one alive."""
        references = self._collections.get(collection)
        reference = None if references is None else references.get(key)
        return None if reference is None else reference()

    def put(self, collection: str, key: str, document: Any) -> None:
        """Enter an object."""
        self.of(collection)[key] = weakref.ref(document)

    def drop(self, collection: str, key: str) -> None:
        """Take an object out."""
        self.of(collection).pop(key, None)

    def __iter__(self) -> Iterator[Any]:
        for references in self._collections.values():
            for reference in list(references.values()):
                document = reference()
                if document is not None:
                    yield document

    def clear(self) -> None:
        """Forget all."""
        self._collections.clear()
        self._sweep_at.clear()
