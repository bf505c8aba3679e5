"""Code blocks in Markdown: found, and gathered into a script whose lines keep their numbers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<info>.*)$")
SKIP = re.compile(r"<!--\s*skip:\s*(?P<reason>\S.*?)\s*-->")
SHELLS = frozenset({"sh", "bash", "shell", "console"})


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its flags, its text, and the line its text starts on."""

    language: str
    flags: tuple[str, ...]
    text: str
    line: int
    skipped: bool

    @property
    def runs(self) -> bool:
        """Whether this is Python that is meant to run."""
        return self.language == "python" and "no-run" not in self.flags and not self.skipped


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    lines = markdown.splitlines()
    number, before = 0, ""
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if opening is None:
            before = lines[number].strip() or before
            number += 1
            continue
        end = _closing(lines, number + 1, opening["fence"])
        language, *flags = opening["info"].split() or [""]
        text = textwrap.dedent("\n".join(lines[number + 1 : end]))
        yield Block(language, tuple(flags), text, number + 2, SKIP.search(before) is not None)
        number, before = end + 1, ""


def script(markdown: str) -> str:
    """Return the blocks that run as one script, each on the lines it has in the page."""
    written: list[str] = []
    for block in blocks(markdown):
        if block.runs:
            written += [""] * (block.line - 1 - len(written))
            written += block.text.splitlines()
    return "\n".join(written) + "\n"


def shell_commands(markdown: str) -> Iterator[str]:
    """Yield the commands in a page's shell blocks, without prompts and comments."""
    for block in blocks(markdown):
        if block.language in SHELLS:
            for line in block.text.splitlines():
                command = line.removeprefix("$ ").split("#")[0].strip()
                if command:
                    yield command


def _closing(lines: list[str], start: int, fence: str) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip() == fence:
            return number
    raise ValueError(f"the block that opens on line {start} is never closed")
