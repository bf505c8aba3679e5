"""Why a query, or a part of it, does not become SQL."""

from __future__ import annotations


class NotInSql(Exception):  # a signal, never seen by callers
    """SQL can't say this exactly; the message says what, for EXPLAIN."""
