"""OpenTelemetry spans for what is over and was timed, where OpenTelemetry is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .errors import ConfigurationError

Recorder: TypeAlias = Callable[[str, float, Mapping[str, Any], str | None], None]
"""Records a span that ends now: its name, milliseconds, attributes, and the kind of error if it failed."""


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
