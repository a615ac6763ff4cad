"""Log events: written to standard error, kept in files, and sent to the masters."""

from manyeyes.telemetry.events import bind, log, note, set_up
from manyeyes.telemetry.file_writer import kept

__all__ = ["bind", "kept", "log", "note", "set_up"]
