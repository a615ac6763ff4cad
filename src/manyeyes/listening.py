"""Whether a port of this machine can be listened on."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket

from manyeyes.addresses import ANY, is_numbers, with_port
from manyeyes.errors import PortTaken, StartError
from manyeyes.plain_text import harmless

_USABLE = (
    "name an address of this machine ('ip address' lists them; one that begins with fe80 with its interface, as "
    "fe80::1%eth0), 127.0.0.1 or ::1 for this machine only, 0.0.0.0 for all IPv4 networks, :: for all networks"
)

_HOST_NAME = re.compile(r"[\w-][\w.-]*")


def check_port(host: str, port: int, purpose: str, flag: str) -> None:
    """Make sure that a port can be listened on.

    Raises:
        PortTaken: it cannot; says which flag chooses another.
        StartError: this machine cannot listen on the address, whatever the port.
    """
    where = with_port(host, port)
    if odd := _odd(host):
        raise StartError(f"cannot listen on {where} for {purpose}: {odd}; {_USABLE}")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no address or host name"
        raise StartError(f"cannot listen on {harmless(where)} for {purpose}: {why}; {_USABLE}") from error
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == ANY:  # of both kinds: a port that something else has at an IPv4 address is taken
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(address)
        except OSError as error:
            what = f"cannot listen on {where} for {purpose}: {error.strerror}"
            if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL):
                raise StartError(f"{what}; {_USABLE}") from error
            raise PortTaken(f"{what}; is manyeyes running already? choose another with {flag}") from error


def _odd(host: str) -> str:
    """What is wrong with an address or a host name, before the system is asked; the engine and the system read some otherwise."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if is_numbers(host):
            return "this is no IPv4 address of four numbers"
        return "" if _HOST_NAME.fullmatch(host) else "this is neither an IP address nor a host name"
    return "this address is one of many machines (multicast)" if address.is_multicast else ""
