"""Document classes may name each other before they are made, and from modules that import in a circle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import pytest

from solidb_odm import BackReference, Document, Link, back_reference
from solidb_odm.errors import DeclarationError

HEAD = """from __future__ import annotations
from typing import TYPE_CHECKING, ClassVar
from solidb_odm import *
"""
AUTHORS = f"""{HEAD}
if TYPE_CHECKING:
    from forward_works import Work
class Maker(Document, collection="forward_makers"):
    name: str = ""
    best: Link[Work] | None = None
    works: ClassVar[BackReference[Work]] = back_reference("Work.maker")
"""
WORKS = f"""{HEAD}
if TYPE_CHECKING:
    from forward_makers import Maker
class Work(Document, collection="forward_works"):
    maker: Link[Maker]
    helpers: dict[str, list[Link["Maker"]]] = {{}}
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "forward_makers.py").write_text(AUTHORS)
    (tmp_path / "forward_works.py").write_text(WORKS)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("forward_makers", "forward_works"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("modules")
def test_modules_may_name_each_others_classes() -> None:
    import forward_makers

    with pytest.raises(DeclarationError, match="Maker: an annotation names 'Work', which is not known"):
        forward_makers.Maker.__collection_spec__()

    import forward_works

    work = forward_works.Work(maker=forward_makers.Maker(key="m"), helpers={"a": ["forward_makers/x"]})
    assert work.maker.id == "forward_makers/m"
    assert repr(forward_makers.Maker.works.__solidb_field__) == "Work.maker"


def test_a_back_reference_that_leads_nowhere_says_so_when_it_is_used() -> None:
    class Place(Document, collection="forward_places"):
        nobody: ClassVar[BackReference[Document]] = back_reference("NoSuchClass.place")
        other: ClassVar[BackReference[Document]] = back_reference("Visit.guest")
        plain: ClassVar[BackReference[Document]] = back_reference("Visit.at")

    class Visit(Document, collection="forward_visits"):
        guest: Link[Visit] | None = None
        at: int = 0

    with pytest.raises(DeclarationError, match=r"Place\.nobody: there is no Document class 'NoSuchClass'"):
        Place.nobody.__solidb_field__  # noqa: B018
    with pytest.raises(DeclarationError, match=r"Visit\.guest leads to Visit, not to Place"):
        Place.other.__solidb_field__  # noqa: B018
    with pytest.raises(DeclarationError, match="takes a field that holds links"):
        Place.plain.__solidb_field__  # noqa: B018


def test_a_back_reference_is_no_field() -> None:
    with pytest.raises(DeclarationError, match="is no field: it is never stored"):

        class Wrong(Document, collection="forward_wrong"):
            others: BackReference[Document] = back_reference("Wrong.other")
