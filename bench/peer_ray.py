"""manyeyes' recogniser behind Ray Serve: `python bench/peer_ray.py PACK PORT REPLICAS FOLDER`.

Prints a line `ready:`; SIGTERM ends it with everything that Ray started.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from peer_recogniser import MEDIA_TYPE, PeerRecogniser

PREFETCHED = 1
"""Requests that a replica holds beside the one in hand, so that it never waits for the next."""


class Recognise:
    """One replica: a thread for the recogniser, which lets the event loop receive and answer meanwhile."""

    def __init__(self, pack: str) -> None:
        self._recogniser = PeerRecogniser(pack)
        self._thread = ThreadPoolExecutor(1)

    async def __call__(self, request: Request) -> Response:
        picture = await request.body()
        answer = asyncio.get_running_loop().run_in_executor(self._thread, self._recogniser.answer, picture)
        return Response(await answer, media_type=MEDIA_TYPE)


def main() -> None:
    pack, port, replicas, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    local = {"_node_ip_address": "127.0.0.1", "_temp_dir": folder}
    ray.init(num_cpus=replicas, include_dashboard=False, log_to_driver=False, **local)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    deployed = serve.deployment(
        Recognise,
        num_replicas=replicas,
        max_ongoing_requests=1 + PREFETCHED,
        ray_actor_options={"num_cpus": 1},
        logging_config={"enable_access_log": False},
    )
    serve.run(deployed.bind(pack), route_prefix="/")
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print("ready: Ray Serve", flush=True)
    ended.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
