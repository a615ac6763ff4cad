"""Checks the addresses that a master names to other machines. Pure."""

from __future__ import annotations

import ipaddress
import re

from manyeyes.addresses import is_numbers
from manyeyes.errors import BadRequest

_RIGHT = "give a host name or an IP address alone, as 'master.example.org' or '192.168.1.10'"
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MOST_CHARACTERS = 253


def advertised(text: str) -> str:
    """The address as nodes dial it: an IP address, or a host name, in ASCII (IDNA).

    Raises:
        BadRequest: it is something else; says what it looks like and what is right.
    """
    found = _refused(text)
    if found:
        raise BadRequest(f"--advertise {text!r} {found}; {_RIGHT}")
    bare = text.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return _host_name(text)
    on_one_link = address.version == 6 and address.is_link_local
    if address.is_unspecified or address.is_multicast or on_one_link or "%" in bare:
        raise BadRequest(
            f"--advertise {text!r} is no address at which other machines reach this one; {_RIGHT}"
        )
    return str(address)


def _refused(text: str) -> str:
    if not text.strip():
        return "is empty"
    if text != "".join(text.split()):
        return "has blanks in it"
    if "://" in text:
        host = re.split("[/?#]", text.partition("://")[2])[0].rpartition("@")[2].partition(":")[0]
        return f"is a URL; its host is {host!r}" if host else "is a URL"
    if "/" in text or "@" in text:
        return "is no host name"
    host, colon, port = text.rpartition(":")
    if colon and (":" not in host or host.endswith("]")):
        return (
            f"has the port {port!r}, which --nats-port and --https-port name"
            if port.isdigit()
            else "is no host name"
        )
    return ""


def _host_name(text: str) -> str:
    import idna

    name = text.removesuffix(".")
    try:
        ascii_name = name if name.isascii() else idna.encode(name, uts46=True).decode()
        for label in ascii_name.lower().split("."):
            if label.startswith("xn--"):
                idna.decode(label)  # whether it stands for a name at all
    except idna.IDNAError as error:
        raise BadRequest(f"--advertise {text!r} is no host name: {error}; {_RIGHT}") from error
    fits = len(ascii_name) <= _MOST_CHARACTERS and all(map(_LABEL.fullmatch, ascii_name.split(".")))
    if not fits or is_numbers(ascii_name):
        kind = "IP address" if is_numbers(ascii_name) or ":" in ascii_name else "host name"
        raise BadRequest(f"--advertise {text!r} is no {kind}; {_RIGHT}")
    return ascii_name.lower()
