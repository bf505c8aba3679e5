"""The recorded answers are still those of a real server."""

import json
from pathlib import Path

import pytest

from tools.record_cases import CASES, Recorder, record, write
from tools.server import LocalServer

_FIXTURE = json.loads(CASES.read_text("utf-8"))
_SAMPLE = _FIXTURE["cases"][::7] + [case for case in _FIXTURE["cases"] if case.get("indexes")]


@pytest.mark.server
def test_a_server_gives_the_recorded_answers(server: LocalServer) -> None:
    recorder = Recorder(server, _FIXTURE["dataset"]["collections"])
    changed = [case["name"] for case, is_new in record(recorder, _SAMPLE) if is_new]
    recorder.close()
    assert changed == []


@pytest.mark.server
def test_another_answer_is_recorded(server: LocalServer) -> None:
    case = {"name": "sum", "query": "RETURN 1 + 1", "bind_vars": {}, "expect": {"rows": [3]}}
    recorder = Recorder(server, [])
    ((fresh, is_new),) = record(recorder, [case])
    recorder.close()
    assert is_new
    assert fresh["expect"] == {"rows": [2]}


def test_what_is_written_is_what_was_read(tmp_path: Path) -> None:
    write(tmp_path / "cases.json", _FIXTURE, _FIXTURE["cases"])
    assert json.loads((tmp_path / "cases.json").read_text("utf-8")) == _FIXTURE
