"""Declare, store, change and ask, on a file in the current folder."""

from typing import Annotated

from pydantic import BaseModel

from solidb_odm import Document, Edge, Index, Session, create_engine, desc, in_, select, traverse


class Address(BaseModel):
    city: str
    country: str


class User(Document, collection="users"):
    name: str
    email: Annotated[str, Index(unique=True)]
    age: int = 0
    tags: list[str] = []
    address: Address | None = None


class Follows(Edge[User, User], collection="follows"):
    since: int = 0


def main() -> None:
    with create_engine("sqlite:///quickstart.db") as engine, Session(engine) as session:
        ada = User(name="Ada", email="ada@example.org", age=36)
        bob = User(name="Bob", email="bob@example.org", age=17)
        session.add_all([ada, bob, Follows(ada, bob, since=2024)])
        session.commit()

        ada.address = Address(city="Paris", country="FR")
        ada.tags.append("admin")
        session.commit()

        grown = select(User).where(User.age >= 18, in_(User.address.city, ["Paris", "Rome"]))
        print([user.name for user in session.scalars(grown.order_by(desc(User.age)).limit(20))])
        print(session.execute(select(User.name, User.age).order_by(User.name)).all())
        print([user.name for user in session.scalars(traverse(ada, Follows, depth=(1, 3)))])
        print(grown.compile().text, grown.compile().bind_vars)


if __name__ == "__main__":
    main()
