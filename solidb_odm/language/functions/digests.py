"""Digests, checksums and encodings. What is no string is hashed by its text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from ..._types import Json
from ...errors import QueryError
from .arguments import library, text
from .built_in import PROPAGATE, PROPAGATE_TWO, CallContext, Family
from .strings import joined_text

function = Family("Digest")
_SLOW: Final = 4096


def _bytes(value: Json) -> bytes:
    return joined_text(value).encode()


@lru_cache(maxsize=1)
def _crc_table() -> tuple[int, ...]:
    table: list[int] = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901  # the remainder grows in place
        table.append(byte)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli), which zlib doesn't have."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def fnv64(data: bytes) -> int:
    """Return the 64-bit FNV-1a hash."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


_DIGESTS: Final[list[tuple[str, Callable[[bytes], str], str]]] = [
    (
        "MD5",
        lambda b: hashlib.md5(b, usedforsecurity=False).hexdigest(),
        "The MD5 digest in hex; not for secrets.",
    ),
    (
        "SHA1",
        lambda b: hashlib.sha1(b, usedforsecurity=False).hexdigest(),
        "The SHA-1 digest in hex; not for secrets.",
    ),
    ("SHA256", lambda b: hashlib.sha256(b).hexdigest(), "The SHA-256 digest in hex."),
    ("SHA512", lambda b: hashlib.sha512(b).hexdigest(), "The SHA-512 digest in hex."),
    ("CRC32", lambda b: f"{crc32c(b):X}", "The CRC-32C (not the common CRC-32) in upper-case hex."),
    ("FNV64", lambda b: f"{fnv64(b):X}", "The FNV-1a hash in upper-case hex."),
]


def _define(name: str, digest: Callable[[bytes], str], summary: str) -> None:
    def compute(value: Json) -> Json:
        return digest(_bytes(value))

    function(name, parameters="x", returns="string", summary=summary)(compute)


for _entry in _DIGESTS:
    _define(*_entry)


@function("BASE64_ENCODE", "TO_BASE64", parameters="x", returns="string", summary="In Base64.")
def base64_encode(value: Json) -> Json:
    return base64.b64encode(_bytes(value)).decode()


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise QueryError(f"{name}: decoded bytes are not valid UTF-8") from exc


@function("BASE64_DECODE", "FROM_BASE64", parameters="s", returns="string", summary="The text of Base64.")
def base64_decode(value: Json) -> Json:
    try:
        data = base64.b64decode(joined_text(value), validate=True)
    except ValueError as exc:
        raise QueryError(f"BASE64_DECODE: invalid base64: {exc}") from exc
    return _decoded(data, "BASE64_DECODE")


@function("HEX_ENCODE", "TO_HEX", parameters="x", returns="string", summary="In hex.")
def hex_encode(value: Json) -> Json:
    return _bytes(value).hex()


@function("HEX_DECODE", "FROM_HEX", parameters="s", returns="string", summary="The text of hex.")
def hex_decode(value: Json) -> Json:
    try:
        data = binascii.unhexlify(joined_text(value))
    except ValueError as exc:
        raise QueryError(f"HEX_DECODE: invalid hex: {exc}") from exc
    return _decoded(data, "HEX_DECODE")


@function(
    "HMAC_SHA256",
    parameters="key, message",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary="The keyed digest in hex.",
)
def hmac_sha256(key: Json, message: Json) -> Json:
    return hmac.new(_bytes(key), _bytes(message), hashlib.sha256).hexdigest()


@function(
    "ARGON2_HASH",
    parameters="x",
    returns="string",
    deterministic=False,
    context=True,
    summary="An Argon2id hash of a password; on a file with argon2-cffi installed.",
)
def argon2_hash(context: CallContext, password: Json) -> Json:
    context.spend(_SLOW)
    return library("ARGON2_HASH", "argon2", "argon2-cffi").PasswordHasher().hash(_bytes(password))


@function(
    "ARGON2_VERIFY",
    parameters="hash, password",
    returns="bool",
    nulls=PROPAGATE,
    context=True,
    summary="Whether the password has this Argon2 hash; on a file with argon2-cffi installed.",
)
def argon2_verify(context: CallContext, digest: Json, password: Json) -> Json:
    context.spend(_SLOW)
    argon2 = library("ARGON2_VERIFY", "argon2", "argon2-cffi")
    try:
        return bool(argon2.PasswordHasher().verify(text(digest, "ARGON2_VERIFY", 1), _bytes(password)))
    except argon2.exceptions.VerifyMismatchError:
        return False
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash, UnicodeEncodeError) as exc:
        raise QueryError("ARGON2_VERIFY: invalid hash") from exc
