"""The arguments of all commands. Imports nothing but argparse, so that help comes at once.

Each command is named by the module and function that perform it, as ``revisions:show``.

The arguments of ``solidb-odm sync``; like all of the parser it imports nothing but argparse.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Never

_Argument = tuple[str, dict[str, Any]]
_PLACE: tuple[_Argument, ...] = (("collection", {}), ("key", {}))
_MAYBE: tuple[_Argument, ...] = (("collection", {"nargs": "?"}), ("key", {"nargs": "?"}))
_COMMANDS: dict[str, tuple[str, tuple[_Argument, ...]]] = {
    "status": ("print the state of syncing", ()),
    "now": ("sync now", ()),
    "pending": ("list the edits that are not pushed yet", ()),
    "conflicts": ("list the open conflicts", ()),
    "resolve": (
        "resolve a conflict",
        (*_PLACE, ("take", {"help": "local, remote, or a document as JSON"})),
    ),
    "rejections": ("list the edits that the server refused", ()),
    "retry": ("push refused edits again", _MAYBE),
    "discard": ("discard an edit", _PLACE),
    "verify": (
        "compare every document with the server",
        (("--no-repair", {"action": "store_true", "help": "only count the differences"}),),
    ),
    "rotate-key": (
        "encrypt the store with another key",
        (
            (
                "--new-key-env",
                {
                    "required": True,
                    "metavar": "NAME",
                    "help": "the environment variable that holds the new key",
                },
            ),
        ),
    ),
}


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the commands below ``sync``."""
    actions = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="sync_command")
    for name, (words, places) in _COMMANDS.items():
        made = actions.add_parser(name, help=words, description=words)
        _add_common(made)
        made.add_argument("--store", required=True, metavar="DIR", help="the folder of the store")
        made.add_argument(
            "--key-env", default="", metavar="NAME", help="the environment variable that holds its key"
        )
        for place, settings in places:
            made.add_argument(place, **settings)


_REVISION = "an id or its beginning, head, heads, base, +1, -1"


_CREATE = "upgrade, which runs the revisions, or engine.create_all() in Python"
_DETAILS = "show R, or --json for all that is known"
_NEW = "revision --autogenerate -m TEXT"
_WAYS = {
    "--rev-id": "edit R, and the id in the file and its name",
    "--sql": "upgrade --dry-run",
    "--verbose": _DETAILS,
    "-v": _DETAILS,
    "apply": "upgrade",
    "autogenerate": _NEW,
    "create": _CREATE,
    "create-all": _CREATE,
    "create_all": _CREATE,
    "ensure_version": "stamp R",
    "export": "dump FILE",
    "generate": _NEW,
    "import": "load FILE",
    "list": "history",
    "list_templates": "init, which needs no template",
    "log": "history",
    "makemigrations": _NEW,
    "migrate": f"upgrade to run the revisions, or {_NEW} to write one",
    "rollback": "downgrade -1",
    "sql": "query TEXT",
    "status": "current, and check for what differs",
    "version": "--version",
}
"""What users of Alembic, Django and others type, by the arguments to give here."""


class _Parser(argparse.ArgumentParser):
    """Names the command that stands for another tool's."""

    def error(self, message: str) -> Never:
        word = message.partition("invalid choice: '")[2].partition("'")[0]
        words = [word, *message.partition("unrecognized arguments: ")[2].split()]
        ways = [_WAYS[word] for word in words if word in _WAYS and " " not in self.prog]
        super().error(message + "".join(f"\n  hint: solidb-odm {way}" for way in ways[:1]))


class _Version(argparse.Action):
    """Prints the version, which takes long to find out, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        parser.exit(message=f"{import_module('importlib.metadata').version('solidb-odm')}\n")


class _Completion(argparse.Action):
    """Prints a completion script for a shell."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _: argparse.Namespace,
        values: str | Sequence[Any] | None,
        *__: Any,
    ) -> None:
        try:
            shtab = import_module("shtab")
        except ImportError:
            parser.exit(1, "completion needs the extra cli: pip install 'solidb-odm[cli]'\n")
        parser.exit(message=shtab.complete(parser, str(values)))


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = _Parser(prog="solidb-odm", description="Work with a solidb_odm database.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    parser.add_argument(
        "--print-completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help="print a completion script",
    )
    _add_common(parser, {"url": "", "config": "", "database": "", "json": False})
    commands = _Commands(parser)
    _add_revisions(commands)
    _add_runs(commands)
    _add_reports(commands)
    _add_data(commands)
    add_commands(commands.add("sync", "sync:run", "sync and inspect an offline store", url=False))
    return parser


def _add_common(parser: argparse.ArgumentParser, defaults: dict[str, Any] | None = None) -> None:
    """Add the options that stand before or after the command."""
    known = defaults or {}
    default: Any = argparse.SUPPRESS
    parser.add_argument(
        "--url",
        default=known.get("url", default),
        help="sqlite:///file.db, or solidb://user:password@host:6745/name; else SOLIDB_URL, else pyproject",
    )
    parser.add_argument(
        "--config", default=known.get("config", default), metavar="FILE", help="instead of pyproject.toml"
    )
    parser.add_argument(
        "--database",
        default=known.get("database", default),
        metavar="NAME",
        help="one of several in pyproject.toml",
    )
    parser.add_argument(
        "--json", action="store_true", default=known.get("json", default), help="report as JSON"
    )


class _Commands:
    """Adds commands to a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(
            title="commands", required=True, metavar="COMMAND", dest="command_name"
        )

    def add(self, name: str, home: str, words: str, *, url: bool = True) -> argparse.ArgumentParser:
        """Add a command; ``url`` says whether it needs a database."""
        made = self._commands.add_parser(name, help=words, description=words)
        _add_common(made)
        made.set_defaults(home=home, needs_url=url)
        return made


def _add_revisions(commands: _Commands) -> None:
    commands.add(
        "init",
        "revisions:init",
        "create the folder of revisions, and the section in pyproject.toml",
        url=False,
    )
    made = commands.add("revision", "revisions:revision", "write a revision", url=False)
    made.add_argument("-m", "--message", required=True, metavar="TEXT", help="a description of the revision")
    made.add_argument(
        "--autogenerate", action="store_true", help="generate the steps from the changes of the models"
    )
    made.add_argument(
        "--split", action="store_true", help="write two revisions: one with additions, one with removals"
    )
    made.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="PATH=NEW",
        help="a field, collection or class that was renamed",
    )
    made.add_argument("--drop", action="append", default=[], metavar="PATH", help="what goes")
    made.add_argument(
        "--fill",
        action="append",
        default=[],
        metavar="PATH=JSON",
        help="the value for documents that have none",
    )
    made.add_argument(
        "--map", action="append", default=[], metavar="PATH:OLD=NEW", help="the new value for an old one"
    )
    made.add_argument("--head", metavar="R", help="the revision it follows; the default is the head")
    made.add_argument(
        "--depends-on",
        action="append",
        default=[],
        metavar="R",
        help="a revision that must run before this one",
    )
    made.add_argument("--branch-label", metavar="L", help="a name for the branch that it begins")
    for name, words in (
        ("history", "list the revisions"),
        ("heads", "list the revisions that no other follows"),
    ):
        commands.add(name, f"revisions:{name}", words, url=False)
    commands.add("branches", "revisions:branches", "list the revisions that several follow", url=False)
    for name, words in (("show", "print a revision"), ("edit", "open a revision in $EDITOR")):
        commands.add(name, f"revisions:{name}", words, url=False).add_argument(
            "revision", metavar="R", help=_REVISION
        )
    made = commands.add("merge", "revisions:merge", "join several heads", url=False)
    made.add_argument("revisions", nargs="+", metavar="R", help=_REVISION)
    made.add_argument("-m", "--message", required=True, metavar="TEXT")
    made = commands.add("squash", "revisions:squash", "combine several revisions into one", url=False)
    made.add_argument("span", metavar="FROM:TO", help="e.g. base:head")
    made.add_argument("-m", "--message", required=True, metavar="TEXT")
    made = commands.add("graph", "revisions:graph", "draw the history", url=False)
    made.add_argument("--format", choices=("mermaid", "dot"), default="mermaid")


def _add_runs(commands: _Commands) -> None:
    for name, words in (
        ("upgrade", "run the pending revisions"),
        ("downgrade", "undo the revisions after one"),
    ):
        made = commands.add(name, f"upgrades:{name}", words)
        if name == "upgrade":
            made.add_argument("revision", nargs="?", default="head", metavar="R", help=_REVISION)
            made.add_argument(
                "--phase", choices=("expand", "contract"), default="contract", help="expand: additions"
            )
        else:
            made.add_argument("revision", metavar="R", help=_REVISION)
        made.add_argument("--dry-run", action="store_true", help="only print the steps")
        made.add_argument(
            "--wait", type=float, default=60.0, metavar="S", help="seconds to wait for another runner"
        )
        made.add_argument(
            "--allow-loss", action="store_true", help="allow steps that delete data permanently"
        )
    made = commands.add(
        "stamp", "upgrades:stamp", "record that the database is at a revision, without running anything"
    )
    made.add_argument("revision", metavar="R", help=_REVISION)
    made.add_argument("--purge", action="store_true", help="also forget an interrupted run")
    made = commands.add("attic", "upgrades:attic", "list what was dropped and is kept")
    made.add_argument(
        "--purge", metavar="R", help="permanently delete what a revision dropped; all deletes everything"
    )


def _add_reports(commands: _Commands) -> None:
    commands.add("current", "upgrades:current", "print the revision of the database")
    made = commands.add("plan", "upgrades:plan", "print what an upgrade would do, with numbers of documents")
    made.add_argument("revision", nargs="?", default="head", metavar="R", help=_REVISION)
    made.add_argument("--phase", choices=("expand", "contract"), default="contract")
    made = commands.add(
        "check", "upgrades:check", "print the differences between models, revisions and database", url=False
    )
    made.add_argument("--offline", action="store_true", help="models and revisions only, without a database")
    made.add_argument("--documents", action="store_true", help="also compare the documents")
    commands.add("diff", "upgrades:diff", "list what the models have changed", url=False)
    made = commands.add("inspect", "upgrades:inspect", "write models from a database")
    made.add_argument("--out", metavar="FILE", help="the file to write; without it the models are printed")
    commands.add("doctor", "upgrades:doctor", "check the configuration and the database", url=False)


def _add_data(commands: _Commands) -> None:
    for name, home, words in (
        ("query", "queries:run_query", "run SDBQL and print its rows, one line of JSON each"),
        ("explain", "queries:explain", "print the plan of a query"),
    ):
        made = commands.add(name, home, words)
        made.add_argument("text", help="SDBQL; - reads it from standard input")
        made.add_argument(
            "-b", "--bind", action="append", default=[], metavar="NAME=JSON", help="a bind variable"
        )
    commands.add("collections", "queries:list_collections", "list the collections and their documents")
    commands.add(
        "create-database",
        "queries:create_database",
        "create the database that the URL names, unless it exists",
    )
    made = commands.add(
        "dump", "transfer:dump", "write all collections and documents to a file of JSON lines"
    )
    made.add_argument("file", metavar="FILE")
    made = commands.add("load", "transfer:load", "read a file that dump wrote into an empty database")
    made.add_argument("file", metavar="FILE")
    commands.add("shell", "transfer:shell", "open a Python shell with a session and the models")
    made = commands.add(
        "scheduler",
        "scheduler:command",
        "enqueue the jobs of schedules (client.cron) when they are due; several may run",
    )
    made.add_argument(
        "--interval", type=float, default=5.0, metavar="SECONDS", help="seconds between two checks"
    )
    made.add_argument("--once", action="store_true", help="check once and stop")
