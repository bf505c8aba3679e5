"""What the operations of one session share.

Making declared collections that an engine misses, on the way to a command that needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, TypeVar, cast

from ..commands import Command, Operation
from ..errors import CollectionNotFound
from ..model.declaration.registry import Registry, registry_of
from ..schema.creation import create_all, has_history
from ..work import UnitOfWork
from ..work.states import run_late


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


R = TypeVar("R")

Event: TypeAlias = Literal[
    "before_flush", "after_flush", "before_commit", "after_commit", "before_rollback", "after_rollback"
]
EVENTS: tuple[Event, ...] = (
    "before_flush", "after_flush", "before_commit", "after_commit", "before_rollback", "after_rollback",
)  # fmt: skip


class Context:
    """The unit of work, how its engine takes writes, and whom to tell of what happens.

    ``interactive`` says that the engine takes writes before the commit, and shows them to queries.
    """

    def __init__(
        self,
        work: UnitOfWork,
        *,
        interactive: bool,
        autoflush: bool,
        expire_on_commit: bool = False,
        auto_create: bool = True,
    ) -> None:
        self.work = work
        self.interactive = interactive
        self.autoflush = autoflush
        self.expire_on_commit = expire_on_commit
        self.auto_create = auto_create
        self.listeners: dict[str, list[Callable[[], object]]] = {}

    def ask(self, command: Command[R]) -> Operation[R]:
        """Ask for one command; collections that models declare are made when they are missing.

        CollectionNotFound is raised before anything is written, so the command can be asked again.
        """
        made: set[str] = set()
        while True:
            try:
                return cast(R, (yield command))
            except CollectionNotFound as missing:
                if not self.auto_create or missing.name in made:
                    raise
                made.add(missing.name)
                yield from create_missing(missing, self.work.registries)

    def tell(self, event: Event) -> None:
        """Call the listeners of an event."""
        for listener in self.listeners.get(event, ()):
            listener()

    def tell_late(self, event: Event) -> None:
        """Call the listeners of an event that comes after a commit, and can't make it fail."""
        for listener in self.listeners.get(event, ()):
            run_late(listener, f"a listener of {event!r}")
