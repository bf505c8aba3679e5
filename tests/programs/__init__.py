"""Whole programs, each with its models, its data, and what plain Python says of them.

``run(engine)`` of each asserts all; the type checkers find nothing wrong in any.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith(("_", "test_")))
