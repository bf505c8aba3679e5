"""Opening a channel, which every session does, makes only what every session needs."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import FrameType

import pytest

from solidb_odm.commands import Begin, Command, ListCollections, Rollback
from solidb_odm.engines.sqlite import FileDriver
from solidb_odm.errors import UsageError


def test_a_second_channel_is_opened_by_few_calls(tmp_path: Path) -> None:
    driver, calls = FileDriver(f"sqlite:///{tmp_path / 'a.db'}"), list[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and "solidb_odm" in frame.f_code.co_filename:
            calls.append(frame.f_code.co_qualname)

    driver.channel().close()
    gc.disable()  # what the collector finds of other tests would be counted
    sys.setprofile(note)
    try:
        channel = driver.channel()
    finally:
        sys.setprofile(None)
        gc.enable()
    channel.close()
    driver.close()

    assert len(calls) <= 30, calls
    assert not any("Replica" in name for name in calls)


def test_what_few_sessions_ask_is_there_when_it_is_asked(tmp_path: Path) -> None:
    class Unheard(Command[None]):
        pass

    driver = FileDriver(f"sqlite:///{tmp_path / 'a.db'}")
    channel = driver.channel()

    for _ in range(2):
        assert channel.perform(ListCollections()) == []
        channel.perform(Begin())
        channel.perform(Rollback())
        with pytest.raises(UsageError, match="can't perform Unheard"):
            channel.perform(Unheard())
    channel.close()
    driver.close()
