"""SDBQL to SQL: one statement for each query that SQL can say exactly, a refusal for each it can't."""
