"""The engines: a SQLite file and a SoliDB server. ``base`` says what both are."""
