"""Names and values as the server's lexer reads them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from ...errors import QueryError
from ..tokens import KEYWORDS, MAX_INTEGER

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..nodes import Scalar

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SPECIAL = re.compile(r'[\\"\n\t\r]')
_WORD = re.compile(r"[^\W\d]\w*")
_BIND = re.compile(r"\w+")


def quote_name(name: str) -> str:
    """Put the name of a variable, collection or attribute in backticks."""
    if not name:
        raise QueryError("a name in a query can't be empty")
    if "`" in name:
        raise QueryError(
            f"the name {name!r} can't be written in SDBQL: it contains a backtick",
            hint="rename it; only attributes of documents may have such names, read as document[@name]",
        )
    return f"`{_sendable(name)}`"


def quote_string(text: str) -> str:
    """Write a string literal. There are no other escapes, so other control characters stay raw."""
    return f'"{_SPECIAL.sub(lambda match: _ESCAPES[match[0]], _sendable(text))}"'


def quote_template(text: str) -> str:
    """Write a piece of text for a template string."""
    return quote_string(text)[1:-1].replace("$", "$$")


def quote_scalar(value: Scalar) -> str:
    """Write a constant."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote_string(value)
    return quote_integer(value) if isinstance(value, int) else quote_float(value)


def quote_integer(value: int) -> str:
    """Write an integer; only 64 bits with a sign can be written."""
    if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise QueryError(
            f"the integer {value} can't be written in SDBQL: it does not fit 64 bits with a sign",
            hint="send it as a bind variable (up to 2**64 - 1) or as a float",
        )
    if value < -MAX_INTEGER:
        # The minus is an operator, so the number after it would not fit.
        return f"{-MAX_INTEGER} - 1"
    return int.__repr__(value)


def quote_float(value: float) -> str:
    """Write a float with a dot and without an exponent, in as many digits as it takes."""
    if not math.isfinite(value):
        raise QueryError(f"the number {value} can't be written in SDBQL", hint="use null")
    text = float.__repr__(value)  # subclasses print their class
    if "e" in text:
        text = format(Decimal(text), "f")
    return text if "." in text else f"{text}.0"


def quote_bind(name: str) -> str:
    """Write ``@name``."""
    if not _BIND.fullmatch(name):
        raise QueryError(
            f"the bind variable {name!r} can't be written in SDBQL",
            hint="its name may have letters, digits and underscores",
        )
    return f"@{name}"


def quote_function(name: str, keywords: Collection[str]) -> str:
    """Write the name of a function; ``keywords`` are those that may stand here."""
    if not _WORD.fullmatch(name) or (name.upper() in KEYWORDS and name.upper() not in keywords):
        raise QueryError(f"{name!r} can't be called as a function in SDBQL")
    return name


def _sendable(text: str) -> str:
    """Return the text if it can be sent at all: half of a surrogate pair can't."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            raise QueryError(f"the text {text!r} is not valid Unicode") from exc
    return text
