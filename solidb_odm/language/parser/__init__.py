"""The parser: SDBQL text to nodes, by recursive descent.

One method per rule of the grammar, in layers: ``cursor`` moves over the tokens, and knows what people mean
when they write something else; ``operands`` and ``expressions`` read values; ``graph_clauses`` and
``clauses`` the steps of a query, ``queries`` whole ones.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazily

if TYPE_CHECKING:
    from .queries import parse, parse_anew, parse_expression
else:
    __getattr__ = lazily(__name__, {".queries": ("parse", "parse_anew", "parse_expression")})

__all__ = ["parse", "parse_anew", "parse_expression"]
