"""What a master announces on its networks, and how a node reads announcements. No I/O.

An announcement is no proof: anybody on a network can send one. It only names addresses to try. A server there must
show the certificate of the node's own master (`broker.proof`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from manyeyes.addresses import ANY, ANY_IPV4, is_link_local, is_loopback, with_port

SERVICE_TYPE = "_manyeyes._tcp.local."
CA_KEY = b"ca"
MAX_HEARD = 4096
"""The most records that one search keeps, so that a flood of them cannot fill the memory."""


@dataclass(frozen=True)
class Place:
    """An address of this machine on one of its networks."""

    interface: int
    """The index of the interface; an interface that is removed and added again gets another index."""
    address: str

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an IPv6 address."""
        return ":" in self.address


def places_to_announce(listen: str, here: Iterable[Place]) -> set[Place]:
    """Where to announce a master that listens on `listen`: on each network, with its addresses there.

    Empty if the master listens only on the loopback address. Another machine cannot use an address that holds on one
    link only.
    """
    fitting = {place for place in here if not (is_loopback(place.address) or is_link_local(place.address))}
    if listen in (ANY, ""):
        return fitting
    if listen == ANY_IPV4:
        return {place for place in fitting if not place.is_ipv6}
    return {place for place in fitting if place.address == listen}


def properties(ca_fingerprint: str) -> dict[bytes, bytes]:
    """The TXT record: the fingerprint of the CA that signed the master's certificate, and nothing else."""
    return {CA_KEY: ca_fingerprint.encode()}


@dataclass
class Heard:
    """Collects the announcements of one search, for masters of one CA.

    A record is never removed: an attacker who announces other data or a goodbye for a master's name can add addresses
    to try, but cannot remove any.
    """

    ca_fingerprint: str
    _ours: set[str] = field(default_factory=set)
    _servers: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    _addresses: dict[str, set[str]] = field(default_factory=dict)
    _kept: int = 0

    def text(self, instance: str, found: Mapping[bytes, bytes | None]) -> None:
        """Add the TXT record of an instance; a record of another CA is ignored."""
        if found.get(CA_KEY) == self.ca_fingerprint.encode() and self._room():
            self._ours.add(instance.lower())

    def service(self, instance: str, server: str, port: int) -> None:
        """Add the SRV record of an instance: its host and port."""
        if 0 < port < 65536 and self._room():
            self._servers.setdefault(instance.lower(), set()).add((server.lower(), port))

    def address(self, server: str, address: str) -> None:
        """Add an address of a host."""
        if self._room():
            self._addresses.setdefault(server.lower(), set()).add(address)

    def candidates(self) -> set[str]:
        """`address:port` of all that claim to be a master of this CA."""
        return {
            with_port(address, port)
            for instance in self._ours
            for server, port in self._servers.get(instance, ())
            for address in self._addresses.get(server, ())
        }

    def _room(self) -> bool:
        self._kept += 1
        return self._kept <= MAX_HEARD
