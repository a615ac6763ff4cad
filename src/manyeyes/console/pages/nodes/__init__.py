"""The nodes: all of them, and each."""
