"""The observers of requests: the log, OpenTelemetry, and the function that the program gives."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from .._tracing import recorder
from ..wire.events import Observer, RequestEvent

LOGGER = logging.getLogger("solidb_odm.client")


class RequestObserver:
    """The one observer that calls the others: the log, and those of the options."""

    def __init__(self, others: Sequence[Observer]) -> None:
        self._others = others
        self.awake = _always if others else partial(LOGGER.isEnabledFor, logging.DEBUG)

    def __call__(self, event: RequestEvent) -> None:
        if LOGGER.isEnabledFor(logging.DEBUG):
            _log(event)
        for observer in self._others:
            observer(event)


def observer_of(options: Mapping[str, Any]) -> Observer:
    """Return the one observer that calls all that the options ask for."""
    observers: list[Observer] = [_spans()] if options.get("tracing") else []
    if (wanted := options.get("on_request")) is not None:
        observers.append(wanted)
    return RequestObserver(observers)


def _always() -> bool:
    return True


def _log(event: RequestEvent) -> None:
    """Log a request; never the values of bind variables, which may be secrets."""
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
    record = recorder("solidb_odm.client")

    def tell(event: RequestEvent) -> None:
        attributes = {
            "db.system.name": "solidb",
            "db.operation.name": event.command,
            "db.query.text": event.text,
            "db.response.returned_rows": event.rows,
            "solidb.bytes.sent": event.sent,
            "solidb.bytes.received": event.received,
        }
        record(f"solidb {event.command}", event.milliseconds, attributes, event.error)

    return tell
