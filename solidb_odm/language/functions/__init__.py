"""The built-in functions: a catalogue that people read, and code that a query runs on a file.

The catalogue is filled when somebody first looks into it.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazily
from .built_in import CallContext, Function, IndexInfo

if TYPE_CHECKING:
    from .families import catalogue, lookup
else:
    __getattr__ = lazily(__name__, {".families": ("catalogue", "lookup")})

__all__ = ["CallContext", "Function", "IndexInfo", "catalogue", "lookup"]
