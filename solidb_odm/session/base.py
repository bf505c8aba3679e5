"""What both colours of a session have in common: everything that does no I/O."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from ..engines.base import Capabilities
from ..errors import ClosedError, ConcurrentUseError
from ..model.document import Document
from ..model.state import state_or_none
from ..query.statement import Compiled, Statement
from ..work import UnitOfWork
from .operations import Context

Read = Literal["committed"]


class SessionBase:
    """The documents of a session and the moves that need no engine."""

    def __init__(self, capabilities: Capabilities, *, autoflush: bool, auto_create: bool) -> None:
        self._work = UnitOfWork(capabilities.body)
        self._context = Context(
            self._work,
            interactive=capabilities.interactive_transactions,
            autoflush=autoflush,
            auto_create=auto_create,
        )
        self._busy = False
        self._closed = False

    def add(self, document: Document) -> None:
        """Put a document into the session; the next flush inserts it. The ends of an edge come along."""
        self._check_open()
        self._work.add(document)

    def add_all(self, documents: Iterable[Document]) -> None:
        """Put documents into the session."""
        self._check_open()
        for document in documents:
            self._work.add(document)

    def delete(self, document: Document) -> None:
        """Delete a document at the next flush; one that was never stored just leaves the session."""
        self._check_open()
        self._work.delete(document)

    def expunge(self, document: Document) -> None:
        """Let go of a document and of its unsent changes."""
        self._work.expunge(document)

    def expunge_all(self) -> None:
        """Let go of all documents."""
        self._work.expunge_all()

    def is_modified(self, document: Document) -> bool:
        """Say whether a document of the session differs from what is stored."""
        return document in self and (id(document) in self._work.new or self._work.is_modified(document))

    @property
    def new(self) -> list[Document]:
        """The documents the next flush inserts."""
        return list(self._work.new.values())

    @property
    def dirty(self) -> list[Document]:
        """The stored documents the next flush changes."""
        return self._work.dirty()

    @property
    def deleted(self) -> list[Document]:
        """The documents the next flush deletes."""
        return list(self._work.deleted.values())

    def __contains__(self, document: object) -> bool:
        if not isinstance(document, Document):
            return False
        state = state_or_none(document)
        return state is not None and state.owner is self._work

    def __iter__(self) -> Iterator[Document]:
        yield from self._work.identity

    @contextmanager
    def no_autoflush(self) -> Generator[None]:
        """Leave changes unflushed while queries run in this block."""
        before, self._context.autoflush = self._context.autoflush, False
        try:
            yield
        finally:
            self._context.autoflush = before

    @contextmanager
    def _used(self) -> Generator[None]:
        self._check_open()
        if self._busy:
            raise ConcurrentUseError(
                "this session is in use by another thread or task",
                hint="a session is one conversation: make one for each thread, task or request",
            )
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the session is closed", hint="make a new one: Session(engine)")


def compiled(statement: Statement[Any]) -> Compiled:
    """Compile a statement; a helpful TypeError for what is none."""
    if not isinstance(statement, Statement):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"a session runs statements, such as select(User) or sdbql('FOR ..'), not {statement!r}"
        )
    return statement.compile()


def first_column(rows: list[Any], program: Compiled) -> list[Any]:
    """Give the first column of rows."""
    return rows if program.single else [row[0] for row in rows]
