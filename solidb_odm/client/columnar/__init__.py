"""``client.columnar``: tables for analysis, and what the server does not do with them itself."""

from __future__ import annotations

from .columnar import AsyncColumnar, Columnar

__all__ = ["AsyncColumnar", "Columnar"]
