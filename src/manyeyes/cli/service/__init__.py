"""`manyeyes service`: run up, master or node as a systemd service."""
