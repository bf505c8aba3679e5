"""What a loaded object weighs, beside a bare Pydantic one read from the same JSON."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm import Session, create_engine, select

from . import floor, ours
from .area import OURS, Area, Row, Setting, Steps, at_most
from .documents import rows
from .timing import Timing

BARE = "a bare Pydantic object"


def measure(setting: Setting) -> Steps:
    """Weigh objects loaded through a session, and as many validated by hand."""
    size = setting.size
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
    bare = _held(lambda: [floor.adapter.validate_json(text) for text in texts])
    return {"held": {OURS: Timing(held / size, held / size), BARE: Timing(bare / size, bare / size)}}


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


AREA = Area(
    "memory",
    "Memory",
    "A loaded object, with its place in the session and what is kept to notice changes; bytes.",
    (1_000, 10_000, 40_000),
    measure,
    (Row("held", "a loaded document", BARE, at_most(1.3)),),
    unit="bytes",
)
