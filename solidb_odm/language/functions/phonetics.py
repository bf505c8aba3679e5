"""How words sound. What is no string gives null."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..._types import Json
from ...errors import UnsupportedQueryError
from .arguments import library
from .built_in import Family

function = Family("Phonetic")
_ELSEWHERE: Final = ("fr", "es", "it", "pt", "nl", "el", "ja")
_NULLS: Final = "null, as for all that is no string"
_SOUNDS: Final = {
    letter: digit
    for digit, letters in {"1": "BFPV", "2": "CGJKQSXZ", "3": "DT", "4": "L", "5": "MN", "6": "R"}.items()
    for letter in letters
}


def _plain_letters(value: str) -> str:
    """Return the letters A to Z of a text in upper case; others have no sound."""
    return re.sub("[^A-Z]", "", value.upper())


def soundex_code(value: str) -> str:
    """Return the American Soundex of a word; H and W do not separate sounds, vowels do."""
    letters = _plain_letters(value)
    if not letters:
        return ""
    code, last = letters[0], _SOUNDS.get(letters[0], "")
    for letter in letters[1:]:
        sound = _SOUNDS.get(letter, "")
        if sound and sound != last:
            code += sound
        if letter not in "HW":
            last = sound
    return code[:4].ljust(4, "0")


@function(
    "SOUNDEX",
    parameters="s [, locale]",
    returns="string",
    nulls=_NULLS,
    summary="The American Soundex: R163 for Robert; locale de is COLOGNE, other languages need a server.",
)
def soundex(value: Json, locale: Json = None) -> Json:
    if locale == "de":
        return cologne(value)
    if locale in _ELSEWHERE:
        raise UnsupportedQueryError(
            f"SOUNDEX for the locale {locale!r} needs a SoliDB server",
            construct="SOUNDEX",
            hint="use the locale en or de",
        )
    return soundex_code(value) if isinstance(value, str) else None


def _define(name: str, attribute: str, summary: str, unwanted: str = "") -> None:
    def code(value: Json) -> Json:
        if not isinstance(value, str):
            return None
        make: Callable[[str], str] = getattr(library(name, "jellyfish", "jellyfish"), attribute)
        return make(re.sub(unwanted, "", value.upper()) if unwanted else value)

    function(name, parameters="s", returns="string", nulls=_NULLS, summary=summary)(code)


_define("METAPHONE", "metaphone", "The Metaphone code; on a file with jellyfish installed.", "[^A-Z]")
_define("NYSIIS", "nysiis", "The NYSIIS code; on a file with jellyfish installed.", "[^A-Z]")

_COLOGNE: Final = {
    letter: digit
    for digit, letters in {
        "0": "AEIJOUY", "1": "B", "3": "FVW", "4": "GKQ", "5": "L", "6": "MN", "7": "R", "8": "SZ",
    }.items()
    for letter in letters
}  # fmt: skip


def _cologne_digits(letters: str, place: int) -> str:
    letter, after = letters[place], letters[place + 1 : place + 2]
    before = letters[place - 1] if place else ""
    if letter == "H":
        return ""
    if letter == "P":
        return "3" if after == "H" else "1"
    if letter in "DT":
        return "8" if after and after in "CSZ" else "2"
    if letter == "X":
        return "8" if before and before in "CKQ" else "48"
    if letter != "C":
        return _COLOGNE.get(letter, "")
    hard = bool(after) and after in ("AHKLOQRUX" if not place else "AHKOQUX")
    return "4" if hard and not (before and before in "SZ") else "8"


def cologne_code(value: str) -> str:
    """Return the server's kind of Kölner Phonetik: vowels stay, save at the beginning."""
    folded = value.upper().translate(str.maketrans("ÄÖÜ", "AOU"))
    letters = _plain_letters(folded)
    code, last = "", ""
    for place in range(len(letters)):
        digits = _cologne_digits(letters, place)
        if digits:
            code += digits[:-1] + (digits[-1] if digits[-1] != last else "")
            last = digits[-1]
    return code.lstrip("0") or code[:1]


@function(
    "COLOGNE",
    "COLOGNE_PHONETIC",
    parameters="s",
    returns="string",
    nulls=_NULLS,
    summary="The Kölner Phonetik, for German.",
)
def cologne(value: Json) -> Json:
    return cologne_code(value) if isinstance(value, str) else None


for _name, _summary in (
    *(
        (f"SOUNDEX_{code}", f"Soundex for the language {code}.")
        for code in ("FR", "ES", "IT", "PT", "NL", "EL", "JA")
    ),
    ("DOUBLE_METAPHONE", "The two Double Metaphone codes."),
    ("CAVERPHONE", "The Caverphone code."),
):
    function.server_only(_name, parameters="s", summary=_summary, instead="use SOUNDEX, METAPHONE or COLOGNE")
