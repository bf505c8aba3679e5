"""Times as the server writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime | None:
    """Read the server's RFC 3339 time, of up to nine digits after the second; None of an empty text."""
    return datetime.fromisoformat(text) if text else None


def format_time(value: datetime) -> str:
    """Write a time as the server does, so that texts compare as the times do."""
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat()
