"""New identifiers: UUID, ULID, Nano ID."""

from __future__ import annotations

import secrets
import uuid
from typing import Final

from ..._types import Json
from ...errors import QueryError
from ..stored_documents import random_bits, uuid7
from .arguments import integer
from .built_in import REFUSE, CallContext, Family
from .moments import millis

function = Family("Identifier")
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NANO: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"
_TOKEN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105  # an alphabet


@function("UUID_V4", "UUID", "UUIDV4", returns="string", deterministic=False, summary="A random UUID.")
def uuid_v4() -> Json:
    return str(uuid.uuid4())


@function(
    "UUID_V7",
    "UUIDV7",
    returns="string",
    context=True,
    deterministic=False,
    summary="A UUID that sorts by time.",
)
def uuid_v7(context: CallContext) -> Json:
    stamp = millis(context.now()) & ((1 << 48) - 1)
    return uuid7(stamp, random_bits())


@function(
    "ULID", returns="string", context=True, deterministic=False, summary="A ULID: short, and sorts by time."
)
def ulid(context: CallContext) -> Json:
    value = (millis(context.now()) & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def _random_text(length: Json, alphabet: str, least: int, most: int, name: str) -> str:
    wanted = integer(length, name)
    if not least <= wanted <= most:
        raise QueryError(f"{name}: length must be between {least} and {most}")
    return "".join(secrets.choice(alphabet) for _ in range(wanted))


@function(
    "NANOID",
    parameters="[n]",
    returns="string",
    nulls="21 characters",
    deterministic=False,
    summary="A Nano ID of n (21) characters.",
)
def nanoid(length: Json = None) -> Json:
    return _random_text(21 if length is None else length, _NANO, 1, 256, "NANOID")


@function(
    "RANDOM_TOKEN",
    parameters="n",
    returns="string",
    nulls=REFUSE,
    deterministic=False,
    summary="n random letters and digits, at most 4096.",
)
def random_token(length: Json) -> Json:
    return _random_text(length, _TOKEN, 0, 4096, "RANDOM_TOKEN")
