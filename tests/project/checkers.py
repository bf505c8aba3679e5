"""What mypy and pyright, both strict, say about a file, in one form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUALIFIED = re.compile(r"\b(?:\w+\.)+(?=\w)")
EXPECTED_TYPE = re.compile(r"#\s*T:\s*(?P<type>.+?)\s*$")
EXPECTED_ERROR = re.compile(r"#\s*E\b")


@dataclass
class Findings:
    """The lines with errors, what was said there, and the types revealed, by line."""

    errors: dict[int, str] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)


def expectations(source: str) -> Findings:
    """Read what a case file expects: ``# E`` marks an error, ``# T: list[User]`` a revealed type."""
    expected = Findings()
    for number, line in enumerate(source.splitlines(), start=1):
        if EXPECTED_ERROR.search(line):
            expected.errors[number] = line.strip()
        if revealed := EXPECTED_TYPE.search(line):
            expected.types[number] = plain(revealed["type"])
    return expected


def disagreements(expected: Findings, findings: Findings) -> list[str]:
    """Return where a checker's findings differ from what a case file expects."""
    missed = [f"{n}: no error: {text}" for n, text in expected.errors.items() if n not in findings.errors]
    surplus = [f"{n}: {text}" for n, text in findings.errors.items() if n not in expected.errors]
    wrong = [
        f"{n}: expected {wanted}, revealed {findings.types.get(n, 'nothing')}"
        for n, wanted in expected.types.items()
        if findings.types.get(n) != wanted
    ]
    return missed + surplus + wrong


def mypy(path: Path, cache: Path) -> Findings:
    """Check one file with mypy."""
    command = ["mypy", "--strict", "--no-error-summary", "--no-color-output", "--cache-dir", str(cache)]
    ended = _run([*command, "--config-file", str(ROOT / "pyproject.toml"), str(path)])
    line_form = re.compile(rf"^(?:.*{re.escape(path.name)}[^:]*):(\d+): (error|note): (.*)$", re.MULTILINE)
    findings = Findings()
    for number, kind, text in line_form.findall(ended.stdout):
        if kind == "error":
            findings.errors[int(number)] = text
        elif revealed := re.match(r'Revealed type is "(.*)"', text):
            findings.types[int(number)] = plain(revealed[1])
    if ended.returncode not in (0, 1):
        raise RuntimeError(ended.stdout + ended.stderr)
    return findings


def pyright(path: Path, cache: Path) -> Findings:
    """Check one file with pyright. ``cache`` holds the settings made for it."""
    settings = cache / "pyrightconfig.json"
    include = os.path.relpath(path, cache)
    strict = {"include": [include], "extraPaths": [str(ROOT)], "typeCheckingMode": "strict"}
    lenient = {"reportMissingTypeStubs": False, "reportUnusedExpression": False}
    settings.write_text(json.dumps(strict | lenient))
    ended = _run(["pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(settings)])
    if ended.returncode not in (0, 1):
        raise RuntimeError(ended.stdout + ended.stderr)
    findings = Findings()
    for said in json.loads(ended.stdout)["generalDiagnostics"]:
        number = said["range"]["start"]["line"] + 1
        if said["severity"] == "error":
            findings.errors[number] = said["message"]
        elif revealed := re.match(r'Type of ".*" is "(.*)"', said["message"], re.DOTALL):
            findings.types[number] = plain(revealed[1])
    return findings


def plain(written: str) -> str:
    """Write a type without modules, and without mypy's question marks and stars."""
    return re.sub(r"[?*]", "", QUALIFIED.sub("", written))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    module, *arguments = command
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
