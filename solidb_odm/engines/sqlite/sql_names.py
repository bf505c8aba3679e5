"""How collections and attributes are called in SQL.

SQLite's table names ignore case and some are its own; the names of collections do neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

PREFIX = "_solidb_"
SYSTEM_COLUMNS = {"_key": "key", "_rev": "rev", "_created_at": "created", "_updated_at": "updated"}
_UPPER = re.compile(r"[A-Z^]")
_UNREACHABLE = re.compile(r'["\\\x00-\x1f]')


@lru_cache(maxsize=1024)
def table_name(collection: str) -> str:
    """Return the bare name of a collection's table: the same name, capitals marked with ``^``."""
    name = _UPPER.sub(lambda match: f"^{match[0].lower()}", collection)
    return f"^:{name}" if name.startswith(("sqlite_", PREFIX, "^:")) else name


@lru_cache(maxsize=1024)
def table_sql(collection: str) -> str:
    """Return the quoted name of a collection's table."""
    return quoted(table_name(collection))


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Write an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def is_reachable(attribute: str) -> bool:
    """Return whether SQLite's JSON paths can name the attribute as SDBQL means it.

    They compare names as the JSON text spells them, so one with an escape is never found.
    A name with a dot may mean a path of its own, which SQL does not try.
    """
    return not _UNREACHABLE.search(attribute) and "." not in attribute


def path_sql(attributes: Sequence[str]) -> str:
    """Return the JSON path of nested attributes, as an SQL literal."""
    return text_literal("$" + "".join(f'."{name}"' for name in attributes))
