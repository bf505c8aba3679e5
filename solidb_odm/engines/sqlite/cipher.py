"""The key of an encrypted file, and the note beside the file that tells a wrong key from damage.

SQLCipher encrypts every page with AES-256 and an authentication code. It gets a key of 32 bytes and a salt,
never a passphrase: that is turned into a key here, once and not on every connection. The note holds the salt
and a code made from the key, by which a key is recognised, and two codes while the key is being changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import sqlite3
import tempfile
import unicodedata
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from ..._dataclasses import dataclass
from ...errors import ConfigurationError, StoreUnavailable, WrongKey
from . import library

SUFFIX: Final = "-key"
_PLAIN_HEADER: Final = b"SQLite format 3\0"
_LABEL: Final = b"solidb_odm encrypted store"
_SALT_SIZE: Final = 16
_KEY_SIZE: Final = 32
SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True, repr=False)
class Cipher:
    """The key of one file, and the SQLite that reads it."""

    path: str
    key: bytes
    salt: bytes
    module: ModuleType

    @classmethod
    def of(cls, path: str, secret: str | bytes) -> Self:
        """Return the cipher of a file, made or to be made; WrongKey if it is another secret's."""
        module = library.sqlcipher()
        _check_not_plain(path)
        note = _Note.read(path) or _Note.begun(path, secret)
        cipher = cls(path, key_of(secret, note.salt), note.salt, module)
        if cipher.code not in note.codes:
            raise _wrong(path, "it is encrypted with another key")
        return cipher

    @property
    def code(self) -> str:
        """What the key is recognised by."""
        return hmac.new(self.key, _LABEL + self.salt, hashlib.sha256).hexdigest()

    def unlock(self, connection: sqlite3.Connection) -> None:
        """Give a connection that has just been opened its key."""
        connection.execute("PRAGMA cipher_log_level = NONE")  # else a wrong key is written to stderr
        connection.execute(f"PRAGMA key = {self._literal}")

    def changed(self, secret: str | bytes) -> Cipher:
        """Return the cipher of the same file with another secret."""
        return Cipher(self.path, key_of(secret, self.salt), self.salt, self.module)

    def rewrite(self, connection: sqlite3.Connection, new: Cipher) -> None:
        """Encrypt the file with another key. Killed in the middle, it has the one key or the other."""
        _Note(self.salt, (self.code, new.code)).write(self.path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(f"PRAGMA rekey = {new._literal}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _Note(self.salt, (new.code,)).write(self.path)

    def is_one_of_two(self) -> bool:
        """Return whether a change of the key was cut short, so that the file may have the other one."""
        note = _Note.read(self.path)
        return note is not None and len(note.codes) > 1

    def settle(self) -> None:
        """Note that this is the key, after a change was cut short."""
        _Note(self.salt, (self.code,)).write(self.path)

    def is_outdated(self) -> bool:
        """Return whether the file has another key now."""
        note = _Note.read(self.path)
        return note is not None and self.code not in note.codes

    @property
    def _literal(self) -> str:
        return f"\"x'{self.key.hex()}{self.salt.hex()}'\""


@dataclass(frozen=True, slots=True)
class _Note:
    """The note beside a file."""

    salt: bytes
    codes: tuple[str, ...]

    @classmethod
    def read(cls, path: str) -> Self | None:
        """Return the note, None if there is none."""
        try:
            text = Path(path + SUFFIX).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise StoreUnavailable(f"{path}{SUFFIX} can't be read: {problem}", path=path) from problem
        try:
            values = json.loads(text)
            return cls(bytes.fromhex(values["salt"]), tuple(values["codes"]))
        except (ValueError, KeyError, TypeError) as problem:
            raise StoreUnavailable(
                f"{path}{SUFFIX} is damaged: {problem}",
                path=path,
                hint="restore it from a copy, or delete it: the key is then tried on the file itself",
            ) from problem

    @classmethod
    def begun(cls, path: str, secret: str | bytes) -> Self:
        """Make the note of a new file, or of one that has lost its note; whoever is first decides."""
        salt = _salt_in(path)
        if salt is None:
            salt = os.urandom(_SALT_SIZE)
        else:
            _try(Cipher(path, key_of(secret, salt), salt, library.sqlcipher()))
        code = Cipher(path, key_of(secret, salt), salt, library.sqlcipher()).code
        cls(salt, (code,)).write(path, replace=False)
        return cls.read(path) or cls(salt, (code,))

    def write(self, path: str, *, replace: bool = True) -> None:
        """Write the note whole, or not at all."""
        text = json.dumps({"format": 1, "salt": self.salt.hex(), "codes": list(self.codes)})
        folder = Path(path).parent
        handle, name = tempfile.mkstemp(dir=folder, prefix=Path(path).name + SUFFIX)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(name).replace(path + SUFFIX)
            return
        with contextlib.suppress(FileExistsError):
            Path(path + SUFFIX).hardlink_to(name)
        Path(name).unlink()


def key_of(secret: str | bytes, salt: bytes) -> bytes:
    """Return the key of a secret: text is a passphrase, 32 bytes are the key."""
    check_secret(secret)
    if isinstance(secret, bytes):
        return secret
    text = unicodedata.normalize("NFKC", secret).encode()
    return hashlib.scrypt(text, salt=salt, dklen=_KEY_SIZE, maxmem=2**26, **SCRYPT)


def check_secret(secret: Any) -> None:
    """Raise ConfigurationError for what is no secret."""
    if not isinstance(secret, str | bytes):
        raise ConfigurationError(f"a key is a passphrase or {_KEY_SIZE} bytes, not a {type(secret).__name__}")
    if isinstance(secret, bytes) and len(secret) != _KEY_SIZE:
        raise ConfigurationError(
            f"a key has {_KEY_SIZE} bytes, not {len(secret)}",
            hint=f"a passphrase is text; a key comes from os.urandom({_KEY_SIZE})",
        )
    if not secret:
        raise ConfigurationError("the passphrase is empty")


def refuse_encrypted(path: str) -> None:
    """Raise WrongKey if a file is encrypted, for whoever brings no key."""
    if Path(path + SUFFIX).exists() and _salt_in(path) is not None:
        raise _wrong(path, "it is encrypted, and no key was given")


def _check_not_plain(path: str) -> None:
    if _header(path) == _PLAIN_HEADER:
        raise ConfigurationError(
            f"{path} is not encrypted",
            hint="open it without a key; or make a new store with one, and let it sync",
        )


def _try(cipher: Cipher) -> None:
    """Raise WrongKey if a file that has lost its note does not open with a key."""
    connection: sqlite3.Connection = cipher.module.connect(cipher.path)
    try:
        cipher.unlock(connection)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except library.errors() as problem:
        raise _wrong(cipher.path, "the key does not open it, or it is damaged") from problem
    finally:
        connection.close()


def _wrong(path: str, reason: str) -> WrongKey:
    return WrongKey(f"{path}: {reason}", path=path, hint="give the key that the store was made with")


def _salt_in(path: str) -> bytes | None:
    header = _header(path)
    return header if len(header) == _SALT_SIZE and header != _PLAIN_HEADER else None


def _header(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_SALT_SIZE)
    except FileNotFoundError:
        return b""
    except OSError as problem:
        raise StoreUnavailable(f"{path} can't be read: {problem}", path=path) from problem
