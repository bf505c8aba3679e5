"""Saying no where the server can't do what a call asks for."""

from __future__ import annotations

from ...errors import NotSupportedByServerError


def unsupported(what: str, why: str, instead: str) -> NotSupportedByServerError:
    """Give the error: what was asked, why the server can't, and what to use instead."""
    return NotSupportedByServerError(f"the server has no {what}: {why}", hint=f"instead: {instead}")
