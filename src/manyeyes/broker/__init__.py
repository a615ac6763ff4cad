"""The only room that knows nats.

nats-py imports aiohttp where it is installed, to speak NATS over WebSockets. Nothing here does, and the page library
of the console brings it along: without this line every process would spend half a second and 10 MB on it.
"""

import sys

sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]
