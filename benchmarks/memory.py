"""What a loaded object weighs, beside a bare Pydantic one read from the same JSON."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm import Session, create_engine, select

from . import floor, ours
from .documents import rows


@dataclass(frozen=True)
class Weights:
    """Bytes held per loaded object."""

    ours: float
    bare: float


def measure(size: int) -> Weights:
    """Weigh ``size`` objects loaded through a session, and as many validated by hand."""
    data = rows(size)
    texts = [floor.adapter.dump_json(floor.adapter.validate_python(row)) for row in data]
    with TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'bench.db'}")
        engine.create_all(ours.User)
        with Session(engine) as session:
            session.add_all([ours.user(row) for row in data])
            session.commit()
        with Session(engine) as warm:
            warm.scalars(select(ours.User).limit(1)).all()
        session = Session(engine)
        held = _held(lambda: session.scalars(select(ours.User)).all())
        session.close()
        engine.dispose()
    return Weights(held / size, _held(lambda: [floor.adapter.validate_json(text) for text in texts]) / size)


def _held(load: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    loaded = load()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del loaded
    return after - before
