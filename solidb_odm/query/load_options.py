"""``load`` of statements: what their documents refer to comes with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from ..errors import UsageError
from .columns import Column, Entity, Scalar
from .load_paths import Hops, hops_of
from .statement import Statement, T_co


class Loading(Statement[T_co]):
    """A statement whose rows can be whole documents."""

    __slots__ = ()
    loads: tuple[Hops, ...]

    def load(self, *paths: Any) -> Self:
        """Fetch what the documents refer to as well, as ``session.load`` does: one query for each path.

        ``select(Post).load(Post.author, Post.author.value.team, Post.comments)``: fields that hold links,
        ends of edges, back-references, and ways on from there.
        """
        if not paths:
            raise UsageError("load() needs fields that hold links", hint="select(Post).load(Post.author)")
        changes: dict[str, Any] = {"loads": (*self.loads, *map(hops_of, paths))}
        return replace(self, **changes)  # type: ignore[type-var]


def check_documents(columns: tuple[Column, ...], reader: Scalar | None) -> None:
    """Refuse to load what documents refer to where rows have none; UsageError."""
    if reader is not None or not any(isinstance(each, Entity) for each in columns):
        raise UsageError(
            "load() fetches what documents refer to, and the rows of this statement are values",
            hint="select(Post).load(..), or select(Post, ..) with other columns",
        )
