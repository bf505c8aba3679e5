"""``client.graph``: walks along edges, and communities for retrieval."""
