"""A mistyped URL: what only looks at a database says that it is not there, and makes none."""

from pathlib import Path

import pytest

from solidb_odm.cli.main import main


@pytest.mark.parametrize("command", [["collections"], ["query", "RETURN 1"], ["explain", "RETURN 1"]])
def test_a_file_that_is_not_there_is_not_made(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "mistyped.db"
    assert main([*command, "--url", f"sqlite:///{missing}"]) == 1
    assert "mistyped.db" in capsys.readouterr().err
    assert not missing.exists()
