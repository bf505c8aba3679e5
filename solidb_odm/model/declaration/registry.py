"""The one list of declared collections: who declares what, and whether they agree.

Sessions find the class of a document here, ``create_all`` what there is to make, migrations what
there should be.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from ...commands import CollectionSpec
from ...errors import DeclarationError


class Registry:
    """The document classes by collection. Holds them weakly, so that local classes can go.

    ``generation`` is another number after each new class, for what is kept of the classes there are.
    """

    def __init__(self) -> None:
        self._claims: dict[str, list[weakref.ref[type[Any]]]] = {}
        self.generation = 0

    def claim(self, model: type[Any], spec: CollectionSpec, explicit: bool) -> None:
        """Enter a class for its collection.

        A class of the same name takes the place of an earlier one (a module that is loaded again,
        a notebook cell that is run again). Other classes must declare the same options, or none:
        DeclarationError otherwise.
        """
        self.generation += 1
        kept: list[weakref.ref[type[Any]]] = []
        for other in self.claimants(spec.name):
            if _same_place(other, model):
                continue
            _check_agreement(model, spec, explicit, other)
            kept.append(weakref.ref(other))
        kept.append(weakref.ref(model))
        self._claims[spec.name] = kept

    def claimants(self, collection: str) -> list[type[Any]]:
        """Give the living classes of a collection, in the order they were made."""
        classes = (reference() for reference in self._claims.get(collection, ()))
        return [model for model in classes if model is not None]

    def models(self) -> Iterator[type[Any]]:
        """Give all living classes, by collection."""
        for collection in sorted(self._claims):
            yield from self.claimants(collection)


registry = Registry()


def _same_place(one: type[Any], other: type[Any]) -> bool:
    return one.__name__ == other.__name__ and not (issubclass(one, other) or issubclass(other, one))


def _scope(model: type[Any]) -> tuple[str, str]:
    return model.__module__, model.__qualname__.rpartition(".")[0]


def _check_agreement(model: type[Any], spec: CollectionSpec, explicit: bool, other: type[Any]) -> None:
    if issubclass(model, other) or issubclass(other, model):
        return
    local = "<locals>" in model.__qualname__ or "<locals>" in other.__qualname__
    if local and _scope(model) != _scope(other):
        return
    theirs: CollectionSpec = other.__collection_spec__()
    if spec.kind != theirs.kind:
        problem = f"as {spec.kind}s, where {other.__qualname__} declares {theirs.kind}s"
    elif not explicit or not other.__solidb_mapping__.explicit:
        return
    elif spec.validation != theirs.validation:
        said = f"where {other.__qualname__} says {theirs.validation!r}"
        problem = f"with schema_validation={spec.validation!r}, {said}"
    elif set(spec.indexes) != set(theirs.indexes):
        mine = {index.name for index in set(spec.indexes) ^ set(theirs.indexes)}
        problem = f"with other indexes ({', '.join(sorted(mine))}) than {other.__qualname__}"
    else:
        return
    raise DeclarationError(
        f"declares the collection {spec.name!r} {problem}",
        model=model.__qualname__,
        hint=f"inherit from {other.__qualname__}, declare the same options, or declare none",
    )
