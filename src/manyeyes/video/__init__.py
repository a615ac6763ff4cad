"""Stills of videos, decoded on the machine of whoever sends them. It needs PyAV: `manyeyes[video]`."""
