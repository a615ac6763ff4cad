"""While pictures are looked for among many other files, say so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from manyeyes.cli.sending.choice import PassedOver

EVERY_S = 3.0


@contextmanager
def telling_search(
    passed: PassedOver, found: Callable[[], bool], say: Callable[[str], None], every_s: float = EVERY_S
) -> Iterator[None]:
    """Say every few seconds how many files the search has passed over, until a picture is found."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(every_s) and not found():
            say(
                f"looking for pictures: none yet, {passed.reasons.total():,} other files and folders passed over"
            )

    teller = threading.Thread(target=tell, name="tell search", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
