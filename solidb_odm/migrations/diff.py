"""The steps from one state to another, asking where they can't be known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._types import Json, JsonObject
from ..errors import MigrationError
from ..model.stored.shape import canonical, is_required
from .alterations import Alteration
from .decisions import Decisions, Question, drop_flag, fill_flag, rename_flag
from .fitting import misfit
from .paths import (
    ITEMS,
    VALUES,
    Part,
    Path,
    look,
    members_of,
    name,
    parts_of,
    path_text,
    resolved,
    ways,
)
from .replay import apply_step, create_step, index_step
from .state import BASE, Collection, State, aligned, bare, copy_of, without_hints
from .steps import UNSET, Step, step_text
from .type_text import read_type, type_text


def diff(old: State, new: State, decisions: Decisions | None = None) -> list[Step]:
    """Return the steps that lead from one state to the other.

    DecisionNeeded if something can be meant in several ways, and it was not said how.
    """
    chosen = decisions if decisions is not None else Decisions()
    comparison = _Diff(copy_of(old), copy_of(new), chosen)
    comparison.run()
    chosen.settle()
    return comparison.steps


class _Diff:
    """One comparison: ``now`` is the old state after the steps found so far."""

    def __init__(self, now: State, new: State, decisions: Decisions) -> None:
        self.now, self.new, self.decisions = now, new, decisions
        self.steps: list[Step] = []
        self.compared: set[tuple[str, str]] = set()

    def emit(self, operation: str, collection: str, **arguments: Any) -> None:
        step = Step(operation, collection, arguments)
        apply_step(self.now, step)
        self.steps.append(step)

    def _full(self, where: str, path: Path) -> str:
        """Return a path as decisions say it: with the old names where something is renamed."""
        return self.decisions.old_path(self._join(where, path))

    def _join(self, where: str, path: Path) -> str:
        return f"{where}.{path_text(path)}" if path else where

    def _rename_collection(self, old: str, new: str) -> None:
        self.emit("rename_collection", old, new=new)
        self.decisions.move(new, old)

    def _rename_type(self, collection: str, old: str, new: str) -> None:
        self.emit("rename_type", collection, old=old, new=new)
        self.decisions.move(f"{collection}:{new}", f"{collection}:{old}")

    def run(self) -> None:
        self._rename_collections()
        gone = [collection for collection in self.now if collection not in self.new]
        for collection in [collection for collection in self.new if collection not in self.now]:
            step = create_step(self.new[collection])
            apply_step(self.now, step)
            self.steps.append(step)
        for collection in self.new:
            self._collection(self.now[collection], self.new[collection])
        for collection in gone:
            if self.decisions.drops(collection) or self.decisions.assumes:
                self.emit("drop_collection", collection, keep=True)
            elif not any(question.path == collection for question in self.decisions.questions):
                text = f"the collection {collection} is removed; its documents would be kept in the attic"
                self.decisions.ask(Question("drop", collection, text, (drop_flag(collection),)))

    # --- collections -----------------------------------------------------------------------------

    def _rename_collections(self) -> None:
        for new in self.new.values():
            if new.name not in self.now and new.renamed_from in self.now:
                self._rename_collection(new.renamed_from or "", new.name)
        come = [name for name in self.new if name not in self.now]
        for old in list(self.now):
            new_name = self.decisions.new_name(old)
            if new_name is not None and new_name in come:
                come.remove(new_name)
                self._rename_collection(old, new_name)
            elif new_name is not None and new_name != old:
                raise MigrationError(f"{old} can't become {new_name}: no model declares that collection")
            elif old not in self.new and not self.decisions.drops(old):
                kind = self.now[old].kind
                self._ask_rename(old, [name for name in come if self.new[name].kind == kind])

    def _collection(self, old: Collection, new: Collection) -> None:
        if old.kind != new.kind:
            raise MigrationError(
                f"{new.name!r} holds {old.kind}s and can't become a collection of {new.kind}s",
                hint=f"declare the {new.kind}s under another name, and fill that from {new.name!r}: "
                f'op.execute("FOR d IN {new.name} INSERT {{_from: .., _to: .., ..}} INTO ..")',
            )
        if new.version > old.version:  # the models say themselves what becomes of the documents
            self.emit("upgrade_documents", new.name, version=new.version)
            self.emit("set_schema", new.name, schema=new.schema_text(), validation=new.validation)
        else:
            first = len(self.steps)
            self._classes(old, new)
            self._dimensions(old, new)
            self._recompute(new, self.steps[first:])
        self._indexes(old, new)
        if old.validation != new.validation:
            self.emit("set_schema", new.name, schema=None, validation=new.validation)

    def _recompute(self, new: Collection, steps: list[Step]) -> None:
        """Write computed fields again if values have changed, once documents are as the models have them."""
        fields = [pair for shape in new.shapes.values() for pair in shape["fields"].items()]
        names = sorted({field for field, shape in fields if shape.get("computed")})
        if names and any(_changes_values(step) for step in steps):
            self.emit("recompute", new.name, names=tuple(names))

    def _classes(self, old: Collection, new: Collection) -> None:
        self._rename_types(old, new)
        new.shapes = {
            kind: aligned(old.shapes[kind], shape) if kind in old.shapes else shape
            for kind, shape in new.shapes.items()
        }
        for kind in [kind for kind in new.shapes if kind not in old.shapes]:
            schema = type_text(without_hints(new.shapes[kind]))
            self.emit("set_schema", f"{new.name}:{kind}", schema=schema, validation=new.validation)
        for kind in sorted(new.shapes):
            where = f"{new.name}:{kind}" if kind else new.name
            self._definitions(old, new, where, kind)
            self._fields(old, new, where, kind, ())
            self._extra(old, new, where, kind)
        for kind in [kind for kind in old.shapes if kind not in new.shapes]:
            path = self.decisions.old_path(f"{new.name}:{kind}")
            if self.decisions.drops(path) or self.decisions.assumes or kind == BASE:
                self.emit("drop_collection", path, keep=True)
            else:
                text = f"the class {path} is removed; its documents would be kept in the attic"
                self.decisions.ask(Question("drop", path, text, (drop_flag(path),)))

    def _rename_types(self, old: Collection, new: Collection) -> None:
        come = [kind for kind in new.shapes if kind not in old.shapes and kind]
        for kind in list(come):
            if new.renamed_types.get(kind) in old.shapes:
                come.remove(kind)
                self._rename_type(new.name, new.renamed_types[kind], kind)
        for kind in [kind for kind in old.shapes if kind]:
            path = self.decisions.old_path(f"{new.name}:{kind}")
            chosen = self.decisions.new_name(path)
            if chosen is not None and chosen in come:
                come.remove(chosen)
                self._rename_type(new.name, kind, chosen)
            elif kind not in new.shapes and not self.decisions.drops(path):
                self._ask_rename(path, come, prefix=f"{self.decisions.old_path(new.name)}:")

    def _definitions(self, old: Collection, new: Collection, where: str, kind: str) -> None:
        """Say what the models are that come and hold themselves, before fields are of them."""
        there, declared = old.shapes[kind].get("defs", {}), new.shapes[kind].get("defs", {})
        come = {model: without_hints(declared[model]) for model in declared if model not in there}
        if come:
            self.emit("set_schema", where, schema={"defs": {**there, **come}}, validation=UNSET)

    def _extra(self, old: Collection, new: Collection, where: str, kind: str) -> None:
        before, after = old.shapes[kind], new.shapes[kind]
        keys = [key for key in ("extra", "defs") if before.get(key) != without_hints(after.get(key))]
        if not keys:
            return
        schema = {key: without_hints(after.get(key)) for key in keys}
        problem = None if self.decisions.assumes else _unsaid(before.get("defs", {}), after.get("defs", {}))
        if problem is not None:
            step = Step("set_schema", where, {"schema": schema, "validation": UNSET})
            raise MigrationError(
                f"{problem}: no path says at which depth, so write the change of the documents by hand",
                hint=f"in a revision by hand: {step_text(step, 10**6)} and op.for_each({where!r}, ..)",
            )
        self.emit("set_schema", where, schema=schema, validation=UNSET)

    def _indexes(self, old: Collection, new: Collection) -> None:
        for index_name in [known for known in old.indexes if old.indexes[known] != new.indexes.get(known)]:
            self.emit("drop_index", new.name, name=index_name)
        for index_name in [known for known in new.indexes if known not in old.indexes]:
            step = index_step(new.name, new.indexes[index_name])
            apply_step(self.now, step)
            self.steps.append(step)

    def _dimensions(self, old: Collection, new: Collection) -> None:
        for index_name, before in list(old.indexes.items()):
            after = new.indexes.get(index_name)
            if after is not None and before.kind == "vector" and after.kind == "vector":
                self._dimension(new, before.dimension, after.dimension, before.fields[0])

    def _dimension(self, new: Collection, before: int, after: int, path: str) -> None:
        full = self._full(new.name, tuple(map(name, path.split("."))))
        if before == after or self.decisions.assumes:
            return
        shape = look(next(iter(new.shapes.values())), tuple(map(name, path.split("."))))
        if self.decisions.drops(full):
            type_ = type_text(without_hints(shape or {}))
            self.emit("drop_field", new.name, path=path, keep=True)
            self.emit("add_field", new.name, path=path, type=type_, fill=UNSET)
        elif self.decisions.has_fill(full):
            fill = self.decisions.filling(full)
            type_ = type_text(without_hints(shape or {}))
            self.emit("drop_field", new.name, path=path, keep=True)
            self.emit("add_field", new.name, path=path, type=type_, fill=fill)
        else:
            text = f"the vectors in {full} have {before} numbers, and need {after}"
            self.decisions.ask(Question("fill", full, text, (fill_flag(full, "null"), drop_flag(full))))

    # --- fields ----------------------------------------------------------------------------------

    def _fields(self, old: Collection, new: Collection, where: str, kind: str, path: Path) -> None:
        """Compare the fields of the model at a path: names first, then types under the new names."""
        before, after = self._objects(old.shapes[kind], new.shapes[kind], path)
        gone = [field for field in before if field not in after]
        come = [field for field in after if field not in before]
        for field in before:
            self._rename(old, new, where, kind, path, field, gone, come)
        for field in gone:
            self._drop(old, new, where, kind, (*path, name(field)), bool(come))
        before, after = self._objects(old.shapes[kind], new.shapes[kind], path)
        for field in after:
            if field not in before:
                self._add(
                    self._target(old, new, where, kind, (*path, name(field))),
                    where,
                    (*path, name(field)),
                    after[field],
                )
            else:
                self._compare(old, new, where, kind, (*path, name(field)))

    def _objects(self, before: JsonObject, after: JsonObject, path: Path) -> tuple[JsonObject, JsonObject]:
        return _fields_at(before, path), _fields_at(after, path)

    def _target(self, old: Collection, new: Collection, where: str, kind: str, path: Path) -> str:
        """Return the collection, or the class where the others are not changed in the same way."""
        if kind != BASE or len(new.shapes) == 1:
            return where
        own_before, own_after = look(old.shapes[BASE], path), look(new.shapes[BASE], path)
        for other in new.shapes:
            before, after = look(old.shapes.get(other, {}), path), look(new.shapes[other], path)
            if canonical(before) != canonical(own_before) or canonical(after) != canonical(own_after):
                return f"{new.name}:"
        return new.name

    def _rename(
        self, old: Collection, new: Collection, where: str, kind: str, path: Path, field: str,
        gone: list[str], come: list[str],
    ) -> None:  # fmt: skip
        full = self._full(where, (*path, name(field)))
        after = _fields_at(new.shapes[kind], path)
        declared = next((c for c in come if field in gone and field in _old_names(after[c])), None)
        chosen = self.decisions.new_name(full) or declared
        if chosen is None:
            return
        if chosen not in come:
            raise MigrationError(f"{full} can't become {chosen!r}: no field of that name is added there")
        target = self._target(old, new, where, kind, (*path, name(field)))
        gone[:] = [name for name in gone if name != field]
        come.remove(chosen)
        self.emit(
            "rename_field", target, path=path_text((*path, name(field))), new=path_text((name(chosen),))
        )
        self.decisions.move(self._join(where, (*path, name(chosen))), self._join(where, (*path, name(field))))

    def _drop(self, old: Collection, new: Collection, where: str, kind: str, path: Path, comes: bool) -> None:
        full = self._full(where, path)
        shape = look(old.shapes[kind], path) or {}
        if not (self.decisions.drops(full) or self.decisions.assumes or shape.get("computed")):
            come = [
                field
                for field in _fields_at(new.shapes[kind], path[:-1])
                if field not in _fields_at(old.shapes[kind], path[:-1])
            ]
            fields = _fields_at(new.shapes[kind], path[:-1])
            come.sort(
                key=lambda field: canonical(without_hints(bare(fields[field]))) != canonical(bare(shape))
            )
            prefix = self._full(where, path[:-1])
            joint = "." if path[:-1] or "." not in prefix else ""
            if comes and come:
                self._ask_rename(full, come, prefix=f"{prefix}{joint}")
            if not any(question.path == full for question in self.decisions.questions):
                text = f"{full} is removed; its values would be kept in the attic"
                self.decisions.ask(Question("drop", full, text, (drop_flag(full),)))
        self.emit("drop_field", self._target(old, new, where, kind, path), path=path_text(path), keep=True)

    def _ask_rename(self, path: str, come: list[str], *, prefix: str = "") -> None:
        if self.decisions.assumes:
            return
        for candidate in come:
            other = f"{prefix}{candidate}"
            if (path, candidate) in self.decisions.apart:
                continue
            text = f"{path} is removed and {other} is added: is {other} its new name"
            flags = (rename_flag(path, candidate), drop_flag(path))
            self.decisions.ask(Question("rename", path, text, flags, new=candidate))

    def _add(self, target: str, where: str, path: Path, shape: JsonObject) -> None:
        full, fill = self._full(where, path), UNSET
        plain = without_hints(shape)
        if self.decisions.has_fill(full):
            fill = self._fitting(full, self.decisions.filling(full), plain)
        elif shape.get("default") is not None:
            fill = shape["default"]
        elif is_required(shape) and not self.decisions.assumes:
            text = f"{full} is required, and existing documents have none"
            self.decisions.ask(Question("fill", full, text, (fill_flag(full),)))
        self.emit("add_field", target, path=path_text(path), type=type_text(plain), fill=fill)

    def _fitting(self, full: str, value: Json, shape: JsonObject) -> Json:
        problem = misfit(shape, value, {}, full)
        if problem is not None:
            raise MigrationError(
                f"--fill {full}={canonical(value)} does not fit: {problem}",
                hint=f"--fill {full}=JSON takes a value as documents store it",
            )
        return value

    def _compare(self, old: Collection, new: Collection, where: str, kind: str, path: Path) -> None:
        """Compare what stands at a path in both: what is inside first, then the rest as one alteration."""
        before, after = look(old.shapes[kind], path), look(new.shapes[kind], path)
        if before is None or after is None:
            return
        is_equal = canonical(before) == canonical(without_hints(after))
        if is_equal and not self._leads_deeper(old.shapes[kind], new.shapes[kind], where, before):
            return
        target = self._target(old, new, where, kind, path)
        loses_members = self._inside(old, new, where, kind, path, before, after)
        before, plain = look(old.shapes[kind], path) or {}, without_hints(after)
        defs = without_hints(new.shapes[kind].get("defs", {}))
        is_filled = canonical(before) != canonical(plain) and self._alter(
            target, where, path, before, after, defs
        )
        if loses_members and path[-1].kind == "name" and not is_filled:
            self._fill(target, where, path, after)

    def _alter(
        self, target: str, where: str, path: Path, before: JsonObject, after: JsonObject, defs: JsonObject
    ) -> bool:
        """Make one thing of another; return whether a value is written where there is none."""
        plain = without_hints(after)
        if plain.get("computed"):  # its values are written again, whatever they were
            self.emit("alter_field", target, path=path_text(path), type=type_text(plain), **_AS_IT_IS)
            return True
        arguments = Alteration(self._full(where, path), before, plain, self.decisions, defs).arguments()
        if arguments is None:
            self.emit("drop_field", target, path=path_text(path), keep=True)
            self._add(target, where, path, after)
            return True
        self.emit("alter_field", target, path=path_text(path), **arguments)
        return arguments["fill"] is not UNSET

    def _fill(self, target: str, where: str, path: Path, after: JsonObject) -> None:
        """Write a value where the values of a member of a union have been taken away."""
        full, default = self._full(where, path), after.get("default")
        if self.decisions.has_fill(full) or default is not None:
            fill = self.decisions.filling(full) if self.decisions.has_fill(full) else default
            type_ = type_text(without_hints(after))
            self.emit("alter_field", target, path=path_text(path), type=type_, **{**_AS_IT_IS, "fill": fill})
        elif is_required(after) and not self.decisions.assumes:
            text = f"{full} is required, and documents that lose a member of it have none"
            self.decisions.ask(Question("fill", full, text, (fill_flag(full),)))

    def _inside(
        self, old: Collection, new: Collection, where: str, kind: str, path: Path,
        before: JsonObject, after: JsonObject,
    ) -> bool:  # fmt: skip
        """Compare what is inside; return whether a member of a union is taken away."""
        definitions = old.shapes[kind].get("defs", {}), new.shapes[kind].get("defs", {})
        known = {(where, member["ref"]) for member in members_of(before) if "ref" in member}
        fresh = [m for m in members_of(before) if (where, m.get("ref")) not in self.compared]
        self.compared |= known
        for model in sorted(model for _, model in known):
            for way in ways(old.shapes[kind], model):
                self.decisions.equate(self._full(where, path), self._full(where, way))
        ones = [resolved(member, definitions[0]) for member in fresh]
        others = [resolved(member, definitions[1]) for member in members_of(after)]
        for word, part in (("items", ITEMS), ("values", VALUES)):
            mine, theirs = [m for m in ones if word in m], [m for m in others if word in m]
            if len(mine) == 1 and len(theirs) == 1:
                self._compare(old, new, where, kind, (*path, part))
        mine, theirs = [m for m in ones if "fields" in m], [m for m in others if "fields" in m]
        if len(mine) == 1 and len(theirs) == 1:
            self._fields(old, new, where, kind, path)
        elif mine and theirs:
            return self._tagged(old, new, where, kind, path, mine, theirs)
        return False

    def _leads_deeper(self, old: JsonObject, new: JsonObject, where: str, shape: JsonObject) -> bool:
        """Return whether a model that holds itself stands in a shape, and is not compared yet."""
        if old.get("defs") == without_hints(new.get("defs")) or not old.get("defs"):
            return False
        return any((where, model) not in self.compared for model in _models_in([shape]))

    def _tagged(
        self, old: Collection, new: Collection, where: str, kind: str, path: Path,
        mine: list[JsonObject], theirs: list[JsonObject],
    ) -> bool:  # fmt: skip
        tag = _tag([*mine, *theirs])
        if tag is None:
            return False
        before = {member["fields"][tag]["enum"][0] for member in mine}
        after = {member["fields"][tag]["enum"][0] for member in theirs}
        for value in sorted(before & after):
            self._fields(old, new, where, kind, (*path, Part("member", tag, value)))
        gone = [(*path, Part("member", tag, value)) for value in sorted(before - after)]
        target = self._target(old, new, where, kind, path)
        return [self._drop_member(target, where, inner) for inner in gone].count(True) > 0

    def _drop_member(self, target: str, where: str, inner: Path) -> bool:
        """Take the values of a member of a union away, unless they are to become something else."""
        full, around = self._full(where, inner), self._full(where, inner[:-1])
        if self.decisions.drops(full) or self.decisions.assumes:
            self.emit("drop_field", target, path=path_text(inner), keep=True)
            return True
        if not self.decisions.has_fill(around):
            text = f"values of {full} are no longer allowed"
            self.decisions.ask(Question("drop", full, text, (fill_flag(around), drop_flag(full))))
        return False


def _unsaid(before: JsonObject, after: JsonObject) -> str | None:
    """Return what changes documents in a model that holds itself, None if nothing does."""
    for model in sorted(before.keys() & after.keys()):
        old, new = before[model].get("fields", {}), without_hints(after[model].get("fields", {}))
        for field in sorted({*old, *new}):
            what = _change_of(old.get(field), new.get(field))
            if what is not None:
                return f"{model} holds itself, and its {field} {what}"
    return None


def _change_of(old: JsonObject | None, new: JsonObject | None) -> str | None:
    if new is None:
        return "goes"
    if old is None:
        return "is to be written" if is_required(new) or new.get("default") is not None else None
    if canonical(bare(old)) != canonical(bare(new)):
        return "becomes something else"
    return "is to be written" if is_required(new) and not is_required(old) else None


_AS_IT_IS: dict[str, Any] = {"fill": UNSET, "values": None, "convert": None, "reverse": None}


def _changes_values(step: Step) -> bool:
    """Return whether a step can change what computed fields are computed of, or is about one."""
    if step.operation not in ("add_field", "alter_field"):
        return False
    is_computed = bool(read_type(step["type"]).get("computed"))
    return is_computed or any(
        step.get(argument) not in (None, UNSET) for argument in ("fill", "values", "convert")
    )


def _models_in(shapes: list[JsonObject]) -> Iterator[str]:
    """Yield the models that hold themselves and stand in shapes, at any depth of these."""
    for shape in shapes:
        if "ref" in shape:
            yield shape["ref"]
        yield from _models_in(shape.get("anyOf", []))
        yield from _models_in([inner for _, inner in parts_of(shape)])


def _fields_at(shape: JsonObject, path: Path) -> JsonObject:
    there = look(shape, path) if path else shape
    if there is None:
        return {}
    members = [resolved(member, shape.get("defs", {})) for member in members_of(there)]
    objects = [member["fields"] for member in members if "fields" in member]
    return objects[0] if len(objects) == 1 else {}


def _tag(members: list[JsonObject]) -> str | None:
    """Return the field whose one value tells the members of a union apart."""
    shared: set[str] = set(members[0]["fields"]).intersection(*(member["fields"] for member in members[1:]))
    for field in sorted(shared):
        if all(
            len(member["fields"][field].get("enum", ())) == 1
            and isinstance(member["fields"][field]["enum"][0], str)
            for member in members
        ):
            return field
    return None


def _old_names(shape: JsonObject) -> list[str]:
    names = shape.get("renamed_from")
    for member in shape.get("anyOf", ()):
        names = names or member.get("renamed_from")
    return list(names or ())
