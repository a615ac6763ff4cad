"""Packs: the folders of files that a master sends to nodes; built, verified and kept here."""
