"""The built-in functions: a catalogue that people read, and code that a query runs on a file."""

from . import (  # noqa: F401  # importing a family registers its functions
    aggregates,
    arrays,
    dates,
    digests,
    documents,
    formatting,
    geo,
    graphs,
    higher_order,
    identifiers,
    numeric,
    objects,
    phonetics,
    regexes,
    search,
    series,
    strings,
    text,
    types,
    vectors,
)
from .base import Context, Function, IndexInfo, catalogue, lookup

__all__ = ["Context", "Function", "IndexInfo", "catalogue", "lookup"]
