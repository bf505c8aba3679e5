"""Interrupts and cancellations, at moments drawn at random: a session is left whole."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from types import FrameType

from solidb_odm import AsyncSession, Session, create_async_engine, create_engine, func, select
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import SolidbError

from .campaign import SIZE, Ground, Part, Report, judge, stored

_armed: list[bool] = []
"""Whether the next signal raises; none does while a round is judged."""


def interrupts(ground: Ground, report: Report) -> None:
    """Raise from a signal handler while a session works; then commit what it says it still holds."""

    def stop(_: int, __: FrameType | None) -> None:
        if _armed:
            _armed.clear()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    gc.collect()
    gc.disable()  # Python drops what is raised in the callbacks of garbage
    try:
        with create_engine(f"sqlite:///{ground.fresh(0)}") as file, create_engine("sqlite://") as memory:
            for engine in (file, memory):
                engine.create_all(Part)
            while ground.turns():
                report.rounds += 1
                _interrupted(memory if report.rounds % 2 else file, ground, report)
    finally:
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def _interrupted(engine: Engine, ground: Ground, report: Report) -> None:
    with Session(engine) as session:
        before = session.scalar(select(func.count(Part))) or 0
        parts = [Part(turn=report.rounds, n=n) for n in range(SIZE)]
        session.add_all(parts)
        move = session.commit if ground.chance.random() < 0.7 else session.rollback
        _armed.append(True)
        try:
            signal.setitimer(signal.ITIMER_REAL, ground.chance.uniform(1e-6, 2e-3))
            move()
            _armed.clear()
        except KeyboardInterrupt:
            pass
        except SolidbError as problem:
            report.check(False, f"an interrupt was called {problem!r}")
        _armed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        pending = len(session.new)
        report.check(pending in (0, SIZE), f"{pending} of {SIZE} documents are unsent after an interrupt")
        try:
            session.commit()
        except SolidbError as problem:
            report.check(False, f"after an interrupt the session raised {problem!r}")
    with Session(engine) as session:
        written = (session.scalar(select(func.count(Part))) or 0) - before
    report.check(written in (0, SIZE), f"{written} of {SIZE} documents are stored after an interrupt")
    report.check(not (pending and written != SIZE), "what was said to be unsent was not sent")


def cancellations(ground: Ground, report: Report) -> None:
    """Cancel tasks that use a session, from its opening to its end."""
    path = ground.fresh(0)

    async def work() -> None:
        engine = create_async_engine(f"sqlite:///{path}")
        await engine.create_all(Part)
        others = {thread.name for thread in threading.enumerate()}

        async def use() -> None:
            async with AsyncSession(engine) as session:
                session.add_all(Part(turn=report.rounds, n=n) for n in range(SIZE))
                await session.commit()

        while ground.turns():
            report.rounds += 1
            task = asyncio.create_task(use())
            await asyncio.sleep(ground.chance.uniform(0, 0.01))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await engine.dispose()
        await asyncio.sleep(0.5)
        left = [thread for thread in threading.enumerate() if thread.daemon and thread.name not in others]
        report.check(not left, f"{len(left)} threads stayed")

    asyncio.run(work())
    judge(path, report, 0)
    report.check(stored(path) % SIZE == 0, "half a commit is stored after a cancellation")
