"""The engines: an embedded SQLite file and a SoliDB server. ``base`` says what both are."""
