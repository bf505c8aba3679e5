"""One ranking from two: what HYBRID_SEARCH makes of the nearest vectors and the best texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import QueryError
from .arguments import integer, number, options

Ranked = Sequence[tuple[str, float]]
"""Keys of documents and their scores, best first."""

_OPTIONS: Final = frozenset(("vector_weight", "text_weight", "limit", "fusion"))
_OFFSET: Final = 60
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
    by_vector: Ranked, by_text: Ranked, settings: HybridSettings, *, farther_is_worse: bool
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


def _scaled(hits: Ranked, *, farther_is_worse: bool = False) -> dict[str, float]:
    """Return the scores stretched from 0 (worst) to 1 (best)."""
    if not hits:
        return {}
    scores = [-score if farther_is_worse else score for _, score in hits]
    low, span = min(scores), max(scores) - min(scores)
    return {key: (score - low) / span if span else 1.0 for (key, _), score in zip(hits, scores, strict=True)}


def _by_rank(hits: Ranked) -> dict[str, float]:
    """Return reciprocal ranks."""
    return {key: 1 / (_OFFSET + place) for place, (key, _) in enumerate(hits, 1)}
