"""The outside world for the hosts of a lab: records every packet on their network and every name that they look up.

`python outside.py packets FILE` listens on all devices of its namespace. `python outside.py names FILE` is the name
server of the hosts. It gives every name the address `ANSWER`, so that a program that asks goes on, and its packets are
seen too. Both write a line for each new packet or name. Only the standard library is used, so nothing else is loaded.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ANSWER = "203.0.113.80"
"""An address of a network that nobody uses (RFC 5737)."""
_ALL_KINDS = 0x0003
_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmp6"}
_HOP_BY_HOP = 0


def told(frame: bytes) -> str:
    """One Ethernet frame as `tcp 10.0.0.1:4222 > 10.0.0.2:40000`; ICMPv6 with its type in place of ports."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    if kind == _ARP:
        return "arp"
    if kind == _IPV4:
        body = frame[14 + (frame[14] & 15) * 4 :]
        protocol, addresses = frame[23], (frame[26:30], frame[30:34])
    elif kind == _IPV6:
        body, protocol, addresses = frame[54:], frame[20], (frame[22:38], frame[38:54])
        if protocol == _HOP_BY_HOP:
            protocol, body = body[0], body[8 + body[1] * 8 :]
    else:
        return f"ethernet {kind:04x}"
    name = _PROTOCOLS.get(protocol, f"protocol-{protocol}")
    source, target = (str(ipaddress.ip_address(address)) for address in addresses)
    if name in ("tcp", "udp"):
        ports = struct.unpack_from("!HH", body)
        return f"{name} {source}:{ports[0]} > {target}:{ports[1]}"
    if name == "icmp6":
        return f"icmp6-{body[0]} {source} > {target}"
    return f"{name} {source} > {target}"


def packets() -> Iterator[str]:
    """Everything on every device of this namespace."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_KINDS)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024 * 1024)
        while True:
            yield told(wire.recv(256))


def names() -> Iterator[str]:
    """Answer every DNS query, and yield its name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", 53))
        while True:
            query, who = server.recvfrom(4096)
            labels, at = [], 12
            while length := query[at]:
                labels.append(query[at + 1 : at + 1 + length].decode(errors="replace"))
                at += 1 + length
            end = at + 5
            has_address = query[at + 1 : at + 3] == b"\0\1"
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(has_address), 0, 0)
            address = struct.pack("!HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(ANSWER)
            server.sendto(head + query[12:end] + (address if has_address else b""), who)
            yield ".".join(labels)


def main() -> None:
    """See the module."""
    seen: set[str] = set()
    with Path(sys.argv[2]).open("w") as noted:
        print("ready:", flush=True)
        for one in packets() if sys.argv[1] == "packets" else names():
            if one not in seen:
                seen.add(one)
                noted.write(f"{one}\n")
                noted.flush()


if __name__ == "__main__":
    main()
