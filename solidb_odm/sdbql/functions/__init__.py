"""The built-in functions: a catalogue that people read, and code that a query runs on a file."""

# pyright: reportUnusedImport=false
# ruff: noqa: F401  # importing a family registers its functions

from . import (
    aggregates,
    arrays,
    dates,
    digests,
    documents,
    formatting,
    geo,
    graphs,
    hashes,
    higher_order,
    identifiers,
    numeric,
    objects,
    phonetics,
    regexes,
    search,
    series,
    sketches,
    strings,
    text,
    types,
    vectors,
    zones,
)
from .base import Context, Function, IndexInfo, catalogue, lookup

__all__ = ["Context", "Function", "IndexInfo", "catalogue", "lookup"]
