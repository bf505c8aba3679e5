"""What a call is told that can mean nothing here: how to write it.

Other libraries have its name or its arguments, or it is made of what is awaited as of what blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ._types import shown
from .errors import UsageError, missing

_CALLS: Final = (
    "channel|commit|close|count|create_all|create_database|dispose|drop_all|drop_database|execute|explain|flush"
    "|get|get_many|get_one|load|merge|page|rebase|refresh|rollback|run|scalar|scalars"
)
_CALL: Final = re.compile(rf"(?<!await )\b(?:session|engine)\.(?:{_CALLS})\(")
_BLOCK: Final = re.compile(r"(?<!async )\bwith (?=Sessions?\(|session\.begin|engine\b)")
_CLASS: Final = re.compile(r"\b(?=Session\()")


class Blocking:
    """What is used by ``with``; ``async with`` says so."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a checker is to refuse it

        async def __aenter__(self) -> Any:
            raise _refused(self, "blocks", "async with", "write with; what is awaited has Async in its name")

        async def __aexit__(self, *_problem: object) -> None:
            """Python looks for it before it enters."""


class Awaited:
    """What is used by ``async with``; ``with`` says so."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a checker is to refuse it

        def __enter__(self) -> Any:
            raise _refused(self, "is awaited", "with", "write async with, in an async function")

        def __exit__(self, *_problem: object) -> None:
            """Python looks for it before it enters."""


def _refused(owner: object, kind: str, way: str, hint: str) -> UsageError:
    return UsageError(f"{type(owner).__name__} {kind}, and {way!r} can't enter it", hint=hint)


def missing_call(owner: object, name: str, ways: Mapping[str, str]) -> AttributeError:
    """Return the error of an attribute that is not there; what is awaited names awaited ways."""
    if isinstance(owner, Awaited) and name in ways:
        return missing(owner, name, {name: awaited(ways[name])})
    return missing(owner, name, ways)


def awaited(way: str) -> str:
    """Return how a way of blocking sessions and engines is written with those that are awaited."""
    text = _CLASS.sub("Async", _BLOCK.sub("async with ", way))
    start = 0
    while (call := _CALL.search(text, start)) is not None:
        end = _end_of(text, call.end())
        is_inner = text[end : end + 1] in (".", "[")
        made = f"(await {text[call.start() : end]})" if is_inner else f"await {text[call.start() : end]}"
        text = f"{text[: call.start()]}{made}{text[end:]}"
        start = call.start() + len(made)
    return text


def _end_of(text: str, place: int) -> int:
    """Return where the parenthesis is closed that was opened before a place."""
    depth = 1
    while depth and place < len(text):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
    return place


OPTIONS = {
    "attribute_names": "session.refresh(document), which reads all of it",
    "autobegin": "nothing instead of it: a transaction begins with the first statement",
    "autocommit": "nothing instead of it: a session writes when commit() is called",
    "bind": "Session(engine)",
    "bind_arguments": "a session of the other engine: Session(engine)",
    "checkfirst": "nothing instead of it: what is there is left as it is",
    "close": "nothing instead of it: a forked process has connections of its own",
    "class_": "a session by itself: MySession(engine)",
    "index_elements": "upsert(User).on(User.email).values([..])",
    "compile_kwargs": "statement.compile().text, and .bind_vars for the values",
    "escape": "contains(field, text), field.startswith(text), or func.regex_test(field, pattern)",
    "execution_options": "session.stream(statement, batch=1000) for many rows, timeouts with the engine",
    "full": "full_join(..)",
    "future": "nothing instead of it: that is how it works here",
    "identity_token": "a session of the other engine",
    "info": "a dict of your own",
    "include_collections": "session.is_modified(document), which looks at all of it",
    "isouter": "outerjoin(..)",
    "load": "session.add(document) for one that was stored and is known to be as it is",
    "nested": "with session.begin_nested(): ..",
    "objects": "session.flush(), which writes all changes in their order",
    "page": "session.page(statement, size=20, after=cursor): a page begins after the one before",
    "per_page": "session.page(statement, size=20)",
    "options": "select(User).load(User.team), or session.load([user], User.team)",
    "populate_existing": "session.refresh(document)",
    "query_cls": "session.scalars(select(User).where(..))",
    "twophase": "nothing instead of it: one engine is one transaction",
    "with_for_update": "session.run(work), which tries again if another writer was first",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What SQLAlchemy's calls take, by what to write here."""


def refuse_options(call: str, given: Mapping[str, object], way: str | None = None) -> None:
    """Refuse keywords that a call does not take; UsageError says what to write instead."""
    for name in given:
        way = way or OPTIONS.get(name)
        hint = None if way is None else f"write {way}"
        raise UsageError(f"{call} takes no {name}=", hint=hint)


def refuse_more(call: str, given: Sequence[object], way: str) -> None:
    """Refuse the values that a call was given beside those it takes; UsageError says what to write."""
    if given:
        raise UsageError(f"{call}, and was also given {shown(given[0])}", hint=way)
