"""A mistyped URL: what only looks at a database says that it is not there, and makes none."""

from pathlib import Path

import pytest

from solidb_odm.cli.main import main


@pytest.mark.parametrize(
    "command",
    [
        ["collections"],
        ["query", "RETURN 1"],
        ["explain", "RETURN 1"],
        ["dump", "copy.jsonl"],
        ["inspect"],
        ["attic"],
        ["downgrade", "base"],
    ],
    ids=lambda command: command[0],
)
def test_a_file_that_is_not_there_is_not_made(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = tmp_path / "mistyped.db"
    assert main([*command, "--url", f"sqlite:///{missing}"]) == 1
    assert "mistyped.db" in capsys.readouterr().err
    assert not missing.exists()


@pytest.mark.parametrize(
    "command",
    [["current"], ["plan"], ["doctor"], ["upgrade", "--dry-run"], ["check"]],
    ids=lambda command: command[0],
)
def test_what_an_upgrade_would_find_is_said_without_a_file(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new project has revisions before it has a database."""
    monkeypatch.chdir(tmp_path)
    configuration = tmp_path / "pyproject.toml"
    configuration.write_text('[tool.solidb_odm]\nmigrations = "migrations"\nurl = "sqlite:///new.db"\n')
    folder = tmp_path / "migrations"
    folder.mkdir()
    revision = (
        'revision = "aaaa"\ndown_revision = None\ndef upgrade(op):\n    op.create_collection("things")\n'
    )
    (folder / "20260101_0000_aaaa_first.py").write_text(revision)
    assert main(command) == (3 if command[0] == "check" else 0)
    printed = capsys.readouterr()
    assert "new.db does not exist yet" in printed.err
    wanted = {"plan": "create_collection", "upgrade": "create_collection", "check": "aaaa"}
    assert wanted.get(command[0], "no revision has run") in printed.out
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("words", "way"),
    [
        (["makemigrations"], "revision --autogenerate -m TEXT"),
        (["migrate"], "upgrade to run the revisions"),
        (["upgrade", "head", "--sql"], "upgrade --dry-run"),
        (["history", "--verbose"], "show R"),
        (["version"], "--version"),
    ],
    ids=lambda given: given[0],
)
def test_a_command_of_another_tool_names_the_one_that_does_it(
    words: list[str], way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert f"hint: solidb-odm {way}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["nonsense"], ["sync", "log"]], ids=lambda given: given[-1])
def test_another_word_has_no_hint(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)

    assert "hint" not in capsys.readouterr().err
