"""Documents are FastAPI's request and response models as they are."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from solidb_odm import Document
from solidb_odm.model import Link

HERE = Path(__file__).parent
BODY = {"key": "t", "name": "Lamp", "owner": "keepers/ada"}


class Keeper(Document, collection="keepers"):
    name: str


class Item(Document, collection="items"):
    name: str
    owner: Link[Keeper]
    tags: list[str] = []


plain = FastAPI()


@plain.post("/things")
def create(thing: Item) -> Item:
    thing.tags.append("made")
    return thing


def with_texts() -> FastAPI:
    specification = importlib.util.spec_from_file_location(
        "fastapi_annotations", HERE / "fastapi_annotations.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module: Any = importlib.util.module_from_spec(specification)
    sys.modules["fastapi_annotations"] = module
    specification.loader.exec_module(module)
    application: FastAPI = module.application
    return application


@pytest.fixture(params=["classes", "texts"])
def application(request: pytest.FixtureRequest) -> FastAPI:
    return plain if request.param == "classes" else with_texts()


def ask(application: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **options)

    return anyio.run(send)


def body(application: FastAPI) -> dict[str, str]:
    owners = "keepers" if application is plain else "masters"
    return {**BODY, "owner": f"{owners}/ada"}


def test_a_document_comes_in_and_goes_out_as_it_is_stored(application: FastAPI) -> None:
    sent = body(application)

    answer = ask(application, "POST", "/things", json=sent)

    assert answer.status_code == 200
    assert answer.json() == {"_key": "t", "name": "Lamp", "owner": sent["owner"], "tags": ["made"]}


def test_a_wrong_body_is_the_callers_mistake(application: FastAPI) -> None:
    answer = ask(application, "POST", "/things", json={**body(application), "owner": "nowhere"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "owner"]


def test_the_api_describes_documents(application: FastAPI) -> None:
    schemas = ask(application, "GET", "/openapi.json").json()["components"]["schemas"]

    (properties,) = (
        schema["properties"] for schema in schemas.values() if "owner" in schema.get("properties", {})
    )
    assert properties["owner"]["type"] == "string"
    assert properties["_key"]["type"] == "string"
