"""Words of documents and how well they answer a query: BM25, excerpts, marks.

One ranking from two: what HYBRID_SEARCH makes of the nearest vectors and the best texts.
"""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Final, NamedTuple, TypeVar

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import QueryError
from ..values import levenshtein
from .arguments import integer, number, options

K1: Final = 1.5
B: Final = 0.75
ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"


class Word(NamedTuple):
    """A word in lower case without punctuation, and where it stands in the text."""

    term: str
    start: int
    end: int


def split_words(text: str) -> list[Word]:
    """Return the words of a text; punctuation inside a word is dropped, white space separates."""
    words = (Word(normalize(m.group()), m.start(), m.end()) for m in re.finditer(r"\S+", text))
    return [word for word in words if word.term]


def tally_of(text: str) -> Counter[str]:
    """Return how often each word stands in a text, as ``split_words`` has them."""
    tally = Counter(text.lower().split())
    for word in [word for word in tally if not word.isalnum()]:
        times, term = tally.pop(word), normalize(word)
        if term:
            tally[term] += times
    return tally


def normalize(word: str) -> str:
    """Return a word in lower case without what is no letter or digit."""
    return "".join(c for c in word.lower() if c.isalnum())


def terms_of(query: str, least: int = 0) -> list[str]:
    """Return the different words of a query that are long enough."""
    return list(dict.fromkeys(w.term for w in split_words(query) if len(w.term) >= least))


def rarity(documents: int, having: int) -> float:
    """Return how much a word tells: the fewer documents have it, the more (IDF)."""
    return math.log((documents - having + 0.5) / (having + 0.5) + 1.0)


def weight(frequency: int, length: int, mean_length: float) -> float:
    """Return how much repeating a word helps, less so in a long text (the TF part of BM25)."""
    return frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length / (mean_length or 1.0)))


def likeness(documents: int, having: int, edits: int) -> float:
    """Return what a word adds to a score that is so many edits from the one asked for."""
    return rarity(documents, having) * 0.25 / (1 + edits)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What all texts of a field have in common: their number, their mean length, who has which word."""

    documents: int
    mean_length: float
    having: Counter[str]

    @classmethod
    def of(cls, texts: Sequence[Sequence[Word]]) -> Corpus:
        """Count the words of all texts."""
        having = Counter(term for words in texts for term in {w.term for w in words})
        return cls(len(texts), sum(map(len, texts)) / max(1, len(texts)), having)

    def score(self, terms: Sequence[str], words: Sequence[Word], fuzzy: int = 0) -> float:
        """Return the BM25 score of a text, and what words add that are nearly those asked for.

        The parts are added exactly (``math.fsum``), so that their order does not matter.
        """
        tally = Counter(w.term for w in words)
        parts = [
            rarity(self.documents, self.having[term]) * weight(tally[term], len(words), self.mean_length)
            for term in terms
            if tally[term]
        ]
        return math.fsum([*parts, *self._alike(terms, tally, fuzzy)] if fuzzy > 0 else parts)

    def _alike(self, terms: Iterable[str], tally: Iterable[str], most: int) -> Iterator[float]:
        for term in terms:
            for other in tally:
                if other != term and (edits := levenshtein(term, other, limit=most)) <= most < len(term):
                    yield likeness(self.documents, self.having[other], edits)


def has_phrase(terms: Sequence[str], words: Sequence[Word], extra: int) -> bool:
    """Return whether the terms follow each other, with at most ``extra`` words between."""
    present = [w.term for w in words]
    starts = (place for place, term in enumerate(present) if term == terms[0])
    return any(_follows(terms, present, start, extra) for start in starts)


def _follows(terms: Sequence[str], present: Sequence[str], start: int, extra: int) -> bool:
    place = start
    for term in terms[1:]:
        try:
            place = present.index(term, place + 1)
        except ValueError:
            return False
    return place - start - (len(terms) - 1) <= extra


def excerpt(text: str, spans: Sequence[tuple[int, int]], width: int) -> str:
    """Return about ``width`` characters around as many spans as fit, cut at words."""
    if width >= len(text):
        return text
    start = _best_start(spans, width)
    start = max(0, min(start, len(text) - width))
    end = start + width
    if start:
        space = text.find(" ", start, end)
        hit = min((s for s, _ in spans if s >= start), default=end)
        start = space + 1 if 0 <= space < hit else start
    if end < len(text):
        space = text.rfind(" ", start, end + 1)
        hit = max((e for _, e in spans if e <= end), default=start)
        end = space if space >= hit and space > start else end
    cut = text[start:end].strip()
    return f"{ELLIPSIS if start else ''}{cut}{ELLIPSIS if end < len(text) else ''}"


def _best_start(spans: Sequence[tuple[int, int]], width: int) -> int:
    """Return where the window with the most spans begins, its spans in the middle."""
    best, start = 0, 0
    for first, _ in spans:
        inside = [end for begin, end in spans if begin >= first and end <= first + width]
        if len(inside) > best:
            best, start = len(inside), first - (width - (max(inside) - first)) // 2
    return start


def mark(text: str, terms: Iterable[str]) -> str:
    """Return the text as HTML with the terms in ``<b>``, in any case, the longest first."""
    wanted = sorted((t for t in terms if t), key=len, reverse=True)
    if not wanted:
        return html.escape(text)
    pattern = re.compile("|".join(map(re.escape, wanted)), re.IGNORECASE)
    parts, place = "", 0
    for match in pattern.finditer(text):
        parts += f"{html.escape(text[place : match.start()])}<b>{html.escape(match.group())}</b>"
        place = match.end()
    return parts + html.escape(text[place:])


N = TypeVar("N", bound="int | str")
Ranked = Sequence[tuple[N, float]]
"""Keys or numbers of documents and their scores, best first."""

_OPTIONS: Final = frozenset(("vector_weight", "text_weight", "limit", "fusion"))
_OFFSET: Final = 60
_SLACK: Final = 1e-9
"""The part of the span of scores by which rounding may move one."""
_POOL: Final = 100
"""How many of the nearest a hybrid search ranks at least."""


@dataclass(frozen=True, slots=True)
class HybridSettings:
    """The options of HYBRID_SEARCH."""

    vector_weight: float
    text_weight: float
    limit: int
    fusion: str

    @classmethod
    def of(cls, settings: Json) -> HybridSettings:
        """Read the options; raise ``QueryError`` for what they can't be."""
        given = options(settings, "HYBRID_SEARCH", 6, _OPTIONS)
        fusion = given.get("fusion", "weighted")
        if fusion not in ("weighted", "rrf"):
            raise QueryError(f"HYBRID_SEARCH: unknown fusion '{fusion}'", hint='"weighted" or "rrf"')
        weights = (given.get(name, 0.5) for name in ("vector_weight", "text_weight"))
        vector, text = (float(number(weight, "HYBRID_SEARCH", 6)) for weight in weights)
        return cls(vector, text, integer(given.get("limit", 10), "HYBRID_SEARCH", 6), str(fusion))

    @property
    def pool(self) -> int:
        """How many of the nearest vectors are ranked."""
        return max(self.limit * 2, _POOL)


@dataclass(frozen=True, slots=True)
class FusedHit:
    """A document that was found, and what each ranking says of it."""

    key: str
    score: float
    vector_score: float | None
    text_score: float | None

    def row(self, document: JsonObject) -> JsonObject:
        """Return the hit as the language has it."""
        row: JsonObject = {"doc": document, "score": self.score, "sources": []}
        if self.vector_score is not None:
            row["vector_score"] = self.vector_score
            row["sources"].append("vector")
        if self.text_score is not None:
            row["text_score"] = self.text_score
            row["sources"].append("fulltext")
        return row


def fused(
    by_vector: Ranked[str], by_text: Ranked[str], settings: HybridSettings, *, farther_is_worse: bool
) -> list[FusedHit]:
    """Return the best of both rankings, by key where scores are equal."""
    if settings.fusion == "rrf":
        near, lexical = _by_rank(by_vector), _by_rank(by_text)
    else:
        near, lexical = _scaled(by_vector, farther_is_worse=farther_is_worse), _scaled(by_text)
    weights = settings.vector_weight, settings.text_weight
    scores = {
        key: weights[0] * near.get(key, 0.0) + weights[1] * lexical.get(key, 0.0) for key in near | lexical
    }
    best = sorted(scores, key=lambda key: (-scores[key], key))[: max(0, settings.limit)]
    vectors, texts = dict(by_vector), dict(by_text)
    return [FusedHit(key, scores[key], vectors.get(key), texts.get(key)) for key in best]


def weighted(
    near: Sequence[tuple[int, float]],
    texts: Mapping[int, float],
    settings: HybridSettings,
    *,
    farther_is_worse: bool,
) -> dict[int, float]:
    """Return the scores that ``fused`` gives by weights, of all that can be among the best, by number.

    Of the texts that are not near, the best are enough: the others have no more.
    """
    vectors = _scaled(near, farther_is_worse=farther_is_worse)
    low, high = min(texts.values(), default=0.0), max(texts.values(), default=0.0)
    apart = [score for number, score in texts.items() if number not in vectors]
    least = nlargest(max(1, settings.limit), apart)[-1] - (high - low) * _SLACK if apart else 0.0
    chosen = [*vectors, *(n for n, score in texts.items() if score >= least and n not in vectors)]
    span = high - low
    return {
        number: settings.vector_weight * vectors.get(number, 0.0)
        + settings.text_weight * (((texts[number] - low) / span if span else 1.0) if number in texts else 0.0)
        for number in chosen
    }


def _scaled(hits: Ranked[N], *, farther_is_worse: bool = False) -> dict[N, float]:
    """Return the scores stretched from 0 (worst) to 1 (best)."""
    if not hits:
        return {}
    scores = [-score if farther_is_worse else score for _, score in hits]
    low, span = min(scores), max(scores) - min(scores)
    return {key: (score - low) / span if span else 1.0 for (key, _), score in zip(hits, scores, strict=True)}


def _by_rank(hits: Ranked[str]) -> dict[str, float]:
    """Return reciprocal ranks."""
    return {key: 1 / (_OFFSET + place) for place, (key, _) in enumerate(hits, 1)}
