"""Text: how alike two texts are, and their words."""

from __future__ import annotations

import re
from operator import eq
from typing import Final

from ..._types import Json
from ...errors import QueryError, QueryLimitError
from ..patterns import letter_runs
from ..values import levenshtein, similarity
from .arguments import count_or_zero, finite, is_array, is_number, number, text
from .built_in import PROPAGATE_ANY, REFUSE, Family

function = Family("Text")
_STOP_WORDS: Final = frozenset(("a", "an", "the", "and", "or", "of", "to", "in"))
_FUZZY: Final = 2
_MOST_N: Final = 64
_MOST_WORK: Final = 10_000_000


def _pair(left: Json, right: Json, name: str) -> tuple[str, str]:
    """Return two texts that can be compared in a few seconds: the work is the product of their lengths."""
    one, other = text(left, name, 1), text(right, name, 2)
    if len(one) * len(other) > _MOST_WORK:
        raise QueryLimitError(f"{name}: the texts are too long to compare", hint="compare parts of them")
    return one, other


@function(
    "LEVENSHTEIN",
    "LEVENSHTEIN_DISTANCE",
    parameters="a, b",
    returns="int",
    nulls=REFUSE,
    summary="How many characters must change to make one text the other.",
)
def levenshtein_distance(left: Json, right: Json) -> Json:
    return levenshtein(*_pair(left, right, "LEVENSHTEIN"))


@function(
    "LEVENSHTEIN_MATCH",
    parameters="s, t, max",
    returns="bool",
    nulls="false",
    summary="Whether at most ``max`` (0 to 4) characters differ; false for what is no string.",
)
def levenshtein_match(left: Json, right: Json, most: Json) -> Json:
    if not isinstance(left, str) or not isinstance(right, str):
        return False
    if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= 4:
        raise QueryError("LEVENSHTEIN_MATCH: max must be an integer from 0 to 4")
    return levenshtein(*_pair(left, right, "LEVENSHTEIN_MATCH"), limit=most) <= most


@function(
    "FUZZY_MATCH",
    parameters="s, pattern [, max]",
    returns="bool",
    nulls=REFUSE,
    summary="Whether at most ``max`` (2) characters differ.",
)
def fuzzy_match(left: Json, right: Json, most: Json = None) -> Json:
    limit = most if isinstance(most, int) and not isinstance(most, bool) and most >= 0 else _FUZZY
    return levenshtein(*_pair(left, right, "FUZZY_MATCH"), limit=limit) <= limit


@function(
    "SIMILARITY",
    parameters="a, b",
    returns="float",
    nulls=REFUSE,
    summary="The share of three-letter runs that both have, from 0.0 to 1.0.",
)
def trigram_similarity(left: Json, right: Json) -> Json:
    return similarity(text(left, "SIMILARITY", 1), text(right, "SIMILARITY", 2))


def _runs(value: str, size: int) -> list[str]:
    """Return the runs of letters; a text that is shorter is one run, an empty one has none."""
    return [value[i : i + size] for i in range(max(1, len(value) - size + 1))] if value else []


def _size(value: Json, name: str) -> int:
    size = count_or_zero(value)
    if size < 1:
        raise QueryError(f"{name}: n must be positive")
    return size


def ngram_similarity(left: str, right: str, size: int) -> float:
    """Return the longest common subsequence of n-grams as a share of the second text's."""
    a, b = _runs(left, size), _runs(right, size)
    if not a or not b:
        return 1.0 if left == right else 0.0
    row = [0] * (len(b) + 1)
    for one in a:
        before = 0
        for place, other in enumerate(b, 1):
            before, row[place] = row[place], before + 1 if one == other else max(row[place], row[place - 1])
    return row[-1] / len(b)


@function(
    "NGRAM_SIMILARITY",
    parameters="a, b, n",
    returns="float",
    nulls=PROPAGATE_ANY,
    summary="The share of runs of n letters that both have in the same order.",
)
def ngram_similarity_function(left: Json, right: Json, size: Json) -> Json:
    name = "NGRAM_SIMILARITY"
    return ngram_similarity(*_pair(left, right, name), _size(size, name))


@function(
    "NGRAM_POSITIONAL_SIMILARITY",
    parameters="a, b, n",
    returns="float",
    nulls=PROPAGATE_ANY,
    summary="NGRAM_SIMILARITY where runs that differ count by how many letters agree in place.",
)
def ngram_positional_similarity(left: Json, right: Json, size: Json) -> Json:
    name = "NGRAM_POSITIONAL_SIMILARITY"
    (one, other), length = _pair(left, right, name), _size(size, name)
    a, b = _runs(one, length), _runs(other, length)
    if not a or not b:
        return 1.0 if one == other else 0.0
    row = [0.0] * (len(b) + 1)
    for x in a:
        before = 0.0
        for place, y in enumerate(b, 1):
            alike = sum(map(eq, x, y)) / max(len(x), len(y))
            before, row[place] = row[place], max(before + alike, row[place], row[place - 1])
    return row[-1] / max(len(a), len(b))


@function(
    "NGRAM_MATCH",
    parameters="s, t [, threshold [, n]]",
    returns="bool",
    nulls="false",
    summary="Whether both have n-grams (3) in common, of their words, to a share of 0.7 or the threshold.",
)
def ngram_match(left: Json, right: Json, threshold: Json = None, size: Json = None) -> Json:
    if not isinstance(left, str) or not isinstance(right, str):
        return False
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MOST_N):
        raise QueryError(f"NGRAM_MATCH: n must be an integer from 1 to {_MOST_N}")
    wanted = 0.7 if threshold is None else number(threshold, "NGRAM_MATCH", 3)
    if not 0 <= wanted <= 1:
        raise QueryError("NGRAM_MATCH: threshold must be between 0 and 1")
    a, b = (letter_runs(one, 3 if size is None else size) or {""} for one in (left, right))
    return len(a & b) / len(a | b) >= wanted


def words(value: str) -> list[str]:
    """Return the words of a text in lower case, without the commonest English ones."""
    lowered = (w.lower() for w in re.split(r"[\W_]+", value) if w)
    return [w for w in lowered if w not in _STOP_WORDS]


@function(
    "TOKENS",
    parameters="s [, analyzer]",
    returns="array of strings",
    nulls="[]",
    summary='The words of a text ("text_en": lower case, no stop words), or the text as one ("identity").',
)
def tokens(value: Json, analyzer: Json = "text_en") -> Json:
    plain = value if isinstance(value, str) else ""
    if analyzer == "identity":
        return [plain] if plain else []
    return words(plain)


@function(
    "PHRASE",
    parameters="s, part, ...",
    returns="bool",
    nulls="false",
    summary="Whether the words of the parts follow each other in the text.",
)
def phrase(value: Json, *parts: Json) -> Json:
    here = words(value) if isinstance(value, str) else []
    wanted: list[str] = []
    for part in parts:
        given: list[Json] = part if is_array(part) else [part]
        wanted += [word for item in given if isinstance(item, str) for word in words(item)]
    return any(here[i : i + len(wanted)] == wanted for i in range(len(here) - len(wanted) + 1))


@function(
    "BOOST",
    parameters="x, factor",
    returns="float",
    nulls="0.0",
    summary="A truth (1 or 0) or number times a factor.",
)
def boost(value: Json, factor: Json) -> Json:
    base = float(value) if isinstance(value, bool) or is_number(value) else 0.0
    return finite(base * (float(factor) if is_number(factor) else 1.0))
