"""A stand-in for any part: keeps what it is called with, and answers as it is told to."""

from __future__ import annotations

from typing import Any


class CallRecorder:
    """Each call is kept as (method, *arguments); keyword arguments are kept as a dictionary at the end.

    Args:
        log: where calls are kept, to see the order of several parts' calls.
        answers: by method; an exception is raised.
    """

    def __init__(self, log: list[tuple[Any, ...]] | None = None, **answers: Any) -> None:
        self.calls: list[tuple[Any, ...]] = [] if log is None else log
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(*told: Any, **named: Any) -> Any:
            self.calls.append((name, *told, named) if named else (name, *told))
            answer = self._answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call
