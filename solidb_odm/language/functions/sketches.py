"""Estimates over large arrays: HyperLogLog sketches, MinHash signatures, the most frequent elements."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from ..._types import Json, JsonObject
from ...errors import QueryError
from ..values import canonical
from .arguments import array, is_array, is_integral, is_number, is_object, number, options
from .built_in import REFUSE, Family
from .hashes import element_hash

function = Family("Statistics")

_PRECISION: Final = 14
_REGISTERS: Final = 1 << _PRECISION
_BITS: Final = 2**64 - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_MOST_HASHES: Final = 1024
_MOST_RANKS: Final = 10_000


def _mixed(value: int) -> int:
    """Return the finalizer of SplitMix64."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _BITS
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _BITS
    return value ^ (value >> 31)


# --- HyperLogLog ---------------------------------------------------------------------------------


def _counted(elements: list[Json]) -> bytearray:
    registers = bytearray(_REGISTERS)
    for element in elements:
        hashed = element_hash(element)
        place, rest = hashed & (_REGISTERS - 1), hashed >> _PRECISION
        rank = (rest & -rest).bit_length() if rest else 64
        registers[place] = max(registers[place], rank)
    return registers


def _estimate(registers: bytearray) -> float:
    size, zeros = _REGISTERS, registers.count(0)
    total = sum(count * 2.0**-rank for rank, count in Counter(registers).items())
    guess = 0.7213 / (1 + 1.079 / size) * size * size / total
    if guess <= 2.5 * size and zeros:
        guess = size * math.log(size / zeros)
    return float(math.floor(guess + 0.5))


def _sketch(registers: bytearray) -> JsonObject:
    return {
        "_type": "hll",
        "estimate": _estimate(registers),
        "p": _PRECISION,
        "registers": registers.hex(),
    }


def _registers(value: Json) -> bytearray | None:
    """Return the registers of a sketch; None for what is none."""
    if not is_object(value) or value.get("_type") != "hll":
        return None
    written = value.get("registers")
    try:
        if isinstance(written, str):
            registers = bytearray.fromhex(written)
        else:
            ranks: list[Json] = written if is_array(written) else []
            registers = bytearray(min(r, 64) if isinstance(r, int) and r >= 0 else 0 for r in ranks)
    except ValueError:
        return None
    return registers if len(registers) == _REGISTERS else None


@function(
    "APPROX_COUNT_DISTINCT",
    parameters="a|sketch [, options]",
    returns="float, or a sketch",
    nulls=REFUSE,
    summary="About the number of different elements; {sketch: true} gives what SKETCH_MERGE takes.",
)
def approx_count_distinct(value: Json, settings: Json = None) -> Json:
    given = options(settings, "APPROX_COUNT_DISTINCT", 2)
    registers = _registers(value)
    if registers is None:
        registers = _counted(array(value, "APPROX_COUNT_DISTINCT", 1))
    return _sketch(registers) if given.get("sketch") is True else _estimate(registers)


@function(
    "SKETCH_MERGE",
    parameters="sketch, sketch",
    returns="sketch",
    nulls=REFUSE,
    summary="Two sketches of APPROX_COUNT_DISTINCT as one: of the elements of both.",
)
def sketch_merge(left: Json, right: Json) -> Json:
    one, other = _registers(left), _registers(right)
    if one is None or other is None:
        raise QueryError(
            "SKETCH_MERGE: both arguments must be sketches",
            hint="make one with APPROX_COUNT_DISTINCT(a, {sketch: true})",
        )
    return _sketch(bytearray(map(max, one, other)))


# --- MinHash -------------------------------------------------------------------------------------


@function(
    "MINHASH",
    parameters="a, n",
    returns="array of strings",
    nulls=REFUSE,
    summary="The MinHash signature of an array: n hashes (1 to 1,024) in hex. Alike arrays have alike ones.",
)
def minhash(value: Json, wanted: Json) -> Json:
    hashes = {element_hash(element) for element in array(value, "MINHASH", 1)}
    slots = min(max(1, int(wanted)), _MOST_HASHES) if is_integral(wanted) else 1
    seeds = (_mixed(slot + _GOLDEN & _BITS) for slot in range(slots))
    return [f"{min((_mixed(hashed ^ seed) for hashed in hashes), default=_BITS):016x}" for seed in seeds]


@function(
    "MINHASH_COUNT",
    parameters="error",
    returns="int",
    nulls="0.05, as for all that is no number",
    summary="Hashes needed for an error.",
)
def minhash_count(error: Json) -> Json:
    wanted = float(error) if is_number(error) else 0.05
    if wanted <= 0:
        return 1
    squared = wanted * wanted
    return _BITS if squared == 0 or 1 / squared > _BITS else max(1, math.ceil(1 / squared))


@function(
    "MINHASH_ERROR",
    parameters="n",
    returns="float",
    nulls="1.0, as for all that is no number",
    summary="The error that n hashes have.",
)
def minhash_error(hashes: Json) -> Json:
    return 1 / math.sqrt(max(1.0, float(hashes))) if is_number(hashes) else 1.0


# --- ranks and frequencies -----------------------------------------------------------------------


@function(
    "APPROX_PERCENTILE",
    parameters="a, p",
    returns="float or null",
    nulls=REFUSE,
    summary="The element nearest to a percentile (0 to 100); what is no number is left out.",
)
def approx_percentile(value: Json, share: Json) -> Json:
    rank = number(share, "APPROX_PERCENTILE", 2)
    if not 0 <= rank <= 100:
        raise QueryError("APPROX_PERCENTILE: p must be 0-100")
    numbers = sorted(float(v) for v in array(value, "APPROX_PERCENTILE", 1) if is_number(v))
    return numbers[math.floor(rank / 100 * (len(numbers) - 1) + 0.5)] if numbers else None


@function(
    "APPROX_TOP_K",
    parameters="a, k",
    returns="array of {value, count}",
    nulls=REFUSE,
    summary="The k most frequent elements (at most 10,000); on a file, exactly.",
)
def approx_top_k(value: Json, most: Json) -> Json:
    if not is_integral(most) or most <= 0:
        return []
    elements = array(value, "APPROX_TOP_K", 1)
    tally = Counter(canonical(v) for v in elements)
    first: dict[object, Json] = {}
    for element in elements:
        first.setdefault(canonical(element), element)
    ranks = tally.most_common(min(int(most), _MOST_RANKS))
    rows: list[JsonObject] = [{"count": n, "value": first[key]} for key, n in ranks]
    return rows
