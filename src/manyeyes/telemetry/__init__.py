"""Log events: written to standard error, kept in files, sent to the masters; and the ids that follow one picture."""

from manyeyes.telemetry.events import bind, log, note, set_up
from manyeyes.telemetry.file_writer import kept

__all__ = ["bind", "kept", "log", "note", "set_up"]
