"""The parser: SDBQL text to nodes, by recursive descent.

One method per rule of the grammar, in layers: ``cursor`` moves over the tokens; ``operands``,
``expressions`` and ``options`` read values; ``graph``, ``mutations`` and ``clauses`` the steps of a query,
``queries`` whole ones. ``hints`` knows what people mean when they write something else.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazily

if TYPE_CHECKING:
    from .queries import parse, parse_expression
else:
    __getattr__ = lazily(__name__, {".queries": ("parse", "parse_expression")})

__all__ = ["parse", "parse_expression"]
