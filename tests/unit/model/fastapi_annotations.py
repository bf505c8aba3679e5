"""An application whose annotations are texts, as ``from __future__ import annotations`` makes them."""

from __future__ import annotations

from fastapi import FastAPI

from solidb_odm import Document
from solidb_odm.model import Link


class Owner(Document, collection="masters"):
    name: str


class Thing(Document, collection="things"):
    name: str
    owner: Link[Owner]
    tags: list[str] = []


application = FastAPI()


@application.post("/things")
def create(thing: Thing) -> Thing:
    thing.tags.append("made")
    return thing
