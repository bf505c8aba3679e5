"""Words of documents and how well they answer a query: BM25, excerpts, marks."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ..._dataclasses import dataclass
from ..values import levenshtein

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
    found = (Word(normalize(m.group()), m.start(), m.end()) for m in re.finditer(r"\S+", text))
    return [word for word in found if word.term]


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
    found = [w.term for w in words]
    return any(_follows(terms, found, start, extra) for start, term in enumerate(found) if term == terms[0])


def _follows(terms: Sequence[str], found: Sequence[str], start: int, extra: int) -> bool:
    place = start
    for term in terms[1:]:
        try:
            place = found.index(term, place + 1)
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
    for found in pattern.finditer(text):
        parts += f"{html.escape(text[place : found.start()])}<b>{html.escape(found.group())}</b>"
        place = found.end()
    return parts + html.escape(text[place:])
