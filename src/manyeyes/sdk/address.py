"""What is wrong with a master's address, in words. No I/O."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

USUAL_PORT = 8443
_RIGHT = f"write https://HOST:PORT as 'manyeyes up' prints it; the port is {USUAL_PORT} by default"


def fault(url: str) -> str:
    """Why a text cannot be a master's address, and what to write; empty for one that can."""
    if not url.isprintable() or " " in url:
        return f"has blanks or characters that cannot be seen; {_RIGHT}"
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets without an IPv6 address
        return f"cannot be read ({error}); {_RIGHT}"
    if parts.scheme == "http":
        return (
            f"begins with http://, and commands talk to a master over HTTPS only; {_RIGHT}. "
            "The address of --plain-http is for programs that send an API key themselves"
        )
    if parts.scheme != "https":
        return f"does not begin with https://; {_RIGHT}"
    if not parts.hostname:
        return f"names no host; {_RIGHT}"
    if port := _odd_port(parts):
        return f"has the port {port!r}, and a port is a number from 1 to 65535; {_RIGHT}"
    if parts.username is not None or parts.query or parts.fragment:
        return f"has more than host, port and path; {_RIGHT}"
    before, console, _ = f"{parts.path}/".partition("/console/")
    if console:
        return f"is of a page of the console; write https://{parts.netloc}{before}"
    return ""


def port_hint(url: str) -> str:
    """A sentence about the port of an address at which nobody answers; empty if it is the usual one."""
    port = urlsplit(url).port
    if port is None:
        return f" The address names no port, so it was 443; a master has {USUAL_PORT} by default"
    return "" if port == USUAL_PORT else f" Is {port} its port for users? {USUAL_PORT} is the default"


def _odd_port(parts: SplitResult) -> str:
    """The port where it is none; empty where it is one, or none is named."""
    written = parts.netloc.rpartition("@")[2].rpartition("]")[2].rpartition(":")[2]
    try:
        return written if parts.port == 0 else ""
    except ValueError:
        return written
