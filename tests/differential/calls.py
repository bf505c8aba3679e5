"""Calls of the functions of the catalogue, with arguments of the types that their signatures name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from solidb_odm.language.functions import Function, catalogue

_OTHERS = {
    "ARGON2_HASH",
    "ARGON2_VERIFY",
    "DATE_TIMEZONES",
    "DATE_TIMEZONE",
    "CURRENT_DATABASE",
    "TRY",
    "METAPHONE",
    "NYSIIS",
    "SLUGIFY",
}
"""Without an answer that is the same twice, written by the queries themselves, or a matter of documents."""

TRANSCENDENTAL = re.compile(
    r"\b(ACOS|ASIN|ATAN|ATAN2|CBRT|COS|EXP|EXP2|LOG|LOG10|LOG2|LN|POW|SIN|SQRT|TAN|DEGREES|RADIANS|HYPOT|"
    r"DISTANCE|GEO_\w+|STDDEV\w*|VAR\w*|DECAY_\w+|VECTOR_\w+|SIMILARITY|NGRAM_\w+|AVG|SUM|PERCENTILE|RATE|"
    r"RESAMPLE|JACCARD)\b|<=>"
)
"""What may differ in the last bits of a float."""

_KINDS = {
    "s": "text",
    "t": "text",
    "n": "number",
    "i": "integer",
    "a": "array",
    "o": "object",
    "d": "date",
    "x": "any",
    "d1": "date",
    "d2": "date",
    "from": "date",
    "to": "date",
    "s|a": "text",
    "a|n": "array",
    "o|s": "object",
    "prefix": "text",
    "suffix": "text",
    "search": "text",
    "replacement": "text",
    "separator": "text",
    "message": "text",
    "pad": "text",
    "start": "small",
    "end": "small",
    "length": "small",
    "limit": "small",
    "max": "small",
    "depth": "small",
    "decimals": "small",
    "side": "small",
    "p": "small",
    "step": "small",
    "returnIndex": "flag",
    "unique": "flag",
    "ignoreCase": "flag",
    "includeLow": "flag",
    "includeHigh": "flag",
    "binary": "flag",
    "removeInternal": "flag",
    "sort": "flag",
    "asFloat": "flag",
    "low": "number",
    "high": "number",
    "condition": "any",
    "unit": "unit",
    "unitFrom": "unit",
    "unitTo": "unit",
    "name": "name",
    "path": "path",
    "regex": "regex",
    "pattern": "pattern",
    "timezone": "zone",
    "timezone1": "zone",
    "timezone2": "zone",
    "zoneinfo": "no",
    "factor": "number",
    "base": "number",
    "exponent": "number",
    "keys": "texts",
    "values": "array",
    "mode": "rounding",
    "format": "format",
    "format(s)": "format",
    "startOrEnd": "small",
    "lat": "number",
    "lon": "number",
    "interval": "interval",
    "series": "points",
    "method": "method",
    "locale": "language",
    "locale|object": "locale",
    "doc": "object",
    "old": "object",
    "new": "object",
    "map": "object",
    "example(s)": "object",
    "options": "object",
    "chars": "text",
    "chars|side": "text",
    "n|duration": "integer",
    "n|unit": "integer",
    "unit|timezone": "unit",
    "part": "text",
    "query": "text",
    "threshold": "fraction",
    "char": "text",
    "mode|n": "fill",
    "t|x->bool": "text",
    "path|x->key": "path",
    "coordinates": "places",
    "polygon": "shape",
    "outer": "shape",
    "inner": "shape",
    "point": "place",
    "origin": "number",
    "scale": "small",
    "offset": "small",
    "decay": "fraction",
    "n|a": "number",
    "pointer": "pointer",
    "d|year": "date",
    "lat1": "number",
    "lat2": "number",
    "lon1": "number",
    "lon2": "number",
    "geo1": "place",
    "geo2": "place",
    "error": "fraction",
    "key": "text",
    "password": "text",
    "rule(s)": "text",
    "analyzer": "analyzer",
    "metric": "metric",
    "month": "small",
    "day": "small",
    "hour": "small",
    "minute": "small",
    "second": "small",
    "millisecond": "small",
    "ellipsoid": "ellipsoid",
    "y": "number",
    "type": "text",
}
_PAIRS = {
    "BIT_AND": "integer",
    "BIT_OR": "integer",
    "BIT_XOR": "integer",
    "BIT_SHIFT_LEFT": "integer",
    "BIT_SHIFT_RIGHT": "integer",
    "MOD": "number",
    "LEVENSHTEIN": "text",
    "SIMILARITY": "text",
    "NGRAM_SIMILARITY": "text",
    "NGRAM_POSITIONAL_SIMILARITY": "text",
    "IF": "any",
    "NULLIF": "any",
    "GEO_EQUALS": "shape",
    "GEO_INTERSECTS": "shape",
    "VECTOR_DISTANCE": "vector",
    "VECTOR_SIMILARITY": "vector",
    "VECTOR_NORMALIZE": "vector",
    "IN_RANGE": "any",
}
_SMALL = {
    "REPEAT",
    "PAD_LEFT",
    "PAD_RIGHT",
    "CHUNK",
    "TAKE",
    "DROP",
    "LEFT",
    "RIGHT",
    "NGRAM_SIMILARITY",
    "NGRAM_POSITIONAL_SIMILARITY",
    "NGRAM_MATCH",
    "TRUNCATE_TEXT",
    "SPLIT_PART",
    "NTH",
    "DATE_ADD",
    "DATE_SUBTRACT",
    "DATE_ROUND",
    "REPLACE_NTH",
    "REMOVE_NTH",
}


@dataclass(frozen=True)
class Signature:
    """A function's name, and the kinds of its arguments: those that are needed, then the others."""

    name: str
    needed: tuple[str, ...]
    more: tuple[str, ...]
    repeats: bool
    returns: str


@cache
def signatures() -> dict[str, list[Signature]]:
    """Return the functions by the kind of value they return; under "any" are all."""
    by_type: dict[str, list[Signature]] = {"any": []}
    for function in catalogue():
        if function.deterministic and "file" in function.engines and function.name not in _OTHERS:
            signature = signature_of(function)
            by_type["any"].append(signature)
            by_type.setdefault(signature.returns, []).append(signature)
    return by_type


def left_out(name: str) -> bool:
    """Return whether two sides need not answer a function alike."""
    return name in _OTHERS


def signature_of(function: Function) -> Signature:
    """Return the kinds of arguments that the words of a signature mean."""
    needed, more, depth = [], [], 0
    plain = re.sub(r"\(\w+,\w+\)->", "xx->", function.parameters)
    tokens = plain.replace("[", " [ ").replace("]", " ] ").replace(",", " , ").split()
    for token in tokens:
        depth += {"[": 1, "]": -1}.get(token, 0)
        if token not in ("[", "]", ",", "..."):
            (more if depth else needed).append(_kind(function.name, token))
    return Signature(function.name, tuple(needed), tuple(more), "..." in tokens, _returns(function.returns))


def _kind(function: str, parameter: str) -> str:
    if "->" in parameter and "|" not in parameter:
        two = "(" in parameter or parameter.startswith("xx")
        result = {"bool": "flag", "array": "array", "name": "name"}.get(parameter.split("->")[1], "any")
        return f"lambda{2 if two else 1}:{result}"
    if parameter in ("n", "i") and function in _SMALL and not (function == "TAKE" and parameter == "a"):
        return "small"
    if parameter in ("a", "b", "low", "high"):
        return _PAIRS.get(function, "array" if parameter in "ab" else "number")
    return _KINDS.get(parameter, "any")


def _returns(words: str) -> str:
    first = re.split(r"[ ,]", words)[0]
    return {"float": "number", "int": "number", "number": "number", "string": "text", "bool": "bool"}.get(
        first, first if first in ("array", "object") else "any"
    )
