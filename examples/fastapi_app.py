"""A FastAPI application whose request and response models are the documents; a session for each request."""

from collections.abc import Iterator
from typing import Annotated

import anyio
import httpx
from fastapi import Depends, FastAPI, HTTPException

from solidb_odm import Document, Index, Session, create_engine, select
from solidb_odm.errors import UniqueViolation


class Book(Document, collection="books"):
    isbn: Annotated[str, Index(unique=True)]
    title: str
    copies: int = 1


engine = create_engine("sqlite://")
app = FastAPI()


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


Work = Annotated[Session, Depends(get_session)]


@app.post("/books", status_code=201)
def create(book: Book, session: Work) -> Book:
    session.add(book)
    try:
        session.commit()
    except UniqueViolation as error:
        raise HTTPException(409, f"there is a book with this {', '.join(error.fields)}") from error
    return book


@app.get("/books")
def find(session: Work, title: str = "") -> list[Book]:
    return session.scalars(select(Book).where(Book.title.startswith(title)).order_by(Book.title)).all()


@app.post("/books/{key}/copies")
def buy(key: str, session: Work) -> Book:
    book = session.get(Book, key)
    if book is None:
        raise HTTPException(404)
    book.copies += 1
    session.commit()
    return book


async def main() -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://books") as client:
        made = (await client.post("/books", json={"isbn": "978-0", "title": "Graphs"})).json()
        print(made)
        again = await client.post("/books", json={"isbn": "978-0", "title": "Again"})
        print(again.status_code, again.json())
        print((await client.post(f"/books/{made['_key']}/copies")).json()["copies"])
        print((await client.get("/books", params={"title": "G"})).json())
    engine.dispose()


if __name__ == "__main__":
    anyio.run(main)
