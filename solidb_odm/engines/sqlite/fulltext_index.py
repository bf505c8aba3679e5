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
    tally_of,
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

    def __init__(self, connection: sqlite3.Connection, is_writing: Callable[[], bool]) -> None:
        self._connection = connection
        self._is_writing = is_writing
        self._tables: set[int] = set()
        self._alike: _Remembered[tuple[int, str, int], dict[str, int]] = _Remembered()
        self._corpora: _Remembered[int, Corpus] = _Remembered()

    def corpus(self, index: StoredIndex) -> Corpus:
        """Return the number of texts, their mean length, and in how many texts a word stands."""
        if self._is_writing():  # what is written may be rolled back, and nothing would tell
            return self._counted(index)
        return self._corpora.of(index.number, self._state(), lambda: self._counted(index))

    def _counted(self, index: StoredIndex) -> Corpus:
        texts, words = self._totals(index)
        return Corpus(texts, words / max(1, texts), _Having(self._connection, index))

    def _totals(self, index: StoredIndex) -> tuple[int, int]:
        """Return the numbers of texts and of words: FTS5 keeps them, but not of what was just written."""
        if not self._is_writing():
            (data,) = self._connection.execute(
                f"SELECT block FROM {side_table(index)}_data WHERE id = 1"
            ).fetchone()
            texts, words = [*_varints(data), 0, 0][:2]
            return texts, words
        (texts,) = self._connection.execute(f"SELECT count(*) FROM {side_table(index)}").fetchone()
        counts = f"SELECT ifnull(sum(cnt), 0) FROM {vocabulary_table(index)}"
        return texts, self._connection.execute(counts).fetchone()[0]

    def _state(self) -> tuple[int, int]:
        """Return what changes when anything is written, here or by another connection."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return version, self._connection.total_changes

    def frequencies(self, index: StoredIndex, term: str) -> dict[int, int]:
        """Return how often a word stands in each text that has it, by rowid."""
        sql = f"SELECT doc FROM {self._instances(index)} WHERE term = ?"
        return Counter([row[0] for row in self._connection.execute(sql, (token_of(term),)).fetchall()])

    def postings(self, index: StoredIndex, term: str) -> Mapping[tuple[int, bytes], int]:
        """Return how often a word stands in each text that has it, by rowid and packed length."""
        sql = (
            f"SELECT i.doc, s.sz FROM {self._instances(index)} AS i"
            f" CROSS JOIN {side_table(index)}_docsize AS s ON s.id = i.doc WHERE i.term = ?"
        )
        return Counter(self._connection.execute(sql, (token_of(term),)).fetchall())

    def with_phrase(self, index: StoredIndex, phrase: Sequence[str]) -> list[int]:
        """Return the texts in which these words follow each other."""
        words = " ".join(map(token_of, phrase))
        sql = f"SELECT rowid FROM {side_table(index)} WHERE {side_table(index)} MATCH ?"
        return [row[0] for row in self._connection.execute(sql, (f'"{words}"',)).fetchall()]

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
        if self._is_writing():
            return self._similar(index, term, most)
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

    def prepare(self, index: StoredIndex) -> None:
        """Make the table of the places of words, outside of a transaction that would take it back."""
        self._instances(index)

    def _instances(self, index: StoredIndex) -> str:
        table = f"temp.{side_table(index)}_places"
        if index.number not in self._tables:
            source = f"fts5vocab(main, {side_table(index)}, 'instance')"
            self._connection.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING {source}")
            if not self._connection.in_transaction:
                self._tables.add(index.number)
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
    return next(_varints(size), 0)


def _varints(data: bytes) -> Iterator[int]:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            yield value
            value = 0


_FUZZY: Final = 2
_HITS: Final = 100
_BEST: Final = 20
_BATCH: Final = 64
Documents = Callable[[Sequence[int]], list[JsonObject]]
"""Reads the documents with these rowids."""
Keys = Callable[[Sequence[int]], dict[int, str]]
"""Returns the keys of the documents with these rowids."""


Texts = Callable[[Sequence[int]], list[tuple[int, str]]]
"""Returns rowids and texts of the field of the documents with these rowids."""
_READ_AT_ONCE: Final = 2
"""How many words of a text are counted in the time of reading one place from the index."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How the documents of the collection are read."""

    documents: Documents
    keys: Keys
    texts: Texts


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


def _settings(given: Sequence[Json]) -> JsonObject | None:
    """Return distance, limit and phrase of FULLTEXT; None for what is not for an index."""
    settings: JsonObject = {"distance": _FUZZY, "limit": _HITS, "phrase": None}
    if given:
        changed = {"distance": given[0]} if is_number(given[0]) else given[0] if is_object(given[0]) else {}
        if not changed or not changed.keys() <= settings.keys():
            return None
        settings |= changed
    numbers = [settings["distance"], settings["limit"], settings["phrase"] or 0]
    return settings if all(type(number) is int for number in numbers) and settings["limit"] >= 0 else None


def _sums(first: dict[int, float] | None = None, second: dict[int, float] | None = None) -> dict[int, float]:
    """Return the sums of at most two parts, which are exact as they are."""
    sums = dict(first or {})
    for rowid, score in (second or {}).items():
        sums[rowid] = sums[rowid] + score if rowid in sums else score
    return sums


class FulltextIndexes:
    """Runs searches for words on one connection."""

    def __init__(self, connection: sqlite3.Connection, is_writing: Callable[[], bool]) -> None:
        self._postings = Postings(connection, is_writing)
        self.prepare = self._postings.prepare

    def fulltext(self, index: StoredIndex, arguments: list[Json], reader: Reader) -> list[Json] | None:
        """Return the hits of FULLTEXT; None for options that are not for an index."""
        _, field, query, *rest = arguments
        settings = _settings(rest)
        if settings is None:
            return None
        limit = settings["limit"]
        scores = self.scores(index, query, settings, reader)
        ranked = sorted(((score, rowid) for rowid, score in scores.items()), reverse=True)
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

    def scores_of(
        self, index: StoredIndex, arguments: list[Json], reader: Reader
    ) -> tuple[dict[int, float], int] | None:
        """Return the scores of FULLTEXT by rowid, and its limit; None for options not for an index."""
        settings = _settings(arguments[3:])
        if settings is None:
            return None
        return self.scores(index, arguments[2], settings, reader), settings["limit"]

    def scores(
        self, index: StoredIndex, query: str, settings: JsonObject, reader: Reader
    ) -> dict[int, float]:
        """Return the scores of the texts with a word of the query, by rowid."""
        gap = settings["phrase"]
        phrase = [] if gap is None else [word.term for word in split_words(query)]
        if gap is None or not phrase:
            return self._scores(index, query, settings["distance"])
        if gap or settings["distance"] > 0:
            having = self._with_phrase(index, phrase, gap)
            scores = self._scores(index, query, settings["distance"])
            return {rowid: score for rowid, score in scores.items() if rowid in having}
        return self._scores_among(index, query, self._postings.with_phrase(index, phrase), reader)

    def ranked(self, index: StoredIndex, query: str, distance: int) -> list[tuple[float, int]]:
        """Return score and rowid of the texts with a word of the query, best first."""
        scores = self._scores(index, query, distance)
        return sorted(((score, rowid) for rowid, score in scores.items()), reverse=True)

    def _scores(self, index: StoredIndex, query: str, distance: int) -> dict[int, float]:
        terms, corpus = terms_of(query, index.spec.minimum_length), self._postings.corpus(index)
        parts = [self._parts(index, corpus, term) for term in terms]
        if distance <= 0 and len(parts) <= 2:
            return _sums(*parts)
        lists: dict[int, list[float]] = {}
        for part in parts:
            for rowid, score in part.items():
                lists.setdefault(rowid, []).append(score)
        if lists and distance > 0:
            for term in terms:
                self._add_alike(index, corpus, term, distance, lists)
        return {rowid: math.fsum(scores) for rowid, scores in lists.items()}

    def _parts(self, index: StoredIndex, corpus: Corpus, term: str) -> dict[int, float]:
        """Return what a word adds to the scores of the texts that have it; there are few different ones."""
        postings = self._postings.postings(index, term)
        worth = rarity(corpus.documents, len(postings))
        known = {
            (times, size): worth * weight(times, _varint(size), corpus.mean_length)
            for times, size in {(times, size) for (_, size), times in postings.items()}
        }
        return {rowid: known[times, size] for (rowid, size), times in postings.items()}

    def _scores_among(
        self, index: StoredIndex, query: str, rowids: list[int], reader: Reader
    ) -> dict[int, float]:
        """Return the scores of some texts: their words are counted, if that is less than all places."""
        terms, corpus = terms_of(query, index.spec.minimum_length), self._postings.corpus(index)
        having = sum(corpus.having[term] for term in terms)
        if len(rowids) * max(corpus.mean_length, 1) > _READ_AT_ONCE * having:
            chosen = set(rowids)
            return {row: score for row, score in self._scores(index, query, 0).items() if row in chosen}
        lengths, scores = self._postings.lengths(index, rowids), dict[int, float]()
        worths = {term: rarity(corpus.documents, corpus.having[term]) for term in terms}
        for rowid, text in reader.texts(rowids):
            tally = tally_of(text)
            scores[rowid] = math.fsum(
                worth * weight(tally[term], lengths[rowid], corpus.mean_length)
                for term, worth in worths.items()
                if term in tally
            )
        return {rowid: score for rowid, score in scores.items() if score}

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
