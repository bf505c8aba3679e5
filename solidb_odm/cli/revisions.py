"""The commands on the files: init, revision, history, heads, branches, show, edit, merge, squash, graph.

Asking in a terminal what a diff can't know: a question each, until all is said.
"""

from __future__ import annotations

import functools
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, DecisionNeeded, RevisionNotFound
from ..migrations.decisions import Question, read_value
from ..migrations.history import Revision, is_relative
from ..migrations.ledger import read_ledger
from ..migrations.migrator_base import MigratorBase
from ..migrations.runner import applied_ids
from .dispatch import Context, print_json


class Answers:
    """The answers so far, as ``Migrator.revision`` takes them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.rename: dict[str, str] = dict(given["rename"])
        self.drop: list[str] = list(given["drop"])
        self.fill: dict[str, Any] = dict(given["fill"])
        self.values: dict[str, dict[str, Any]] = {
            path: dict(mapped) for path, mapped in given["values"].items()
        }
        self.apart: list[tuple[str, str]] = []

    def options(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            "rename": self.rename,
            "drop": self.drop,
            "fill": self.fill,
            "values": self.values,
            "apart": self.apart,
        }


def with_answers(make: Callable[..., list[Revision]], given: dict[str, Any]) -> list[Revision]:
    """Call ``make`` with the decisions, asking for more as long as it needs them and a person is there."""
    answers = Answers(given)
    while True:
        try:
            return make(**answers.options())
        except DecisionNeeded as needed:
            if not (sys.stdin.isatty() and sys.stdout.isatty()) or not _ask(needed.questions[0], answers):
                raise


def _ask(question: Question, answers: Answers) -> bool:
    """Ask one question; False if nothing was decided."""
    if question.kind == "rename":
        if _yes(f"{question.text}?"):
            answers.rename[question.path] = question.new
        else:
            answers.apart.append((question.path, question.new))
        return True
    if question.kind == "drop":
        if not _yes(f"{question.text}. Drop {question.path}?"):
            return False
        answers.drop.append(question.path)
        return True
    if question.kind == "map":
        text = input(f"{question.text}. What is it to be instead? ").strip()
        answers.values.setdefault(question.path, {})[question.new] = read_value(text)
        return bool(text)
    return _ask_value(question, answers)


def _ask_value(question: Question, answers: Answers) -> bool:
    while True:
        text = input(f"{question.text}. Their value, as JSON: ").strip()
        if not text:
            return False
        try:
            answers.fill[question.path] = json.loads(text)
        except json.JSONDecodeError:
            print(f'{text} is not JSON; a text stands in quotes, as "red"')
        else:
            return True


def _yes(text: str) -> bool:
    while True:
        answer = input(f"{text} [y/n] ").strip().lower()
        if answer in ("y", "yes"):
            return True
        if answer in ("n", "no"):
            return False


_SECTION = """
[tool.solidb_odm]
models = ["app.models"]
migrations = "migrations"
url = "sqlite:///app.db"
"""


def files_of(context: Context) -> MigratorBase:
    """Return what works on the files alone."""
    configuration = context.configuration
    return MigratorBase(None, configuration.migrations, models=configuration.models)


def need_models(context: Context) -> None:
    """Refuse to compare with no models."""
    if not context.configuration.models:
        hint = 'models = ["app.models"] in [tool.solidb_odm]'
        raise ConfigurationError("no models to compare with", hint=hint)


def init(context: Context) -> None:
    """Make the folder, and a section in pyproject.toml."""
    configuration = context.configuration
    configuration.migrations.mkdir(parents=True, exist_ok=True)
    print(f"revisions: {configuration.migrations}")
    if configuration.file is None:
        path = configuration.folder / "pyproject.toml"
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        path.write_text(before + (_SECTION if before else _SECTION.lstrip()), encoding="utf-8")
        print(f"configuration: {path}; correct models and url there")
    else:
        print(f"configuration: {configuration.file}")


def revision(context: Context) -> None:
    """Write a revision."""
    options, files = context.options, files_of(context)
    given = _decisions(context)
    if not options.autogenerate and (options.split or any(given.values())):
        context.refuse("--split, --rename, --drop, --fill and --map are about --autogenerate")
    if options.autogenerate:
        need_models(context)
    make = functools.partial(
        files.revision,
        options.message,
        autogenerate=options.autogenerate,
        split=options.split,
        head=options.head if options.head in (None, "base") else revision_named(context, options.head).id,
        depends_on=[revision_named(context, item).id for item in options.depends_on],
        branch_label=options.branch_label,
    )
    written = with_answers(make, given)
    if options.json:
        print_json(written)
    for item in [] if options.json else written:
        print(_shown(item.path))
    if not written and not options.json:
        print("nothing has changed; no revision was written")


def _decisions(context: Context) -> dict[str, Any]:
    options = context.options
    fills = (_pair(context, given_text, "--fill", "PATH=JSON") for given_text in options.fill)
    return {
        "rename": dict(_pair(context, given_text, "--rename", "PATH=NEW") for given_text in options.rename),
        "drop": options.drop,
        "fill": {path: read_value(text) for path, text in fills},
        "values": _maps(context, options.map),
    }


def _pair(context: Context, text: str, flag: str, form: str) -> tuple[str, str]:
    before, equals, after = _split(text)
    if not equals or not before:
        context.refuse(f"argument {flag}: {text!r} is not {form}")
    return before, after


def _split(text: str) -> tuple[str, str, str]:
    """Split at the first = that does not stand in brackets, as that of pet[kind=cat] does."""
    depth = 0
    for at, letter in enumerate(text):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "=" and depth == 0:
            return text[:at], "=", text[at + 1 :]
    return text, "", ""


def _maps(context: Context, texts: list[str]) -> dict[str, dict[str, Any]]:
    renames: dict[str, dict[str, Any]] = {}
    for text in texts:
        left, new = _pair(context, text, "--map", "PATH:OLD=NEW")
        where, dot, rest = left.partition(".")  # a colon before that names a class
        path, colon, old = rest.partition(":")
        if not (dot and colon):
            context.refuse(f"argument --map: {text!r} is not PATH:OLD=NEW")
        renames.setdefault(f"{where}.{path}", {})[old] = read_value(new)
    return renames


def revision_named(context: Context, name: str) -> Revision:
    """Return the one revision of an id, its beginning, ``head``, ``+1`` or ``-1``."""
    revisions = _named(context, name)
    if len(revisions) != 1:
        ids = ", ".join(revision.id for revision in revisions) or "none"
        raise RevisionNotFound(f"{name!r} is {len(revisions)} revisions, where one is needed: {ids}")
    return revisions[0]


def _named(context: Context, name: str) -> list[Revision]:
    known = files_of(context).history()
    if name == "heads":
        return known.heads()
    if name == "base":
        raise RevisionNotFound("base is the state before the first revision", hint="name a revision")
    if not is_relative(name):
        return [known.find(name)]
    context.need_url()  # +1 is what would run next there, -1 what ran last
    return [known.step(name, applied_ids(known, context.engine.run(read_ledger())))]


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _list(context: Context, revisions: list[Revision]) -> None:
    if context.options.json:
        print_json(revisions)
        return
    heads = {head.id for head in files_of(context).heads()}
    for revision in revisions:
        follows = f"  follows {', '.join(revision.down)}" if revision.down else ""
        print(f"{revision.id}  {revision.words}{'  (head)' if revision.id in heads else ''}{follows}")


def history(context: Context) -> None:
    """List all revisions, the newest first."""
    _list(context, files_of(context).history().ordered()[::-1])


def heads(context: Context) -> None:
    """List the heads."""
    _list(context, files_of(context).heads())


def branches(context: Context) -> None:
    """List the revisions that several follow."""
    known = files_of(context).history()
    counts: dict[str, int] = {}
    for revision in known.ordered():
        for parent in revision.down:
            counts[parent] = counts.get(parent, 0) + 1
    _list(context, [revision for revision in known.ordered() if counts.get(revision.id, 0) > 1])


def show(context: Context) -> None:
    """Print a revision."""
    revisions = _named(context, context.options.revision)
    if context.options.json:
        print_json(revisions if len(revisions) != 1 else revisions[0])
    for revision in [] if context.options.json else revisions:
        print(f"# {_shown(revision.path)}\n{revision.path.read_text(encoding='utf-8')}", end="")


def edit(context: Context) -> int:
    """Open a revision in the editor."""
    revision = revision_named(context, context.options.revision)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    return 1 if subprocess.call([*shlex.split(editor), str(revision.path)]) else 0


def merge(context: Context) -> None:
    """Join heads."""
    ids = [revision.id for name in context.options.revisions for revision in _named(context, name)]
    _written(context, files_of(context).merge(ids, context.options.message))


def squash(context: Context) -> None:
    """Join a span of revisions."""
    span = context.options.span
    if ":" not in span:
        context.refuse(f"argument FROM:TO: {span!r} is not a span, as base:head is")
    ends = [end if end == "base" else revision_named(context, end).id for end in span.split(":", 1)]
    _written(context, files_of(context).squash(":".join(ends), context.options.message))


def _written(context: Context, made: Revision) -> None:
    if context.options.json:
        print_json(made)
    else:
        print(_shown(made.path))


def graph(context: Context) -> None:
    """Draw the history."""
    known = files_of(context).history().ordered()
    if context.options.json:
        print_json(known)
        return
    is_dot = context.options.format == "dot"
    print("digraph revisions {" if is_dot else "graph TD")
    for revision in known:
        label = f"{revision.id} {revision.words}".replace('"', "'")
        print(f'  "{revision.id}" [label="{label}"];' if is_dot else f'  {revision.id}["{label}"]')
        for parent in revision.down:
            print(f'  "{parent}" -> "{revision.id}";' if is_dot else f"  {parent} --> {revision.id}")
        for parent in revision.depends_on:
            print(
                f'  "{parent}" -> "{revision.id}" [style=dashed];'
                if is_dot
                else f"  {parent} -.-> {revision.id}"
            )
    if is_dot:
        print("}")
