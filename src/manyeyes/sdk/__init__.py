"""The client of a master's HTTPS port; the public names are exported by `manyeyes` itself."""
