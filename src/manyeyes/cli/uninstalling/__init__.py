"""`uninstall`: what manyeyes has on this machine, what of it is in use, and its removal."""
