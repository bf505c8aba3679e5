"""What each contender on a SQLite file must do, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class Contender(Protocol):
    """One way of storing users in a SQLite file. The steps are called in this order, each once."""

    name: str

    def open(self, path: Path) -> None:
        """Create the file, its table and its two indexes. Not timed."""
        ...

    def build(self, rows: list[dict[str, Any]]) -> None:
        """Make an object of every row."""
        ...

    def insert(self) -> None:
        """Store what was built, and commit."""
        ...

    def load(self) -> None:
        """Read everything back as objects, with nothing remembered of the insert."""
        ...

    def change(self, every: int) -> None:
        """Change a number and a list in every so-manieth loaded object, and commit."""
        ...

    def commit_unchanged(self) -> None:
        """Commit again, with everything loaded and nothing changed."""
        ...

    def get(self, places: list[int]) -> None:
        """Get the objects at these places of the insert by their keys, one by one, each from the file."""
        ...

    def query(self, ranges: list[tuple[int, int]]) -> None:
        """For each range of ages, fetch a page of active users, eldest first."""
        ...

    def find(self, emails: list[str]) -> None:
        """Find the object with each e-mail address, by its index."""
        ...

    def find_by_text(self, emails: list[str]) -> None:
        """Find the same by one text in the contender's language, with the address as its value."""
        ...

    def counts(self) -> tuple[int, ...]:
        """Return how much was loaded, changed, got and queried, which must be alike for all. Not timed."""
        ...

    def close(self) -> None:
        """Close the file. Not timed."""
        ...
