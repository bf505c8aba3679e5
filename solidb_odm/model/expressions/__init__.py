"""Expressions over the fields of models, which queries are made of."""
