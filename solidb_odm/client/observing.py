"""Who watches the requests: the log, OpenTelemetry, and whoever the program named."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from ..engines.remote.statistics import Observer, RequestEvent
from ..errors import ConfigurationError

LOGGER = logging.getLogger("solidb_odm.client")


def observer_of(options: Mapping[str, Any]) -> Observer:
    """Give the one observer that tells all that the options ask for."""
    observers: list[Observer] = [_log]
    if options.get("tracing"):
        observers.append(_spans())
    if (wanted := options.get("on_request")) is not None:
        observers.append(wanted)

    def tell(event: RequestEvent) -> None:
        for observer in observers:
            observer(event)

    return tell


def _log(event: RequestEvent) -> None:
    """Log a request; never the values of bind variables, which may be secrets."""
    if not LOGGER.isEnabledFor(logging.DEBUG):
        return
    LOGGER.debug(
        "%s: %d request%s in %.2f ms, %d rows, %d bytes out, %d in%s%s",
        event.command,
        event.requests,
        "" if event.requests == 1 else "s",
        event.milliseconds,
        event.rows,
        event.sent,
        event.received,
        f"; {event.text} with {', '.join(sorted(event.binds)) or 'no binds'}" if event.text else "",
        f"; {event.error}" if event.error else "",
    )


def _spans() -> Observer:
    try:
        from opentelemetry import trace
    except ImportError as problem:
        raise ConfigurationError(
            "tracing=True needs OpenTelemetry", hint="pip install 'solidb-odm[otel]'"
        ) from problem
    tracer = trace.get_tracer("solidb_odm.client")

    def tell(event: RequestEvent) -> None:
        ended = time.time_ns()
        span = tracer.start_span(
            f"solidb {event.command}",
            kind=trace.SpanKind.CLIENT,
            start_time=ended - int(event.milliseconds * 1_000_000),
            attributes={
                "db.system.name": "solidb",
                "db.operation.name": event.command,
                "db.query.text": event.text,
                "db.response.returned_rows": event.rows,
                "solidb.bytes.sent": event.sent,
                "solidb.bytes.received": event.received,
            },
        )
        if event.error:
            span.set_attribute("error.type", event.error)
            span.set_status(trace.StatusCode.ERROR, event.error)
        span.end(ended)

    return tell
