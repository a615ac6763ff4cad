"""One request to the master of the context; the body of its answer goes to standard output.

It stands alone because the bench runs it on another host: python ask.py METHOD PATH [FILE].
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import httpx

from manyeyes.sdk.context import find_context


def main() -> None:
    context = find_context()
    with httpx.Client(verify=ssl.create_default_context(cadata=context.ca_pem), trust_env=False) as client:
        answer = client.request(
            sys.argv[1],
            context.url + sys.argv[2],
            content=Path(sys.argv[3]).read_bytes() if len(sys.argv) > 3 else None,
            headers={"Authorization": f"Bearer {context.api_key}", "Accept": "application/json"},
            extensions={"sni_hostname": "manyeyes-master"},
            timeout=60,
        )
    answer.raise_for_status()
    sys.stdout.buffer.write(answer.content)


if __name__ == "__main__":
    main()
