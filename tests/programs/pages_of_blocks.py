"""Pages of discriminated blocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from solidb_odm import (
    Document,
    Engine,
    FulltextIndex,
    Index,
    Predicate,
    Registry,
    Session,
    and_,
    any_,
    contains,
    func,
    label,
    matches,
    select,
    unnest,
    update,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


class Text(BaseModel):
    kind: Literal["text"] = "text"
    body: str


class Image(BaseModel):
    kind: Literal["image"] = "image"
    url: str
    width: int
    caption: str | None = None


class Columns(BaseModel):
    kind: Literal["columns"] = "columns"
    left: list[Block] = []
    right: list[Block] = []


Block = Annotated[Text | Image | Columns, Field(discriminator="kind")]


class Page(Base, collection="cms_pages"):
    slug: Annotated[str, Index(unique=True)]
    title: Annotated[str, FulltextIndex()]
    blocks: list[Block] = []
    hero: Block | None = None
    published: datetime | None = None
    meta: dict[str, str] = {}
    versions: int = 1


Columns.model_rebuild()
Page.model_rebuild()


def wide_image(block: Any) -> Predicate:
    return and_(block.kind == "image", block.width >= 800)


def run(engine: Engine) -> None:
    engine.create_all(Page)
    pages = [
        Page(
            slug="home",
            title="Welcome home",
            blocks=[Text(body="hi"), Image(url="/a.png", width=800)],
            hero=Image(url="/h.png", width=1200, caption="sea"),
            meta={"lang": "en"},
        ),
        Page(
            slug="about",
            title="About us and our home",
            blocks=[Columns(left=[Text(body="l")], right=[Image(url="/r.png", width=10)])],
            published=datetime(2025, 1, 1, tzinfo=UTC),
        ),
        Page(slug="blog", title="Blog", hero=Text(body="words"), meta={"lang": "fr", "og:title": "B"}),
    ]
    with Session(engine) as s:
        s.add_all(pages)
        s.commit()
    with Session(engine) as s:
        home = s.scalars(select(Page).where(Page.slug == "home")).one()
        assert home.blocks == pages[0].blocks and isinstance(home.hero, Image)
        about = s.scalars(select(Page).where(Page.slug == "about")).one()
        assert about.blocks == pages[1].blocks
        kinds = s.scalars(select(Page.slug).where(any_(Page.blocks).kind == "image")).all()
        assert kinds == ["home"], kinds
        wide = s.scalars(select(Page.slug).where(any_(Page.blocks, wide_image))).all()
        assert wide == ["home"]
        b = unnest(Page.blocks)
        c = s.execute(select(b.kind, func.count()).group_by(b.kind).order_by(b.kind)).all()
        assert c == [("columns", 1), ("image", 1), ("text", 1)], c
        fr = s.scalars(select(Page.slug).where(Page.meta["lang"] == "fr")).all()
        assert fr == ["blog"]
        og = s.scalars(select(Page.slug).where(contains(Page.meta, "og:title"))).all()
        assert og == ["blog"]
        slugs = s.scalars(select(Page.slug).where(matches(Page.title, "home")).order_by(Page.slug)).all()
        assert slugs == ["about", "home"], slugs
        assert isinstance(about.blocks[0], Columns)
        about.blocks[0].left.append(Text(body="more"))
        home.meta["lang"] = "de"
        s.commit()
    with Session(engine) as s:
        about = s.scalars(select(Page).where(Page.slug == "about")).one()
        assert about.blocks[0] == Columns(
            left=[Text(body="l"), Text(body="more")], right=[Image(url="/r.png", width=10)]
        )
        s.execute(
            update(Page).where(Page.slug == "blog").set(Page.versions, Page.versions + 1).set(Page.hero, None)
        )
        s.commit()
        blog = s.scalars(select(Page).where(Page.slug == "blog")).one()
        assert blog.hero is None and blog.versions == 2
        hero = s.scalars(
            select(Page.slug).where(Page.hero == Image(url="/h.png", width=1200, caption="sea"))
        ).all()
        assert hero == ["home"], hero
        cols = s.execute(
            select(Page.slug, Page.hero, label("n", func.length(Page.blocks))).order_by(Page.slug)
        ).all()
        assert cols == [("about", None, 1), ("blog", None, 0), ("home", pages[0].hero, 2)], cols
