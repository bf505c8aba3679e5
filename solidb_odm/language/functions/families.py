"""All families of functions: importing them fills the catalogue."""

# pyright: reportUnusedImport=false
# ruff: noqa: F401  # importing a family registers its functions

from . import (
    aggregates,
    arrays,
    database,
    dates,
    digests,
    formatting,
    geo,
    graphs,
    hashes,
    higher_order,
    identifiers,
    moments,
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
)
from .built_in import catalogue, lookup

__all__ = ["catalogue", "lookup"]
