"""Matching of text: LIKE, regular expressions, and how alike two texts are.

Regular expressions have the syntax of Rust's ``regex`` crate, the server's. Here they run on a
backtracking engine, so what that engine has and Rust lacks is refused, and a search is timed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..errors import QueryError, QueryLimitError

if TYPE_CHECKING:
    import regex

MAX_PATTERN_BYTES: Final = 1024
SECONDS_PER_SEARCH: Final = 1.0

_REPEAT: Final = re.compile(r"\{\d+(?:,\d*)?\}")
_GROUP: Final = re.compile(r"\(\?(?:P?<([A-Za-z_][A-Za-z0-9_.\[\]]*)>|([imsxuU]*)(?:-([imsxU]+))?([:)]))")
_ENGINE_FLAGS: Final = "ims"
"""Flags that are handed on; x (free spacing) and U (swapped greed) are dealt with here."""
_CLASS_LETTERS: Final = "dDsSwW"
_CONTROL_LETTERS: Final = "nrtfva"
_CODE_POINT: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xuU]\{([0-9A-Fa-f]{1,8})\})"
)
_PROPERTY: Final = re.compile(r"\\[pP](?:[A-Z]|\{\^?[A-Za-z0-9_ =:-]+\})")


# --- LIKE ----------------------------------------------------------------------------------------


def like_characters(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the characters of a LIKE pattern, each with whether it stands for others.

    A backslash is itself, as on the server, except before ``%``, ``_`` and a backslash, which it escapes.
    """
    characters = re.findall(r"\\[%_\\]|.", pattern, re.DOTALL)
    return ((character[-1], character in ("%", "_")) for character in characters)


@lru_cache(maxsize=512)
def like_regex(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Compile a LIKE pattern: ``%`` is any run, ``_`` any character.

    Each piece between two ``%`` matches as early as it can and never moves again, so a match
    takes no more than pattern times text.
    """
    pieces = [""]
    for character, is_wild in like_characters(pattern):
        if is_wild and character == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if is_wild else re.escape(character)
    first, *rest = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + middle + last, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(text: object, pattern: object) -> bool:
    """Return whether ``text LIKE pattern``: case-sensitive, the whole text, false if not strings."""
    if type(text) is not str or type(pattern) is not str:
        return False
    return like_regex(pattern).fullmatch(text) is not None


# --- regular expressions -------------------------------------------------------------------------


@lru_cache(maxsize=512)
def compile_regex(pattern: str, *, ignore_case: bool = False) -> regex.Pattern[str]:
    """Compile a pattern of Rust's syntax; raises QueryError for what Rust would refuse."""
    if len(pattern.encode()) > MAX_PATTERN_BYTES:
        raise QueryError(f"Regex pattern exceeds {MAX_PATTERN_BYTES} bytes")
    translated = _Translation(pattern).run()
    engine: Any = import_module("regex")  # here, because few programs need it and all would wait for it
    try:
        compiled: regex.Pattern[str] = engine.compile(
            f"(?i-f){translated}" if ignore_case else translated, engine.V1
        )
    except engine.error as exc:
        raise _refusal(pattern, str(exc)) from exc
    return compiled


def regex_search(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """Return whether the pattern is found in the text; raises QueryLimitError if it takes too long."""
    compiled = compile_regex(pattern, ignore_case=ignore_case)
    try:
        return compiled.search(text, timeout=SECONDS_PER_SEARCH) is not None
    except TimeoutError as exc:
        raise QueryLimitError(
            f"regular expression {pattern!r} took more than {SECONDS_PER_SEARCH:g} s on one text",
            hint="avoid nested repetitions such as (a+)+",
        ) from exc


def _refusal(pattern: str, reason: str) -> QueryError:
    return QueryError(f"Invalid regex pattern: regex parse error: {reason} in {pattern!r}")


class _Translation:
    """One pass over a pattern that checks it against Rust's syntax and rewrites what differs."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._output: list[str] = []
        self._groups: list[tuple[int, frozenset[str]]] = []
        self._flags: frozenset[str] = frozenset()
        self._repeated = False

    def run(self) -> str:
        """Return the pattern in the syntax of the ``regex`` module."""
        while self._place < len(self._pattern):
            self._step(self._pattern[self._place])
        if self._groups:
            raise self._error("unclosed group")
        return "".join(self._output)

    def _error(self, reason: str) -> QueryError:
        return _refusal(self._pattern, reason)

    def _step(self, character: str) -> None:
        if "x" in self._flags and (character.isspace() or character == "#"):
            self._blank(character)
            return
        if character in "*+?{":
            self._repetition(character)
            return
        self._repeated = False
        if character == "\\":
            self._atom(self._escape(inside=False))
        elif character == "[":
            self._atom(self._class())
        elif character == "(":
            self._open()
        elif character == ")":
            self._close()
        elif character == "$":
            # "$" is the very end for Rust, not also the place before a last line feed.
            self._atom("$" if "m" in self._flags else r"\Z", taken=1)
        elif character == "|":
            self._place += 1
            self._output.append("|")
        elif character == "^":
            self._atom("(?:^)", taken=1)  # so that it may be repeated, which is senseless but allowed
        else:
            self._atom(character, taken=1)

    def _blank(self, character: str) -> None:
        """Pass over white space, or a comment to the end of its line, in free spacing."""
        end = self._pattern.find("\n", self._place) if character == "#" else self._place
        self._place = len(self._pattern) if end < 0 else end + 1

    def _atom(self, text: str, *, taken: int = 0) -> None:
        self._place += taken
        self._output.append(text)

    def _repetition(self, character: str) -> None:
        match = _REPEAT.match(self._pattern, self._place) if character == "{" else None
        if character == "{" and match is None:
            raise self._error("repetition quantifier expects a valid decimal")
        if not self._output or self._output[-1] in ("|", "("):
            raise self._error("repetition operator missing expression")
        text = match.group() if match else character
        self._place += len(text)
        lazy = self._pattern[self._place : self._place + 1] == "?"
        self._place += lazy
        if lazy is not ("U" in self._flags):
            text += "?"
        if self._repeated:  # a** is (a*)* for Rust; a*+ would be possessive here
            self._output[-1] = f"(?:{self._output[-1]})"
        self._output[-1] += text
        self._repeated = True

    def _open(self) -> None:
        if self._pattern[self._place + 1 : self._place + 2] != "?":
            self._groups.append((len(self._output), self._flags))
            self._atom("(", taken=1)
            return
        match = _GROUP.match(self._pattern, self._place)
        if match is None:
            raise self._error("look-around and other special groups are not supported")
        name, on, off, end = match.groups()
        self._place = match.end()
        if name is not None:
            self._groups.append((len(self._output), self._flags))
            self._output.append(f"(?P<{name}>")
        else:
            self._set_flags(on or "", off or "", end)

    def _set_flags(self, on: str, off: str, end: str) -> None:
        if end == ":":
            self._groups.append((len(self._output), self._flags))
        self._flags = (self._flags | set(on)) - set(off)
        given = ["".join(flag for flag in flags if flag in _ENGINE_FLAGS) for flags in (on, off)]
        given[1] += "f" if "i" in on else ""  # Rust folds case letter by letter: "ß" is not "SS"
        text = given[0] + (f"-{given[1]}" if given[1] else "")
        if text or end == ":":
            self._output.append(f"(?{text}{end}")

    def _close(self) -> None:
        if not self._groups:
            raise self._error("unopened group")
        start, self._flags = self._groups.pop()
        self._place += 1
        self._output[start:] = ["".join(self._output[start:]) + ")"]

    def _escape(self, *, inside: bool) -> str:
        pattern, place = self._pattern, self._place
        letter = pattern[place + 1 : place + 2]
        if not letter:
            raise self._error("incomplete escape sequence")
        if (match := _CODE_POINT.match(pattern, place)) is not None:
            self._place = match.end()
            return re.escape(chr(int(next(part for part in match.groups() if part), 16)))
        if (match := _PROPERTY.match(pattern, place)) is not None:
            self._place = match.end()
            return match.group()
        self._place += 2
        if not letter.isalnum() or letter in _CLASS_LETTERS or letter in _CONTROL_LETTERS:
            return f"\\{letter}"
        if letter in "bB" and not inside:
            return f"\\{letter}"
        if letter in "Az" and not inside:
            return r"\A" if letter == "A" else r"\Z"
        if letter.isdigit():
            raise self._error("backreferences are not supported")
        raise self._error("unrecognized escape sequence")

    def _class(self) -> str:
        """Copy a bracketed class with its nested classes, checking the escapes in it."""
        output, depth, start = "", 0, True
        while self._place < len(self._pattern):
            character = self._pattern[self._place]
            if character == "\\":
                output += self._escape(inside=True)
                start = False
                continue
            self._place += 1
            if character == "[":
                if (name := re.compile(r":\^?[a-z]+:\]").match(self._pattern, self._place)) and depth:
                    output += "[" + name.group()
                    self._place = name.end()
                    start = False
                    continue
                depth, start = depth + 1, True
                output += "["
                if self._pattern[self._place : self._place + 1] == "^":
                    self._place += 1
                    output += "^"
                continue
            if character == "]" and start:
                output += r"\]"
            elif character == "]":
                output += "]"
                depth -= 1
                if not depth:
                    return output
            else:
                output += r"\|" if character == "|" else character
            start = False
        raise self._error("unclosed character class")


# --- likeness ------------------------------------------------------------------------------------


def levenshtein(left: str, right: str, *, limit: int | None = None) -> int:
    """Count the edits between two texts; past ``limit`` any larger number may be returned."""
    if len(left) < len(right):
        left, right = right, left
    if limit is not None and len(left) - len(right) > limit:
        return limit + 1
    previous = list(range(len(right) + 1))
    for row, a in enumerate(left, start=1):
        current = [row]
        for column, b in enumerate(right, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (a != b)))
        if limit is not None and min(current) > limit:
            return limit + 1
        previous = current
    return previous[-1]


def similarity(left: str, right: str) -> float:
    """Return the part of their trigrams that two texts share; case, punctuation and white space aside."""
    return _shared(letter_runs(left, 3), letter_runs(right, 3))


def letter_runs(text: str, size: int) -> frozenset[str]:
    """Return the runs of ``size`` characters of a text's words, in lower case and without punctuation.

    A text of fewer bytes is one run; one of enough bytes but fewer characters has none.
    """
    plain = "".join(letter for letter in text.lower() if letter.isalnum() or letter.isspace())
    joined = " ".join(plain.split())
    if len(joined.encode()) < size:
        return frozenset((joined,))
    return frozenset(joined[start : start + size] for start in range(len(joined) - size + 1))


def alikeness(left: str, right: str) -> float:
    """Return what ``left ~ right`` compares: trigrams as they are, with the ends of the text in them."""
    return 1.0 if left == right else _shared(_trigrams(f"  {left} "), _trigrams(f"  {right} "))


def _trigrams(text: str) -> frozenset[str]:
    if len(text) < 3:
        return frozenset((text,)) if text else frozenset()
    return frozenset(text[start : start + 3] for start in range(len(text) - 2))


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    union = len(left | right)
    return len(left & right) / union if union else 1.0
