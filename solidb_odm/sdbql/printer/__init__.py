"""The printer: nodes to text that a server reads back as the same nodes.

Every name stands in backticks and every compound operand in parentheses, so that neither keywords nor
precedence matter. ``quoting`` writes names and values, ``expressions`` and ``clauses`` have one method
per node, ``queries`` puts them together.
"""

from solidb_odm.sdbql.printer.queries import print_expression, print_query

__all__ = ["print_expression", "print_query"]
