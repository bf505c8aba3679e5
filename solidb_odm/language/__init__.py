"""The query language as data: nodes, and (in their own modules) parser, printer and catalogue."""
