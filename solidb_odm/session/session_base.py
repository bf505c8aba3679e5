"""What the blocking and the async session have in common: everything that does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from inspect import iscoroutinefunction
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Never, NoReturn, Self, TypeVar, cast, overload

from .._collector import AS_EVER, AT_LEAST, HeldOff
from .._types import shown
from .._wrong_calls import Awaited, Blocking, missing_call, refuse_more, refuse_options
from ..engine.statistics import Statistics
from ..engines.interface import Capabilities
from ..errors import (
    ClosedError,
    ConcurrentUseError,
    DocumentNotFound,
    StaleDocumentError,
    StateError,
    UsageError,
    check_callable,
    listed,
)
from ..model.document import Document
from ..model.document_state import state_or_none
from ..model.mixins import SoftDelete, now
from ..query.compiled import Compiled
from ..query.statement import Statement
from ..work import UnitOfWork
from .context import EVENTS, Context, Event
from .operations.commits import flush
from .operations.refreshes import expire, held_of
from .rows import Partial, Unreadable

D = TypeVar("D", bound=Document)
E = TypeVar("E")
S = TypeVar("S")
T = TypeVar("T")
Read = Literal["committed"]


WAYS = {
    "begin_twophase": "session.begin()",
    "bind": "session.engine",
    "bulk_insert_mappings": "session.execute(insert(User).values([..]))",
    "bulk_save_objects": "session.add_all(documents)",
    "bulk_update_mappings": "session.execute(update(User).where(..).values(..))",
    "connection": "session.engine",
    "abort_transaction": "session.rollback()",
    "bulk_create": "session.add_all(documents), then session.commit()",
    "close_all": "engine.dispose()",
    "count": "session.scalar(select(func.count(User)).where(..))",
    "create": "session.add(document), then session.commit()",
    "exists": "session.scalars(select(User.key).where(..).limit(1)).first() is not None",
    "filter": "session.scalars(select(User).where(..)).all()",
    "exec": "session.scalars(statement)",
    "find": "session.scalars(select(User).where(..)).all()",
    "find_one": "session.scalars(select(User).where(..)).first()",
    "first": "session.scalars(statement).first()",
    "get_bind": "session.engine",
    "get_nested_transaction": "with session.begin_nested(): ..",
    "get_or_404": "session.get(User, key), which is None where there is none",
    "get_transaction": "session.new, session.dirty and session.deleted",
    "in_nested_transaction": "with session.begin_nested(): ..",
    "info": "a dict of your own",
    "insert": "session.add(document), or session.execute(insert(User).values([..]))",
    "identity_map": "document in session",
    "in_transaction": "session.new, session.dirty and session.deleted",
    "invalidate": "session.close()",
    "is_active": "session.rollback() after an error: until close() a session can be used on",
    "listen": 'session.on("before_commit", function)',
    "merge_all": "[session.merge(each) for each in documents]",
    "object_session": "document in session",
    "one": "session.scalars(statement).one()",
    "prepare": "session.flush(), which checks all changes",
    "query": "session.scalars(select(User).where(..)).all()",
    "remove": "session.delete(document)",
    "reset": "session.expunge_all() after a rollback(), or a new session",
    "run_sync": "await before each call of the session",
    "save": "session.add(document), then session.commit()",
    "save_all": "session.add_all(documents), then session.commit()",
    "scalar_one": "session.scalars(statement).one()",
    "scalar_one_or_none": "session.scalars(statement).one_or_none()",
    "start_transaction": "with session.begin(): ..",
    "stream_scalars": "session.stream(select(User.name))",
    "sync": "session.refresh(document)",
    "transaction": "with session.begin(): ..",
    "update": "session.execute(update(User).where(..).values(..))",
    "upsert": "session.execute(upsert(User).values([..]))",
}
"""What sessions of SQLAlchemy and engines of ODMantic have, by what to write here."""


_OWN = "with Sessions() as session: .., whose {0}() it is"
MAKER_WAYS = {
    "close_all": "engine.dispose()",
    "class_": "a session by itself: MySession(engine)",
    "kw": "configure(autoflush=.., expire_on_commit=..)",
    "query": "with Sessions() as session: session.scalars(select(User).where(..)).all()",
    "query_property": "session.scalars(select(User).where(..)).all()",
    "registry": "a session for each task: with Sessions() as session: ..",
    "remove": "with Sessions() as session: .., which closes it",
    **{name: _OWN.format(name) for name in ("add", "add_all", "close", "commit", "delete", "execute")},
    **{name: _OWN.format(name) for name in ("flush", "get", "refresh", "rollback", "scalar", "scalars")},
}
"""What sessionmakers and scoped sessions of SQLAlchemy have, by what to write here."""


class Members(list[Document]):
    """Documents of a session. One is among them if it is the same object: others may be equal to it."""

    __slots__ = ()

    def __contains__(self, document: object) -> bool:
        return any(member is document for member in self)


class NoAutoflush:
    """A block in which queries do not flush; blocks may be nested."""

    __slots__ = ("_before", "_context")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._before: list[bool] = []

    def __call__(self) -> Self:
        return self

    def __repr__(self) -> str:
        return "<the block of with session.no_autoflush>"

    def __enter__(self) -> None:
        self._before.append(self._context.autoflush)
        self._context.autoflush = False

    def __exit__(self, *_problem: object) -> None:
        self._context.autoflush = self._before.pop()


_ENDS = {
    "begin": {
        "commit": "session.commit()",
        "rollback": "session.rollback()",
        "close": "session.close()",
        "is_active": "session.new, session.dirty and session.deleted",
    },
    "begin_nested": {
        "commit": "with session.begin_nested(): .., which ends with its block",
        "rollback": "with session.begin_nested(): .., and raise an error to undo the block",
        "is_active": "with session.begin_nested(): ..",
    },
}
"""What transactions of SQLAlchemy have, by what to write here."""


class Block(Blocking, AbstractContextManager[S]):
    """The block of ``with session.begin():`` or ``with session.begin_nested():``."""

    def __init__(self, block: AbstractContextManager[S], name: str) -> None:
        self._block = block
        self._name = name

    def __enter__(self) -> S:
        return self._block.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._block.__exit__(kind, error, trace)

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, _ENDS[self._name])

    def __repr__(self) -> str:
        return f"<the block of with session.{self._name}()>"


class AsyncBlock(Awaited, AbstractAsyncContextManager[S]):
    """The block of ``async with session.begin():`` or ``async with session.begin_nested():``."""

    def __init__(self, block: AbstractAsyncContextManager[S], name: str) -> None:
        self._block = block
        self._name = name

    async def __aenter__(self) -> S:
        return await self._block.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._block.__aexit__(kind, error, trace)

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, _ENDS[self._name])

    def __repr__(self) -> str:
        return f"<the block of async with session.{self._name}()>"


KEYS = "write session.get_many(User, [key, other])"
UNGIVEN: Final = object()
DELETE_EACH = "write session.delete(document) for each, or session.execute(delete(User).where(..))"


class Use:
    """One operation's use of a session.

    It is over by a plain assignment, and taken by one step of the dictionary: an interrupt can come between
    any two calls, and whatever it leaves behind must not keep the session for ever, as a lock would be kept.
    Who makes one says in which thread, which takes half as long as an ``__init__`` that does.
    """

    thread = 0
    is_over = False


class SessionBase:
    """The documents of a session and the moves that need no engine."""

    def __init__(
        self,
        capabilities: Capabilities,
        *,
        autoflush: bool,
        expire_on_commit: bool,
        auto_create: bool,
        complete: set[str],
    ) -> None:
        self._work = UnitOfWork(capabilities.body)
        self._context = Context(
            self._work,
            flush,
            interactive=capabilities.interactive_transactions,
            autoflush=autoflush,
            expire_on_commit=expire_on_commit,
            auto_create=auto_create,
            complete=complete,
        )
        self.statistics = Statistics()
        self._use = Use()
        self._use.is_over = True
        self._closed = False
        self._has_begun = False

    def __del__(self) -> None:
        """Release the documents of a session that was never closed."""
        if (work := getattr(self, "_work", None)) is not None:
            work.end()

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "a session can't be copied or pickled: its documents belong to one session",
            hint="open one where it is needed: Session(engine); documents can be copied and pickled",
        )

    def add(self, document: Document, *others: Never) -> None:
        """Add a document to the session; the next flush inserts it.

        The documents at the ends of an edge are added too, and those behind links with ``Cascade("save")``.
        """
        if others:
            refuse_more("add() takes one document", others, "write session.add_all([ada, bob])")
        self._check_open()
        self._work.add(document)

    def add_all(self, documents: Iterable[Document], *others: Never) -> None:
        """Add several documents to the session; all of them or, after an error, none.

        The next flush inserts them.
        """
        refuse_more("add_all() takes one list of documents", others, "write session.add_all([ada, bob])")
        self._check_open()
        if isinstance(cast(object, documents), Document):
            raise StateError(
                "add_all() takes a list of documents", state="foreign", move="add", hint="add() takes one"
            )
        given = listed(documents, "add_all()", "session.add_all([ada, bob])")
        with HeldOff() if len(given) >= AT_LEAST else AS_EVER:
            self._work.add_all(given)

    def _delete(self, document: Document, permanently: bool) -> None:
        self._check_open()
        if isinstance(document, SoftDelete) and not permanently and id(document) not in self._work.new:
            self._work.check_held(document, "delete", "get it with this session, or add it first")
            document.deleted_at = document.deleted_at or now()
        else:
            self._work.delete(document)

    def expunge(self, document: Document) -> None:
        """Remove a document and its uncommitted changes from the session, but not from the database."""
        self._check_open()
        self._work.expunge(document)

    def expunge_all(self) -> None:
        """Remove all documents and their uncommitted changes from the session."""
        self._check_open()
        self._work.expunge_all()

    def expire(self, *documents: Document) -> None:
        """Drop the uncommitted changes of documents, which the next ``get`` or query reads again.

        Reading an attribute never queries the database: until then it has its last known value.
        """
        self._check_open()
        expire(self._work, documents)

    def expire_all(self) -> None:
        """Drop all uncommitted changes of stored documents, which the next ``get`` or query reads again."""
        self._check_open()
        expire(
            self._work, [document for document in self._work.identity if id(document) not in self._work.new]
        )

    def is_modified(self, document: Document, **others: Never) -> bool:
        """Return whether a document of the session differs from what is stored."""
        refuse_options("is_modified()", others)
        return document in self and (id(document) in self._work.new or self._work.is_modified(document))

    @property
    def new(self) -> Members:
        """The documents that the next flush inserts."""
        return Members(self._work.new.values())

    @property
    def dirty(self) -> Members:
        """The stored documents that the next flush changes."""
        return Members(self._work.dirty())

    @property
    def deleted(self) -> Members:
        """The documents that the next flush deletes."""
        return Members(self._work.deleted.values())

    def __repr__(self) -> str:
        engine: Any = self.__dict__.get("engine")
        where = "" if engine is None else f" of {engine.url}"
        if self._closed:
            return f"<{type(self).__name__}{where}, closed>"
        work = self._work
        counts = {"new": work.new, "changed": work.dirty(), "deleted": work.deleted}
        unsent = "".join(f", {len(several)} {name}" for name, several in counts.items() if several)
        return f"<{type(self).__name__}{where}, {len(list(work.identity))} documents{unsent}>"

    def __contains__(self, document: object) -> bool:
        if not isinstance(document, Document):
            return False
        state = state_or_none(document)
        return state is not None and state.owner is self._work and not self._closed

    def __iter__(self) -> Iterator[Document]:
        yield from self._work.identity

    @property
    def no_autoflush(self) -> NoAutoflush:
        """Leave changes unflushed while queries run: ``with session.no_autoflush: ..``."""
        return NoAutoflush(self._context)

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, WAYS)

    @property
    def autoflush(self) -> bool:
        """Whether queries flush first; ``with session.no_autoflush: ..`` leaves it for a block."""
        return self._context.autoflush

    @autoflush.setter
    def autoflush(self, value: bool) -> None:
        self._context.autoflush = bool(value)

    @property
    def expire_on_commit(self) -> bool:
        """Whether documents are read again when they are next asked for after a commit."""
        return self._context.expire_on_commit

    @expire_on_commit.setter
    def expire_on_commit(self, value: bool) -> None:
        self._context.expire_on_commit = bool(value)

    @overload
    def on(self, event: Event) -> Callable[[Callable[[Self], T]], Callable[[Self], T]]: ...
    @overload
    def on(self, event: Event, listener: Callable[[Self], T]) -> Callable[[Self], T]: ...
    def on(self, event: Event, listener: Any = UNGIVEN) -> Any:
        """Call a plain function with the session at an event, such as ``"before_commit"``.

        What it adds or changes before a flush is part of the flush. ``@session.on("before_commit")`` above
        a function does the same.
        """
        return listening(event, listener, self._listen)

    def _listen(self, event: Event, listener: Callable[[Self], object]) -> None:
        self._context.listeners.setdefault(event, []).append(partial(listener, self))

    def _documents(self, given: tuple[Document | StaleDocumentError, ...]) -> list[Document]:
        """Return the documents that were named, by themselves or by an error."""
        documents: list[Document] = []
        for item in given:
            if isinstance(item, StaleDocumentError):
                documents += held_of(self._work, item.documents)
            else:
                documents.append(item)
        return documents

    def _check_clean(self) -> None:
        """Refuse to run a unit of work that may be run twice over changes it did not make."""
        work = self._work
        if work.new or work.deleted or work.dirty():
            raise StateError(
                "run() needs a session without uncommitted changes, because a retry begins with stored data",
                state="dirty",
                move="run",
                hint="commit() or rollback() first, and make all changes inside the function",
            )

    def _enter(self, use: Use) -> None:
        """Take the session for one operation; ConcurrentUseError if another one has it."""
        if self._closed:
            raise _closed()
        last = self._use
        while last.is_over:
            following: Use = last.__dict__.setdefault("following", use)  # unless one follows already
            if following is use:
                self._use = use
                return
            last = following
        raise _in_use()

    def _enter_block(self) -> None:
        """Begin a block that ends with a commit; StateError inside another one."""
        self._check_open()
        if self._has_begun:
            raise StateError(
                "begin() inside begin()",
                state="begun",
                move="begin",
                hint="with session.begin_nested(): .. is a savepoint, which is rolled back on its own",
            )
        self._has_begun = True

    def _check_open(self) -> None:
        """Refuse a session that is closed, or that another thread is using right now."""
        if self._closed:
            raise _closed()
        if not self._use.is_over and self._use.thread != get_ident():
            raise _in_use()


def listening(event: Event, listener: Any, listen: Callable[[Event, Any], None]) -> Any:
    """Enter a listener of an event and return it; without one return the decorator that does so."""
    if event not in EVENTS:
        raise UsageError(f"there is no event {event!r}", hint=f"choose one of {', '.join(EVENTS)}")
    if listener is UNGIVEN:
        return partial(listening, event, listen=listen)
    check_callable(listener, "on()", 'session.on("before_commit", lambda session: ..)')
    listen(event, listener)
    return listener


def checked_engine(engine: E | None, bind: E | None, session: str, *, is_async: bool) -> E:
    """Return the engine, which may be called ``bind``; UsageError for none, two, or one of the other kind."""
    given = engine if bind is None else bind
    is_one = iscoroutinefunction(getattr(given, "channel", None)) is is_async
    if given is not None and is_one and hasattr(given, "capabilities") and (engine is None or bind is None):
        return given
    wanted, maker = ("AsyncEngine", "create_async_engine") if is_async else ("Engine", "create_engine")
    what = f"not {given!r}" if engine is None or bind is None else "and bind= is another word for it"
    raise UsageError(f"{session}() takes an {wanted}, {what}", hint=f'{session}({maker}("sqlite:///app.db"))')


def _closed() -> ClosedError:
    return ClosedError("the session is closed", hint="make a new one: Session(engine)")


def _in_use() -> ConcurrentUseError:
    return ConcurrentUseError(
        "this session is in use by another thread or task",
        hint="use one session for each thread, task or request",
    )


def _no_statement(given: object) -> UsageError:
    """Return the error of running what is no statement; it says what to write."""
    way = "select(User)"
    if isinstance(given, str):
        way = "sdbql(text, name=value), a query in SoliDB's language, SDBQL"
    elif isinstance(given, type):
        way = f"select({given.__name__})"
    return UsageError(f"a session runs statements, not {shown(given)}", hint=f"write {way}")


def compiled(
    statement: Statement[Any], parameters: Any = None, options: Mapping[str, object] | None = None
) -> Compiled:
    """Compile a statement, with parameters if it takes such; UsageError for what is none."""
    if not isinstance(statement, Statement):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _no_statement(statement)
    if options:
        refuse_options("a session's call", options)
    return (statement if parameters is None else statement.__solidb_given__(parameters)).compile()


def first_column(rows: list[Any], program: Compiled) -> list[Any]:
    """Return the first column of rows."""
    if program.single:
        return rows
    if isinstance(rows, Partial):
        return Partial(row if type(row) is Unreadable else row[0] for row in rows)
    return [row[0] for row in rows]


def visible(document: D | None, with_deleted: bool) -> D | None:
    """Return the document, unless it is marked as deleted and those are not wanted."""
    marked = isinstance(document, SoftDelete) and document.deleted_at is not None
    return None if marked and not with_deleted else document


def present(document: D | None, model: type[D], key: str) -> D:
    """Return the document; DocumentNotFound if it is None."""
    if document is None:
        collection = model.__solidb_collection__
        raise DocumentNotFound(f"there is no {collection}/{key}", name=key, collection=collection)
    return document
