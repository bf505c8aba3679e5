"""The questions, each a statement or two; the answers are plain values, the same on every engine."""

from dataclasses import dataclass
from typing import Any

from solidb_odm import (
    Engine,
    GeoPoint,
    Session,
    desc,
    distance,
    func,
    select,
    traverse,
    within,
)
from solidb_odm.errors import StaleDocumentError
from solidb_odm.testing import RecordingEngine

from .models import Airport, Route

DENVER = GeoPoint(39.74, -104.99)


def countries(session: Session) -> list[tuple[str, int, int]]:
    """Count airports and find the highest, by country."""
    statement = select(Airport.country, func.count(), func.max(Airport.altitude)).group_by(Airport.country)
    return session.execute(statement.order_by(desc(func.count()), Airport.country)).all()


def busiest(session: Session, count: int = 8) -> list[tuple[str, int]]:
    """Find the airports with the most departing routes."""
    statement = select(Route.from_, func.count()).group_by(Route.from_)
    rows = session.execute(statement.order_by(desc(func.count()), Route.from_).limit(count)).all()
    return [(str(start).removeprefix("airports/"), departures) for start, departures in rows]


def nearest(session: Session, point: GeoPoint = DENVER, count: int = 6) -> list[tuple[str, str, float]]:
    """Find the airports nearest to a point, with their distance in kilometres."""
    metres = distance(Airport.location, point)
    statement = select(Airport.iata, Airport.name, metres).where(within(Airport.location, point, 300_000))
    rows = session.execute(statement.order_by(metres, Airport.iata).limit(count)).all()
    return [(iata, name, round(away / 1000, 1)) for iata, name, away in rows]


def reach(session: Session, start: str = "ASE") -> tuple[list[str], list[str]]:
    """Find where one can fly from an airport: without changing, and changing once."""
    direct = session.scalars(traverse(f"airports/{start}", Route)).all()
    within_two = session.scalars(traverse(f"airports/{start}", Route, depth=(1, 2))).all()
    near = sorted(airport.iata for airport in direct)
    return near, sorted(airport.iata for airport in within_two if airport.iata not in near)


@dataclass
class Edit:
    """What an edit sent, and what it left behind."""

    patches: list[dict[str, Any]]
    revision_moved: bool
    unchanged_writes: int
    altitude: int
    notes: list[str]


def edit(engine: Engine, code: str = "DEN") -> Edit:
    """Change an airport in place, commit, and commit again with nothing changed."""
    recording = RecordingEngine(engine)
    with Session(recording) as session:
        airport = session.get_one(Airport, code)
        before = airport.rev
        airport.altitude += 1
        airport.notes.append("resurveyed")
        session.commit()
        patches = [written.document for written in recording.patches]
        recording.clear()
        session.commit()
        return Edit(
            patches, airport.rev != before, len(recording.batches), airport.altitude, list(airport.notes)
        )


@dataclass
class Stale:
    """What the slower of two sessions got."""

    error: str
    documents: list[str]
    won: str
    after_retry: str


def race(engine: Engine, code: str = "JFK") -> Stale:
    """Let two sessions change one airport; the second has read what the first then replaced."""
    with Session(engine) as first, Session(engine) as second:
        ours, theirs = first.get_one(Airport, code), second.get_one(Airport, code)
        ours.name = "John F. Kennedy (first)"
        first.commit()
        theirs.name = "John F. Kennedy (second)"
        try:
            second.commit()
        except StaleDocumentError as error:
            second.rollback()
            second.refresh(theirs)
            won = theirs.name
            theirs.name += " and second"
            second.commit()
            names = [f"{each.collection}/{each.key}" for each in error.documents]
            return Stale(type(error).__name__, names, won, theirs.name)
    raise RuntimeError("the second session overwrote the first")
