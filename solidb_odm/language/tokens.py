"""The words of SDBQL: text in, tokens out.

Whitespace and ``--`` comments go; keywords get their canonical spelling; strings, numbers and names
get their values. The tokens are parallel lists rather than objects, which keeps reading fast.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TypeAlias

from .._dataclasses import dataclass
from ..errors import QuerySyntaxError

NAME = "name"
QUOTED = "quoted name"
INTEGER = "integer"
FLOAT = "float"
STRING = "string"
TEMPLATE = "template"
BIND = "bind"
END = "end"

MAX_INTEGER = 2**63 - 1

_KEYWORDS = """
FOR IN FILTER SORT LIMIT RETURN LET ASC DESC AND OR NOT LIKE TRUE FALSE NULL INSERT INTO UPDATE UPSERT WITH
RECURSIVE REMOVE REPLACE OUTBOUND INBOUND ANY SHORTEST_PATH GRAPH TO OVER PARTITION CASE WHEN THEN ELSE END
COLLECT AGGREGATE SATISFIES CREATE STREAM AS WINDOW TUMBLING SLIDING SIZE MATERIALIZED VIEW REFRESH JOIN LEFT
RIGHT FULL OUTER ON
"""
KEYWORDS = {word: word for word in _KEYWORDS.split()}
# The server has one token for both, so ``d.order`` reads the attribute ``sort``.
KEYWORDS["ORDER"] = "SORT"

SYNONYMS = {"&&": "AND", "!": "NOT"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

Hole: TypeAlias = tuple[int, int]
"""Where the expression of a template's ``${...}`` starts and ends in the text."""

Value: TypeAlias = "str | int | float | tuple[str | Hole, ...] | None"

_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TOKEN = re.compile(
    rf"""(?:[{_SPACE}]|--[^\n]*)*+
    (?: (?P<word>[^\W\d]\w*)
      | (?P<operator><=>|\?\?|\?\.|\.\.|==|!=|<=|>=|=~|!~|~=|&&|\|\||\|>|<<|>>|->
                     |[-+*/%<>=~&|^?.,:()\[\]{{}}!])
      | (?P<number>[0-9]+(?P<fraction>\.(?!\.)[0-9]*)?)
      | (?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')
      | @(?P<bind>\w+)
      | `(?P<quoted>[^`]+)`
      | (?P<template>\$["'])
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SKIPPED = re.compile(rf"(?:[{_SPACE}]|--[^\n]*)*+")
_MAX_DIGITS = 4000
"""Python itself refuses to read longer integers."""


@dataclass(slots=True)
class Tokens:
    """The tokens of a text, as one list for each of their properties; the last one is the end.

    ``kinds`` has the spelling for keywords (upper case) and operators, else one of the constants
    above. ``values`` has names as written, and what strings and numbers mean.
    """

    text: str
    kinds: list[str] = field(default_factory=list[str])
    values: list[Value] = field(default_factory=list[Value])
    starts: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=list[int])

    def add(self, kind: str, value: Value, start: int, end: int) -> None:
        """Append one token."""
        self.kinds.append(kind)
        self.values.append(value)
        self.starts.append(start)
        self.ends.append(end)


def tokenize(text: str, start: int = 0, end: int | None = None) -> Tokens:
    """Cut the text, or the part of it that is asked for, into tokens.

    Raises:
        QuerySyntaxError: at the first character that no token starts with.
    """
    stop = len(text) if end is None else end
    tokens = Tokens(text)
    match, position = _TOKEN.match, start
    while True:
        token = match(text, position, stop)
        if token is None:
            raise _unreadable(text, position, stop)
        kind = token.lastgroup
        position = token.end()
        if kind == "word":
            word = token["word"]
            tokens.add(KEYWORDS.get(word.upper(), NAME), word, position - len(word), position)
        elif kind == "operator":
            operator = token["operator"]
            tokens.add(SYNONYMS.get(operator, operator), operator, position - len(operator), position)
        elif kind == "template":
            position = _add_template(tokens, position, stop)
        elif kind == "end":
            tokens.add(END, None, position, position)
            return tokens
        else:
            _add_value(tokens, token, position)


def unescape(text: str) -> str:
    r"""Resolve backslashes: ``\n``, ``\t`` and ``\r`` are control characters, all others themselves."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda escape: ESCAPES.get(escape[1], escape[1]), text)


_UNCLOSED = "it ends with the quote that it began with; inside, write that quote with a backslash in front"


def syntax_error(
    message: str, text: str, start: int, end: int | None = None, *, hint: str | None = None
) -> QuerySyntaxError:
    """Make the error for this place of the text."""
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    length = max(1, (start + 1 if end is None else end) - start)
    return QuerySyntaxError(message, query=text, line=line, column=column, length=length, hint=hint)


def _add_value(tokens: Tokens, token: re.Match[str], position: int) -> None:
    if (number := token["number"]) is not None:
        start = position - len(number)
        if token["fraction"] is None:
            tokens.add(INTEGER, _integer(tokens.text, number, start), start, position)
        else:
            tokens.add(FLOAT, _float(tokens.text, number, start), start, position)
    elif (string := token["string"]) is not None:
        tokens.add(STRING, unescape(string[1:-1]), position - len(string), position)
    elif (bind := token["bind"]) is not None:
        tokens.add(BIND, bind, position - len(bind) - 1, position)
    else:
        quoted = token["quoted"]
        tokens.add(QUOTED, quoted, position - len(quoted) - 2, position)


def _integer(text: str, digits: str, start: int) -> int:
    if len(digits) > _MAX_DIGITS or (value := int(digits)) > MAX_INTEGER:
        raise syntax_error(
            "integer does not fit 64 bits with a sign",
            text,
            start,
            start + len(digits),
            hint="write a float (with a dot), or send the value as a bind variable",
        )
    return value


def _float(text: str, digits: str, start: int) -> float:
    value = float(digits)
    if value == float("inf"):
        raise syntax_error("number is too large for a float", text, start, start + len(digits))
    return value


def _add_template(tokens: Tokens, position: int, stop: int) -> int:
    """Read a template after its opening quote; return the position after the closing one."""
    text, quote, start = tokens.text, tokens.text[position - 1], position - 2
    parts: list[str | Hole] = []
    piece: list[str] = []
    while position < stop and (char := text[position]) != quote:
        following = text[position + 1 : min(position + 2, stop)]
        if char == "\\" and following:
            piece.append(ESCAPES.get(following, following))
            position += 2
        elif char == "$" and following == "$":
            piece.append("$")
            position += 2
        elif char == "$" and following == "{":
            if piece:
                parts.append("".join(piece))
                piece = []
            end = _hole_end(text, position, stop)
            parts.append((position + 2, end))
            position = end + 1
        else:
            piece.append(char)
            position += 1
    if position >= stop:
        raise syntax_error("template string is not closed", text, start, stop)
    if piece:
        parts.append("".join(piece))
    tokens.add(TEMPLATE, tuple(parts), start, position + 1)
    return position + 1


def _hole_end(text: str, position: int, stop: int) -> int:
    """Find the brace that closes ``${``; as on the server, braces in strings count too."""
    depth = 0
    for index in range(position + 1, stop):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    raise syntax_error("'${' is not closed", text, position, position + 2)


def _unreadable(text: str, position: int, stop: int) -> QuerySyntaxError:
    skipped = _SKIPPED.match(text, position, stop)
    start = skipped.end() if skipped else position
    char = text[start]
    if char in "\"'":
        return syntax_error("string is not closed", text, start, stop, hint=_UNCLOSED)
    if char == "`":
        return syntax_error("name in backticks is empty or not closed", text, start, stop)
    if char == "@":
        hint = None
        if text.startswith("@@", start):
            hint = "a collection can't be a bind variable: write its name into the query, in backticks"
        return syntax_error("expected the name of a bind variable after '@'", text, start, hint=hint)
    if char == ";":
        return syntax_error("unexpected ';'", text, start, hint="a text holds one query; leave the ';' out")
    if char == "#":
        return syntax_error("unexpected '#'", text, start, hint="comments start with --")
    hint = "put names with special characters in backticks" if char.isprintable() else None
    return syntax_error(f"unexpected character {char!r}", text, start, hint=hint)
