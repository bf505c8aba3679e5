"""OpenTelemetry: a span for each command, under the names that its conventions give to databases."""

from __future__ import annotations

from typing import Any

from .._tracing import recorder
from .events import QueryEvent, Watcher

_SYSTEMS = {"file": "sqlite", "server": "solidb"}


def spans() -> Watcher:
    """Give a watcher that makes spans; ConfigurationError without OpenTelemetry."""
    record = recorder("solidb_odm")

    def tell(event: QueryEvent) -> None:
        error = None if event.error is None else type(event.error).__name__
        record(" ".join((event.command, *event.collections)), event.milliseconds, _attributes(event), error)

    return tell


def _attributes(event: QueryEvent) -> dict[str, Any]:
    """Give what a span says; not the values of bind variables, which may be secrets."""
    found: dict[str, Any] = {
        "db.system.name": _SYSTEMS.get(event.engine, event.engine),
        "db.operation.name": event.command,
        "db.query.text": event.text,
        "db.response.returned_rows": event.rows,
    }
    if len(event.collections) == 1:
        found["db.collection.name"] = event.collections[0]
    return found
