"""What becomes of the documents of a random pair of model sets, and what has to be decided for that.

Written from the documentation alone: it knows nothing of steps.
"""

from __future__ import annotations

from typing import Any

from .model_sets import SCALARS, Rows, Spec, first_value, relinked, size_of


def fits(field: Spec, value: Any) -> bool:
    """Return whether a stored value is one of a field."""
    is_null = field["optional"] or field["type"]["kind"] == "any"
    return is_null if value is None else _fits(field["type"], value)


def _fits(kind: Spec, value: Any) -> bool:
    return bool(_FITS[kind["kind"]](kind, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _all(kind: str, inner: str) -> Any:
    """Return the rule for lists, or dictionaries, of values of another kind."""
    holder = {"list": list, "dict": dict}[kind]

    def rule(spec: Spec, value: Any) -> bool:
        rows = value.values() if isinstance(value, dict) else value
        return isinstance(value, holder) and all(_fits({**spec, "kind": inner}, row) for row in rows)

    return rule


def _is_part(spec: Spec, value: Any) -> bool:
    return isinstance(value, dict) and _fits_fields(spec["fields"], value)


def _is_pet(spec: Spec, value: Any) -> bool:
    members = spec["members"]
    return (
        isinstance(value, dict)
        and value.get("kind") in members
        and _fits_fields(members[value["kind"]], value)
    )


_FITS: dict[str, Any] = {
    "int": lambda _, value: _is_number(value) and isinstance(value, int),
    "float": lambda _, value: _is_number(value),
    "bool": lambda _, value: isinstance(value, bool),
    "str": lambda _, value: isinstance(value, str),
    "moment": lambda _, value: isinstance(value, str) and value.startswith("2020-"),
    "colour": lambda _, value: value in SCALARS["colour"][1],
    "shade": lambda _, value: value in SCALARS["shade"][1],
    "either": lambda _, value: isinstance(value, str) or (_is_number(value) and isinstance(value, int)),
    "any": lambda _, __: True,
    "link": lambda _, value: isinstance(value, str) and "/" in value,
    "names": _all("list", "str"),
    "counts": _all("dict", "int"),
    "parts": _all("list", "part"),
    "table": _all("dict", "part"),
    "pets": _all("list", "pet"),
    "links": _all("list", "link"),
    "vector": _all("list", "float"),
    "part": _is_part,
    "pet": _is_pet,
}


def _fits_fields(fields: Spec, value: dict[str, Any]) -> bool:
    return all(
        fits(field, value[name]) if name in value else field["default"] != "no"
        for name, field in fields.items()
    )


class Oracle:
    """What documents become, given what was decided: fills by path, and members that were dropped."""

    def __init__(self, before: Spec, after: Spec, fill: dict[str, Any], drop: list[str]) -> None:
        self.before, self.after, self.fill, self.drop = before, after, fill, drop

    def rows(self, rows: Rows) -> Rows:
        """Return the documents of all collections as they are to be."""
        made = {name: [self._document(name, row) for row in rows[name]] for name in rows}
        return {name: [row for row in stored if row is not None] for name, stored in made.items()}

    def _document(self, name: str, row: dict[str, Any]) -> dict[str, Any] | None:
        before, after = self.before[name], self.after[name]
        kinds = {own["from"]: kind for kind, own in after.get("classes", {}).items()}
        old = row.get("_type")
        if old is not None and old not in kinds:
            return None
        kept = ("_key", "more") if name != "ties" else ("_key", "_from", "_to")
        made = {name: row[name] for name in kept if name in row}
        if name == "ties":
            made |= self._ends(row)
        made |= self.fields(name, before["fields"], after["fields"], row)
        if old is not None:
            new = kinds[old]
            own = before["classes"][old]["fields"], after["classes"][new]["fields"]
            made |= {"_type": new, **self.fields(f"things:{old}", *own, row)}
        if after.get("soft") and "deleted_at" in row:
            made["deleted_at"] = row["deleted_at"]
        if after.get("computed"):
            made["size"] = size_of(after, row["_key"])
        return relinked(made, self.after["other_name"])

    def _ends(self, row: dict[str, Any]) -> dict[str, str]:
        ends: dict[str, str] = {}
        for end, old, new in zip(
            ("_from", "_to"), self.before["ties"]["ends"], self.after["ties"]["ends"], strict=True
        ):
            ends[end] = row[end].replace(f"{old}/", f"{new}/")
        return ends

    def fields(self, where: str, before: Spec, after: Spec, row: dict[str, Any]) -> dict[str, Any]:
        """Return what becomes of the fields of one object."""
        made: dict[str, Any] = {}
        for name, field in after.items():
            source = field["from"] or name
            path = f"{where}.{source}"
            if source not in before:
                value = self.fill.get(path, first_value(field["type"]))
                if field["default"] in ("no", "value"):
                    made[name] = value
            elif source in row:
                made[name] = self._value(path, before[source], field, row[source])
            elif path in self.fill or field["default"] == "value":
                made[name] = self.fill.get(path, first_value(field["type"]))
            if name in made and made[name] is _GONE:
                del made[name]
                made |= self._instead(path, name, before[source], field)
        return made

    def _instead(self, path: str, name: str, before: Spec, after: Spec) -> dict[str, Any]:
        """Return what takes the place of a dropped value: the new default, or the old one if it has to be."""
        if path in self.fill or after["default"] == "value":
            return {name: self.fill.get(path, first_value(after["type"]))}
        if after["default"] == "no" and before["default"] == "value":
            return {name: first_value(before["type"])}
        return {}

    def _value(self, path: str, before: Spec, after: Spec, value: Any) -> Any:
        old, new = before["type"], after["type"]
        if old["kind"] == new["kind"] == "vector" and old["size"] != new["size"]:
            return None
        if value is not None:
            value = self._inside(path, old, new, value)
            if value is _GONE:
                return value
            value = _converted(old, new, value)
        if fits(after, value):
            return value
        has_default = value is None and after["default"] == "value"
        return self.fill.get(path, first_value(new)) if has_default else self.fill[path]

    def _inside(self, path: str, old: Spec, new: Spec, value: Any) -> Any:
        if old["kind"] != new["kind"]:
            return value
        match new["kind"]:
            case "part":
                return self.fields(path, old["fields"], new["fields"], value)
            case "parts":
                return [self.fields(f"{path}[]", old["fields"], new["fields"], inner) for inner in value]
            case "table":
                return {
                    name: self.fields(f"{path}{{}}", old["fields"], new["fields"], inner)
                    for name, inner in value.items()
                }
            case "pet":
                return self._pet(path, old, new, value)
            case "pets":
                pets = [self._pet(f"{path}[]", old, new, pet) for pet in value]
                return [pet for pet in pets if pet is not _GONE]
        return value

    def _pet(self, path: str, old: Spec, new: Spec, value: dict[str, Any]) -> Any:
        tag = value["kind"]
        inner = path if len(old["members"]) == len(new["members"]) == 1 else f"{path}[kind={tag}]"
        if tag not in new["members"]:
            return _GONE if inner in self.drop else self.fill[path]
        return {"kind": tag, **self.fields(inner, old["members"][tag], new["members"][tag], value)}


_GONE = object()
_LISTS = {"names": "str", "parts": "part", "pets": "pet", "links": "link"}
_SAID = ("alias", "from", "declared", "index")


def _converted(old: Spec, new: Spec, value: Any) -> Any:
    if (
        new["kind"] == "str"
        and old["kind"] in ("int", "float", "bool", "either")
        and not isinstance(value, str)
    ):
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    if _LISTS.get(new["kind"]) == old["kind"] and _plain({**new, "kind": old["kind"]}) == _plain(old):
        return [value]
    return value


def _plain(part: Any) -> Any:
    """Return a specification without what does not show in documents."""
    if isinstance(part, dict):
        return {
            name: _plain(inner)
            for name, inner in part.items()
            if name not in _SAID or isinstance(inner, dict)
        }
    return part


def renames(before: Spec, after: Spec) -> dict[str, str]:
    """Return what is to be said of names that the models do not say themselves."""
    names: dict[str, str] = {}
    if after["other_name"] != "others" and not after["others"]["declared"]:
        names["others"] = after["other_name"]
    for name in ("things", "others", "ties"):
        _renames_in(name, before[name]["fields"], after[name]["fields"], names)
    for own in after["things"]["classes"].values():
        _renames_in(
            f"things:{own['from']}", before["things"]["classes"][own["from"]]["fields"], own["fields"], names
        )
    return names


def _renames_in(where: str, before: Spec, after: Spec, names: dict[str, str]) -> None:
    for name, field in after.items():
        source = field["from"] or name
        if source not in before:
            continue
        if field["from"] is not None and not field["declared"]:
            names[f"{where}.{source}"] = name
        old, new = before[source]["type"], field["type"]
        if old["kind"] != new["kind"]:
            continue
        path = f"{where}.{source}" + {"parts": "[]", "table": "{}", "pets": "[]"}.get(new["kind"], "")
        if "fields" in new:
            _renames_in(path, old["fields"], new["fields"], names)
        for tag in new.get("members", ()):
            inner = path if len(old["members"]) == len(new["members"]) == 1 else f"{path}[kind={tag}]"
            if tag in old["members"]:
                _renames_in(inner, old["members"][tag], new["members"][tag], names)


def value_at(after: Spec, path: str) -> Any:
    """Return the value that is decided for a path."""
    where, _, rest = path.partition(".")
    name, _, kind = where.partition(":")
    fields = after[name]["fields"]
    for new, own in after[name].get("classes", {}).items():
        if kind in (new, own["from"]):
            fields = {**fields, **own["fields"]}
    return relinked(first_value(_type_at(fields, rest)), after["other_name"])


def _type_at(fields: Spec, path: str) -> Spec:
    head, _, rest = path.partition(".")
    name = head.split("[")[0].split("{")[0]
    field = next(field for stored, field in fields.items() if (field["from"] or stored) == name)
    kind: Spec = field["type"]
    items = "[]" in head or "{}" in head
    if not rest:
        return (
            {**kind, "kind": {"parts": "part", "table": "part", "pets": "pet"}[kind["kind"]]}
            if items
            else kind
        )
    if "fields" in kind:
        return _type_at(kind["fields"], rest)
    tag = head.partition("[kind=")[2].rstrip("]") or next(iter(kind["members"]))
    return _type_at(kind["members"][tag], rest)
