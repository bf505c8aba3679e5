"""The built-in functions: a catalogue that people read, and code that a query runs on a file."""

from . import (  # noqa: F401  # importing a family registers its functions
    aggregates,
    arrays,
    documents,
    formatting,
    higher_order,
    numeric,
    objects,
    regexes,
    strings,
    types,
)
from .base import Context, Function, IndexInfo, catalogue, lookup

__all__ = ["Context", "Function", "IndexInfo", "catalogue", "lookup"]
