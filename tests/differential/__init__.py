"""Random queries over random documents: the engines must answer alike."""
