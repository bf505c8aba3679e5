"""Names of test cases that are the same in every process, for tests that run side by side."""

from __future__ import annotations

import re
from typing import Any

_VARYING = re.compile(r" at 0x[0-9a-f]+|key='[0-9a-f-]{36}'(, )?")


def steady(value: Any) -> str:
    """Return the text of a value without addresses and keys that are made anew each time."""
    return _VARYING.sub("", value if isinstance(value, str) else repr(value))
