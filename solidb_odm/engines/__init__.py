"""The engines: a SQLite file and a SoliDB server. ``interface`` says what both are."""
