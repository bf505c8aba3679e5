"""Reading: documents by key, queries in pages of any number, explanations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote

from ..._types import Json, JsonObject, Stored
from ...commands import ExplainQuery, FetchDocuments, Get, GetMany, RunQuery
from ...errors import ConnectionLost, DocumentNotFound, QueryError
from ...language.check import check_names
from ...language.nodes import Query
from ...language.printer import print_query
from ...language.walk import MadeOnce, bind_names
from ...wire.exchange import Exchange, accepted, over_http, query_request, send, send_all
from ...wire.faults import Subject
from ...wire.names import quoted

PAGE = 1000


def open_cursor(
    database: str, text: str, binds: Mapping[str, Any], context: Subject, size: int = PAGE
) -> Exchange[JsonObject]:
    """Run a query and read its first rows: ``result``, ``has_more`` and, if it has, ``id``.

    The rows are those of this one run, whatever is written between the pages; the server keeps them
    for 300 s.
    """
    body = {"query": text, "bindVars": dict(binds), "batchSize": size, "cache": False}
    path = f"/_api/database/{quote(database, safe='')}/cursor"
    page: JsonObject = yield from over_http("POST", path, body, context)
    return page


def read_on(cursor: str, context: Subject) -> Exchange[JsonObject]:
    """Read the next rows, in the form of the first."""
    page: JsonObject = yield from over_http("PUT", f"/_api/cursor/{quote(cursor, safe='')}", context=context)
    return page


def all_rows(database: str, text: str, binds: Mapping[str, Any], context: Subject) -> Exchange[list[Json]]:
    """Run a query and read all of its rows, page by page."""
    page = yield from open_cursor(database, text, binds, context)
    rows: list[Json] = page["result"]
    while page.get("has_more"):
        page = yield from read_on(page["id"], context)
        rows += page["result"]
    return rows


KEYS_AT_ONCE = 1000
_BIND = re.compile(r"@(\w+)")
_WRITES = re.compile(
    r"\b(?:INSERT|UPDATE|REPLACE|REMOVE|UPSERT|CREATE\w*|DROP\w*|REFRESH|ROW_POLICY)\b", re.IGNORECASE
)


def stored(document: JsonObject) -> Stored:
    """Split what the server sends into key, revision, times and body; takes the document apart."""
    document.pop("_id", None)
    return (
        document["_key"],
        document.pop("_rev"),
        document.pop("_created_at"),
        document.pop("_updated_at"),
        document,
    )


def get(command: Get, database: str) -> Exchange[Stored | None]:
    """Read one document."""
    request = {"cmd": "get", "database": database, "collection": command.collection, "key": command.key}
    context = Subject(database, command.collection, command.key)
    try:
        answer = yield from send(request, context, repeatable=True, light=True)
    except DocumentNotFound:
        return None
    return stored(answer.data)


def get_many(command: GetMany, database: str) -> Exchange[list[Stored]]:
    """Read documents by key in one round trip, or in several if their answers would be over 16 MiB."""
    keys = list(dict.fromkeys(command.keys))
    text = f"FOR d IN {quoted(command.collection)} FILTER d._key IN @keys RETURN d"
    rows = yield from read_by_keys(text, keys, database)
    return [stored(row) for row in rows]


def read_by_keys(text: str, keys: Sequence[str], database: str) -> Exchange[list[Any]]:
    """Run a query over ``@keys`` in one batch of chunks.

    An answer over 16 MiB makes the server close the connection, so a batch that broke is tried
    again in halves.
    """
    chunks = [keys[start : start + KEYS_AT_ONCE] for start in range(0, len(keys), KEYS_AT_ONCE)]
    requests = [query_request(text, {"keys": chunk}, database) for chunk in chunks]
    try:
        answers = yield from send_all(requests, label="query", repeatable=True, text=text)
    except ConnectionLost:
        if len(keys) < 2:
            raise
        middle = len(keys) // 2
        first = yield from read_by_keys(text, keys[:middle], database)
        return first + (yield from read_by_keys(text, keys[middle:], database))
    context = Subject(database, query=text)
    return [row for answer in answers for row in accepted(answer, context).data]


class Text(NamedTuple):
    """A query as it is sent: its text, the bind variables in it, and whether it may write."""

    text: str
    names: frozenset[str]
    writes: bool

    @classmethod
    def of(cls, text: str) -> Text:
        """Look at a text. An @ may also stand in a literal, so not all names need be those of variables."""
        return cls(text, frozenset(_BIND.findall(text)), writes(text))


KEPT, LONGEST = 256, 10_000
"""How many printed queries are kept, and how many characters long at most."""

_printed: Final = MadeOnce(
    lambda query: Text.of(print_query(query)), KEPT, lambda text: len(text.text) <= LONGEST
)


def printed(query: Query) -> Text:
    """Return the text of a query, which is printed once."""
    return _printed.of(query)


def run_query(command: RunQuery, database: str) -> Exchange[list[Json]]:
    """Run a query; the person's own text is sent where there is one."""
    text = Text.of(command.text) if command.text else printed(command.query)
    return (yield from _rows(text, command.query, command.binds, database))


def fetch_documents(command: FetchDocuments, database: str) -> Exchange[list[Stored | None]]:
    """Run a query whose rows are whole documents."""
    text = printed(command.query)
    rows = yield from _rows(text, command.query, command.binds, database)
    try:
        return [None if row is None else stored(row) for row in rows]
    except (KeyError, AttributeError, TypeError) as problem:
        raise QueryError(
            "a row of this query is not a whole document", query=text.text, binds=dict(command.binds)
        ) from problem


def explain(command: ExplainQuery, database: str) -> Exchange[Json]:
    """Explain a query; the server runs its reading part for that."""
    sent = printed(command.query)
    _check_binds(sent, command.query, command.binds)
    request = {**query_request(sent.text, command.binds, database), "cmd": "explain"}
    del request["cache"]
    answer = yield from send(
        request, Subject(database, query=sent.text, binds=command.binds), repeatable=True
    )
    return answer.data


def writes(text: str) -> bool:
    """Return whether a query may write, by the words in it."""
    return _WRITES.search(text) is not None


def _rows(sent: Text, query: Query, binds: Mapping[str, Any], database: str) -> Exchange[list[Json]]:
    _check_binds(sent, query, binds)
    text = sent.text
    context = Subject(database, query=text, binds=binds)
    request = query_request(text, binds, database)
    try:
        answer = yield from send(request, context, repeatable=not sent.writes)
    except ConnectionLost:  # which is also how the server refuses an answer over 16 MiB
        if sent.writes:
            raise
        try:
            answer = yield from send(request, context)
        except ConnectionLost:
            return (yield from all_rows(database, text, binds, context))
    return cast(list[Json], answer.data)


def _check_binds(sent: Text, query: Query, binds: Mapping[str, Any]) -> None:
    """Refuse a missing bind variable, which in a FILTER the server takes for null, silently."""
    if not sent.names <= binds.keys():
        try:
            check_names(bind_names(query), binds)
        except QueryError as problem:
            problem.query = sent.text
            raise
