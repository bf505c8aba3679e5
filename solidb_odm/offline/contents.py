"""Documents as they are compared and sent: without what the engines add."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from .._types import JsonObject, Stored, is_list, is_map
from ..commands.replica import RemoteVersion, Replica
from ..language.stored_documents import without
from ..wire.http_json import as_read


def plain(document: JsonObject) -> JsonObject:
    """Return a document without the attributes that engines add, its key kept."""
    return without(document)


def remote_version(document: JsonObject | None) -> RemoteVersion:
    """Return what the server holds, from a document as it sends it."""
    if document is None:
        return RemoteVersion(None)
    return RemoteVersion(plain(document), document["_rev"], document["_created_at"], document["_updated_at"])


def versions(rows: Sequence[JsonObject]) -> dict[str, RemoteVersion]:
    """Return what the server holds under the keys of documents as it sends them."""
    return {row["_key"]: remote_version(row) for row in rows}


def agreed(replica: Replica) -> JsonObject | None:
    """Return what the store and the server agreed on last about a document."""
    return replica.document if replica.edit is None else replica.edit.base


def whole(stored: Stored, body: JsonObject, identifier: str) -> JsonObject:
    """Return a stored document as callers see it."""
    key, revision, created, updated, _ = stored
    system = {
        "_key": key,
        "_id": identifier,
        "_rev": revision,
        "_created_at": created,
        "_updated_at": updated,
    }
    return {**body, **system}


def same(left: JsonObject | None, right: JsonObject | None) -> bool:
    """Return whether two documents hold the same, whatever the order of their attributes."""
    if left is None or right is None:
        return left is right
    return canonical(left) == canonical(right)


def same_value(left: Any, right: Any) -> bool:
    """Return whether two JSON values are the same."""
    return canonical(left) == canonical(right)


def is_from(sent: Any, there: Any) -> bool:
    """Return whether what the server holds is what was sent, or what its reader of JSON made of it."""
    return same_value(sent, there) or same_value(as_read(sent), there)


def canonical(value: Any) -> str:
    """Return the one text of a JSON value; 1 and 1.0 are one number, as the server keeps them."""
    return json.dumps(_numbers(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return what breaks a tie between two documents in the same way on every device."""
    return hashlib.sha256(canonical(value).encode(errors="surrogatepass")).hexdigest()


def _numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if is_map(value):
        return {name: _numbers(inner) for name, inner in value.items()}
    return [_numbers(inner) for inner in value] if is_list(value) else value


def moment(text: str) -> datetime | None:
    """Read a time as engines write it, of which Python keeps the microseconds; None if there is none."""
    if not text:
        return None
    main, dot, rest = text.partition(".")
    digits = ""
    while rest and rest[0].isdigit():
        digits, rest = digits + rest[0], rest[1:]
    fraction = f".{digits[:6]:0<6}" if dot else ""
    zone = rest if dot else ""
    try:
        parsed = datetime.fromisoformat(f"{main}{fraction}{zone}")
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def earlier(text: str, seconds: float) -> str:
    """Return the time so many seconds before, in the form that compares as text; "" for none."""
    at = moment(text)
    return "" if at is None else (at - timedelta(seconds=seconds)).isoformat(timespec="microseconds")
