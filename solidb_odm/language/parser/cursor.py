"""A place in the tokens: looking, taking, complaining."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..tokens import END, INTEGER, NAME, QUOTED, STRING, syntax_error
from .hints import hint_for

if TYPE_CHECKING:
    from ...errors import QuerySyntaxError
    from ..tokens import Tokens

MAX_DEPTH = 64
"""The server's limit for queries, expressions and unary operators within each other."""


class Cursor:
    """Move over tokens; the base of all layers of the parser."""

    def __init__(self, tokens: Tokens, depth: int = 0) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.at: int = 0
        self.depth: int = depth

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self.kinds[self.at]

    def ahead(self, count: int = 1) -> str:
        """Return the kind of a later token."""
        at = self.at + count
        return self.kinds[at] if at < len(self.kinds) else END

    def is_word(self, word: str, count: int = 0) -> bool:
        """Return whether a contextual word (an ordinary name elsewhere) stands here."""
        at = self.at + count
        return at < len(self.kinds) and self.kinds[at] == NAME and str(self.values[at]).upper() == word

    def accept(self, kind: str) -> bool:
        """Take the next token if it is of this kind."""
        if self.kinds[self.at] == kind:
            self.at += 1
            return True
        return False

    def accept_word(self, word: str) -> bool:
        """Take the next token if it is this contextual word."""
        if self.is_word(word):
            self.at += 1
            return True
        return False

    def expect(self, kind: str, what: str = "") -> None:
        """Take a token of this kind or complain."""
        if self.kinds[self.at] != kind:
            raise self.expected(what or repr(kind))
        self.at += 1

    def expect_word(self, word: str) -> None:
        """Take this contextual word or complain."""
        if not self.accept_word(word):
            raise self.expected(repr(word))

    def name(self, what: str) -> str:
        """Take a name, bare or in backticks."""
        if self.kinds[self.at] not in (NAME, QUOTED):
            raise self.expected(what)
        self.at += 1
        return cast("str", self.values[self.at - 1])

    def names(self, what: str) -> tuple[str, ...]:
        """Take names separated by commas."""
        found = [self.name(what)]
        while self.accept(","):
            found.append(self.name(what))
        return tuple(found)

    def integer(self, what: str) -> int:
        """Take an integer literal."""
        self.expect(INTEGER, what)
        return cast("int", self.values[self.at - 1])

    def string(self, what: str) -> str:
        """Take a string literal."""
        self.expect(STRING, what)
        return cast("str", self.values[self.at - 1])

    def descend(self) -> None:
        """Go one level down, unless that is too deep; whoever comes back subtracts from ``depth``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"Query nesting too deep (max {MAX_DEPTH})")

    def expected(self, what: str) -> QuerySyntaxError:
        """Make the error that something else should stand here."""
        after = f" after {self.spelling(self.at - 1)!r}" if self.at else ""
        # Of an expression nobody needs to hear what else was found: the caret shows it.
        found = "" if what == "an expression" else f", found {self.found()}"
        return self.error(f"expected {what}{after}{found}", wanted=what)

    def error(self, message: str, at: int | None = None, *, wanted: str = "") -> QuerySyntaxError:
        """Make an error that points at a token, the next one if not told otherwise."""
        at = self.at if at is None else at
        text, start, end = self.tokens.text, self.tokens.starts[at], self.tokens.ends[at]
        return syntax_error(message, text, start, end, hint=hint_for(self.tokens, at, wanted))

    def found(self) -> str:
        """Describe the next token."""
        return "the end of the query" if self.kind == END else repr(self.spelling(self.at))

    def spelling(self, at: int) -> str:
        """Return a token as it was written."""
        return self.tokens.text[self.tokens.starts[at] : self.tokens.ends[at]]
