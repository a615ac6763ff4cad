"""The context (a master's address, CA and API key), its file, and where the client looks for it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import platformdirs

from manyeyes.addresses import bracketed
from manyeyes.errors import BadRequest, FileTrouble, NotSignedIn, Unavailable
from manyeyes.local_files import read_text
from manyeyes.plain_text import harmless
from manyeyes.sdk.address import fault


@dataclass(frozen=True)
class Context:
    """A master's address, the CA that signed its certificate, and an API key.

    With the CA that a master makes for itself, its certificate is verified whatever the address is. With another CA, as of a
    proxy in front of it, it is verified for the host name of the address; without a CA so, by the system's trust store.
    """

    url: str
    """`https://HOST:PORT`, with a path if a proxy serves the master below one: `https://HOST/PATH`."""
    ca_pem: str
    api_key: str = field(repr=False)

    @property
    def trusts_system(self) -> bool:
        """Whether the system's trust store verifies the master's certificate."""
        return not self.ca_pem

    def __post_init__(self) -> None:
        if wrong := fault(self.url):
            raise BadRequest(f"master address {self.url!r} {wrong}")
        if (place := _unlike_a_key(self.api_key)) is not None:
            raise NotSignedIn(
                f"the API key has '{harmless(self.api_key[place])}' as character {place + 1}, and a key has letters, digits, "
                "- and _ only; copy it again, into MANYEYES_KEY or the context"
            )


def _unlike_a_key(text: str) -> int | None:
    """Where a text has the first character that no key has."""
    return next((place for place, one in enumerate(text) if not "!" <= one <= "~"), None)


_CERTIFICATE = re.compile("-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----")
SYSTEM = "system"
"""The value of `MANYEYES_CA` for the system's trust store."""


_DELETE_IT = "delete it and run 'manyeyes up' again"


def context_path(environ: Mapping[str, str] | None = None) -> Path:
    """The path of the context file: `MANYEYES_CONTEXT`, or `context.json` in the user's configuration folder."""
    environ = os.environ if environ is None else environ
    named = environ.get("MANYEYES_CONTEXT")
    return Path(named) if named else platformdirs.user_config_path("manyeyes") / "context.json"


def context_text(context: Context) -> str:
    """The content of a context file, as JSON."""
    return json.dumps(asdict(context), indent=1)


def save_context(context: Context, path: Path | None = None) -> Path:
    """Write the context file atomically, readable by its owner only.

    Returns:
        the path written.

    Raises:
        FileTrouble: the file cannot be written.
    """
    target = path or context_path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".context-")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(context_text(context))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileTrouble(f"context file {target} cannot be written: {error.strerror or error}") from error
    return target


def load_context(path: Path | None = None, *, otherwise: str = _DELETE_IT) -> Context:
    """Read a context file.

    Args:
        otherwise: what a person can do if the file is not a context.

    Raises:
        FileTrouble: there is no such file, or it is not a context.
    """
    source = path or context_path()
    try:
        text = read_text(source, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise FileTrouble(f"context file {source} cannot be read: {reason}") from error
    try:
        found = json.loads(text)
        return Context(url=str(found["url"]), ca_pem=str(found["ca_pem"]), api_key=str(found["api_key"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FileTrouble(
            f"context file {source} is not a context (url, ca_pem and api_key are needed); {otherwise}"
        ) from error


def find_context(
    master: str | None = None,
    *,
    api_key: str | None = None,
    ca_pem: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Context:
    """The context to use: the arguments, else `MANYEYES_MASTER`, `MANYEYES_KEY` and `MANYEYES_CA`
    (a file, or `system` for the system's trust store), else the file that `MANYEYES_CONTEXT` names, else the one in the user's configuration folder.

    If an address is given without a key or a CA, these come from the stored context: so you can call
    another master of the same service.

    Raises:
        FileTrouble: a named file cannot be read, or is not a context.
        BadRequest: the address is not an https address.
        Unavailable: no master is known.
    """
    environ = os.environ if environ is None else environ
    master = master or environ.get("MANYEYES_MASTER") or None
    api_key = (api_key or environ.get("MANYEYES_KEY") or "").strip() or None
    if ca_pem is None and environ.get("MANYEYES_CA"):
        named = environ["MANYEYES_CA"]
        ca_pem = "" if named == SYSTEM else _read_ca(Path(named))
    if master and "://" not in master:
        master = f"https://{bracketed(master)}"
    master = master.rstrip("/") if master else None
    if master and api_key and ca_pem is not None:
        return Context(master, ca_pem, api_key)

    path = context_path(environ)
    if environ.get("MANYEYES_CONTEXT") or path.is_file():
        stored = load_context(path)
        return replace(
            stored,
            url=master or stored.url,
            ca_pem=stored.ca_pem if ca_pem is None else ca_pem,
            api_key=api_key or stored.api_key,
        )
    if master:
        lacking = [
            name for name, value in (("MANYEYES_KEY", api_key), ("MANYEYES_CA", ca_pem)) if value is None
        ]
        raise Unavailable(f"master {master} is named, but {' and '.join(lacking)} is not set; set it")
    raise Unavailable(
        "no master known: start one with 'manyeyes up', or name one with --master, "
        "MANYEYES_KEY and MANYEYES_CA (a file)"
    )


def _read_ca(path: Path) -> str:
    try:
        text = read_text(path, "ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a PEM file"
        raise FileTrouble(f"CA file {path} (MANYEYES_CA) cannot be read: {reason}") from error
    if not text.strip():
        raise FileTrouble(f"CA file {path} (MANYEYES_CA) is empty; 'system' is the system's trust store")
    if not _CERTIFICATE.search(text):
        raise FileTrouble(
            f"CA file {path} (MANYEYES_CA) holds no certificate in PEM form ('-----BEGIN CERTIFICATE-----'); name the master's "
            "identity/ca.pem, or 'system' for the system's trust store"
        )
    return text
