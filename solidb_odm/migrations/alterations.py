"""A field that becomes something else: whether its values can follow, and what has to be said if not."""

from __future__ import annotations

from typing import Any, cast

from .._types import JsonObject
from ..errors import MigrationError
from ..model.stored.shape import canonical, is_required
from .decisions import Decisions, Question, drop_flag, fill_flag, map_flag, value_text
from .fitting import declared, leftover, misfit
from .paths import members_of
from .state import bare
from .steps import UNSET
from .type_text import type_text


class Alteration:
    """One field before and after, under its full path; ``defs`` are the models that hold themselves."""

    def __init__(
        self, path: str, before: JsonObject, after: JsonObject, decisions: Decisions, defs: JsonObject
    ) -> None:
        self.path, self.before, self.after, self.decisions = path, before, after, decisions
        self.defs = defs
        self.fill: Any = UNSET
        self.is_given = decisions.has_fill(path)
        self.values: dict[Any, Any] | None = None
        self.convert: str | None = None
        self.reverse: str | None = None

    def arguments(self) -> dict[str, Any] | None:
        """Return the arguments of ``alter_field``, None if the field is to be dropped and made again."""
        if self._changes_much() and self.decisions.drops(self.path):
            return None
        if self.decisions.has_fill(self.path):
            self.fill = self.decisions.filling(self.path)
            if problem := misfit(self.after, self.fill, {}, self.path):
                raise MigrationError(f"--fill {self.path}={canonical(self.fill)} does not fit: {problem}")
        else:
            self._missing()
        self._values()
        self._kinds()
        self._target()
        return {
            "type": self._type(),
            "fill": self.fill,
            "values": self.values,
            "convert": self.convert,
            "reverse": self.reverse,
        }

    def _type(self) -> Any:
        before, after = bare(self.before), self.after
        if "fields" in before and "fields" in after and before["fields"] == after["fields"]:
            return {key: value for key, value in after.items() if key != "fields"}
        return type_text(after)

    def _ask(self, kind: str, text: str, flags: tuple[str, ...], new: str = "") -> None:
        if not self.decisions.assumes:
            self.decisions.ask(Question(kind, self.path, text, flags, new=new))

    def _missing(self) -> None:
        """Find what to write where there is nothing, or null."""
        loses_null = _takes_null(self.before) and not _takes_null(self.after)
        default = self.after.get("default")
        if loses_null and default is None:
            self._ask("fill", f"{self.path} can be null, and no longer may be", (fill_flag(self.path),))
        elif is_required(self.after) and not is_required(self.before):
            old = self.before.get("default")
            if old is not None and leftover(self.after, old, self.defs) is None:
                self.fill = old
            elif not loses_null and not self.before.get("computed"):
                self._ask(
                    "fill", f"{self.path} is required, and documents may have none", (fill_flag(self.path),)
                )
        elif default is not None and (
            loses_null or canonical(default) != canonical(self.before.get("default"))
        ):
            self.fill = default

    def _values(self) -> None:
        """Ask for new values where old ones are no longer taken."""
        before, after = _enum(self.before), _enum(self.after)
        self.values = self.decisions.mapping(self.path)
        if before is None or after is None:
            return
        kept = set(map(canonical, after))
        gone = [value for value in before if canonical(value) not in kept]
        known = set(self.values or {})
        for value in gone:
            text = value_text(value)
            if text in known or self.is_given:
                continue
            flags = (
                map_flag(self.path, text, value_text(after[0]) if after else "NEW"),
                fill_flag(self.path),
            )
            self._ask("map", f"{self.path} no longer allows {text!r}", flags, new=text)
        for new in (self.values or {}).values():
            if problem := misfit(self.after, new, {}, self.path):
                raise MigrationError(
                    f"--map {self.path} gives {canonical(new)}, which does not fit: {problem}"
                )

    def _kinds(self) -> None:
        """Find a conversion for kinds of values that are no longer taken, or ask."""
        before, after = _kind_set(self.before), _kind_set(self.after)
        if "any" in after:
            return
        gone = {kind for kind in before - after if not (kind == "integer" and "number" in after)}
        gone -= {"null"}
        if "string" in after and _is_free(self.after):
            gone -= _FORMATS
        if "string" in before and _enum(self.before) is None and _enum(self.after) is not None:
            gone.add("string")
        if not gone:
            self._models()
            return
        if (
            gone <= {"integer", "number", "boolean"}
            and after - {"null"} == {"string"}
            and _is_free(self.after)
        ):
            self.convert = "str"
            if "string" not in before:  # where texts were taken before, they stay what they are
                self.reverse = next(text for kind, text in _BACK.items() if kind in gone)
        elif _is_list_of(self.after, self.before):
            self.convert = "list"
        elif gone != {"any"} and not self.is_given and self.values is None:
            text = (
                f"{self.path} was {declared(self.before)} and becomes {declared(self.after)}: "
                "no safe conversion"
            )
            self._ask("fill", text, (fill_flag(self.path), drop_flag(self.path)))

    def _models(self) -> None:
        """Ask where one of several models in a union goes that no field tells from the others."""
        before, after = (_models(question) for question in (self.before, self.after))
        is_asked = any(question.path.startswith(f"{self.path}[") for question in self.decisions.questions)
        kept = {member["ref"] for member in after if "ref" in member}
        is_gone = len(before) > 1 and any("ref" in member and member["ref"] not in kept for member in before)
        if (len(before) > len(after) or is_gone) and not (self.is_given or is_asked):
            text = f"{self.path} no longer allows one of its {len(before)} models"
            self._ask("fill", text, (fill_flag(self.path), drop_flag(self.path)))

    def _target(self) -> None:
        before, after = _targets(self.before), _targets(self.after)
        if before == after or not before or not after or before <= after:
            return
        old, new = ", ".join(sorted(before)), ", ".join(sorted(after))
        if self.values is None and not self.is_given:
            text = f"{self.path} refers to {old}, and is to refer to {new}"
            flags = (map_flag(self.path, old, new), drop_flag(self.path))
            self._ask("map", text, flags, new=old)

    def _changes_much(self) -> bool:
        return canonical(bare(self.before)) != canonical(bare(self.after))


def _members(shape: JsonObject) -> list[JsonObject]:
    return members_of(bare(shape))


def _models(shape: JsonObject) -> list[JsonObject]:
    return [member for member in _members(shape) if "fields" in member or "ref" in member]


def _takes_null(shape: JsonObject) -> bool:
    return any(
        member.get("type") == "null" or None in member.get("enum", ()) or not member
        for member in _members(shape)
    )


def _enum(shape: JsonObject) -> list[Any] | None:
    members = [member for member in _members(shape) if member.get("type") != "null"]
    if members and all("enum" in member for member in members):
        return [value for member in members for value in member["enum"] if value is not None]
    return None


_BACK = {"number": "float", "integer": "int", "boolean": "bool"}
_FORMATS = frozenset({"date-time", "date", "time", "uuid", "duration"})
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def _kind_set(shape: JsonObject) -> set[str]:
    kinds: set[str] = set()
    for member in _members(shape):
        if "enum" in member:
            values: list[Any] = member["enum"]
            kinds |= {_NAMES.get(cast("Any", type(value)), "any") for value in values}
        else:
            kinds.add(member.get("type", "object" if "ref" in member else "any"))
        if member.get("format") in _FORMATS:
            kinds.discard("string")
            kinds.add(member["format"])
    return kinds


def _is_free(shape: JsonObject) -> bool:
    return all(set(member) <= {"type"} for member in _members(shape))


def _is_list_of(after: JsonObject, before: JsonObject) -> bool:
    lists = [member for member in _members(after) if member.get("type") == "array"]
    items = [canonical(member.get("items", {})) for member in lists]
    old = [canonical(member) for member in _members(before) if member.get("type") != "null"]
    return len(items) == 1 and old == items


def _targets(shape: JsonObject) -> set[str]:
    return {member["target"] for member in _members(shape) if "target" in member}
