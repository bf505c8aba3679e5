"""What the calls of the client do, written once for both colours: exchanges with the server."""

__all__: list[str] = []
