"""``create_engine``: where documents are kept, by URL; and making what models declare."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Mapping
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Never, NoReturn, Self, TypeVar, cast

from .._tracing import get_logger
from .._types import shown
from .._wrong_calls import Awaited, Blocking, missing_call, refuse_options
from ..commands import (
    CollectionSpec,
    Command,
    CountDocuments,
    CreateDatabase,
    Declares,
    DropDatabase,
    Operation,
    arun,
    run,
)
from ..engines.interface import AsyncChannel, AsyncDriver, Capabilities, Channel, Driver
from ..errors import ConfigurationError, UsageError, check_callable
from ..model.declaration.registry import Source, holds_others, models_of, registry
from ..schema import creation
from .events import (
    AsyncObservedChannel,
    Observation,
    ObservedChannel,
    Watcher,
    announce,
    echo_logger,
    log_request,
    log_statement,
    spans,
)

R = TypeVar("R")
T = TypeVar("T")
W = TypeVar("W", bound=Watcher)
D = TypeVar("D", bound=Driver | AsyncDriver)
E = TypeVar("E", bound="EngineBase[Any]")

logger = get_logger("solidb_odm.engine")

_FILE = (
    "solidb_odm.engines.sqlite.driver:FileDriver",
    "solidb_odm.engines.sqlite.async_driver:AsyncFileDriver",
)
_SERVER = (
    "solidb_odm.engines.solidb.driver:ServerDriver",
    "solidb_odm.engines.solidb.async_driver:AsyncServerDriver",
)
_DRIVERS = {"sqlite": _FILE, "solidb": _SERVER, "solidbs": _SERVER}
"""Named, not imported: a program pays for the engine it opens, not for the others."""


_LISTED = "solidb-odm inspect, which writes models of what is there, or solidb-odm doctor"
WAYS = {
    "aclose": "engine.dispose()",
    "begin": "with Session(engine) as session, session.begin(): ..",
    "close": "engine.dispose()",
    "connect": "with Session(engine) as session: ..",
    "dialect": "engine.capabilities",
    "execute": "session.execute(statement)",
    "find": "session.scalars(select(User).where(..)).all()",
    "find_one": "session.scalars(select(User).where(..)).first()",
    "get_table_names": _LISTED,
    "has_table": _LISTED,
    "inspect": _LISTED,
    "name": "engine.url",
    "pool": "engine.capabilities, or the options of create_engine()",
    "query": "session.scalars(select(User).where(..)).all()",
    "raw_connection": "session.execute(sdbql(text))",
    "save": "session.add(document), then session.commit()",
    "save_all": "session.add_all(documents), then session.commit()",
    "session": "Session(engine)",
    "table_names": _LISTED,
    "tables": _LISTED,
    "transaction": "with Session(engine) as session, session.begin(): ..",
}
"""What engines of SQLAlchemy and ODMantic have, by what to write here."""


class EngineBase(Generic[D]):
    """What the blocking and the async engine have in common."""

    def __init__(self, driver: D, *, auto_create: bool = True) -> None:
        self.driver = driver
        self.auto_create = auto_create
        self.complete: set[str] = set()
        """The collections on a server that are known to have the indexes that models declare."""
        self.observation = Observation()

    def on_query(self, listener: W) -> W:
        """Call a function with a QueryEvent after each command of sessions that begin to work from now on.

        As a decorator too: ``@engine.on_query``. An error of the listener is logged and goes no further.
        """
        check_callable(listener, "on_query()", "engine.on_query(lambda event: ..)")
        self.observation.watchers.append(listener)
        return listener

    @property
    def echo(self) -> bool:
        """Whether what is sent is printed; only ``create_engine(url, echo=True)`` says so."""
        announcer = self.observation.announcer
        return isinstance(announcer, partial) and echo_logger in announcer.args

    @echo.setter
    def echo(self, value: bool) -> None:
        raise UsageError(
            "an engine prints from its start or never", hint=f"create_engine(url, echo={value!r})"
        )

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return self.driver.capabilities

    @property
    def url(self) -> str:
        """The URL, without a password."""
        return self.driver.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "an engine can't be copied or pickled: it holds open connections and locks",
            hint="share it in a process; another process makes its own: create_engine(url)",
        )

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, WAYS)


class Engine(EngineBase[Driver], Blocking):
    """A database: an SQLite file or a server. All sessions and threads share it; create one for a program."""

    def __init__(self, driver: Driver, *, auto_create: bool = True) -> None:
        super().__init__(driver, auto_create=auto_create)

    def create_all(self, *models: Source, **others: Never) -> None:
        """Create the collections, indexes and schemas that models declare, where they are missing.

        A ``Registry`` or a module stands for all its models; without arguments, the models of the global
        registry are used. Nothing that exists is changed or dropped.
        """
        specs = list(_specs(models, "create_all()", others))
        self.run(creation.create_all(specs))
        self.complete.update(spec.name for spec in specs)

    def drop_all(self, *models: Source, **others: Never) -> None:
        """Delete the collections of models, with their documents."""
        specs = _specs(models, "drop_all()", others)
        self.complete.clear()
        self.run(creation.drop_all(specs))

    def create_database(self) -> None:
        """Create the database that the URL names, unless it exists. A file is created automatically."""
        self.run(_one(CreateDatabase()))

    def drop_database(self) -> None:
        """Delete the database that the URL names, with all its collections."""
        self.run(_one(DropDatabase()))

    def count(self, model: type[Declares]) -> int:
        """Return the number of documents in a model's collection, including marked and expired ones.

        ``select(func.count(User))`` counts those that a session can see. UsageError for a class whose
        collection holds documents of other classes.
        """
        return self.run(_one(CountDocuments(_collection(model))))

    def channel(self) -> Channel:
        """Open a channel to the database, which notifies listeners of every command it performs."""
        opened = self.driver.channel()
        return ObservedChannel(opened, self.observation) if self.observation.is_on else opened

    def run(self, operation: Operation[T]) -> T:
        """Run an operation on a channel of its own."""
        _check_operation(operation)
        channel = self.channel()
        try:
            return run(operation, channel)
        finally:
            channel.close()

    def dispose(self, **others: Never) -> None:
        """Close all connections."""
        refuse_options("dispose()", others)
        self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dispose()


class AsyncEngine(EngineBase[AsyncDriver], Awaited):
    """``Engine`` with ``await``, on asyncio and trio."""

    def __init__(self, driver: AsyncDriver, *, auto_create: bool = True) -> None:
        super().__init__(driver, auto_create=auto_create)

    async def create_all(self, *models: Source, **others: Never) -> None:
        """Create the collections, indexes and schemas that models declare, where they are missing.

        A ``Registry`` or a module stands for all its models; without arguments, the models of the global
        registry are used. Nothing that exists is changed or dropped.
        """
        specs = list(_specs(models, "create_all()", others))
        await self.run(creation.create_all(specs))
        self.complete.update(spec.name for spec in specs)

    async def drop_all(self, *models: Source, **others: Never) -> None:
        """Delete the collections of models, with their documents."""
        specs = _specs(models, "drop_all()", others)
        self.complete.clear()
        await self.run(creation.drop_all(specs))

    async def create_database(self) -> None:
        """Create the database that the URL names, unless it exists. A file is created automatically."""
        await self.run(_one(CreateDatabase()))

    async def drop_database(self) -> None:
        """Delete the database that the URL names, with all its collections."""
        await self.run(_one(DropDatabase()))

    async def count(self, model: type[Declares]) -> int:
        """Return the number of documents in a model's collection, including marked and expired ones.

        ``select(func.count(User))`` counts those that a session can see. UsageError for a class whose
        collection holds documents of other classes.
        """
        return await self.run(_one(CountDocuments(_collection(model))))

    async def channel(self) -> AsyncChannel:
        """Open a channel to the database, which notifies listeners of every command it performs."""
        opened = await self.driver.channel()
        return AsyncObservedChannel(opened, self.observation) if self.observation.is_on else opened

    async def run(self, operation: Operation[T]) -> T:
        """Run an operation on a channel of its own."""
        _check_operation(operation)
        channel = await self.channel()
        try:
            return await arun(operation, channel)
        finally:
            await channel.aclose()

    async def dispose(self, **others: Never) -> None:
        """Close all connections."""
        refuse_options("dispose()", others)
        await self.driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.dispose()


def create_engine(
    url: str,
    *,
    echo: bool = False,
    auto_create: bool = True,
    slow_query: float | None = None,
    tracing: bool = False,
    **options: Any,
) -> Engine:
    """Return an engine for the database that a URL names.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db`` and ``sqlite://`` (memory) are files;
    ``solidb://user:password@host:6745/database`` is a server, ``solidbs://`` one with TLS. ``options`` can
    also be given in the URL, as ``?timeout=10``; times are in seconds. ``echo`` prints the statements that
    are sent. Raises ConfigurationError if the URL or an option is wrong.

    With ``auto_create`` a session creates a missing collection as its models declare it; turn it off if
    migrations do so.

    A query that takes ``slow_query`` seconds or longer is logged as a warning by the logger
    ``solidb_odm.slow``, with its plan. ``tracing`` creates an OpenTelemetry span for each command.
    """
    engine = Engine(cast(Driver, _open(url, 0, echo, options)), auto_create=auto_create)
    return _watched(engine, echo, slow_query, tracing)


def create_async_engine(
    url: str,
    *,
    echo: bool = False,
    auto_create: bool = True,
    slow_query: float | None = None,
    tracing: bool = False,
    **options: Any,
) -> AsyncEngine:
    """Return an engine for ``AsyncSession``; otherwise as ``create_engine``."""
    engine = AsyncEngine(cast(AsyncDriver, _open(url, 1, echo, options)), auto_create=auto_create)
    return _watched(engine, echo, slow_query, tracing)


def _watched(engine: E, echo: bool, slow_query: float | None, tracing: bool) -> E:
    seconds: Any = slow_query
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds >= 0):
        raise ConfigurationError(f"slow_query={slow_query!r}", hint="give seconds, such as 0.5")
    engine.observation.slow_query = slow_query
    if echo or logger.isEnabledFor(logging.INFO):
        engine.observation.announcer = partial(announce, echo_logger if echo else logger)
    if tracing:
        engine.on_query(spans())
    return engine


def _open(url: str, colour: int, echo: bool, options: dict[str, Any]) -> Any:
    scheme = url.partition(":")[0].lower() if isinstance(cast(object, url), str) else ""
    known = _DRIVERS.get(scheme)
    if known is None:
        given = cast(object, url)
        text = given.rpartition("@")[2] if isinstance(given, str) else given  # without a password
        raise ConfigurationError(f"{text!r} is not the URL of a database", hint=_way_of(text))
    module, _, name = known[colour].partition(":")
    if echo:
        _print_log()
    if echo or logger.isEnabledFor(logging.INFO):
        options.setdefault(*_observer(scheme, echo_logger if echo else logger))
    return getattr(import_module(module), name)(url, **options)


def _way_of(url: object) -> str:
    """Return the URL to write in the place of one that is none."""
    text = url if isinstance(url, str) else ""
    if text.startswith("sqlite+"):
        return f"sqlite:{text.partition(':')[2]}, with create_engine() or create_async_engine()"
    if "://" not in text and text.endswith((".db", ".sqlite", ".sqlite3")):
        return f"sqlite:///{text}"
    return "sqlite:///file.db, or solidb://user:password@host:6745/database"


def _observer(scheme: str, to: logging.Logger) -> tuple[str, Callable[..., None]]:
    if scheme == "sqlite":
        return "on_statement", partial(log_statement, to)
    return "on_request", partial(log_request, to)


class _Standard(logging.StreamHandler[Any]):
    """Writes to what is the standard output at the time."""

    @property
    def stream(self) -> Any:
        return sys.stdout

    @stream.setter
    def stream(self, stream: Any) -> None:
        """Leave it."""


def _print_log() -> None:
    if not echo_logger.handlers:
        handler = _Standard()
        handler.setFormatter(logging.Formatter("%(message)s"))
        echo_logger.addHandler(handler)
    echo_logger.setLevel(logging.INFO)
    echo_logger.propagate = False


def _specs(models: tuple[Any, ...], call: str, others: Mapping[str, object]) -> list[CollectionSpec]:
    """Return what models declare, or all models of registries and modules; of the global one without any."""
    refuse_options(call, others, f"engine.{call[:-1]}User, Post), or {call} for all")
    way = "give Document or Edge classes, or a Registry or a module of them"
    if any(isinstance(model, (list, tuple, set)) for model in models):
        way = "write the classes one after the other, without a list: create_all(User, Post)"
    classes: list[type[Declares]] = models_of(models or (registry,), UsageError, way)
    return [model.__collection_spec__() for model in classes]


def _collection(model: type[Declares]) -> str:
    if not isinstance(cast(object, model), type):
        raise UsageError(f"{shown(model)} declares no collection", hint="count(User) takes a Document class")
    declaring: type[Any] = models_of((model,), UsageError, "count(User) takes a class")[0]
    name: str = declaring.__collection_spec__().name
    if holds_others(declaring, name):
        raise UsageError(
            f"engine.count() counts a collection, and {name!r} has more than {declaring.__name__} documents",
            hint=f"session.scalar(select(func.count({declaring.__name__}))) counts these alone",
        )
    return name


def _one(command: Command[R]) -> Operation[R]:
    return cast(R, (yield command))


def _check_operation(operation: Any) -> None:
    if not isinstance(operation, Generator):
        raise UsageError(
            f"run() takes an operation, not {operation!r}",
            hint="engine.run(call(command)); a query is run by a session: session.execute(statement)",
        )
