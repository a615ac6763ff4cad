"""Tells the systemd that started this process how far it is (`sd_notify`); nothing where no systemd did."""

from __future__ import annotations

import os
import socket

from manyeyes import telemetry

VARIABLE = "NOTIFY_SOCKET"


def notify(**fields: object) -> None:
    """Send fields as `READY=1`, `STATUS=text` or `STOPPING=1`."""
    address = os.environ.get(VARIABLE)
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "".join(f"{name}={value}\n" for name, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.sendto(message.encode(), address)
    except OSError as error:
        telemetry.log().warning("systemd hears nothing of this service", error=str(error))
