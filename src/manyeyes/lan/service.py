"""What a master announces on its networks, and how a node reads announcements. No announcement is proof: anybody on

a network may send one. It only names addresses to try; what answers
there must show the certificate of the node's own master (`broker.proof`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SERVICE_TYPE = "_manyeyes._tcp.local."
CA_KEY = b"ca"
MAX_HEARD = 4096
"""Records that one search keeps, so that a flood costs no memory."""


@dataclass(frozen=True)
class Place:
    """An address of this machine on one of its networks."""

    interface: int
    """The system's number of the interface; one that was taken away and comes back has another."""
    address: str


def is_loopback(address: str) -> bool:
    """Whether an address or host name stays on this machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def places_to_announce(listen: str, here: Iterable[Place]) -> set[Place]:
    """Where a master that listens on `listen` is announced: on each network with the address that it has there.

    IPv4 only. None where it listens on the loopback alone.
    """
    fitting = {place for place in here if ":" not in place.address and not is_loopback(place.address)}
    if listen in ("0.0.0.0", "::", ""):
        return fitting
    return {place for place in fitting if place.address == listen}


def properties(ca_fingerprint: str) -> dict[bytes, bytes]:
    """The TXT record: which CA the master's certificate is by, and nothing else."""
    return {CA_KEY: ca_fingerprint.encode()}


@dataclass
class Heard:
    """All announcements of one search, of masters of one CA. A record stays valid, whatever comes later: an

    attacker who announces something else for the same name, or a goodbye for another, adds addresses to try and

    removes none.
    """

    ca_fingerprint: str
    _ours: set[str] = field(default_factory=set)
    _servers: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    _addresses: dict[str, set[str]] = field(default_factory=dict)
    _kept: int = 0

    def text(self, instance: str, found: Mapping[bytes, bytes | None]) -> None:
        """The TXT record of an instance."""
        if found.get(CA_KEY) == self.ca_fingerprint.encode() and self._room():
            self._ours.add(instance.lower())

    def service(self, instance: str, server: str, port: int) -> None:
        """The SRV record of an instance: on which host and port it is."""
        if 0 < port < 65536 and self._room():
            self._servers.setdefault(instance.lower(), set()).add((server.lower(), port))

    def address(self, server: str, address: str) -> None:
        """An address of a host."""
        if self._room():
            self._addresses.setdefault(server.lower(), set()).add(address)

    def candidates(self) -> set[str]:
        """`address:port` of all that claim to be a master of this CA."""
        return {
            f"{address}:{port}"
            for instance in self._ours
            for server, port in self._servers.get(instance, ())
            for address in self._addresses.get(server, ())
        }

    def _room(self) -> bool:
        self._kept += 1
        return self._kept <= MAX_HEARD
