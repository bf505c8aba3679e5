"""What a key or a collection name may be."""

from __future__ import annotations

import re

from ...errors import DeclarationError

MAXIMUM_KEY_LENGTH = 254
KEY_PATTERN = r"^[^/\x00-\x1f\x7f]+$"
"""The server takes any text, but a slash breaks ``collection/key`` and control characters break logs."""

_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


def check_collection_name(name: object, *, model: str) -> str:
    """Return the name if it is safe on every engine; DeclarationError naming the model if not."""
    if not isinstance(name, str) or not _COLLECTION.fullmatch(name):
        raise DeclarationError(
            f"{name!r} is not a collection name",
            model=model,
            hint="use letters, digits, '_' and '-', starting with a letter, at most 128 characters",
        )
    if name.startswith("_"):
        raise DeclarationError(
            f"the collection name {name!r} starts with '_', which is kept for collections that the server "
            "and this package make for themselves",
            model=model,
            hint=f"call it {name.lstrip('_')!r}",
        )
    return name
