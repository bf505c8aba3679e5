"""One program for a file and for a server: only the URL differs.

Set SOLIDB_URL to ``solidb://user:password@host:6745/database`` to run it on a server.
"""

import os

from solidb_odm import Document, Session, create_engine, func, sdbql, select


class Sale(Document, collection="two_engines_sales"):
    product: str
    amount: float


def main() -> None:
    with create_engine(os.environ.get("SOLIDB_URL", "sqlite://")) as engine:
        engine.create_database()
        engine.drop_all(Sale)
        engine.create_all(Sale)
        with Session(engine) as session:
            session.add_all(
                [Sale(product=name, amount=n * 1.5) for n, name in enumerate(["tea", "cup", "tea"])]
            )
            session.commit()
            built = select(Sale.product, func.sum(Sale.amount)).group_by(Sale.product)
            written = sdbql(
                "FOR s IN two_engines_sales COLLECT p = s.product AGGREGATE t = SUM(s.amount) RETURN [p, t]"
            )
            print(session.execute(built).all())
            print(session.execute(written).all())
        engine.drop_all(Sale)


if __name__ == "__main__":
    main()
