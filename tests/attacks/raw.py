"""A NATS client without manners: bytes as they are given, as fast as they go."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl

import nkeys


class RawClient:
    """One connection that says what it is told to; `closed` once the engine has hung up."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.heard = bytearray()
        self.closed = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(), name="raw-listen")

    @classmethod
    async def connect(cls, port: int, trusted: ssl.SSLContext, hostname: str, seed: str) -> RawClient:
        """Connect with a key, as a node does; raises ConnectionError where it is refused."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        info = json.loads((await reader.readline()).split(b" ", 1)[1])
        await writer.start_tls(trusted, server_hostname=hostname)
        pair = nkeys.from_seed(bytearray(seed.encode()))
        signed = base64.urlsafe_b64encode(pair.sign(info["nonce"].encode())).rstrip(b"=").decode()
        hello = {
            "verbose": False, "pedantic": False, "lang": "raw", "version": "0", "protocol": 1, "headers": True,
            "no_responders": True, "nkey": pair.public_key.decode(), "sig": signed,
        }  # fmt: skip
        writer.write(b"CONNECT " + json.dumps(hello).encode() + b"\r\nPING\r\n")
        answer = await reader.readline()
        if not answer.startswith(b"PONG"):
            writer.close()
            raise ConnectionError(answer.decode(errors="replace").strip() or "hung up")
        return cls(reader, writer)

    async def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._reader.read(65536):
                self.heard = (self.heard + data)[-65536:]
                if b"PING\r\n" in data:
                    self._writer.write(b"PONG\r\n")
        self.closed.set()

    async def say(self, data: bytes) -> bool:
        """Send; whether the engine still listens."""
        if self.closed.is_set():
            return False
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            self.closed.set()
        return not self.closed.is_set()

    async def flood(self, block: bytes, seconds: float) -> int:
        """Send a block over and over; how often until time was up or the engine hung up."""
        end_s = asyncio.get_running_loop().time() + seconds
        sent = 0
        while asyncio.get_running_loop().time() < end_s and await self.say(block):
            sent += 1
            await asyncio.sleep(0)
        return sent

    async def close(self) -> None:
        """Hang up."""
        self._listening.cancel()
        self._writer.transport.abort()
        await asyncio.wait([self._listening])


def publish(subject: str, data: bytes, reply: str = "") -> bytes:
    """The bytes of one PUB."""
    return f"PUB {subject} {reply}{' ' if reply else ''}{len(data)}\r\n".encode() + data + b"\r\n"
