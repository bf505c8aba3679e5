"""Loggers, and OpenTelemetry spans for what is over and was timed, where OpenTelemetry is installed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .errors import ConfigurationError

Recorder: TypeAlias = Callable[[str, float, Mapping[str, Any], str | None], None]
"""Records a span that ends now: its name, milliseconds, attributes, and the kind of error if it failed."""


class _Writable(logging.Filter):
    """Lets every message be written: half of a surrogate pair, which no encoding has, as its escape."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        written = message.encode("utf-8", "backslashreplace").decode()
        if written != message:
            record.msg, record.args = written, ()
        return True


_WRITABLE = _Writable()


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a name, whose messages can be written wherever they go."""
    logger = logging.getLogger(name)
    logger.addFilter(_WRITABLE)
    return logger


def recorder(scope: str) -> Recorder:
    """Return a recorder of spans under the name of a scope; ConfigurationError without OpenTelemetry."""
    try:
        from opentelemetry import trace
    except ImportError as problem:
        raise ConfigurationError(
            "tracing=True needs OpenTelemetry", hint="pip install 'solidb-odm[otel]'"
        ) from problem
    tracer = trace.get_tracer(scope)

    def record(name: str, milliseconds: float, attributes: Mapping[str, Any], error: str | None) -> None:
        ended = time.time_ns()
        span = tracer.start_span(
            name,
            kind=trace.SpanKind.CLIENT,
            start_time=ended - int(milliseconds * 1_000_000),
            attributes=attributes,
        )
        if error:
            span.set_attribute("error.type", error)
            span.set_status(trace.StatusCode.ERROR, error)
        span.end(ended)

    return record
