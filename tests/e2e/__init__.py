"""The installed command, as its users run it."""
