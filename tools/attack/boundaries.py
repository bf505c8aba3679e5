"""What comes from outside, almost right, for as long as there is time: texts, files, answers of a server."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from solidb_odm import create_engine
from solidb_odm.client import Client
from solidb_odm.errors import SolidbError
from tools.server import find_server, running_server

from . import mutations
from .campaign import Ground, Part, Report
from .files import KINDS, Files
from .texts import OURS, Takers
from .wrong_server import LIMIT, WrongServer, client_calls, engine_calls

_DATABASE = "wrong"


def takers(ground: Ground, report: Report) -> None:
    """Call everything that takes a text with texts that are almost right."""
    known = Takers(ground.folder)
    while ground.turns():
        for name, taker in known.takers.items():
            text = mutations.text(ground.chance, taker.seeds)
            _try(report, partial(taker.take, text), f"{name} of {text!r}")
            if not ground.turns():
                break
    known.close()


def files(ground: Ground, report: Report) -> None:
    """Damage every kind of file that is read."""
    known = Files(ground.folder)
    while ground.turns():
        for name in KINDS:
            seed = ground.chance.randrange(2**32)
            _try(report, partial(known.damaged, name, random.Random(seed)), f"{name}, damaged by {seed}")


def wrong_answers(ground: Ground, report: Report) -> None:
    """Ask a real server everything, through a proxy that changes its answers."""
    binary = find_server()
    if binary is None:
        return
    with running_server(binary, ground.folder) as server:
        server.create_database(_DATABASE)
        with create_engine(server.url(_DATABASE)) as engine:
            engine.create_all(Part)
        with WrongServer(server.host, server.port, ground.chance) as wrong:
            where = f"{server.user}:{server.password}@127.0.0.1:{wrong.port}/{_DATABASE}"
            url = f"solidb://{where}?timeout={LIMIT}&retries=0"
            while ground.turns():
                with Client(url) as client:
                    calls = client_calls(client, _DATABASE) | engine_calls(url)
                    for name, call in random.Random(report.rounds).sample(sorted(calls.items()), 20):
                        _try(report, call, f"{name} with wrong answers")


def _try(report: Report, work: Callable[[], object], what: str) -> None:
    report.rounds += 1
    try:
        work()
    except (*OURS, SolidbError):
        return
    except Exception as problem:  # noqa: BLE001 - any other class is the fault looked for
        report.check(False, f"{what} raised {problem!r}")
