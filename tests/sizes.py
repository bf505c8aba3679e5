"""How much tests of properties try: all of it where a change is decided, a share where somebody waits."""

from __future__ import annotations

import os

DECIDES = bool(os.environ.get("CI"))
"""Whether this run decides about a change, as ``.ci/run`` does."""


def examples(count: int) -> int:
    """Return how many of so many examples to try: all, or an eighth by hand, which tries others each time."""
    return count if DECIDES else max(5, count // 8)


def tries(variable: str, count: int) -> int:
    """Return how often to try: as an environment variable says, or as ``examples`` does."""
    return int(os.environ.get(variable) or examples(count))
