"""Functions that take a lambda: ``MAP(a, x -> x + 1)``. A lambda arrives as a Python callable."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from ..._types import Json, JsonObject
from ...errors import QueryError
from ..sizes import SizeGuard, held
from ..values import canonical, describe, sort_key, truthy
from .arguments import is_array, is_object, mapping
from .built_in import PROPAGATE, REFUSE, CallContext, Family
from .objects import value_at
from .strings import find_text, joined_text

Lambda = Callable[..., Json]
function = Family("Higher order")
_GROWING: Final = (list, dict)
_NULL_ARRAY: Final = "null if the array is null"


def _elements(value: Json, name: str) -> list[Json]:
    if is_array(value):
        return value
    raise QueryError(f"{name} expects an array as first argument, got {describe(value)}")


def _lambda(value: Json, name: str) -> Lambda:
    if callable(value):
        made: Lambda = value
        return made
    raise QueryError(f"{name} expects a lambda as argument, got {describe(value)}", hint=f"{name}(a, x -> …)")


def _picker(value: Json, name: str) -> Lambda:
    """Return the lambda, or what reads the path given instead of one."""
    if isinstance(value, str):

        def pick(element: Json) -> Json:
            return value_at(element, value, name)

        return pick
    return _lambda(value, name)


def _itself(element: Json) -> Json:
    return element


def _one_for_all(_element: Json) -> Json:
    return None


def _define(
    *names: str, parameters: str, returns: str, summary: str, nulls: str = REFUSE
) -> Callable[[Lambda], Lambda]:
    return function(
        *names,
        parameters=parameters,
        returns=returns,
        summary=summary,
        nulls=nulls,
        context=True,
        higher_order=True,
    )


@_define("MAP", parameters="a, x->y", returns="array", summary="What the lambda makes of each element.")
def map_elements(context: CallContext, values: Json, make: Json) -> Json:
    elements, work = _elements(values, "MAP"), _lambda(make, "MAP")
    context.spend(len(elements))
    return list(held(map(work, elements)))


@_define(
    "FILTER", parameters="a, x->bool", returns="array", summary="The elements for which the lambda holds."
)
def filter_elements(context: CallContext, values: Json, test: Json) -> Json:
    elements, work = _elements(values, "FILTER"), _lambda(test, "FILTER")
    context.spend(len(elements))
    return [e for e in elements if truthy(work(e))]


@_define("FLAT_MAP", parameters="a, x->array", returns="array", summary="MAP, with arrays spread out.")
def flat_map(context: CallContext, values: Json, make: Json) -> Json:
    elements, work = _elements(values, "FLAT_MAP"), _lambda(make, "FLAT_MAP")
    context.spend(len(elements))
    made = list(held(map(work, elements)))
    return [item for m in made for item in (m if is_array(m) else [m])]


@_define(
    "REDUCE",
    parameters="a, (total,x)->total [, initial]",
    returns="any",
    summary="One value out of all elements.",
)
def reduce_elements(context: CallContext, values: Json, step: Json, initial: Json = None) -> Json:
    elements, work = _elements(values, "REDUCE"), _lambda(step, "REDUCE")
    context.spend(len(elements))
    total, watch = initial, SizeGuard()
    for element in elements:
        total = work(total, element)
        if total.__class__ in _GROWING:
            watch(total)
    return total


@_define(
    "FIND_FIRST",
    "FIND",
    parameters="s|a, t|x->bool [, start [, end]]",
    returns="int, or any",
    nulls="null for a null text; a null array is an error",
    summary="The position of a text between the bounds, or -1; the first element for which the lambda holds.",
)
def find_first(context: CallContext, value: Json, wanted: Json, start: Json = None, end: Json = None) -> Json:
    if not callable(wanted):
        return None if value is None or wanted is None else find_text(value, wanted, start, end)
    elements = _elements(value, "FIND")
    context.spend(len(elements))
    return next((e for e in elements if truthy(wanted(e))), None)


def _quantifier(name: str) -> Callable[[CallContext, Json, Json], Json]:
    def judge(context: CallContext, values: Json, test: Json) -> Json:
        elements, work = _elements(values, name), _lambda(test, name)
        context.spend(len(elements))
        results = (truthy(work(e)) for e in elements)
        if name == "ALL":
            return all(results)
        return any(results) if name == "SOME" else not any(results)

    return judge


_define("ALL", "EVERY", parameters="a, x->bool", returns="bool", summary="Whether the lambda holds for all.")(
    _quantifier("ALL")
)
_define(
    "SOME",
    parameters="a, x->bool",
    returns="bool",
    summary="Whether it holds for one; after a pipe also ANY().",
)(_quantifier("SOME"))
_define("NONE", parameters="a, x->bool", returns="bool", summary="Whether the lambda holds for none.")(
    _quantifier("NONE")
)


def _groups(context: CallContext, elements: list[Json], work: Lambda) -> list[tuple[Json, list[Json]]]:
    context.spend(len(elements))
    groups: dict[object, tuple[Json, list[Json]]] = {}
    for element in elements:
        key = work(element)
        groups.setdefault(canonical(key), (key, []))[1].append(element)
    return list(groups.values())


@_define(
    "GROUP_BY",
    parameters="a, x->key",
    returns="array of {key, items}",
    summary="The elements by key, as first seen.",
)
def group_by(context: CallContext, values: Json, key: Json) -> Json:
    groups = _groups(context, _elements(values, "GROUP_BY"), _lambda(key, "GROUP_BY"))
    return [{"items": items, "key": name} for name, items in groups]


@_define("SORT_BY", parameters="a, x->key", returns="array", summary="In ascending order of the keys.")
def sort_by(context: CallContext, values: Json, key: Json) -> Json:
    elements, work = _elements(values, "SORT_BY"), _lambda(key, "SORT_BY")
    context.spend(len(elements))
    return sorted(elements, key=lambda e: sort_key(work(e)))


@_define(
    "KEY_BY",
    parameters="a, path|x->key",
    returns="object",
    nulls=_NULL_ARRAY,
    summary="The elements by key; the last wins.",
)
def key_by(context: CallContext, values: Json, key: Json) -> Json:
    work = _picker(key, "KEY_BY")
    if values is None:
        return None
    elements = _elements(values, "KEY_BY")
    context.spend(len(elements))
    pairs = [(work(e), e) for e in elements]
    keyed: JsonObject = {joined_text(key): e for key, e in pairs if key is not None}
    return keyed


@_define(
    "COUNT_BY",
    parameters="a [, path|x->key]",
    returns="object",
    nulls=_NULL_ARRAY,
    summary="How many have each key.",
)
def count_by(context: CallContext, values: Json, *key: Json) -> Json:
    work: Lambda = _picker(key[0], "COUNT_BY") if key else _itself
    if values is None:
        return None
    tally: JsonObject = {}
    for name, items in _groups(context, _elements(values, "COUNT_BY"), work):
        if name is not None:
            tally[joined_text(name)] = tally.get(joined_text(name), 0) + len(items)
    return tally


def _extreme(context: CallContext, values: Json, key: Json, name: str, pick: Callable[..., Json]) -> Json:
    elements, work = _elements(values, name), _picker(key, name)
    context.spend(len(elements))
    keyed = [(work(e), e) for e in elements]
    candidates = [(sort_key(k), e) for k, e in keyed if k is not None]
    return pick(candidates, key=itemgetter(0))[1] if candidates else None


@_define(
    "MIN_BY",
    parameters="a, path|x->key",
    returns="any",
    nulls=PROPAGATE,
    summary="The element of the least key.",
)
def min_by(context: CallContext, values: Json, key: Json) -> Json:
    return _extreme(context, values, key, "MIN_BY", min)


@_define(
    "MAX_BY",
    parameters="a, path|x->key",
    returns="any",
    nulls=PROPAGATE,
    summary="The element of the greatest key.",
)
def max_by(context: CallContext, values: Json, key: Json) -> Json:
    return _extreme(context, values, key, "MAX_BY", max)


@_define(
    "WINDOW_BY",
    parameters="a [, x->partition], x->order",
    returns="array of objects",
    summary="The elements in order, with their row_number within the partition.",
)
def window_by(context: CallContext, values: Json, *keys: Json) -> Json:
    elements, order = _elements(values, "WINDOW_BY"), _lambda(keys[-1], "WINDOW_BY")
    partition: Lambda = _lambda(keys[0], "WINDOW_BY") if len(keys) == 2 else _one_for_all
    rows: list[JsonObject] = []
    for _, items in sorted(_groups(context, elements, partition), key=lambda group: sort_key(group[0])):
        for place, item in enumerate(sorted(items, key=lambda e: sort_key(order(e))), start=1):
            rows.append({**_row(item), "row_number": place})
    return rows


def _row(item: Json) -> JsonObject:
    return item if is_object(item) else {"value": item}


@_define(
    "MAP_VALUES",
    parameters="o, (value,name)->y",
    returns="object",
    nulls=PROPAGATE,
    summary="With other values.",
)
def map_values(context: CallContext, value: Json, make: Json) -> Json:
    fields, work = mapping(value, "MAP_VALUES", 1), _lambda(make, "MAP_VALUES")
    context.spend(len(fields))
    return {k: work(v, k) for k, v in sorted(fields.items())}


@_define(
    "MAP_KEYS",
    parameters="o, (name,value)->name",
    returns="object",
    nulls=PROPAGATE,
    summary="With other names; null drops one.",
)
def map_keys(context: CallContext, value: Json, make: Json) -> Json:
    fields, work = mapping(value, "MAP_KEYS", 1), _lambda(make, "MAP_KEYS")
    context.spend(len(fields))
    renamed = [(work(k, v), v) for k, v in sorted(fields.items())]
    return {joined_text(k): v for k, v in renamed if k is not None}


@_define(
    "FILTER_KEYS",
    parameters="o, (name,value)->bool",
    returns="object",
    nulls=PROPAGATE,
    summary="The attributes for which it holds.",
)
def filter_keys(context: CallContext, value: Json, test: Json) -> Json:
    fields, work = mapping(value, "FILTER_KEYS", 1), _lambda(test, "FILTER_KEYS")
    context.spend(len(fields))
    return {k: v for k, v in sorted(fields.items()) if truthy(work(k, v))}
