"""Making declared collections that an engine misses, on the way to a command that needs them."""

from __future__ import annotations

from ...commands import Operation
from ...errors import CollectionNotFound
from ...model.declaration.registry import Registry, registry_of
from ...schema.creation import create_all
from ...schema.history import has_history


def create_missing(missing: CollectionNotFound, registries: set[Registry]) -> Operation[None]:
    """Make a collection that is missing, as its models declare it; raise the error where none does.

    ``registries`` are those of the models in use, which count where several know a collection.
    """
    models = registry_of(missing.name, registries).claimants(missing.name)
    if not models:
        raise missing
    if (yield from has_history()):
        raise CollectionNotFound(
            missing.message,
            name=missing.name,
            hint="this database is kept by migrations: solidb-odm upgrade makes the collection",
        ) from missing
    yield from create_all(model.__collection_spec__() for model in models)
