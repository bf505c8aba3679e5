"""Links between documents: fields, back-references, neighbours and the paths along them."""
