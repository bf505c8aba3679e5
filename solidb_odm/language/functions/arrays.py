"""Arrays: ends, cuts, sets, order. Elements are compared by the laws of values: 1 is 1.0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise as adjacent
from itertools import zip_longest
from typing import Final

from ..._types import Json, JsonObject
from ...errors import QueryError, QueryLimitError
from ..values import canonical, equal, sort_key, truthy
from .arguments import array, count, first_array, integer, is_array, is_integral, whole_or
from .built_in import PROPAGATE_ANY, REFUSE, CallContext, Family

function = Family("Array")
_MOST: Final = 10_000_000


@function("FIRST", parameters="a", returns="any", summary="The first element; null if there is none.")
def first(values: Json) -> Json:
    return next(iter(array(values, "FIRST")), None)


@function("LAST", parameters="a", returns="any", summary="The last element; null if there is none.")
def last(values: Json) -> Json:
    return next(reversed(array(values, "LAST")), None)


@function(
    "NTH",
    parameters="a, i",
    returns="any",
    nulls=REFUSE,
    summary="Element i, from the end if negative, or null.",
)
def nth(values: Json, index: Json) -> Json:
    elements, place = first_array(values, "NTH"), count(index, "NTH", 2)
    return elements[place] if -len(elements) <= place < len(elements) else None


@function(
    "SLICE",
    parameters="a, start [, length]",
    returns="array",
    nulls=REFUSE,
    summary="The part from ``start`` on; negative numbers count from the end.",
)
def cut(values: Json, start: Json, length: Json = None) -> Json:
    elements, begin = first_array(values, "SLICE"), whole_or(start, 0)
    begin = max(0, len(elements) + begin) if begin < 0 else begin
    if not is_integral(length):
        return elements[begin:]
    wanted = int(length)
    end = len(elements) + wanted if wanted < 0 else begin + wanted
    return elements[begin : max(begin, end)]


@function("TAKE", parameters="a, n", returns="array", summary="The first n elements.")
def take(values: Json, wanted: Json) -> Json:
    return first_array(values, "TAKE")[: max(0, whole_or(wanted, 0))]


@function("DROP", "SKIP", parameters="a, n", returns="array", summary="All but the first n elements.")
def drop(values: Json, unwanted: Json) -> Json:
    return first_array(values, "DROP")[max(0, whole_or(unwanted, 0)) :]


@function("CHUNK", parameters="a, n", returns="array of arrays", summary="In pieces of n elements.")
def chunk(values: Json, size: Json) -> Json:
    elements, step = first_array(values, "CHUNK"), integer(size, "CHUNK", 2)
    if step <= 0:
        raise QueryError("CHUNK: argument 2 must be positive")
    return [elements[i : i + step] for i in range(0, len(elements), step)]


def _is_new(elements: list[Json], value: Json, unique: Json) -> bool:
    return not truthy(unique) or not any(equal(e, value) for e in elements)


@function("PUSH", parameters="a, x [, unique]", returns="array", nulls=REFUSE, summary="With x at the end.")
def push(values: Json, value: Json, unique: Json = False) -> Json:
    elements = first_array(values, "PUSH")
    return [*elements, value] if _is_new(elements, value, unique) else elements


@function(
    "UNSHIFT",
    parameters="a, x, ... [, unique]",
    returns="array",
    nulls=REFUSE,
    summary="With x, or several, in front; a last ``true`` keeps out one that is there.",
)
def unshift(values: Json, *more: Json) -> Json:
    elements = first_array(values, "UNSHIFT")
    if len(more) == 2 and isinstance(more[1], bool):
        return [more[0], *elements] if _is_new(elements, more[0], more[1]) else elements
    return [*more, *elements]


@function("POP", parameters="a", returns="array", nulls=REFUSE, summary="Without the last element.")
def pop(values: Json) -> Json:
    return array(values, "POP")[:-1]


@function("SHIFT", parameters="a", returns="array", summary="Without the first element.")
def shift(values: Json) -> Json:
    return array(values, "SHIFT")[1:]


@function(
    "APPEND",
    parameters="a, x, ... [, unique]",
    returns="array",
    nulls="a null array is an error; null is appended",
    summary="With the elements of more arrays, or scalars, at the end; a last ``true`` drops repetitions.",
)
def append(values: Json, *more: Json) -> Json:
    elements = list(first_array(values, "APPEND"))
    unique = len(more) == 2 and isinstance(more[1], bool)
    for part in more[:1] if unique else more:
        elements += part if is_array(part) else [part]
        _refuse_many(len(elements))
    return distinct(elements) if unique and more[1] else elements


def _refuse_many(count: int) -> None:
    if count > _MOST:
        raise QueryLimitError(f"an array became longer than {_MOST} elements")


def distinct(values: Iterable[Json]) -> list[Json]:
    """Return the values without repetitions, in first-seen order."""
    seen: dict[object, Json] = {}
    for value in values:
        seen.setdefault(canonical(value), value)
    return list(seen.values())


@function(
    "UNIQUE", parameters="a", returns="array", nulls=REFUSE, summary="Without repetitions, as first seen."
)
def unique_elements(values: Json) -> Json:
    return distinct(array(values, "UNIQUE"))


@function(
    "SORTED",
    parameters="a",
    returns="array",
    nulls=REFUSE,
    summary="In ascending order; after a pipe also SORT().",
)
def ascending(values: Json) -> Json:
    return sorted(array(values, "SORTED"), key=sort_key)


@function("SORTED_DESC", parameters="a", returns="array", nulls=REFUSE, summary="In descending order.")
def descending(values: Json) -> Json:
    return sorted(array(values, "SORTED_DESC"), key=sort_key, reverse=True)


@function(
    "SORTED_UNIQUE", parameters="a", returns="array", summary="In ascending order, without repetitions."
)
def ascending_unique(values: Json) -> Json:
    return sorted(distinct(array(values, "SORTED_UNIQUE")), key=sort_key)


@function(
    "FLATTEN",
    parameters="a [, depth]",
    returns="array",
    nulls=REFUSE,
    context=True,
    summary="With the elements of inner arrays in their place, one level or ``depth`` levels down.",
)
def flatten(context: CallContext, values: Json, depth: Json = 1) -> Json:
    elements = first_array(values, "FLATTEN")
    for _ in range(min(whole_or(depth, 1), 128)):
        if not any(is_array(e) for e in elements):
            break
        context.spend(len(elements))
        _refuse_many(sum(len(e) if is_array(e) else 1 for e in elements))
        elements = [item for e in elements for item in (e if is_array(e) else [e])]
    return elements


def _arrays(values: tuple[Json, ...], name: str) -> list[list[Json]]:
    if all(is_array(v) for v in values):
        return list(values)
    raise QueryError(f"{name}: all arguments must be arrays")


@function(
    "UNION",
    "UNION_DISTINCT",
    parameters="a, ...",
    returns="array",
    nulls=REFUSE,
    summary="The elements of all arrays, without repetitions; APPEND keeps them.",
)
def union(*values: Json) -> Json:
    return distinct(element for part in _arrays(values, "UNION") for element in part)


@function(
    "INTERSECTION", parameters="a, b, ...", returns="array", nulls=REFUSE, summary="What all arrays have."
)
def intersection(*values: Json) -> Json:
    initial, *others = _arrays(values, "INTERSECTION")
    sets = [{canonical(e) for e in part} for part in others]
    return [e for e in distinct(initial) if all(canonical(e) in s for s in sets)]


@function(
    "MINUS",
    "DIFFERENCE",
    parameters="a, b, ...",
    returns="array",
    nulls=REFUSE,
    summary="What only the first has.",
)
def minus(*values: Json) -> Json:
    initial, *others = _arrays(values, "MINUS")
    unwanted = {canonical(e) for part in others for e in part}
    return [e for e in distinct(initial) if canonical(e) not in unwanted]


@function(
    "OUTERSECTION",
    "SYMDIFF",
    parameters="a, b, ...",
    returns="array",
    nulls=PROPAGATE_ANY,
    summary="What is there just once in all arrays.",
)
def outersection(*values: Json) -> Json:
    parts = _arrays(values, "OUTERSECTION")
    tally = Counter(canonical(e) for part in parts for e in part)
    return [e for part in parts for e in part if tally[canonical(e)] == 1]


def index_in(elements: list[Json], value: Json) -> int:
    """Return the place of the first equal element, or -1."""
    return next((i for i, e in enumerate(elements) if equal(e, value)), -1)


@function(
    "POSITION",
    parameters="a, x [, returnIndex]",
    returns="bool, or int",
    nulls=REFUSE,
    summary="Whether x is an element; its place or -1 if ``returnIndex``.",
)
def position(values: Json, value: Json, want_index: Json = False) -> Json:
    index = index_in(first_array(values, "POSITION"), value)
    return index if truthy(want_index) else index >= 0


@function("INDEX_OF", parameters="a, x", returns="int", nulls=REFUSE, summary="The place of x, or -1.")
def index_of(values: Json, value: Json) -> Json:
    return index_in(first_array(values, "INDEX_OF"), value)


@function("CONTAINS_ARRAY", parameters="a, x", returns="bool", summary="Whether x is an element.")
def contains_array(values: Json, value: Json) -> Json:
    return index_in(first_array(values, "CONTAINS_ARRAY"), value) >= 0


@function(
    "REMOVE_VALUE",
    parameters="a, x [, limit]",
    returns="array",
    summary="Without x, at most ``limit`` times.",
)
def remove_value(values: Json, value: Json, limit: Json = None) -> Json:
    left = -1 if limit is None else max(0, integer(limit, "REMOVE_VALUE", 3))
    kept: list[Json] = []
    for element in first_array(values, "REMOVE_VALUE"):
        if left != 0 and equal(element, value):
            left -= 1
        else:
            kept.append(element)
    return kept


@function("REMOVE_VALUES", parameters="a, b", returns="array", summary="Without what is in b.")
def remove_values(values: Json, unwanted: Json) -> Json:
    gone = {canonical(e) for e in array(unwanted, "REMOVE_VALUES", 2)}
    return [e for e in first_array(values, "REMOVE_VALUES") if canonical(e) not in gone]


@function("REMOVE_NTH", parameters="a, i", returns="array", summary="Without element i.")
def remove_nth(values: Json, index: Json) -> Json:
    elements, place = first_array(values, "REMOVE_NTH"), integer(index, "REMOVE_NTH", 2)
    place = place + len(elements) if place < 0 else place
    return [e for i, e in enumerate(elements) if i != place]


@function(
    "REPLACE_NTH",
    parameters="a, i, x [, pad]",
    returns="array",
    context=True,
    summary="With x as element i; the array grows, filled with ``pad``, if there is none.",
)
def replace_nth(context: CallContext, values: Json, index: Json, value: Json, pad: Json = None) -> Json:
    elements, place = list(first_array(values, "REPLACE_NTH")), integer(index, "REPLACE_NTH", 2)
    place = max(0, place + len(elements)) if place < 0 else place
    context.spend(max(0, place - len(elements)))
    if place >= 1_000_000:
        raise QueryError("REPLACE_NTH: argument 2 must be below 1000000")
    elements += [pad] * (place + 1 - len(elements))
    elements[place] = value
    return elements


@function(
    "ZIP",
    parameters="keys, values, ...",
    returns="object, or array of arrays",
    nulls="null if an argument is null",
    summary="An object of keys and values; tuples if a key is no string, or of more than two arrays.",
)
def zip_arrays(*values: Json) -> Json:
    if any(v is None for v in values):
        return None
    parts = _arrays(values, "ZIP")
    if len(parts) == 2 and all(isinstance(k, str) for k in parts[0]):
        return dict(zip(parts[0], parts[1], strict=False))
    return [list(row) for row in zip(*parts, strict=False)]


@function(
    "ZIP_OBJECT",
    parameters="keys, values",
    returns="object",
    nulls=REFUSE,
    summary="An object of keys and values; only strings are keys.",
)
def zip_object(keys: Json, values: Json) -> Json:
    pairs = zip(array(keys, "ZIP_OBJECT", 1), array(values, "ZIP_OBJECT", 2), strict=False)
    made: JsonObject = {name: value for name, value in pairs if isinstance(name, str)}
    return made


@function(
    "INTERLEAVE", parameters="a, ...", returns="array", nulls=REFUSE, summary="One of each array in turn."
)
def interleave(*values: Json) -> Json:
    gap = object()
    parts = _arrays(values, "INTERLEAVE")
    _refuse_many(sum(map(len, parts)))
    rows = zip_longest(*parts, fillvalue=gap)
    return [element for row in rows for element in row if element is not gap]


@function("JACCARD", parameters="a, b", returns="float", summary="The share of elements that both have.")
def jaccard(left: Json, right: Json) -> Json:
    if right is None:
        return None
    a = {canonical(e) for e in array(left, "JACCARD", 1)}
    b = {canonical(e) for e in array(right, "JACCARD", 2)}
    return len(a & b) / len(a | b) if a | b else 1.0


@function("PAIRWISE", parameters="a", returns="array of pairs", summary="Every element with the next one.")
def pairwise(values: Json) -> Json:
    return [list(pair) for pair in adjacent(array(values, "PAIRWISE"))]


@function("TRANSPOSE", parameters="a", returns="array of arrays", summary="Rows as columns; gaps are null.")
def transpose(values: Json) -> Json:
    rows = [array(row, "TRANSPOSE") for row in array(values, "TRANSPOSE")]
    return [list(column) for column in zip_longest(*rows)]


@function("MODE", parameters="a", returns="any", summary="The most frequent element; null if there is none.")
def mode(values: Json) -> Json:
    elements = [e for e in array(values, "MODE") if e is not None]
    tally = Counter(canonical(e) for e in elements)
    return max(distinct(elements), key=lambda e: tally[canonical(e)], default=None)


@function(
    "SHUFFLE", parameters="a", returns="array", context=True, deterministic=False, summary="In random order."
)
def shuffle(context: CallContext, values: Json) -> Json:
    elements = array(values, "SHUFFLE")
    return context.random().sample(elements, len(elements))
