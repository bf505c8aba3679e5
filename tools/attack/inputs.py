"""Text and bytes that nobody would write: what is refused is refused with an error of ours."""

from __future__ import annotations

import random
from typing import Any

from solidb_odm import Session, create_engine, sdbql
from solidb_odm.errors import ConfigurationError, SolidbError
from solidb_odm.wire.connection import Connection
from solidb_odm.wire.frames import FrameReader, decode, frame, pack

from .campaign import Ground, Part, Report

WORDS = [
    "FOR",
    "d",
    "IN",
    "parts",
    "FILTER",
    "SORT",
    "LIMIT",
    "RETURN",
    "LET",
    "COLLECT",
    "INTO",
    "WITH",
    "COUNT",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "??",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "..",
    "->",
    "@b",
    "d.n",
    "d.turn",
    "1",
    "0",
    "-1",
    "1e308",
    "99999999999999999999",
    "'x'",
    '"y"',
    "null",
    "true",
    "LENGTH(",
    "SUM(",
    "DATE_YEAR(",
    "MERGE(",
    "FIRST(",
    "`q`",
    "//",
    "/*",
    "*/",
    "\\",
    "\x00",
    "�",
    "😀",
    "#",
    ";",
    "[*]",
    "...",
    "DISTINCT",
    "INSERT",
]
ODD: tuple[Any, ...] = (
    None,
    1,
    -1,
    2**63,
    2**70,
    1.5,
    1e308,
    "",
    "x",
    "\0",
    "\\u0000",
    "\ud800",
    [],
    [None],
    {},
    {"a": 1},
    True,
)


def texts(ground: Ground, report: Report) -> None:
    """Ask queries made of words of the language at random, with odd binds."""
    with create_engine("sqlite://?query_timeout=1") as engine, Session(engine) as session:
        session.add_all(Part(turn=0, n=n) for n in range(5))
        session.commit()
        while ground.turns():
            report.rounds += 1
            text = _text(ground.chance)
            try:
                session.execute(
                    sdbql(text, **({"b": ground.chance.choice(ODD)} if "@b" in text else {}))
                ).all()
            except SolidbError:
                continue
            except Exception as problem:  # noqa: BLE001 - any other class is the fault looked for
                report.check(False, f"{text!r} raised {problem!r}")


def _text(chance: random.Random) -> str:
    body = " ".join(chance.choices(WORDS, k=chance.randrange(1, 14)))
    return chance.choice(
        (body, f"RETURN {body}", f"FOR d IN parts FILTER {body} RETURN d", f"FOR d IN parts RETURN {body}")
    )


def urls(ground: Ground, report: Report) -> None:
    """Make engines of URLs with characters at random: each names a file of that name, or is refused."""
    while ground.turns():
        report.rounds += 1
        scheme = ground.chance.choice(
            ("sqlite:///", "sqlite:", "sqlite://", "solidb://", "solidbs://u:p@", "x://", "")
        )
        rest = "".join(ground.chance.choices("ab/:@?#%=&[]\0\t\n é\ud8002", k=ground.chance.randrange(12)))
        try:
            create_engine(
                f"{scheme}{ground.folder if scheme == 'sqlite:///' else ''}{rest}", create=False
            ).dispose()
        except (ConfigurationError, SolidbError):
            continue
        except Exception as problem:  # noqa: BLE001 - any other class is the fault looked for
            report.check(False, f"{scheme + rest!r} raised {problem!r}")


def answers(ground: Ground, report: Report) -> None:
    """Feed a connection with damaged answers of a server."""
    good = frame(pack({"status": "ok", "data": [{"_key": "a", "_rev": "r", "n": [1, 2.5, None, "x"]}]}))
    while ground.turns():
        report.rounds += 1
        data = bytearray(good)
        for _ in range(ground.chance.choice((1, 2, 8))):
            data[ground.chance.randrange(len(data))] = ground.chance.randrange(256)
        cut = ground.chance.randrange(len(data))
        connection = Connection("attacked")
        try:
            connection.greet(pack({"cmd": "ping"}))
            for piece in (bytes(data[:cut]) or b"\0", bytes(data[cut:])):
                for payload in connection.receive(piece):
                    decode(payload)
            FrameReader().feed(bytes(data))
        except SolidbError:
            continue
        except Exception as problem:  # noqa: BLE001 - any other class is the fault looked for
            report.check(False, f"{bytes(data)!r} raised {problem!r}")
