"""The pack on a node: files by digest, the environment of its requirements, and their provision."""
