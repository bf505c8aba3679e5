"""Answers of any size: the server keeps the rows and hands them out in pages, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..._types import Json, JsonObject
from ...wire.faults import Context
from ...wire.requests import Exchange, over_http

PAGE = 1000


def open_cursor(
    database: str, text: str, binds: Mapping[str, Any], context: Context, size: int = PAGE
) -> Exchange[JsonObject]:
    """Run a query and read its first rows: ``result``, ``has_more`` and, if it has, ``id``.

    The rows are those of this one run, whatever is written between the pages; the server keeps them
    for 300 s.
    """
    body = {"query": text, "bindVars": dict(binds), "batchSize": size, "cache": False}
    path = f"/_api/database/{quote(database, safe='')}/cursor"
    page: JsonObject = yield from over_http("POST", path, body, context)
    return page


def read_on(cursor: str, context: Context) -> Exchange[JsonObject]:
    """Read the next rows, in the form of the first."""
    page: JsonObject = yield from over_http("PUT", f"/_api/cursor/{quote(cursor, safe='')}", context=context)
    return page


def all_rows(database: str, text: str, binds: Mapping[str, Any], context: Context) -> Exchange[list[Json]]:
    """Run a query and read all of its rows, page by page."""
    page = yield from open_cursor(database, text, binds, context)
    rows: list[Json] = page["result"]
    while page.get("has_more"):
        page = yield from read_on(page["id"], context)
        rows += page["result"]
    return rows
