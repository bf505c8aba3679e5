"""What calls and settings of an offline store take: anything else is refused at once, by name."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..errors import ConfigurationError, SolidbError, UsageError


def check_text(value: Any, what: str, kind: type[SolidbError] = UsageError) -> None:
    """Raise for what is no text, or an empty one."""
    if not isinstance(value, str):
        raise kind(f"{what} is a text, not {value!r}")
    if not value:
        raise kind(f"{what} is empty")


def check_place(collection: Any, key: Any) -> None:
    """Raise UsageError for what names no document."""
    check_text(collection, "the collection")
    check_text(key, "the key")


def check_attributes(document: Any, what: str = "the document") -> None:
    """Raise UsageError for what is no map of attributes."""
    if not isinstance(document, Mapping):
        raise UsageError(f"{what} is a mapping of attributes, not {document!r}")
    for name in cast(Any, document):
        if not isinstance(name, str):
            raise UsageError(f"{what} has the attribute {name!r}", hint="names of attributes are texts")


def check_kind(value: Any, kind: type[Any], message: str, hint: str) -> None:
    """Raise ConfigurationError for what is of another kind."""
    if not isinstance(value, kind):
        raise ConfigurationError(f"{message}, not {value!r}", hint=hint)


def check_count(value: Any, what: str) -> None:
    """Raise UsageError for what is no whole number from 0 on."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise UsageError(f"{what} is a whole number from 0 on, not {value!r}")


def check_seconds(value: Any, what: str) -> None:
    """Raise UsageError for what is no number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise UsageError(f"{what} is a number of seconds, not {value!r}")


def check_bool(value: Any, what: str) -> None:
    """Raise ConfigurationError for what is neither True nor False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{what} is True or False, not {value!r}")


def check_path(value: Any, what: str) -> None:
    """Raise ConfigurationError for what is no path, or an empty one."""
    if isinstance(value, os.PathLike):
        value = cast(Any, value).__fspath__()
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{what} is the path of a folder, not {value!r}")


def check_several(value: Any, what: str, hint: str) -> None:
    """Raise ConfigurationError for a single text, or what can't be gone through."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{what} takes several, not {value!r}", hint=hint)
