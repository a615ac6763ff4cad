"""`python -m tests.e2e.sending COUNT BYTES`: sends pictures one after another from this host; a JSON line for each.

The faulty pack's recogniser takes 0.3 s for each. Run on a user's host, with its context in the environment.
"""

from __future__ import annotations

import json
import os
import sys
import time

from manyeyes import Client
from tests.integration.conftest import picture


def main() -> None:
    count, size = int(sys.argv[1]), int(sys.argv[2])
    with Client() as client:
        for number in range(count):
            began_s = time.monotonic()
            answer = client.recognize(picture(os.urandom(size) + b"SLOW", number), picture=False)
            took_s = round(time.monotonic() - began_s, 3)
            print(json.dumps({"number": number, "took_s": took_s, "pack": answer.result.pack}), flush=True)


if __name__ == "__main__":
    main()
