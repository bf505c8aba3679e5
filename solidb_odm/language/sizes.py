"""How large values are when written out: a part that is shared counts wherever it stands.

``REDUCE(1..60, (a, x) -> [a, a], 1)`` holds 60 arrays and would print, compare or store as 2^60.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sized
from typing import Final, cast

from .._types import Json
from ..errors import QueryLimitError

MOST_PARTS: Final = 10_000_000
MOST_HELD: Final = 100_000_000
_FIRST_LOOK: Final = 16
_LONG: Final = 4096


def refuse_heavy(value: Json) -> int:
    """Raise QueryLimitError for a value of too many parts; return how many there are, shared ones once."""
    weights: dict[int, int] = {}
    visited = 1

    def weigh(item: Json) -> int:
        nonlocal visited
        if type(item) is not list and type(item) is not dict:
            return 1
        weight = weights.get(id(cast("object", item)))
        if weight is None:
            parts = cast("Collection[Json]", item.values() if isinstance(item, dict) else item)
            visited += len(parts)
            weight = 1 + sum(map(weigh, parts))
            if weight > MOST_PARTS:
                raise QueryLimitError(
                    f"a value became larger than {MOST_PARTS} parts", hint="keep what the next step needs"
                )
            weights[id(cast("object", item))] = weight
        return weight

    weigh(value)
    return visited


def held(values: Iterable[Json]) -> Iterator[Json]:
    """Yield values that are going to be kept together; QueryLimitError when they take too much memory."""
    length = 0
    for value in values:
        if (type(value) is str or type(value) is list) and (size := len(cast("Sized", value))) > _LONG:
            length += size
            if length > MOST_HELD:
                raise QueryLimitError(
                    f"the results hold more than {MOST_HELD} characters and elements",
                    hint="return less of each row, or fewer rows",
                )
        yield value


class SizeGuard:
    """Weighs a value that grows step by step, as often as that costs less than the steps."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _FIRST_LOOK

    def __call__(self, value: Json) -> None:
        """Note one more step; QueryLimitError if the value has become too large."""
        self._left -= 1
        if not self._left:
            self._left = max(_FIRST_LOOK, refuse_heavy(value))
