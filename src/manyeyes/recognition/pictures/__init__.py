"""Bytes to pixels and back: what a file is, its header, its pixels, what is drawn on them."""
