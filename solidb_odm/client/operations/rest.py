"""Calls of the server's HTTP interface about something that has a name."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..._types import Json
from ...commands import call
from ...errors import AlreadyExists, InvalidCommand, NotFoundError
from ...wire.packing import is_map
from ...wire.requests import Exchange, HttpCall, http_fault


def at(*parts: str) -> str:
    """Give the path of a part of the interface; every part is quoted."""
    return "/_api/" + "/".join(quote(part, safe="") for part in parts)


def rest(method: str, path: str, body: Json = None, *, what: str = "", name: str = "") -> Exchange[Any]:
    """Make a call about ``what``, called ``name``; give the body of its answer."""
    answer = yield from call(HttpCall(method, path, body))
    if answer.status < 400:
        return answer.body
    if what and answer.status == 404:
        raise NotFoundError(f"there is no {what} {name!r}", name=name)
    if what and answer.status == 409:
        raise AlreadyExists(f"there is a {what} {name!r} already", name=name)
    if answer.status == 422:
        text = answer.body.get("error", "") if is_map(answer.body) else answer.body
        raise InvalidCommand(f"the server does not take this {what or 'request'}: {text}")
    raise http_fault(answer)
