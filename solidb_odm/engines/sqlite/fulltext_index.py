"""FULLTEXT, SEARCH_INDEX and the words of HYBRID_SEARCH through a fulltext index.

Which texts are found and how they score is as the functions of the language have it. Texts are ranked
by what the index knows of their words; only the documents of the answer are read.

What a fulltext index knows of its words: where they stand, how often, and which are alike.

All of it is read from FTS5's own tables, so that texts are ranked without being read. The table of the places
of words (``fts5vocab`` of the kind ``instance``) is a temporary one of the connection: a file needs no change
for it, and may be read only.
"""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Generic, TypeVar

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...language.functions.arguments import is_number, is_object
from ...language.functions.fulltext import (
    Corpus,
    Word,
    likeness,
    rarity,
    split_words,
    terms_of,
    weight,
)
from ...language.functions.objects import value_at
from ...language.values import levenshtein
from .catalogue import StoredIndex
from .layout import side_table, vocabulary_table

K = TypeVar("K")
V = TypeVar("V")
_ENCODED: Final = "u8"
_KEPT: Final = 64
_WHOLE: Final = 4_000
"""From this many texts on, the lengths of all are read at once."""


def indexed_words(text: str) -> str:
    """Return the words of a text for FTS5; the SQL function ``solidb_words``."""
    return " ".join(token_of(word.term) for word in split_words(text))


def token_of(term: str) -> str:
    """Return a word in letters that FTS5 neither splits nor folds."""
    return term if term.isascii() else f"{_ENCODED}{term.encode().hex()}"


def term_of(token: str) -> str:
    """Return the word that ``token_of`` made a token of; an ASCII word that looks like one stays."""
    if not token.startswith(_ENCODED):
        return token
    try:
        term = bytes.fromhex(token.removeprefix(_ENCODED)).decode()
    except ValueError:
        return token
    return term if token_of(term) == token else token


class Postings:
    """The words of the fulltext indexes of one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._alike: _Remembered[tuple[int, str, int], dict[str, int]] = _Remembered()
        self._corpora: _Remembered[int, Corpus] = _Remembered()

    def corpus(self, index: StoredIndex) -> Corpus:
        """Return the number of texts, their mean length, and in how many texts a word stands."""
        return self._corpora.of(index.number, self._state(), lambda: self._counted(index))

    def _counted(self, index: StoredIndex) -> Corpus:
        (texts,) = self._connection.execute(f"SELECT count(*) FROM {side_table(index)}").fetchone()
        words = f"SELECT ifnull(sum(cnt), 0) FROM {vocabulary_table(index)}"
        (total,) = self._connection.execute(words).fetchone()
        return Corpus(texts, total / max(1, texts), _Having(self._connection, index))

    def _state(self) -> tuple[int, int]:
        """Return what changes when anything is written, here or by another connection."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return version, self._connection.total_changes

    def frequencies(self, index: StoredIndex, term: str) -> dict[int, int]:
        """Return how often a word stands in each text that has it, by rowid."""
        sql = f"SELECT doc, count(*) FROM {self._instances(index)} WHERE term = ? GROUP BY doc"
        return dict(self._connection.execute(sql, (token_of(term),)).fetchall())

    def places(self, index: StoredIndex, term: str) -> dict[int, list[int]]:
        """Return the places of a word in each text that has it, counted in words, by rowid."""
        sql = f"SELECT doc, offset FROM {self._instances(index)} WHERE term = ? ORDER BY doc, offset"
        places: dict[int, list[int]] = {}
        for rowid, place in self._connection.execute(sql, (token_of(term),)):
            places.setdefault(rowid, []).append(place)
        return places

    def lengths(self, index: StoredIndex, rowids: Iterable[int]) -> Mapping[int, int]:
        """Return the number of words of texts, by rowid."""
        chosen = set(rowids)
        sql = f"SELECT id, sz FROM {side_table(index)}_docsize"
        if len(chosen) < _WHOLE:
            sql += f" WHERE id IN ({', '.join(map(str, chosen))})"
        return {rowid: _varint(size) for rowid, size in self._connection.execute(sql)}

    def alike(self, index: StoredIndex, term: str, most: int) -> dict[str, int]:
        """Return the other words at most ``most`` edits from one, and how many edits they are from it."""
        key = (index.number, term, most)
        return self._alike.of(key, self._state(), lambda: self._similar(index, term, most))

    def _similar(self, index: StoredIndex, term: str, most: int) -> dict[str, int]:
        letters = frozenset(term)
        similar: dict[str, int] = {}
        for (token,) in self._connection.execute(f"SELECT term FROM {vocabulary_table(index)}"):
            other = term_of(token) if token.startswith(_ENCODED) else token
            if abs(len(other) - len(term)) > most or len(letters.difference(other)) > most:
                continue
            if other != term and (edits := levenshtein(term, other, limit=most)) <= most:
                similar[other] = edits
        return similar

    def _instances(self, index: StoredIndex) -> str:
        table = f"temp.{side_table(index)}_places"
        source = f"fts5vocab(main, {side_table(index)}, 'instance')"
        self._connection.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING {source}")
        return table


class _Remembered(Generic[K, V]):
    """What was read of the index last, for as long as nothing is written."""

    def __init__(self) -> None:
        self._values: OrderedDict[K, tuple[tuple[int, int], V]] = OrderedDict()

    def of(self, key: K, state: tuple[int, int], read: Callable[[], V]) -> V:
        """Return a value as it was read in this state, or read it."""
        known = self._values.pop(key, None)
        if known is None or known[0] != state:
            known = (state, read())
        self._values[key] = known
        if len(self._values) > _KEPT:
            self._values.popitem(last=False)
        return known[1]


class _Having(Counter[str]):
    """In how many texts a word stands, looked up when it is asked for."""

    def __init__(self, connection: sqlite3.Connection, index: StoredIndex) -> None:
        super().__init__()
        self._connection = connection
        self._sql = f"SELECT doc FROM {vocabulary_table(index)} WHERE term = ?"

    def __missing__(self, term: str) -> int:
        row = self._connection.execute(self._sql, (token_of(term),)).fetchone()
        count = self[term] = 0 if row is None else row[0]
        return count


def _varint(size: bytes) -> int:
    """Return the first of SQLite's variable-length integers: the number of words in the only column."""
    value = 0
    for byte in size:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value


_FUZZY: Final = 2
_HITS: Final = 100
_BEST: Final = 20
_BATCH: Final = 64
Documents = Callable[[Sequence[int]], list[JsonObject]]
"""Reads the documents with these rowids."""
Keys = Callable[[Sequence[int]], dict[int, str]]
"""Returns the keys of the documents with these rowids."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How the documents of the collection are read."""

    documents: Documents
    keys: Keys


@dataclass(frozen=True, slots=True)
class _Hit:
    """A document that was found, its score, and the words of its text that were asked for."""

    score: float
    document: JsonObject
    words: list[Word]
    terms: list[str]

    @property
    def spans(self) -> list[list[int]]:
        return [[word.start, word.end] for word in self.words]


class FulltextIndexes:
    """Runs searches for words on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._postings = Postings(connection)

    def fulltext(self, index: StoredIndex, arguments: list[Json], reader: Reader) -> list[Json] | None:
        """Return the hits of FULLTEXT; None for options that are not for an index."""
        _, field, query, *rest = arguments
        settings: JsonObject = {}
        if rest:
            settings = {"distance": rest[0]} if is_number(rest[0]) else rest[0] if is_object(rest[0]) else {}
            if not settings or not settings.keys() <= {"distance", "limit", "phrase"}:
                return None
        distance, limit = settings.get("distance", _FUZZY), settings.get("limit", _HITS)
        if type(distance) is not int or type(limit) is not int or limit < 0:
            return None
        ranked = self.ranked(index, query, distance)
        phrase = [word.term for word in split_words(query)]
        if (gap := settings.get("phrase")) is not None and phrase:
            if type(gap) is not int:
                return None
            having = self._with_phrase(index, phrase, gap)
            ranked = [(score, rowid) for score, rowid in ranked if rowid in having]
        return [
            {
                "doc": hit.document,
                "field": field,
                "matched": hit.terms,
                "score": hit.score,
                "spans": hit.spans,
            }
            for hit in islice(self._hits(index, field, query, ranked, reader, limit), limit)
        ]

    def search_index(self, index: StoredIndex, arguments: list[Json], reader: Reader) -> list[Json] | None:
        """Return the hits of SEARCH_INDEX."""
        _, field, query, *rest = arguments
        most = rest[0] if rest else _BEST
        if type(most) is not int or most < 0:
            return None
        ranked = self.ranked(index, query, 0)
        return [
            {"doc": hit.document, "field": field, "score": hit.score, "spans": hit.spans, "terms": hit.terms}
            for hit in islice(self._hits(index, field, query, ranked, reader, most), most)
        ]

    def ranked(self, index: StoredIndex, query: str, distance: int) -> list[tuple[float, int]]:
        """Return score and rowid of the texts with a word of the query, best first."""
        terms = terms_of(query, index.spec.minimum_length)
        corpus, postings = self._postings.corpus(index), self._postings
        frequencies = {term: postings.frequencies(index, term) for term in terms}
        parts: dict[int, list[float]] = {rowid: [] for texts in frequencies.values() for rowid in texts}
        if not parts:
            return []
        lengths = postings.lengths(index, parts)
        for term, texts in frequencies.items():
            worth = rarity(corpus.documents, corpus.having[term])
            for rowid, times in texts.items():
                parts[rowid].append(worth * weight(times, lengths[rowid], corpus.mean_length))
        if distance > 0:
            for term in terms:
                self._add_alike(index, corpus, term, distance, parts)
        ranked = [(math.fsum(scores), rowid) for rowid, scores in parts.items()]
        ranked.sort(reverse=True)
        return ranked

    def _add_alike(
        self, index: StoredIndex, corpus: Corpus, term: str, distance: int, parts: dict[int, list[float]]
    ) -> None:
        """Add what words that are nearly the one asked for are worth, in the texts that were found."""
        if len(term) <= distance:
            return
        for other, edits in self._postings.alike(index, term, distance).items():
            worth = likeness(corpus.documents, corpus.having[other], edits)
            for rowid in self._postings.frequencies(index, other):
                if rowid in parts:
                    parts[rowid].append(worth)

    def _with_phrase(self, index: StoredIndex, phrase: Sequence[str], gap: int) -> set[int]:
        """Return the texts in which the words follow each other with at most ``gap`` words between."""
        places = [self._postings.places(index, term) for term in phrase]
        common = set(places[0]).intersection(*places[1:])
        return {
            rowid
            for rowid in common
            if any(_follows([texts[rowid] for texts in places], start, gap) for start in places[0][rowid])
        }

    def _hits(
        self,
        index: StoredIndex,
        field: str,
        query: str,
        ranked: Sequence[tuple[float, int]],
        reader: Reader,
        limit: int,
    ) -> Iterator[_Hit]:
        """Yield the hits, best first, and by key where scores are equal."""
        terms = terms_of(query, index.spec.minimum_length)
        for batch in in_order(ranked, reader.keys, max(_BATCH, limit)):
            documents = {
                str(document["_key"]): document for document in reader.documents([row for _, _, row in batch])
            }
            for score, key, _ in batch:
                if (document := documents.get(key)) is not None:
                    words = [w for w in split_words(value_at(document, field, "FULLTEXT")) if w.term in terms]
                    known = {word.term for word in words}
                    yield _Hit(score, document, words, [term for term in terms if term in known])


def in_order(
    ranked: Sequence[tuple[float, int]], keys: Keys, size: int
) -> Iterator[list[tuple[float, str, int]]]:
    """Yield score, key and rowid of what was ranked, in batches; equal scores are not split between two."""
    begin = 0
    while begin < len(ranked):
        end = min(begin + size, len(ranked))
        while end < len(ranked) and ranked[end][0] == ranked[end - 1][0]:
            end += 1
        named = keys([rowid for _, rowid in ranked[begin:end]])
        batch = [(score, named[rowid], rowid) for score, rowid in ranked[begin:end] if rowid in named]
        yield sorted(batch, key=lambda row: (-row[0], row[1]))
        begin = end


def _follows(places: Sequence[Sequence[int]], start: int, gap: int) -> bool:
    place = start
    for others in places[1:]:
        at = bisect_right(others, place)
        if at == len(others):
            return False
        place = others[at]
    return place - start - (len(places) - 1) <= gap
