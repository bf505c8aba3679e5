"""Declaring models: the metaclass, mappings, the registry and the indexes."""
