"""Old documents and new code, sessions and histories, branches, squashes, phases, adopting."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, computed_field

from solidb_odm import Document, Index, Link, Registry, RenamedFrom, Session, create_engine
from solidb_odm.errors import (
    CollectionNotFound,
    ConfigurationError,
    DataLossRefused,
    InvalidDocuments,
    MigrationError,
    PendingMigrations,
    RevisionChanged,
    RevisionNotFound,
    SeveralHeads,
)
from solidb_odm.migrations import Migrator
from solidb_odm.migrations.migrator_base import MigratorBase

from .conftest import Place


def old_wine() -> type[Document]:
    class Wine(Document, collection="wines"):
        label: Annotated[str, Index()]

    return Wine


def renamed_wine() -> Any:
    class Wine(Document, collection="wines"):
        title: Annotated[str, RenamedFrom("label"), Index()]

    return Wine


def test_renamed_from_renames_without_asking_and_the_index_follows(place: Place) -> None:
    place.go(old_wine())
    place.put("wines", {"_key": "a", "label": "x"})
    migrator = place.go(renamed_wine())
    assert place.stored("wines") == [{"_key": "a", "title": "x"}]
    assert migrator.check().ok


def test_documents_that_are_not_yet_renamed_are_read_and_the_newer_name_wins(place: Place) -> None:
    place.go(old_wine())
    place.put("wines", {"_key": "a", "label": "x"}, {"_key": "b", "label": "y"})
    before = place.stored("wines")
    renamed = renamed_wine()
    with Session(place.engine) as session:
        found = session.get_one(renamed, "a")
        assert found.title == "x"
        found.title = "new"
        session.commit()
    mixed = place.stored("wines")
    migrator = place.go(renamed)
    assert [row["title"] for row in place.stored("wines")] == ["new", "y"]
    migrator.downgrade("-1")
    assert place.stored("wines") == mixed != before


def test_where_there_is_a_history_sessions_make_no_collections(place: Place) -> None:
    class Other(Document, collection="others"):
        name: str

    place.go(old_wine())
    with Session(place.engine) as session:
        session.add(Other(name="x"))
        with pytest.raises(CollectionNotFound, match="solidb-odm upgrade"):
            session.commit()


def test_a_database_that_create_all_made_counts_as_done(place: Place) -> None:
    model = old_wine()
    place.engine.create_all(model)
    place.put("wines", {"_key": "a", "label": "x"})
    migrator = place.go(model)
    assert migrator.check().ok
    assert place.stored("wines") == [{"_key": "a", "label": "x"}]


def test_what_nobody_declared_is_mentioned_and_a_foreign_index_is_a_fault(place: Place) -> None:
    from solidb_odm.commands import CreateIndex, IndexSpec, call

    migrator = place.go(old_wine())

    class Other(Document, collection="others"):
        name: str

    place.engine.create_all(Other)
    assert migrator.check().ok
    assert migrator.check().mentioned == ["the collection others belongs to no model"]
    place.engine.run(call(CreateIndex("wines", IndexSpec("foreign", "persistent", ("x",)))))
    assert migrator.check().database == ["wines has an index foreign that no revision made"]


def test_two_heads_stop_an_upgrade_until_they_are_merged(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.add_field("things", "b", "int", fill=1)')
    place.write("cccc", "aaaa", 'op.add_field("things", "c", "int", fill=2)')
    migrator = place.migrator()
    with pytest.raises(SeveralHeads, match="solidb-odm merge bbbb cccc"):
        migrator.upgrade()
    with pytest.raises(PendingMigrations):
        migrator.require("heads")
    merged = migrator.merge(["bbbb", "cccc"], "both")
    assert [each.id for each in migrator.upgrade()] == ["aaaa", "bbbb", "cccc", merged.id]
    migrator.require("head")


def test_a_merge_of_two_changes_of_one_field_is_refused(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things", {"fields": {"n": "int"}})')
    place.write("bbbb", "aaaa", 'op.rename_field("things", "n", "b")')
    place.write("cccc", "aaaa", 'op.drop_field("things", "n")')
    with pytest.raises(MigrationError, match=r"both sides change things\.n"):
        place.migrator().merge(["bbbb", "cccc"], "both")


def test_a_squashed_revision_is_skipped_where_what_it_replaces_has_run(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.add_field("things", "b", "int", fill=1)')
    migrator = place.migrator()
    migrator.upgrade()
    squashed = migrator.squash("base:head", "all of it")
    assert migrator.check().ok
    assert migrator.upgrade() == []
    migrator.downgrade("base")
    assert [each.id for each in migrator.upgrade()] == [squashed.id]
    place.put("things", {"_key": "x", "b": 2})
    assert migrator.check().database == []


def test_phase_expand_stops_before_the_removals(place: Place) -> None:
    def first() -> type[Document]:
        class Wine(Document, collection="wines"):
            nose: str = ""

        return Wine

    def second() -> type[Document]:
        class Wine(Document, collection="wines"):
            stars: int = 3

        return Wine

    place.go(first())
    place.put("wines", {"_key": "a", "nose": "plum"})
    migrator = place.migrator(second())
    written = migrator.revision("both", autogenerate=True, split=True, drop=["wines.nose"])
    assert len(written) == 2
    migrator.upgrade(phase="expand")
    assert place.stored("wines") == [{"_key": "a", "nose": "plum", "stars": 3}]
    migrator.upgrade()
    assert place.stored("wines") == [{"_key": "a", "stars": 3}]


def test_a_split_leaves_what_old_code_reads_to_the_second_revision(place: Place) -> None:
    """Renames and unique indexes are removals to old code, and so is what builds on them."""

    def first() -> list[Any]:
        class Wine(Document, collection="wines"):
            label: Annotated[str, Index()]
            year: Annotated[int, Index(name="by_year")]
            nose: str

        class Cup(Document, collection="cups"):
            size: int

        return [Wine, Cup]

    def second() -> list[Any]:
        class Wine(Document, collection="wines"):
            title: Annotated[str, Index()]
            label: int = 1
            year: Annotated[int, Index(name="by_year", unique=True)]
            nose: str
            stars: Annotated[int, Index()] = 3

        class Glass(Document, collection="glasses"):
            size: int
            foot: bool = True

        return [Wine, Glass]

    place.go(*first())
    old = {"_key": "a", "label": "x", "year": 1, "nose": "plum"}
    place.put("wines", old)
    place.put("cups", {"_key": "c", "size": 2})
    migrator = place.migrator(*second())
    rename = {"wines.label": "title", "cups": "glasses"}
    assert len(migrator.revision("both", autogenerate=True, split=True, rename=rename)) == 2
    migrator.upgrade(phase="expand")
    assert place.stored("wines") == [{**old, "stars": 3}]
    assert place.stored("cups") == [{"_key": "c", "size": 2}]
    migrator.upgrade()
    new = {"_key": "a", "title": "x", "label": 1, "year": 1, "nose": "plum", "stars": 3}
    assert place.stored("wines") == [new]
    assert place.stored("glasses") == [{"_key": "c", "size": 2, "foot": True}]
    assert migrator.check().ok
    migrator.downgrade("-2")
    assert place.stored("wines") == [old]
    assert place.stored("cups") == [{"_key": "c", "size": 2}]


def test_what_is_computed_otherwise_is_written_in_the_second_revision(place: Place) -> None:
    place.go(*sized("str"))
    place.put("wines", {"_key": "a", "label": "abc", "size": "abc"})
    migrator = place.migrator(*sized("int"))
    assert len(migrator.revision("both", autogenerate=True, split=True)) == 2
    migrator.upgrade(phase="expand")
    assert place.stored("wines") == [{"_key": "a", "label": "abc", "size": "abc", "stars": 3}]
    migrator.upgrade()
    assert place.stored("wines") == [{"_key": "a", "label": "abc", "size": 3, "stars": 3}]
    assert migrator.check().ok


def sized(kind: str) -> list[Any]:
    if kind == "str":

        class Wine(Document, collection="wines"):
            label: str

            @computed_field
            def size(self) -> str:
                return self.label

        return [Wine]

    class Starred(Document, collection="wines"):
        label: str
        stars: int = 3

        @computed_field
        def size(self) -> int:
            return len(self.label)

    return [Starred]


def test_revisions_are_found_by_their_beginning_and_relatively(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.add_field("things", "b", "int", fill=1)')
    migrator = place.migrator()
    migrator.upgrade("+1")
    assert migrator.current().revisions == ["aaaa"]
    migrator.upgrade("bb")
    assert migrator.current().revisions == ["bbbb"]
    migrator.downgrade("aaaa")
    assert migrator.current().revisions == ["aaaa"]
    with pytest.raises(RevisionNotFound, match="zz"):
        migrator.upgrade("zz")


def test_a_ttl_index_that_deletes_at_once_has_to_be_allowed(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.create_index("things", "at", kind="ttl", seconds=60)')
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("things", {"_key": "a", "at": 1000})
    with pytest.raises(DataLossRefused, match="1 document of things would expire at once"):
        migrator.upgrade()


def test_several_nodes_are_refused() -> None:
    engine = create_engine("solidb://u:p@one:6745,two:6745/db")
    with engine, pytest.raises(ConfigurationError, match="one node at a time"):
        Migrator(engine)


@cache
def vehicles() -> list[type[Document]]:
    class Vehicle(Document, collection="vehicles"):
        name: str

    class Bike(Vehicle):
        gears: int

    class Car(Vehicle):
        gears: int

    return [Vehicle, Bike, Car]


@cache
def vehicles_now() -> list[type[Document]]:
    class Vehicle(Document, collection="vehicles"):
        title: str

    class Bicycle(Vehicle):
        speeds: int

        class Settings:
            renamed_from = "Bike"

    class Car(Vehicle):
        gears: int

    return [Vehicle, Bicycle, Car]


def test_a_class_in_a_shared_collection_is_changed_alone(place: Place) -> None:
    place.go(*vehicles())
    place.put(
        "vehicles",
        {"_key": "a", "name": "x", "gears": 3, "_type": "Bike"},
        {"_key": "b", "name": "y", "gears": 4, "_type": "Car"},
        {"_key": "c", "name": "z"},
    )
    before = place.stored("vehicles")
    migrator = place.go(
        *vehicles_now(), rename={"vehicles.name": "title", "vehicles:Bicycle.gears": "speeds"}
    )
    assert place.stored("vehicles") == [
        {"_key": "a", "title": "x", "speeds": 3, "_type": "Bicycle"},
        {"_key": "b", "title": "y", "gears": 4, "_type": "Car"},
        {"_key": "c", "title": "z"},
    ]
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("vehicles") == before


def test_one_changed_or_missing_revision_is_accepted_and_nothing_else_moves(place: Place) -> None:
    first = place.write("aaaa", None, 'op.create_collection("things")')
    place.write("bbbb", "aaaa", 'op.add_field("things", "n", "int", fill=3)')
    migrator = place.migrator()
    migrator.upgrade()
    place.write("cccc", "bbbb", 'op.add_field("things", "m", "int", fill=4)')
    place.write("aaaa", None, 'op.create_collection("things", kind="document", validation="lenient")')
    with pytest.raises(RevisionChanged, match=r"aaaa(.|\n)*stamp aaaa"):
        migrator.upgrade()
    migrator.stamp("aaaa")
    assert (migrator.current().revisions, migrator.current().changed) == (["bbbb"], [])
    assert [each.id for each in migrator.upgrade()] == ["cccc"]
    first.unlink()
    (place.folder / "20260101_0000_bbbb_x.py").write_text(
        'revision = "bbbb"\ndown_revision = None\ndef upgrade(op):\n    op.create_collection("things")\n'
    )
    migrator.stamp("aaaa")
    migrator.stamp("bbbb")
    assert migrator.current().changed == []


def test_attributes_that_a_closed_model_does_not_declare_are_found_first(place: Place) -> None:
    def wine(extra: Any) -> Any:
        class Part(BaseModel):
            model_config = {"extra": extra}

        class Wine(Document, collection="closed_wines"):
            model_config = {"extra": extra}
            parts: list[Part] = []
            n: int = 0

        return Wine

    place.go(wine("ignore"))
    place.put(
        "closed_wines",
        {"_key": "a", "parts": [], "n": "none"},
        {"_key": "b", "parts": [{"more": 1}]},
        {"_key": "c", "more": 1},
    )
    with pytest.raises(InvalidDocuments, match="more is not declared") as caught:
        place.go(wine("forbid"))
    assert caught.value.keys == ["b", "c"]


def test_a_plan_measures_the_documents_and_says_what_may_run_twice(place: Place) -> None:
    place.write("aaaa", None, 'op.create_collection("things")')
    query = "FOR d IN things INSERT {m: d.n} INTO things"
    rename = 'op.rename_collection("things", "others")'
    place.write(
        "bbbb", "aaaa", f'op.add_field("things", "n", "int", fill=3)\nop.execute("{query}")\n{rename}'
    )
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    assert [step.seconds for step in migrator.plan().steps] == [0, 0, 0]
    place.put("things", *({"_key": f"k{at}", "text": "x" * 1000} for at in range(300)))
    add, execute, moved = migrator.plan().steps
    is_server = place.engine.url.startswith("solidb:")
    assert add.seconds > 0
    assert (add.may_repeat, execute.may_repeat) == (False, is_server)
    assert ["new times of creation" in step.note for step in (add, moved)] == [False, is_server]


# --- which models --------------------------------------------------------------------------------


def test_a_registry_stands_for_its_models(place: Place) -> None:
    cellar, other = Registry(), Registry()

    class Cask(Document, collection="cellar_casks", registry=cellar):
        litres: Annotated[int, Index()] = 0

    class Ledger(Document, collection="cellar_casks", registry=other):
        balance: int = 0

    migrator = Migrator(place.engine, place.folder, models=cellar)
    assert migrator.models == Migrator(place.engine, place.folder, models=[Cask, cellar]).models == [Cask]
    migrator.revision("casks", autogenerate=True)
    migrator.upgrade()
    assert migrator.check().ok
    assert not Migrator(place.engine, place.folder, models=other).check().ok
    assert Migrator(place.engine, place.folder, models=other).models == [Ledger]
    with pytest.raises(ConfigurationError, match="models=registry"):
        _ = Migrator(place.engine, place.folder, models=[Registry]).models


def test_a_module_stands_for_the_models_below_it_whatever_their_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "bound_cellar"
    package.mkdir()
    (package / "__init__.py").write_text("from . import casks, racks\n")
    (package / "base.py").write_text(
        "from solidb_odm import Document, Registry\n\n\n"
        "class Base(Document, abstract=True, registry=Registry()):\n    pass\n"
    )
    for name in ("Cask", "Rack"):
        (package / f"{name.lower()}s.py").write_text(
            "from .base import Base\n\n\n"
            f"class {name}(Base, collection='bound_{name.lower()}s'):\n    n: int = 0\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    models = MigratorBase(None, models=["bound_cellar"]).models
    assert [model.__name__ for model in models] == ["Cask", "Rack"]


# --- what random pairs found ---------------------------------------------------------------------


def test_a_link_to_a_renamed_collection_waits_for_the_rename(place: Place) -> None:
    """Else the first revision would declare links to the new name, and the rename pass the old ones by."""

    def models(name: str, link: Any, default: Any) -> list[Any]:
        class Maker(Document, collection=name, registry=Registry()):
            class Settings:
                renamed_from = "split_makers"

        class Wine(Document, collection="split_wines", registry=Maker.__solidb_registry__):
            maker: link[Maker] | None = default

        return [Maker, Wine]

    place.go(*models("split_makers", Link, ...))
    place.put("split_makers", {"_key": "m"})
    place.put("split_wines", {"_key": "a", "maker": "split_makers/m"})
    migrator = place.migrator(*models("split_houses", Link, None))
    written = migrator.revision("both", autogenerate=True, split=True)
    migrator.upgrade()
    assert place.stored("split_wines") == [{"_key": "a", "maker": "split_houses/m"}]
    assert migrator.check(documents=True).ok
    migrator.downgrade(f"-{len(written)}")
    assert place.stored("split_wines") == [{"_key": "a", "maker": "split_makers/m"}]


def test_texts_stay_texts_when_a_field_takes_numbers_again(place: Place) -> None:
    def model(kind: Any) -> Any:
        class Label(Document, collection="split_labels", registry=Registry()):
            text: kind

        return Label

    place.go(model(int | str))
    place.put("split_labels", {"_key": "a", "text": 4}, {"_key": "b", "text": "c"})
    migrator = place.go(model(str))
    assert [row["text"] for row in place.stored("split_labels")] == ["4", "c"]
    migrator.downgrade("-1")
    assert [row["text"] for row in place.stored("split_labels")] == [4, "c"]
