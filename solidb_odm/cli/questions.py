"""Asking in a terminal what a diff can't know: a question each, until all is said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from ..errors import DecisionNeeded
from ..migrations.decisions import Question, read_value
from ..migrations.history import Revision


class Answers:
    """The answers so far, as ``Migrator.revision`` takes them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.rename: dict[str, str] = dict(given["rename"])
        self.drop: list[str] = list(given["drop"])
        self.fill: dict[str, Any] = dict(given["fill"])
        self.values: dict[str, dict[str, Any]] = {path: dict(each) for path, each in given["values"].items()}
        self.apart: list[tuple[str, str]] = []

    def options(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            "rename": self.rename,
            "drop": self.drop,
            "fill": self.fill,
            "values": self.values,
            "apart": self.apart,
        }


def with_answers(make: Callable[..., list[Revision]], given: dict[str, Any]) -> list[Revision]:
    """Call ``make`` with the decisions, asking for more as long as it needs them and a person is there."""
    answers = Answers(given)
    while True:
        try:
            return make(**answers.options())
        except DecisionNeeded as needed:
            if not (sys.stdin.isatty() and sys.stdout.isatty()) or not _ask(needed.questions[0], answers):
                raise


def _ask(question: Question, answers: Answers) -> bool:
    """Ask one question; False if nothing was decided."""
    if question.kind == "rename":
        if _yes(f"{question.text}?"):
            answers.rename[question.path] = question.new
        else:
            answers.apart.append((question.path, question.new))
        return True
    if question.kind == "drop":
        if not _yes(f"{question.text}. Drop {question.path}?"):
            return False
        answers.drop.append(question.path)
        return True
    if question.kind == "map":
        text = input(f"{question.text}. What is it to be instead? ").strip()
        answers.values.setdefault(question.path, {})[question.new] = read_value(text)
        return bool(text)
    return _ask_value(question, answers)


def _ask_value(question: Question, answers: Answers) -> bool:
    while True:
        text = input(f"{question.text}. Their value, as JSON: ").strip()
        if not text:
            return False
        try:
            answers.fill[question.path] = json.loads(text)
        except json.JSONDecodeError:
            print(f'{text} is not JSON; a text stands in quotes, as "red"')
        else:
            return True


def _yes(text: str) -> bool:
    while True:
        answer = input(f"{text} [y/n] ").strip().lower()
        if answer in ("y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
