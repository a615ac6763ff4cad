"""A curl command for each main call of the HTTP API; `tests/integration/test_http_examples.py` runs every one.

They read the environment variables that the page names: MASTER, KEY, CA, PICTURE, NODE.
"""

from __future__ import annotations

_CURL = 'curl --fail-with-body --silent --show-error --cacert "$CA" --header "Authorization: Bearer $KEY"'


def _curl(path: str, *options: str) -> str:
    return " \\\n  ".join((_CURL, *options, f'"$MASTER{path}"'))


EXAMPLES: dict[str, tuple[str, ...]] = {
    "POST /v1/recognize": (
        _curl("/v1/recognize", '--data-binary @"$PICTURE"'),
        _curl(
            "/v1/recognize", '--header "Accept: image/*"', '--data-binary @"$PICTURE"', "--output predicted"
        ),
        _curl(
            "/v1/recognize",
            '--header "Accept: multipart/mixed"',
            '--data-binary @"$PICTURE"',
            "--output both",
        ),
    ),
    "GET /v1/people": (_curl("/v1/people"),),
    "POST /v1/people": (_curl("/v1/people", '--form name="Ada Lovelace"', '--form photos=@"$PICTURE"'),),
    "GET /v1/people/{name}": (_curl("/v1/people/Ada%20Lovelace"),),
    "DELETE /v1/people/{name}": (_curl("/v1/people/Ada%20Lovelace", "--request DELETE"),),
    "GET /v1/nodes": (_curl("/v1/nodes"), _curl("/v1/nodes?search=lab&sort=state&limit=50")),
    "GET /v1/nodes/{name}": (_curl("/v1/nodes/$NODE"),),
    "POST /v1/nodes/{name}/pause": (_curl("/v1/nodes/$NODE/pause", "--request POST"),),
    "POST /v1/nodes/{name}/resume": (_curl("/v1/nodes/$NODE/resume", "--request POST"),),
    "GET /v1/overview": (_curl("/v1/overview"),),
    "GET /v1/logs": (_curl("/v1/logs?level=info&since=10m&limit=20"),),
    "POST /v1/keys": (
        _curl(
            "/v1/keys",
            '--header "Content-Type: application/json"',
            '--data \'{"name": "camera", "role": "user"}\'',
        ),
    ),
    "GET /v1/keys": (_curl("/v1/keys"),),
    "DELETE /v1/keys/{name}": (_curl("/v1/keys/camera", "--request DELETE"),),
    "POST /v1/tokens": (
        _curl(
            "/v1/tokens",
            '--header "Content-Type: application/json"',
            '--data \'{"expires_s": 600, "approve": true}\'',
        ),
    ),
}
"""By method and path, in the order in which they can be run: who is shown was added before."""
