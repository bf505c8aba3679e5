"""``create_engine`` and what engines report: events, statistics and spans."""
