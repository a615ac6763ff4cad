"""manyeyes' recogniser behind LitServe: `python bench/peer_lit.py PACK PORT WORKERS`."""

# no postponed annotations: LitServe reads those of decode_request and encode_response
import sys
from typing import Annotated

import litserve
from fastapi import Body, Response

from peer_recogniser import MEDIA_TYPE, PeerRecogniser


class Recognise(litserve.LitAPI):
    """The body is the picture itself, as it is for manyeyes."""

    def __init__(self, pack: str) -> None:
        super().__init__(api_path="/")
        self._pack = pack

    def setup(self, device: str) -> None:
        self._recogniser = PeerRecogniser(self._pack)

    def decode_request(self, request: Annotated[bytes, Body()]) -> bytes:
        return request

    def predict(self, picture: bytes) -> bytes:
        return self._recogniser.answer(picture)

    def encode_response(self, output: bytes) -> Response:
        return Response(output, media_type=MEDIA_TYPE)


def main() -> None:
    pack, port, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    server = litserve.LitServer(
        Recognise(pack),
        accelerator="cpu",
        devices=1,
        workers_per_device=workers,
        timeout=False,
        fast_queue=True,
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
