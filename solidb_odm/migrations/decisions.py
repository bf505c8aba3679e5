"""What a diff can't know: questions, and the answers that were given."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._types import Json
from ..errors import DecisionNeeded, MigrationError
from ..model.stored.shape import canonical


@dataclass(frozen=True)
class Question:
    """A change that has several possible meanings.

    ``kind`` is ``rename``, ``drop``, ``fill`` or ``map``; ``flags`` are the flags of ``revision`` that choose
    one; ``new`` is the other name, or the value that is no longer allowed.
    """

    kind: str
    path: str
    text: str
    flags: tuple[str, ...]
    new: str = ""

    def __str__(self) -> str:
        return f"{self.text}: " + ", or ".join(self.flags)


@dataclass
class Decisions:
    """The answers. With ``assumes`` nothing is asked: what goes is dropped, what comes is added."""

    rename: Mapping[str, str] = field(default_factory=dict[str, str])
    drop: Iterable[str] = ()
    fill: Mapping[str, Json] = field(default_factory=dict[str, Any])
    values: Mapping[str, Mapping[str, Json]] = field(default_factory=dict[str, Any])
    apart: frozenset[tuple[str, str]] = frozenset()
    assumes: bool = False
    questions: list[Question] = field(default_factory=list[Question])
    moved: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    same: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    used: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def __post_init__(self) -> None:
        self.drop = [self.drop] if isinstance(self.drop, str) else list(self.drop)

    def move(self, new: str, old: str) -> None:
        """Note that what is at ``new`` now was at ``old``, so that paths may be said either way."""
        self.moved.append((new, old))

    def equate(self, path: str, other: str) -> None:
        """Note that two paths lead to one model that holds itself, so that either may be said."""
        self.same.append((path, other))

    def old_path(self, path: str) -> str:
        """Return a path with the names that were there before."""
        for new, old in reversed(self.moved):
            path = _replaced(path, new, old) or path
        return path

    def _given(self, path: str, answers: Iterable[str]) -> str | None:
        """Return the path under which an answer was given, with old names or new ones, None if none was."""
        spellings = [path]
        for spelling in spellings:
            pairs = (*self.moved, *self.same)
            others = (_replaced(spelling, *pair) for new, old in pairs for pair in ((new, old), (old, new)))
            spellings += [other for other in others if other is not None and other not in spellings]
        return next((spelling for spelling in spellings if spelling in answers), None)

    def new_name(self, path: str) -> str | None:
        """Return the name that something is to have, if it was said."""
        given = self._given(path, self.rename)
        return None if given is None else self._use("rename", given, self.rename[given])

    def drops(self, path: str) -> bool:
        """Return whether something is to go."""
        given = self._given(path, self.drop)
        return given is not None and bool(self._use("drop", given, True))

    def has_fill(self, path: str) -> bool:
        """Return whether a value was given."""
        return self._given(path, self.fill) is not None

    def filling(self, path: str) -> Json:
        """Return the value that was given for documents that have none."""
        given = self._given(path, self.fill) or path
        return self._use("fill", given, self.fill[given])

    def mapping(self, path: str) -> dict[str, Json] | None:
        """Return the new values that were given for old ones."""
        given = self._given(path, self.values)
        return None if given is None else dict(self._use("map", given, self.values[given]))

    def _use(self, kind: str, path: str, value: Any) -> Any:
        self.used.add((kind, path))
        return value

    def ask(self, question: Question) -> None:
        """Note a question."""
        if question not in self.questions:
            self.questions.append(question)

    def settle(self) -> None:
        """Raise DecisionNeeded if anything is open; MigrationError if an answer belongs to no question."""
        if self.assumes:
            return
        if self.questions:
            lines = "".join(
                f"\n  {question.text}\n      {'  or  '.join(question.flags)}" for question in self.questions
            )
            count = len(self.questions)
            raise DecisionNeeded(
                f"{count} decision{'s are' if count > 1 else ' is'} needed:{lines}",
                questions=self.questions,
            )
        given = {
            *(("rename", path) for path in self.rename),
            *(("drop", path) for path in self.drop),
            *(("fill", path) for path in self.fill),
            *(("map", path) for path in self.values),
        }
        for kind, path in sorted(given - self.used):
            raise MigrationError(
                f"--{kind} {path} does not apply: there is no such change at this path",
                hint="paths are stored names, as in wines.address.city; old ones where something is renamed",
            )


def _replaced(path: str, one: str, other: str) -> str | None:
    """Return a path that begins with one path beginning with the other, None if it does not."""
    rest = path[len(one) :]
    return other + rest if path.startswith(one) and rest[:1] in ("", ".", ":", "[", "{") else None


def rename_flag(path: str, new: str) -> str:
    """Return the flag that renames."""
    return f"--rename {shlex.quote(f'{path}={new}')}"


def drop_flag(path: str) -> str:
    """Return the flag that drops."""
    return f"--drop {shlex.quote(path)}"


def fill_flag(path: str, example: str = "JSON") -> str:
    """Return the flag that gives a value."""
    return f"--fill {shlex.quote(f'{path}={example}')}" if example != "JSON" else f"--fill {path}=JSON"


def map_flag(path: str, old: str, new: str = "NEW") -> str:
    """Return the flag that maps a value."""
    return f"--map {shlex.quote(f'{path}:{old}')}={new}" if " " not in old else f'--map "{path}:{old}={new}"'


def value_text(value: Json) -> str:
    """Return a value as a flag names it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else canonical(value)


def read_value(text: str) -> Json:
    """Read a value of a flag: JSON, or else a text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
