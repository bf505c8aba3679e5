"""Points in time as the server counts them."""

from __future__ import annotations

from datetime import UTC, datetime

from ...errors import UsageError


def unix_seconds(moment: datetime | str | float) -> int:
    """Give the seconds since 1970 of a moment: RFC 3339, a datetime (naive ones are UTC), or seconds."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as problem:
            raise UsageError(
                f"{moment!r} is not a point in time", hint="2026-01-31T09:00:00+00:00, or a datetime"
            ) from problem
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(moment)
