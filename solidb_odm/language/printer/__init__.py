"""The printer: nodes to text that a server reads back as the same nodes.

Every name stands in backticks and every compound operand in parentheses, so that neither keywords nor
precedence matter. ``quoting`` writes names and values, ``expressions`` and ``clauses`` have one method
per node, ``queries`` puts them together.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazily

if TYPE_CHECKING:
    from .queries import print_expression, print_query
else:
    __getattr__ = lazily(__name__, {".queries": ("print_expression", "print_query")})

__all__ = ["print_expression", "print_query"]
