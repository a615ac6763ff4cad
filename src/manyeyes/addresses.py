"""Hosts and ports as text: an IPv6 address is in brackets before its port and in a URL, and without them elsewhere."""

from __future__ import annotations

import ipaddress
import re

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
ANY_IPV4, ANY = "0.0.0.0", "::"
"""Listening on all IPv4 addresses of a machine, and on all of both kinds."""


def bare(host: str) -> str:
    """A host as it is kept: without brackets and blanks, an IP address in its shortest form.

    An IPv4 address that is written as an IPv6 one (`::ffff:10.0.0.1`) is the IPv4 address.
    """
    host = host.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        address = ipaddress.ip_address(host.replace("%25", "%", 1) if ":" in host else host)
    except ValueError:
        return host
    return str(getattr(address, "ipv4_mapped", None) or address)


def with_port(host: str, port: int) -> str:
    """`10.0.0.1:4222`, `lab.example:4222`, `[fd00::1]:4222`."""
    return f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address is put in brackets, everything else stays as it is."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def host_and_port(address: str) -> tuple[str, int]:
    """The inverse of `with_port`. An IPv6 address without brackets is read too, since earlier versions wrote it so.

    Raises:
        ValueError: there is no port.
    """
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{address!r} is not of the form HOST:PORT or [IPV6]:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def from_here(listen: str) -> str:
    """Where programs on this machine reach what listens on `listen`."""
    return {ANY_IPV4: "127.0.0.1", ANY: "::1"}.get(listen, listen)


def is_numbers(host: str) -> bool:
    """Whether programs read it as an IPv4 address and not as a name, `127.1` and `0x7f.1` too: its last part is a number."""
    return bool(_NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]))


def is_loopback(host: str) -> bool:
    """Whether an address or host name stays on this machine."""
    try:
        return ipaddress.ip_address(bare(host)).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def is_link_local(host: str) -> bool:
    """Whether it is an IPv6 address that means something on one link only, and needs its interface (`fe80::1%eth0`)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.version == 6 and address.is_link_local
