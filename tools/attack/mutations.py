"""Changes at random to texts, bytes and values that are right, so that they are almost right."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from solidb_odm._types import is_list, is_map

ODD_TEXT = (
    "", " ", "\0", "\\u0000", "\ud800", "\udcff", "\u202e", "é", "e\u0301", "😀", "ﬀ", "İ", "0", "-1",
    "1e999", "NaN", "99999999999999999999", "٣", "²", "%", "%zz", "%00", "\n", "\t", "'", '"', "`",
    "\\", "/", "..", "../", "//", "$", "?", "#", "&", "=", ":", "@", "[", "]", "{", "}", "(", ")", "*",
    "+", ".", ",", ";", "|", "<", ">", "!", "-", "~", "null", "true", "x" * 300, "[" * 200, "(" * 200,
    "{" * 200, "((a+)+)+$", "T24:61", "P1Y", "Z",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 2**70, 1.5, -0.0, 1e308, float("inf"), float("nan"),
    "", "x", "\0", "\udcff", "1", [], [None], [[]], {}, {"a": 1}, {"_key": 1}, {"": None}, b"", b"\xff",
)  # fmt: skip


def text(chance: random.Random, seeds: Sequence[str]) -> str:
    """Return one of the texts with up to four changes, or one of odd pieces alone."""
    if chance.random() < 0.1:
        return "".join(chance.choices(ODD_TEXT, k=chance.randrange(4)))
    made = chance.choice(list(seeds))
    for _ in range(chance.randrange(5)):
        at, end = sorted((chance.randrange(len(made) + 1), chance.randrange(len(made) + 1)))
        kind = chance.randrange(5)
        if kind == 0:
            made = made[:at] + made[end:]
        elif kind == 1:
            made = made[:at] + chance.choice(ODD_TEXT) + made[at:]
        elif kind == 2:
            made = made[:at] + chance.choice(ODD_TEXT) + made[min(at + 1, len(made)) :]
        elif kind == 3:
            made = made[:end] + made[at:]
        else:
            made = (
                made[:at] + chr(chance.choice((chance.randrange(128), chance.randrange(0x11000)))) + made[at:]
            )
    return made


def data(chance: random.Random, whole: bytes) -> bytes:
    """Return bytes with some overwritten, taken out, put in or cut off."""
    made = bytearray(whole)
    for _ in range(chance.choice((1, 2, 8, 64))):
        if not made:
            break
        at = chance.randrange(len(made))
        kind = chance.randrange(6)
        if kind < 3:
            made[at] = chance.randrange(256)
        elif kind == 3:
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 4:
            del made[at : at + chance.choice((1, 4, 512))]
        else:
            made[at:at] = bytes(chance.choices(range(256), k=chance.choice((1, 4, 64))))
    if chance.random() < 0.2:
        del made[chance.randrange(len(made) + 1) :]
    return bytes(made)


def value(chance: random.Random, whole: Any) -> Any:
    """Return a value with one part at random put out, doubled, or exchanged for an odd one."""
    if chance.random() >= 0.2 and whole:
        if is_map(whole):
            return _map(chance, whole)
        if is_list(whole):
            return _list(chance, whole)
    return chance.choice(ODD_VALUES)


def _map(chance: random.Random, whole: dict[str, Any]) -> dict[Any, Any]:
    name, kind = chance.choice(list(whole)), chance.randrange(5)
    if kind == 0:
        return {key: inner for key, inner in whole.items() if key != name}
    if kind == 1:
        return {**whole, chance.choice(("status", "data", "_key", "x", 1)): chance.choice(ODD_VALUES)}
    return {**whole, name: value(chance, whole[name])}


def _list(chance: random.Random, whole: list[Any]) -> list[Any]:
    at, kind = chance.randrange(len(whole)), chance.randrange(5)
    if kind == 0:
        return whole[:at] + whole[at + 1 :]
    if kind == 1:
        return [*whole, whole[at]]
    return [*whole[:at], value(chance, whole[at]), *whole[at + 1 :]]
