"""What people mean when they write something that SDBQL lacks.

Most hints are for the habits of AQL, the language SDBQL resembles, and of SQL. A hint is looked up only
when the text could not be read, so none of them can change what a query means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solidb_odm.sdbql.tokens import BIND, END, FLOAT, INTEGER, KEYWORDS, NAME

if TYPE_CHECKING:
    from solidb_odm.sdbql.tokens import Tokens

_WRAP = "wrap the part up to LIMIT: FOR x IN (FOR .. LIMIT .. RETURN ..) .."
_SEQUENCES = (
    (("/", "/"), "comments start with --"),
    (("/", "*"), "comments start with -- and end with the line"),
    (("==", "="), "equality is written =="),
    (("!=", "="), "inequality is written !="),
    (("<", ">"), "inequality is written !="),
    (("*", "*"), "there is no power operator: use POW(base, exponent)"),
    (("?", ":"), "write a ?? b (the value unless null) or a || b (unless falsy)"),
    (("..", "."), "spread does not exist: use APPEND(..) for arrays and MERGE(..) for objects"),
    ((".", BIND), "write x[@name] to read the attribute that a bind variable names"),
    ((":", ":"), "functions have no namespaces"),
    (("ANY", "("), "write SOME(array, x -> condition), or ANY x IN array SATISFIES condition"),
)
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
    "ELSEIF": "write another WHEN .. THEN ..",
    "TRAVERSE": "write FOR v IN 1..2 OUTBOUND start edges",
}
_TAIL = ("SORT", "LIMIT", "OFFSET")
_BODY = frozenset(
    {"FILTER", "FOR", "COLLECT", "SORT", "INSERT", "UPDATE", "REPLACE", "REMOVE", "UPSERT", "JOIN"}
)


def hint_for(tokens: Tokens, at: int) -> str | None:
    """Return advice for the text that could not be read at this token, if there is some."""
    return _sequence(tokens, at) or _number(tokens, at) or _word(tokens, at) or _keyword(tokens, at)


def _sequence(tokens: Tokens, at: int) -> str | None:
    """Recognise two tokens that belong together in another language and touch each other here."""
    for first in (at - 1, at):
        if not 0 <= first < len(tokens.kinds) - 1:
            continue
        pair = tokens.kinds[first], tokens.kinds[first + 1]
        for sequence, hint in _SEQUENCES:
            if pair == sequence and tokens.ends[first] == tokens.starts[first + 1]:
                return hint
    return None


def _number(tokens: Tokens, at: int) -> str | None:
    kind, before = tokens.kinds[at], tokens.kinds[at - 1] if at else END
    touching = at > 0 and tokens.ends[at - 1] == tokens.starts[at]
    if kind == NAME and before in (INTEGER, FLOAT) and touching:
        return "numbers have no exponent, base or suffix: write the digits out, or use a bind variable"
    if kind == "." and tokens.kinds[at + 1] == INTEGER:
        return "a number starts with a digit: 0.5"
    if kind == "+":
        return "there is no unary plus"
    if kind == BIND and _follows(tokens, at, "INTO", "IN", "JOIN", "OUTBOUND", "INBOUND", "ANY"):
        return "a collection can't be a bind variable: write its name into the query, in backticks"
    if before == "..":
        return "depths of a traversal are integer literals" if kind == BIND else None
    if kind in ("OUTBOUND", "INBOUND", "ANY") and before == BIND:
        return "depths of a traversal are integer literals, not bind variables"
    return None


def _word(tokens: Tokens, at: int) -> str | None:
    if tokens.kinds[at] != NAME:
        return None
    word = str(tokens.values[at]).upper()
    if word == "BY" and tokens.kinds[at - 1] == "SORT":
        return "write SORT expression, without BY"
    if at and tokens.kinds[at - 1] == NAME and str(tokens.values[at - 1]).upper() == "BY":
        return "write SORT expression, without BY"
    if word in ("VALID_TIME", "SYSTEM_TIME"):
        return "only a collection can be read as of a time"
    return _WORDS.get(word)


def _keyword(tokens: Tokens, at: int) -> str | None:
    kind = tokens.kinds[at]
    if kind == "=":
        return "equality is written =="
    if kind == "(" and tokens.kinds[at - 1] in ("SORT", "ANY", "RETURN"):
        return None
    if kind in KEYWORDS:
        return _after_tail(tokens, at) or _as_name(tokens, at)
    if kind == ",":
        return _after_edges(tokens, at)
    if kind == END:
        return _unfinished(tokens)
    return None


def _after_tail(tokens: Tokens, at: int) -> str | None:
    """Recognise a clause that comes after SORT or LIMIT, where the server reads none."""
    kind = tokens.kinds[at]
    if kind not in _BODY:
        return None
    depth = 0
    for index in range(at - 1, -1, -1):
        before = tokens.kinds[index]
        depth += (before in ")]}") - (before in "([{")
        word = str(tokens.values[index]).upper() if before == NAME else before
        if depth < 0 or (depth == 0 and before == "RETURN"):
            return None
        if depth == 0 and word in _TAIL:
            if kind == "SORT" and word != "SORT":
                return "SORT comes before LIMIT"
            return f"{kind} can't follow {word}: a block ends SORT, LIMIT, LET, RETURN; {_WRAP}"
    return None


def _as_name(tokens: Tokens, at: int) -> str | None:
    """Recognise a keyword where a name should be."""
    word = tokens.text[tokens.starts[at] : tokens.ends[at]]
    if not word[0].isalpha():
        return None
    if tokens.kinds[at - 1] in ("{", ",") and tokens.kinds[at + 1] == ":":
        return f'{word} is a keyword: write the key in quotes, "{word}"'
    if _follows(tokens, at, "FOR", "LET", "INTO", "IN", "AS", "JOIN", ",", "COLLECT", "AGGREGATE", "KEEP"):
        return f"{word} is a keyword: as a name it needs backticks, `{word}`"
    return None


def _after_edges(tokens: Tokens, at: int) -> str | None:
    for index in range(max(0, at - 4), at):
        if tokens.kinds[index] in ("OUTBOUND", "INBOUND", "ANY"):
            return "a traversal follows one edge collection or one graph"
    return None


def _unfinished(tokens: Tokens) -> str | None:
    if tokens.kinds.count("(") > tokens.kinds.count(")"):
        return "a parenthesis is not closed"
    return None


def _follows(tokens: Tokens, at: int, *kinds: str) -> bool:
    return at > 0 and tokens.kinds[at - 1] in kinds
