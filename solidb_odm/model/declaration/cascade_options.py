"""What is done to some documents happens to others: declared, and off where nothing says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, TypeAlias

from ...errors import DeclarationError
from ..stored.pydantic_attributes import class_fields

Rule: TypeAlias = Literal["save", "delete", "delete-orphan", "all"]

_RULES = ("save", "delete", "delete-orphan", "all")
_SAME = {"save-update": "save"}


class Cascade:
    """A declaration of what a session also does to related documents.

    On a link, ``lines: Annotated[list[Link[Line]], Cascade("all", "delete-orphan")]``: ``"save"`` adds the
    new documents that it refers to; ``"delete"`` deletes them together with the document that contains the
    link; ``"delete-orphan"`` does the same, and also deletes a document when a changed link no longer refers
    to it. ``"all"`` is save and delete. On a back-reference, ``back_reference("Book.author",
    cascade=Cascade("delete"))``: ``"delete"`` deletes the documents that refer to a deleted one,
    ``"delete-orphan"`` also those whose link is set to None. On an ``Edge`` class, ``class Settings: cascade
    = Cascade("delete")`` deletes edges together with either end.

    SQLAlchemy's ``"save-update"``, and several options in one string, are accepted.
    """

    __slots__ = ("rules",)
    any_orphans: ClassVar[bool] = False
    """Whether anything was declared to delete orphans; nobody pays for the search who did not."""

    def __init__(self, *rules: Rule | str) -> None:
        if not all(isinstance(text, str) for text in rules):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"Cascade{rules!r}", hint=f"choose one of {', '.join(map(repr, _RULES))}")
        given = [rule.strip() for text in rules for rule in text.split(",")]
        chosen = {_SAME.get(rule, rule) for rule in given}
        wrong = sorted(chosen - set(_RULES))
        if wrong:
            raise DeclarationError(
                f"there is no cascade {wrong[0]!r}", hint=f"choose one of {', '.join(map(repr, _RULES))}"
            )
        if "all" in chosen:
            chosen = chosen - {"all"} | {"save", "delete"}
        self.rules = frozenset(chosen)
        Cascade.any_orphans |= self.deletes_orphans

    @property
    def saves(self) -> bool:
        """Return whether new documents are added along."""
        return "save" in self.rules

    @property
    def deletes(self) -> bool:
        """Return whether others are deleted along."""
        return bool(self.rules & {"delete", "delete-orphan"})

    @property
    def deletes_orphans(self) -> bool:
        """Return whether what is let go of is deleted."""
        return "delete-orphan" in self.rules

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cascade) and self.rules == other.rules

    def __hash__(self) -> int:
        return hash(self.rules)

    def __repr__(self) -> str:
        return f"Cascade({', '.join(map(repr, sorted(self.rules)))})"


_NOTHING = Cascade()


def edge_cascade(cls: Any) -> Cascade:
    """Return what an Edge class says of its ends; DeclarationError where it says something impossible."""
    cascade: Any = getattr(getattr(cls, "Settings", None), "cascade", None)
    if cascade is None:
        return _NOTHING
    is_edge = getattr(cls, "__solidb_kind__", "") == "edge"
    if not isinstance(cascade, Cascade) or not is_edge or not cascade.rules <= {"delete"}:
        raise DeclarationError(
            f"cascade = {cascade!r}",
            model=cls.__name__,
            field="Settings",
            hint='an Edge class can say Cascade("delete"), to be deleted with either end; '
            "other cascades belong to links and back-references",
        )
    return cascade


def check_cascades(cls: Any, places: Any, names: Iterable[str]) -> None:
    """Refuse cascades where there is no link, in some fields; DeclarationError."""
    edge_cascade(cls)
    linked = {place.names[0] for place in places}
    for name in names:
        notes = class_fields(cls)[name].metadata
        if name not in linked and any(isinstance(note, Cascade) for note in notes):
            raise DeclarationError(
                "has a Cascade, but holds no links",
                model=cls.__name__,
                field=name,
                hint='Annotated[Link[User], Cascade("save")]',
            )
