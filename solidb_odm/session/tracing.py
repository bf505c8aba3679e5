"""OpenTelemetry: a span for each command, under the names that its conventions give to databases."""

from __future__ import annotations

import time
from typing import Any

from ..errors import ConfigurationError
from .observing import QueryEvent, Watcher

_SYSTEMS = {"file": "sqlite", "server": "solidb"}


def spans() -> Watcher:
    """Give a watcher that makes spans; ConfigurationError without OpenTelemetry."""
    try:
        from opentelemetry import trace
    except ImportError as problem:
        raise ConfigurationError(
            "tracing=True needs OpenTelemetry", hint="pip install 'solidb-odm[otel]'"
        ) from problem
    tracer = trace.get_tracer("solidb_odm")

    def tell(event: QueryEvent) -> None:
        ended = time.time_ns()
        span = tracer.start_span(
            " ".join((event.command, *event.collections)),
            kind=trace.SpanKind.CLIENT,
            start_time=ended - int(event.milliseconds * 1_000_000),
            attributes=_attributes(event),
        )
        if event.error is not None:
            span.set_attribute("error.type", type(event.error).__name__)
            span.set_status(trace.StatusCode.ERROR, type(event.error).__name__)
        span.end(ended)

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
