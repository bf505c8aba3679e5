"""How large values are when written out: a part that is shared counts wherever it stands.

``REDUCE(1..60, (a, x) -> [a, a], 1)`` holds 60 arrays and would print, compare or store as 2^60.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sized
from typing import Final, NamedTuple, TypeVar, cast

from .._types import Json
from ..errors import QueryLimitError

T = TypeVar("T")

MOST_DEPTH: Final = 200
"""How deep statements may be nested: whatever goes through them needs a few frames for each level."""
MOST_WRITTEN: Final = 50_000
"""Of how many parts an expression may be when it is written out, as c + c has c twice."""
MOST_REPEATED: Final = 20_000
"""How many parts of a query may be there again, as of what is tested for null before it is computed with."""
MOST_PARTS: Final = 10_000_000
MOST_HELD: Final = 100_000_000
_FIRST_LOOK: Final = 16
_LONG: Final = 4096


class Extent(NamedTuple):
    """How deep something is nested, and of how many parts it is when all of it is written out."""

    depth: int
    parts: int


def extent(
    whole: T,
    below: Callable[[T], Iterable[T]],
    known: Callable[[T], Extent | None],
    extents: dict[int, Extent],
) -> Extent:
    """Measure what is made of parts, each looked at once; what is found of each is kept by its identity.

    ``below`` gives the parts of each, and ``known`` what was measured before.
    """
    waiting: list[tuple[T, tuple[T, ...] | None]] = [(whole, None)]
    while waiting:
        part, inner = waiting.pop()
        if id(part) in extents:
            continue
        if inner is None and (before := known(part)) is not None:
            extents[id(part)] = before
        elif inner is None:
            inner = tuple(below(part))
            waiting.append((part, inner))
            waiting.extend((smaller, None) for smaller in inner)
        else:
            sizes = [extents[id(smaller)] for smaller in inner]
            depth = 1 + max((size.depth for size in sizes), default=0)
            extents[id(part)] = Extent(depth, 1 + sum(size.parts for size in sizes))
    return extents[id(whole)]


def refuse_extent(size: Extent) -> None:
    """Raise QueryLimitError for an expression that is nested too deep, or too large."""
    if size.depth > MOST_DEPTH:
        raise _too_much(f"the statement is nested too deep, more than {MOST_DEPTH} levels")
    if size.parts > MOST_WRITTEN:
        raise _too_much(f"the statement is too large, more than {MOST_WRITTEN} parts when written out")


def refuse_repeated(query: T, below: Callable[[T], Iterable[T]]) -> None:
    """Raise QueryLimitError for a query in which the same is written too often."""
    extents: dict[int, Extent] = {}
    size = extent(query, below, lambda _: None, extents)
    if size.parts - len(extents) > MOST_REPEATED:
        raise _too_much(f"the query would have more than {MOST_REPEATED} parts again")


def _too_much(problem: str) -> QueryLimitError:
    return QueryLimitError(
        problem,
        hint="or_(*conditions), and_(*conditions), in_(field, values), func.concat(*texts) take many; a long "
        "sum is added in halves, (a + b) + (c + d); all else can be computed in Python",
    )


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
