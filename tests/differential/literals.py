"""Values as SDBQL text."""

from __future__ import annotations

from typing import Any

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    """Return a text as a string literal."""
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in text) + '"'


def literal(value: Any) -> str:
    """Return a value as an expression."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(name)}: {literal(item)}" for name, item in value.items()) + "}"
    written = str(value) if isinstance(value, int) else _float(value)
    return f"(- {written[1:]})" if written.startswith("-") else written


def _float(value: float) -> str:
    written = repr(value)
    if "e" in written:
        written = f"{value:.20f}".rstrip("0") if abs(value) < 1 else f"{value:.1f}"
    return written if not written.endswith(".") else written + "0"
