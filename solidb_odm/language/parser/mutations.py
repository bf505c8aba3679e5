"""Clauses that write."""

from __future__ import annotations

from ..grammar import INSERT_OPTIONS, MUTATION_OPTIONS
from ..nodes import Expression, Insert, Remove, Update, Upsert
from .graph import GraphParser


class MutationParser(GraphParser):
    """Read INSERT, UPDATE, REPLACE, REMOVE and UPSERT."""

    def mutation_value(self) -> Expression:
        """Read an expression that stops before the IN of its clause."""
        return self.expression(allow_in=False)

    def target(self) -> str:
        """Read ``IN collection`` or ``INTO collection``."""
        if not self.accept("INTO"):
            self.expect("IN", "INTO or IN and a collection")
        return self.name("a collection")

    def insert(self) -> Insert:
        """Read INSERT."""
        self.expect("INSERT")
        document = self.mutation_value()
        return Insert(document, self.target(), self.options(INSERT_OPTIONS))

    def update(self) -> Update:
        """Read UPDATE or REPLACE."""
        replace = self.kind == "REPLACE"
        self.at += 1
        selector = self.mutation_value()
        patch = self.mutation_value() if self.accept("WITH") else None
        return Update(selector, patch, self.target(), replace, self.options(MUTATION_OPTIONS))

    def remove(self) -> Remove:
        """Read REMOVE."""
        self.expect("REMOVE")
        selector = self.mutation_value()
        return Remove(selector, self.target(), self.options(MUTATION_OPTIONS))

    def upsert(self) -> Upsert:
        """Read UPSERT."""
        self.expect("UPSERT")
        search = self.mutation_value()
        self.expect("INSERT")
        document = self.mutation_value()
        replace = self.accept("REPLACE")
        if not replace:
            self.expect("UPDATE", "UPDATE or REPLACE")
        patch = self.mutation_value()
        return Upsert(search, document, patch, self.target(), replace, self.options(MUTATION_OPTIONS))
