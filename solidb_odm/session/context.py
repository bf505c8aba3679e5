"""What the operations of one session share.

Making declared collections that an engine misses, on the way to a command that needs them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, TypeAlias, TypeVar, cast

from .._tracing import get_logger
from ..commands import Command, Operation
from ..errors import (
    AlreadyExists,
    CollectionNotFound,
    DuplicateKey,
    InvalidDocument,
    PermissionDenied,
    ProtocolError,
    UniqueViolation,
)
from ..model.declaration.registry import Registry, registry_of
from ..model.expiry import expiries
from ..model.mixins import SoftDelete
from ..query.sources import family
from ..schema.creation import create_all, has_history, is_complete
from ..work import UnitOfWork
from ..work.states import run_late

_logger = get_logger("solidb_odm.engine")


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


def finish_collection(name: str, registries: set[Registry]) -> Operation[None]:
    """Make what a collection lacks of what its models declare, unless migrations do, or warn of it."""
    specs = [model.__collection_spec__() for model in registry_of(name, registries).claimants(name)]
    if not any(spec.indexes for spec in specs):
        return
    try:
        if not ((yield from is_complete(specs)) or (yield from has_history())):
            yield from create_all(specs)
    except (ConnectionError, ProtocolError, TimeoutError) as problem:  # what comes next will meet it too
        _logger.info("the indexes of %s were not looked at: %s", name, problem)
    except (AlreadyExists, PermissionDenied, UniqueViolation) as problem:
        _logger.warning("%s does not have the indexes that its models declare: %s", name, problem.message)
        with suppress(Warning):  # which may be errors here
            warnings.warn(
                f"{name!r} does not have the indexes that its models declare: {problem.message}",
                RuntimeWarning,
                stacklevel=2,
            )


def note_holder(registries: set[Registry], error: InvalidDocument, written: Iterable[str]) -> None:
    """Say that a key or value may be one of a document that is not shown: it has expired, or is marked."""
    known = {error.collection}.intersection(written) or set(written)
    for collection in known:
        models = registry_of(collection, registries).claimants(collection)
        members = [member for model in models for member in family(model)]
        said = [error.hint or "choose another"]
        if any(map(expiries, members)):
            said.append(
                f"Documents of {collection!r} expire, and keep their keys and unique values until the engine "
                "deletes them, within a minute: try again, or upsert(..)"
            )
        marked = next((member.__name__ for member in members if issubclass(member, SoftDelete)), None)
        if marked is not None and isinstance(error, DuplicateKey):
            said.append(
                f"One of {marked} that is marked as deleted keeps its key: upsert({marked}) stores it again, "
                f"session.get({marked}, key, with_deleted=True) gives it"
            )
        error.hint = ". ".join(said)


R = TypeVar("R")

Event: TypeAlias = Literal[
    "before_flush", "after_flush", "before_commit", "after_commit", "before_rollback", "after_rollback"
]
EVENTS: tuple[Event, ...] = (
    "before_flush", "after_flush", "before_commit", "after_commit", "before_rollback", "after_rollback",
)  # fmt: skip


class Context:
    """The unit of work, how its engine takes writes, and whom to tell of what happens.

    ``interactive`` says that the engine takes writes before the commit, and shows them to queries; ``flush``
    writes them, as a query does first.
    """

    def __init__(
        self,
        work: UnitOfWork,
        flush: Callable[[Context], Operation[None]],
        *,
        interactive: bool,
        autoflush: bool,
        expire_on_commit: bool = False,
        auto_create: bool = True,
        complete: set[str] | None = None,
    ) -> None:
        self.work = work
        self.flush = flush
        self.interactive = interactive
        self.autoflush = autoflush
        self.expire_on_commit = expire_on_commit
        self.auto_create = auto_create
        self.complete = set[str]() if complete is None else complete
        self.listeners: dict[str, list[Callable[[], object]]] = {}

    def ask(self, command: Command[R]) -> Operation[R]:
        """Ask for one command; collections that models declare are made when they are missing.

        CollectionNotFound is raised before anything is written, so the command can be asked again.
        """
        try:
            return cast(R, (yield command))
        except CollectionNotFound as missing:
            problem = missing
        return (yield from self.ask_again(command, problem))

    def ask_again(self, command: Command[R], missing: CollectionNotFound) -> Operation[R]:
        """Make the collection that a command missed, and what it misses then, and ask for it again."""
        made: set[str] = set()
        while True:
            if not self.auto_create or missing.name in made:
                raise missing
            made.add(missing.name)
            yield from create_missing(missing, self.work.registries)
            try:
                return cast(R, (yield command))
            except CollectionNotFound as another:
                missing = another

    def finish(self, names: Iterable[str]) -> Operation[None]:
        """See, once for an engine, that collections have what their models declare.

        On a server there is no transaction over schema: who was killed, or refused, half-way leaves a
        collection without its unique index, and nothing else would say so.
        """
        for name in names:
            if self.auto_create and name not in self.complete:
                yield from finish_collection(name, self.work.registries)
                self.complete.add(name)

    def tell(self, event: Event) -> None:
        """Call the listeners of an event."""
        for listener in self.listeners.get(event, ()):
            listener()

    def tell_late(self, event: Event) -> None:
        """Call the listeners of an event that comes after a commit, and can't make it fail."""
        for listener in self.listeners.get(event, ()):
            run_late(listener, f"a listener of {event!r}")
