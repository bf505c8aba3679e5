"""What the command line makes of its arguments: forms of R, flags, reports, exit codes; in one process."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.cli import main

Run = Callable[..., str]
TABLE = "[tool.solidb_odm]\nmodels = []\nmigrations = 'migrations'\nurl = 'sqlite:///app.db'\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a folder with three revisions; return what it printed, or its error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOLIDB_URL", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))  # to which a configuration adds its folder
    (tmp_path / "pyproject.toml").write_text(TABLE)
    _write(tmp_path, "aaaa", None, 'op.create_collection("things")', 'op.drop_collection("things")')
    _write(tmp_path, "bbbb", "aaaa", 'op.add_field("things", "n", "int", fill=3)')
    _write(tmp_path, "cccc", "bbbb", 'op.drop_field("things", "old")')

    def call(*arguments: str, code: int = 0) -> str:
        try:
            found = main(arguments)
        except SystemExit as ended:
            found = int(ended.code or 0)
        said = capsys.readouterr()
        assert found == code, said.out + said.err
        return said.out if code in (0, 3) else said.err

    return call


def _write(folder: Path, name: str, down: str | None, up: str, back: str = "pass") -> None:
    (folder / "migrations").mkdir(exist_ok=True)
    text = f'revision = "{name}"\ndown_revision = {down!r}\n\n\ndef upgrade(op):\n    {up}\n\n\n'
    path = folder / "migrations" / f"20260101_0000_{name}_{name}.py"
    path.write_text(text + textwrap.dedent(f"def downgrade(op):\n    {back}\n"))


def reported(run: Run, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code))


@pytest.mark.parametrize(
    ("form", "ids"),
    [
        ("head", ["cccc"]),
        ("heads", ["cccc"]),
        ("b", ["bbbb"]),
        ("+1", ["cccc"]),
        ("-1", ["bbbb"]),
        ("-2", ["aaaa"]),
    ],
)
def test_every_form_of_a_revision_is_taken(run: Run, form: str, ids: list[str]) -> None:
    run("upgrade", "bbbb")
    found = reported(run, "show", form)
    assert [each["id"] for each in (found if isinstance(found, list) else [found])] == ids


def test_a_form_that_is_no_revision_says_so(run: Run) -> None:
    assert "before the first revision" in run("show", "base", code=1)
    assert "there is no revision 'zz'" in run("show", "zz", code=1)
    assert (
        "2 revisions can't be run: 0 are pending" in run("upgrade", "+2", code=1) if run("upgrade") else True
    )


def test_upgrades_and_downgrades_go_where_they_are_sent(run: Run) -> None:
    run("upgrade", "+2")
    assert run("current").split() == ["bbbb"]
    run("upgrade", "heads")
    run("downgrade", "-2")
    assert run("current").split() == ["aaaa"]
    assert "op.add_field" in run("upgrade", "--dry-run", "+1")
    assert [each["revision"] for each in reported(run, "upgrade", "--dry-run")["steps"]] == ["bbbb", "cccc"]
    assert [each["id"] for each in reported(run, "upgrade", "--phase", "expand")] == ["bbbb"]
    run("downgrade", "base")
    assert reported(run, "current")["revisions"] == []


def test_a_stamp_moves_without_running(run: Run) -> None:
    run("stamp", "head")
    assert run("current").split() == ["cccc"]
    assert "base" in run("stamp", "base")
    assert run("current").strip() == "no revision has run"
    run("stamp", "+1", "--purge")
    assert run("current").split() == ["aaaa"]


def test_reports_are_json_of_their_attributes(run: Run) -> None:
    run("upgrade", "bbbb")
    run("query", "INSERT {_key: 'a', n: 2, old: 1} INTO things")
    assert reported(run, "collections") == [{"name": "things", "documents": 1}]
    assert {each["name"]: each["ok"] for each in reported(run, "doctor")}["database"] is True
    assert [each["id"] for each in reported(run, "graph")] == ["aaaa", "bbbb", "cccc"]
    assert reported(run, "heads")[0]["down"] == ["bbbb"]
    assert reported(run, "branches") == []
    assert "no models to compare with" in run("diff", code=1)
    run("upgrade")
    assert reported(run, "attic") == [
        {"revision": "cccc", "collection": "things", "path": "old", "operation": "drop_field", "documents": 1}
    ]
    assert reported(run, "attic", "--purge", "-1") == {"documents": 1}
    assert reported(run, "check", "--documents")["ok"] is True
    assert reported(run, "plan")["steps"] == []


def test_a_squash_of_a_span_is_skipped_where_it_has_run_and_finished_where_it_has_begun(run: Run) -> None:
    run("upgrade", "bbbb")
    run("squash", "base:cccc", "-m", "all")
    assert reported(run, "check", code=3)["pending"] != []
    assert [each["id"] for each in reported(run, "upgrade")] == ["cccc"]
    assert reported(run, "check")["ok"] is True
    assert "part of a squashed revision" in run("downgrade", "bbbb", code=1)
    (whole,) = reported(run, "heads")
    assert [each["id"] for each in reported(run, "upgrade", "--url", "sqlite:///new.db")] == [whole["id"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["revision", "-m", "x", "--fill", "things.n=1"],
        ["revision", "-m", "x", "--split"],
        ["revision", "-m", "x", "--autogenerate", "--fill", "things.n"],
        ["revision", "-m", "x", "--autogenerate", "--rename", "=n"],
        ["revision", "-m", "x", "--autogenerate", "--map", "things:old=new"],
        ["revision"],
        ["squash", "head", "-m", "x"],
        ["upgrade", "--wait", "soon"],
        ["downgrade"],
        [],
    ],
)
def test_wrong_arguments_exit_with_two(run: Run, arguments: list[str]) -> None:
    assert "usage:" in run(*arguments, code=2)


def test_files_that_can_not_be_read_or_written_are_errors_in_a_line(run: Run, tmp_path: Path) -> None:
    missing = str(tmp_path / "no" / "file")
    for arguments in (["load", missing], ["dump", missing], ["inspect", "--out", missing]):
        if arguments[0] == "inspect":
            run("upgrade")
        said = run(*arguments, code=1)
        assert said.splitlines()[-1].startswith("error: No such file or directory: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("import nothing_of_the_kind", "ModuleNotFoundError"),
    ],
)
def test_models_that_can_not_be_imported_are_named(run: Run, tmp_path: Path, text: str, problem: str) -> None:
    name = f"broken_{problem.lower()}"
    (tmp_path / f"{name}.py").write_text(f"{text}\n")
    (tmp_path / "pyproject.toml").write_text(TABLE.replace("[]", f"['{name}']"))
    for command in ("check", "diff"):
        assert f"the module '{name}' can't be imported: {problem}" in run(command, code=1)
    assert main(["doctor"]) == 1


def test_a_url_is_that_of_the_command_then_of_the_environment_then_of_the_section(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "[tool.solidb_odm.databases.archive]\nmigrations = 'migrations'\nurl = 'sqlite:///old.db'\n"
    (tmp_path / "pyproject.toml").write_text(TABLE + more)
    run("upgrade", "--database", "archive")
    assert (tmp_path / "old.db").exists()
    assert not (tmp_path / "app.db").exists()
    monkeypatch.setenv("SOLIDB_URL", "sqlite:///env.db")
    run("upgrade", "--database", "archive")
    run("--database", "archive", "upgrade", "--url", "sqlite:///given.db")
    assert (tmp_path / "env.db").exists()
    assert (tmp_path / "given.db").exists()
