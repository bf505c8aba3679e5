"""An object-document mapper for SoliDB. The public names are re-exported here."""
