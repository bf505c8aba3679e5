"""A place in the tokens: looking, taking, complaining.

What people mean when they write something that SDBQL lacks.

Most hints are for the habits of AQL, the language SDBQL resembles, and of SQL. A hint is looked up only
when the text could not be read, so none of them can change what a query means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..tokens import END, INTEGER, NAME, QUOTED, STRING, syntax_error

if TYPE_CHECKING:
    from ...errors import QuerySyntaxError
    from ..tokens import Tokens
from typing import TYPE_CHECKING

from ..tokens import BIND, FLOAT, KEYWORDS

if TYPE_CHECKING:
    from ..tokens import Tokens

_SEQUENCES = {
    ("/", "/"): "comments start with --",
    ("/", "*"): "comments start with -- and end with the line",
    ("==", "="): "equality is written ==",
    ("!=", "="): "inequality is written !=",
    ("<", ">"): "inequality is written !=",
    ("*", "*"): "there is no power operator: use POW(base, exponent)",
    ("?", ":"): "write a ?? b (the value unless null) or a || b (unless falsy)",
    ("..", "."): "spread does not exist: use APPEND(..) for arrays and MERGE(..) for objects",
    (".", BIND): "write x[@name] to read the attribute that a bind variable names",
    (":", ":"): "functions have no namespaces",
    (".", INTEGER): "a number starts with a digit: 0.5",
    (INTEGER, NAME): "numbers have no exponent, base or suffix: write the digits out, or bind the value",
    (FLOAT, NAME): "numbers have no exponent, base or suffix: write the digits out, or bind the value",
    (":", "="): "a variable is set with =",
    ("(", "*"): "there is no *: count with COLLECT WITH COUNT INTO n, or LENGTH(array)",
    ("ANY", "("): "write SOME(array, x -> condition), or ANY x IN array SATISFIES condition",
}
"""Two tokens that touch each other, as they do in another language."""

_WORDS = {
    "SELECT": "this is SQL; SDBQL is FOR doc IN collection FILTER .. RETURN doc",
    "WHERE": "a condition is FILTER condition",
    "DELETE": "write REMOVE key IN collection",
    "INNER": "an inner join is JOIN without INNER",
    "HAVING": "write FILTER after COLLECT",
    "GROUP": "groups are made by COLLECT name = expression",
    "DISTINCT": "DISTINCT stands right after RETURN",
    "IS": "compare with == null or != null",
    "BETWEEN": "write x >= low AND x <= high, or IN_RANGE(x, low, high)",
    "VALID_TIME": "only a collection can be read as of a time",
    "SYSTEM_TIME": "only a collection can be read as of a time",
    "BY": "write SORT expression, without BY",
    "FROM": "a collection stands behind IN or INTO",
    "SET": "write UPDATE key WITH {name: value} IN collection",
    "OF": "a loop is FOR x IN list",
    "ROWS": "write LIMIT count OFFSET start, without ROWS",
    "TABLE": "collections are made and dropped by the client, not by queries",
    "DROP": "collections are made and dropped by the client, not by queries",
    "EXPLAIN": "ask for the plan with explain(), not in the query",
}
"""Words that mean nothing where they stand."""

_BIND_AS_COLLECTION = "a collection can't be a bind variable: write its name into the query, in backticks"
_KEY = "keys are written out, as names or strings; make others with ZIP_OBJECT(..) or FROM_ENTRIES(..)"
_PATH = "write FOR v, e, p IN SHORTEST_PATH start TO end OUTBOUND edges"
_DEPTHS = "depths of a traversal are integer literals, not bind variables"
_EDGES = "a traversal follows one edge collection or one graph"
_AGGREGATE = "an aggregate is one call: compute with its variable after the COLLECT"
_TAIL = ("SORT", "LIMIT", "OFFSET")
_BODY = frozenset(
    {"FILTER", "FOR", "COLLECT", "SORT", "JOIN", "INSERT", "UPDATE", "REPLACE", "REMOVE", "UPSERT"}
)
_DIRECTIONS = ("OUTBOUND", "INBOUND", "ANY")


def hint_for(tokens: Tokens, at: int, wanted: str = "") -> str | None:
    """Return advice for a text that could not be read at a token, where ``wanted`` should have stood."""
    return (
        _from_sequence(tokens, at)
        or _from_wanted(tokens, at, wanted)
        or _from_word(tokens, at)
        or _from_clause(tokens, at)
        or _from_kind(tokens, at)
        or _from_structure(tokens, at)
    )


def _from_sequence(tokens: Tokens, at: int) -> str | None:
    for first in (at - 1, at):
        if 0 <= first < len(tokens.kinds) - 1 and tokens.ends[first] == tokens.starts[first + 1]:
            hint = _SEQUENCES.get((tokens.kinds[first], tokens.kinds[first + 1]))
            if hint:
                return hint
    return None


def _from_wanted(tokens: Tokens, at: int, wanted: str) -> str | None:
    """Advise from what should have stood here."""
    kind = tokens.kinds[at]
    word = tokens.text[tokens.starts[at] : tokens.ends[at]]
    keyword = kind in KEYWORDS.values() and word[:1].isalpha()
    if "collection" in wanted and kind == BIND:
        return _BIND_AS_COLLECTION
    if wanted == "the key of an object":
        return f'{word} is a keyword: write the key in quotes, "{word}"' if keyword else _KEY
    if wanted == "'AS'" and _kind(tokens, at - 2) == "WITH":
        return "WITH makes tables from queries; collections need no announcement"
    if wanted == "an expression":
        if kind == "SHORTEST_PATH":
            return _PATH
        if kind == "+":
            return "there is no unary plus"
        if keyword and _kind(tokens, at - 1) == "(":
            return "a subquery starts with FOR or LET"
    names = "name" in wanted or wanted.startswith(("a variable", "a collection", "an edge"))
    if keyword and (names or (wanted == "an expression" and _kind(tokens, at - 1) == "IN")):
        return f"{word} is a keyword: as a name it needs backticks, `{word}`"
    return None


def _from_word(tokens: Tokens, at: int) -> str | None:
    """Advise on a word that another language has, here or just before."""
    if tokens.kinds[at] != NAME:
        return None
    word, before = _word(tokens, at), _word(tokens, at - 1)
    if before == "BY" and _kind(tokens, at - 2) == "SORT":
        return _WORDS["BY"]
    if before == "ALL" and _kind(tokens, at + 1) == "IN":
        return "write ALL(array, x -> condition)"
    return _WORDS.get(word)


def _from_clause(tokens: Tokens, at: int) -> str | None:
    """Advise on a clause that comes after SORT or LIMIT, where the server reads none."""
    kind = tokens.kinds[at]
    if kind not in _BODY:
        return None
    depth = 0
    for index in range(at - 1, -1, -1):
        before = tokens.kinds[index]
        depth += (before in (")", "]", "}")) - (before in ("(", "[", "{"))
        if depth < 0 or (depth == 0 and before == "RETURN"):
            return None
        word = _word(tokens, index) if before == NAME else before
        if depth == 0 and word in _TAIL:
            return _after_tail(kind, word)
    return None


def _after_tail(kind: str, tail: str) -> str:
    if kind == "SORT":
        return "a block has one SORT: SORT a, b DESC" if tail == "SORT" else "SORT comes before LIMIT"
    return (
        f"{kind} can't follow {tail}: a block ends SORT, LIMIT, LET, RETURN; "
        "wrap what comes before: FOR x IN (FOR .. LIMIT .. RETURN ..) .."
    )


_ALONE = {
    "AS": "a result names its values in an object: RETURN {name: value}",
    "TO": "a range is low..high",
}
_OPENING = {"(": ")", "[": "]", "{": "}"}


def _from_structure(tokens: Tokens, at: int) -> str | None:
    """Advise on brackets, and on lists where one value stands."""
    kind, before = tokens.kinds[at], _kind(tokens, at - 1)
    if kind == "end":
        for opening, closing in _OPENING.items():
            if tokens.kinds.count(opening) > tokens.kinds.count(closing):
                return f"a '{opening}' is not closed"
    if kind in _OPENING.values():
        return f"there is no bracket for this '{kind}' to close"
    if kind == "INTO" and before == "INSERT":
        return "write INSERT document INTO collection"
    if kind == "," and "RETURN" in tokens.kinds[:at]:
        return "RETURN gives one value: an array [a, b] or an object {a, b}"
    if before == "COLLECT" or _kind(tokens, at - 2) == "COLLECT":
        return "groups are named: COLLECT city = u.city"
    if _kind(tokens, at - 2) == "JOIN" and kind == NAME:
        return "a JOIN binds the name of its collection; there is no other name for it"
    if _word(tokens, at - 1) == "IF":
        return "write condition ? value : other, or CASE WHEN .. THEN .. ELSE .. END"
    return None


def _from_kind(tokens: Tokens, at: int) -> str | None:
    """Advise from the token alone and the one before it."""
    kind, before = tokens.kinds[at], _kind(tokens, at - 1)
    if kind in _ALONE:
        return _ALONE[kind]
    if kind == "=":
        return "equality is written =="
    if kind in _DIRECTIONS and before == BIND:
        return _DEPTHS
    if kind == "," and any(_kind(tokens, index) in _DIRECTIONS for index in range(at - 4, at)):
        return _EDGES
    if before == ")" and kind in ("+", "-", "*", "/", "%") and "AGGREGATE" in tokens.kinds[:at]:
        return _AGGREGATE
    return None


def _kind(tokens: Tokens, at: int) -> str:
    return tokens.kinds[at] if 0 <= at < len(tokens.kinds) else ""


def _word(tokens: Tokens, at: int) -> str:
    return str(tokens.values[at]).upper() if _kind(tokens, at) == NAME else ""


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
        listed = [self.name(what)]
        while self.accept(","):
            listed.append(self.name(what))
        return tuple(listed)

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
        there = "" if what == "an expression" else f", found {self.found()}"
        return self.error(f"expected {what}{after}{there}", wanted=what)

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
