"""``client.graph``: walks along edges, and communities for retrieval."""

from __future__ import annotations

from .graph import AsyncGraph, Graph

__all__ = ["AsyncGraph", "Graph"]
