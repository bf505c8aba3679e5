"""The OPTIONS of clauses: literals under known names."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..nodes import Literal, Name, Object
from ..tokens import FLOAT, INTEGER, STRING
from .expressions import ExpressionParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..grammar import Check
    from ..nodes import Options, OptionValue


class OptionsParser(ExpressionParser):
    """Read OPTIONS."""

    def options(self, known: Mapping[str, Check]) -> Options:
        """Read ``OPTIONS {..}`` if it stands here, checked against the known names."""
        if not (self.is_word("OPTIONS") and self.ahead() == "{"):
            return ()
        self.at += 2
        found: list[tuple[str, OptionValue]] = []
        while not self.accept("}"):
            found.append(self.option(known))
            if not self.accept(","):
                self.expect("}", "',' or '}'")
                break
        return tuple(found)

    def option(self, known: Mapping[str, Check]) -> tuple[str, OptionValue]:
        """Read one option."""
        at = self.at
        name = self.key()
        if name not in known:
            raise self.error(f"unknown option {name!r}, expected one of {', '.join(sorted(known))}", at)
        self.expect(":")
        at = self.at
        value = self.option_value()
        if not known[name](value):
            raise self.error(f"option {name!r} can't have this value", at)
        return name, value

    def option_value(self) -> OptionValue:
        """Read a literal, or a list of literals."""
        kind = self.kind
        if self.accept("["):
            items: list[OptionValue] = []
            while not self.accept("]"):
                items.append(self.option_value())
                if not self.accept(","):
                    self.expect("]", "',' or ']'")
                    break
            return tuple(items)
        self.at += 1
        if kind in (STRING, INTEGER, FLOAT):
            return cast("str | int | float", self.values[self.at - 1])
        if kind in ("TRUE", "FALSE", "NULL"):
            return {"TRUE": True, "FALSE": False}.get(kind)
        if kind == "-" and self.kind in (INTEGER, FLOAT):
            self.at += 1
            return -cast("int | float", self.values[self.at - 1])
        self.at -= 1
        raise self.expected("a literal")

    def path_options(self) -> Options:
        """Read the options of a path search: any object, of which only literals count."""
        if not (self.is_word("OPTIONS") and self.ahead() == "{"):
            return ()
        self.at += 1
        read = cast("Object", self.object())
        found: list[tuple[str, OptionValue]] = []
        for name, value in read.pairs:
            if isinstance(value, Literal):
                found.append((name, value.value))
            elif isinstance(value, Name) and name == "weight":
                found.append((name, value.name))
        return tuple(found)
