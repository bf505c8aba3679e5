"""Makers of sessions: an engine and the options of its sessions, chosen once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

from ..engine.engine import AsyncEngine, Engine
from .async_session import AsyncSession
from .context import Event
from .session import Session


class sessionmaker:  # noqa: N801  as SQLAlchemy calls it
    """Makes sessions of one engine: ``Sessions = sessionmaker(engine)``, ``with Sessions() as session``."""

    def __init__(self, engine: Engine, *, autoflush: bool = True, expire_on_commit: bool = False) -> None:
        self.engine = engine
        self._autoflush = autoflush
        self._expire_on_commit = expire_on_commit
        self._listeners: list[tuple[Event, Callable[[Session], object]]] = []

    def __call__(self) -> Session:
        """Make a session."""
        session = Session(self.engine, autoflush=self._autoflush, expire_on_commit=self._expire_on_commit)
        for event, listener in self._listeners:
            session.on(event, listener)
        return session

    def on(self, event: Event, listener: Callable[[Session], object]) -> None:
        """Let every session made from now on call a function at an event; see ``Session.on``."""
        self._listeners.append((event, listener))

    @contextmanager
    def begin(self) -> Generator[Session]:
        """Make a session for one block: it commits at the end, or rolls back if the block raises."""
        with self() as session, session.begin():
            yield session


class async_sessionmaker:  # noqa: N801  as SQLAlchemy calls it
    """``sessionmaker`` for ``AsyncSession``."""

    def __init__(
        self, engine: AsyncEngine, *, autoflush: bool = True, expire_on_commit: bool = False
    ) -> None:
        self.engine = engine
        self._autoflush = autoflush
        self._expire_on_commit = expire_on_commit
        self._listeners: list[tuple[Event, Callable[[AsyncSession], object]]] = []

    def __call__(self) -> AsyncSession:
        """Make a session."""
        session = AsyncSession(
            self.engine, autoflush=self._autoflush, expire_on_commit=self._expire_on_commit
        )
        for event, listener in self._listeners:
            session.on(event, listener)
        return session

    def on(self, event: Event, listener: Callable[[AsyncSession], object]) -> None:
        """Let every session made from now on call a function at an event; see ``Session.on``."""
        self._listeners.append((event, listener))

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncSession]:
        """Make a session for one block: it commits at the end, or rolls back if the block raises."""
        async with self() as session, session.begin():
            yield session
