"""The arguments of ``solidb-odm sync``; like all of the parser it imports nothing but argparse."""

from __future__ import annotations

import argparse
from typing import Any

_Argument = tuple[str, dict[str, Any]]
_PLACE: tuple[_Argument, ...] = (("collection", {}), ("key", {}))
_MAYBE: tuple[_Argument, ...] = (("collection", {"nargs": "?"}), ("key", {"nargs": "?"}))
_COMMANDS: dict[str, tuple[str, tuple[_Argument, ...]]] = {
    "status": ("say how syncing stands", ()),
    "now": ("sync now", ()),
    "pending": ("list the edits that wait to be pushed", ()),
    "conflicts": ("list the conflicts that wait for a decision", ()),
    "resolve": (
        "decide a conflict",
        (*_PLACE, ("take", {"help": "local, remote, or a document as JSON"})),
    ),
    "rejections": ("list the edits that the server refused", ()),
    "retry": ("push refused edits again", _MAYBE),
    "discard": ("take an edit back", _PLACE),
    "verify": (
        "compare every document with the server",
        (("--no-repair", {"action": "store_true", "help": "only count what differs"}),),
    ),
    "rotate-key": (
        "encrypt the store with another key",
        (("--new-key-env", {"required": True, "metavar": "NAME", "help": "what holds the new key"}),),
    ),
}


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the commands below ``sync``."""
    actions = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="sync_command")
    for name, (words, places) in _COMMANDS.items():
        made = actions.add_parser(name, help=words, description=words)
        made.add_argument("--store", required=True, metavar="DIR", help="the folder of the store")
        made.add_argument(
            "--key-env", default="", metavar="NAME", help="the environment variable that holds its key"
        )
        for place, settings in places:
            made.add_argument(place, **settings)
