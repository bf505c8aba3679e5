"""Load the data, ask the questions, draw the picture: ``python -m examples.airports --url URL``."""

import argparse
import logging
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from solidb_odm import Document, Engine, Session, create_engine, traverse

from . import data, questions
from .models import Airport, Route
from .picture import draw

OUT = Path("demo-out")
CHUNK = 500
console = Console()


class Sent(logging.Handler):
    """What the engine's log says was sent, kept to be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())

    def take(self) -> list[str]:
        """Give the lines since the last call."""
        lines, self.lines = self.lines, []
        return lines


sent = Sent()


def load(engine: Engine) -> tuple[int, int]:
    """Make the collections anew and fill them, a commit for each chunk."""
    engine.drop_all(Airport, Route)
    engine.create_all(Airport, Route)
    airports = data.airports()
    routes = data.routes(airports)
    documents: list[Document] = [*airports, *routes]
    with Progress(console=console) as progress, Session(engine) as session:
        bar = progress.add_task("loading", total=len(documents))
        for start in range(0, len(documents), CHUNK):
            session.add_all(documents[start : start + CHUNK])
            session.commit()
            progress.advance(bar, len(documents[start : start + CHUNK]))
    return len(airports), len(routes)


def table(title: str, columns: list[str], rows: list[Any]) -> None:
    """Print rows."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*(str(cell) for cell in row))
    console.print(shown)


def show(engine: Engine) -> None:
    """Ask all questions and print the answers."""
    with Session(engine) as session:
        table("Airports by country", ["country", "airports", "highest (ft)"], questions.countries(session))
        table("The most departing routes", ["airport", "routes"], questions.busiest(session))
        table("Nearest to Denver", ["airport", "name", "km"], questions.nearest(session))
        direct, changing = questions.reach(session)
        rows = [
            ("direct", len(direct), " ".join(direct)),
            ("one change", len(changing), " ".join(changing[:40]) + " .."),
        ]
        table("From Aspen (ASE)", ["", "airports", ""], rows)
        asked = traverse("airports/ASE", Route, depth=(1, 2)).compile()
        console.print("That was", asked.text, asked.bind_vars, soft_wrap=True)
    sent.take()
    edit = questions.edit(engine)
    statements = sent.take()
    table(
        "Editing Denver in place, and committing",
        ["what", ""],
        [
            ("the patch", edit.patches),
            ("what was sent", "\n".join(statements)),
            ("the revision moved", edit.revision_moved),
            ("writes of a second commit, with nothing changed", edit.unchanged_writes),
        ],
    )
    stale = questions.race(engine)
    table(
        "Two sessions change JFK; the second read it before the first committed",
        ["what", ""],
        [
            ("the second one's commit", stale.error),
            ("it names", ", ".join(stale.documents)),
            ("stored is", stale.won),
            ("after refresh() and another commit", stale.after_retry),
        ],
    )


def main() -> None:
    """Run the whole demonstration."""
    parser = argparse.ArgumentParser(prog="python -m examples.airports", description=__doc__)
    parser.add_argument(
        "--url", default=f"sqlite:///{OUT / 'airports.db'}", help="where to (default: %(default)s)"
    )
    parser.add_argument("--echo", action="store_true", help="print every statement that is sent")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    log = logging.getLogger("solidb_odm.engine")
    log.addHandler(sent)
    log.setLevel(logging.INFO)
    log.propagate = False
    with create_engine(options.url, echo=options.echo) as engine:
        console.print(f"[bold]solidb_odm[/bold] on {engine.url}")
        engine.create_database()
        airports, routes = load(engine)
        console.print(f"{airports} airports and {routes} routes are stored.")
        show(engine)
        with Session(engine) as session:
            console.print(f"The network is drawn in {draw(session, OUT / 'routes.svg')}")


if __name__ == "__main__":
    main()
