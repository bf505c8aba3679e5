"""``client.graph``: traversals along edges, and communities for retrieval."""
