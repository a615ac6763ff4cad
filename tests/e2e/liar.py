"""An attacker on the network that claims to be the master: `liar.py CA_FINGERPRINT ADDRESS TOLD CERTIFICATE KEY`.

It announces itself under its own names and under the master's name. It answers without TLS, with another CA's
certificate, or not at all. It also announces `INVENTED` ports where nobody listens, and writes all that it receives to
the file TOLD.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

from zeroconf import IPVersion, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICE = "_manyeyes._tcp.local."
GREETING = b'INFO {"server_id":"X","version":"2.15.0","max_payload":1048576,"nonce":"abc","auth_required":true%s}\r\n'
HANDSHAKE = b"\x16\x03"
"""The first bytes of a TLS handshake: they only say that a node looks for a master. It needs a certificate to go on."""
PLAIN, TLS, SILENT = 4222, 4223, 4224
INVENTED = 250


async def main() -> None:
    fingerprint, address, told, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def note(port: int, data: bytes) -> None:
        with Path(told).open("ab") as file:
            file.write(b"%d %r\n" % (port, data))

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING % b"")
        data = await reader.read(65536)
        if data and not data.startswith(HANDSHAKE):
            note(PLAIN, data)
        writer.close()

    async def other_ca(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING % b',"tls_required":true')
        try:
            await writer.start_tls(context)
            if data := await reader.read(65536):
                note(TLS, data)
        except (OSError, EOFError):
            pass
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    for port, answer in ((PLAIN, plain), (TLS, other_ca), (SILENT, silent)):
        await asyncio.start_server(answer, "0.0.0.0", port)
    network = AsyncZeroconf(ip_version=IPVersion.V4Only)

    async def claim(name: str, port: int) -> None:
        info = AsyncServiceInfo(
            SERVICE,
            name,
            port=port,
            properties={"ca": fingerprint},
            server=f"liar-{port}.local.",
            parsed_addresses=[address],
        )
        await network.async_register_service(info, cooperating_responders=True)

    claimed: set[str] = set()

    def heard(zeroconf: Zeroconf, service_type: str, name: str, state_change: Any) -> None:
        if not name.startswith("liar") and name not in claimed:
            claimed.add(name)
            asyncio.get_running_loop().create_task(claim(name, TLS))

    for number, port in enumerate((PLAIN, TLS, SILENT, *range(20000, 20000 + INVENTED))):
        await claim(f"liar{number}.{SERVICE}", port)
    AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[heard])
    print("ready:", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
