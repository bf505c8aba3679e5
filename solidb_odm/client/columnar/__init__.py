"""``client.columnar``: tables for analysis, and what the server does not do with them itself."""
