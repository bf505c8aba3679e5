"""Asking an engine, making declared collections that are missing on the way."""

from __future__ import annotations

from typing import TypeVar

from ...commands import Command, Operation, call
from ...errors import CollectionNotFound
from ...model.declaration.registry import Registry, registry_of
from ...schema.creation import create_all
from ...schema.history import has_history

R = TypeVar("R")


def ask(command: Command[R], *, create: bool, registries: set[Registry]) -> Operation[R]:
    """Ask for one command; with ``create``, make the collections it misses, as their models declare them.

    ``registries`` are those of the models in use, which count where several know a collection.

    CollectionNotFound is raised before anything is written, so the command can be asked again.
    """
    made: set[str] = set()
    while True:
        try:
            return (yield from call(command))
        except CollectionNotFound as missing:
            models = registry_of(missing.name, registries).claimants(missing.name)
            if not create or not models or missing.name in made:
                raise
            if (yield from has_history()):
                raise CollectionNotFound(
                    missing.message,
                    name=missing.name,
                    hint="this database is kept by migrations: solidb-odm upgrade makes the collection",
                ) from missing
            made.add(missing.name)
            yield from create_all(model.__collection_spec__() for model in models)
