"""How a machine becomes a node, and finds its master again."""
