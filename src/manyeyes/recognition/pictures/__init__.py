"""Bytes to pixels and back: formats, headers, decoding, drawing and encoding of pictures."""
