"""``client.columnar``: columnar tables for analysis, with the features that the server lacks added here."""
