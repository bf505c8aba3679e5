"""The stored form of documents. All that touches Pydantic's internals is here."""
