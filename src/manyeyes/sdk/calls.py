"""Sends calls of the HTTP API, retries them while that can help, and raises failures as `ManyeyesError`."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from manyeyes.errors import BadRequest, ManyeyesError, Unavailable, UntrustedCertificate, WrongAddress
from manyeyes.sdk.address import USUAL_PORT, port_hint
from manyeyes.sdk.context import Context, find_context
from manyeyes.sdk.patience import Patience
from manyeyes.sdk.refusals import check_is_of_master, is_away, is_of_proxy, problem
from manyeyes.sdk.trust import causes, pinned_name, presented, refusal, sentence, trust
from manyeyes.sdk.unsendable import refusing_the_unsendable
from manyeyes.wording import several

_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST")
"""What OpenSSL says to an answer that is no TLS."""
_LOOK_FIRST = "see whether the change was made before you try again"
_NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Call = Callable[..., Awaitable[httpx.Response]]
"""Makes one call: method, path, and the keyword arguments of `Calls._call`."""
Stream = Callable[[str, dict[str, Any], float], AbstractAsyncContextManager[httpx.Response]]
"""Opens a streamed answer: path, parameters or JSON body, and the read time-out in seconds."""


class Calls:
    """Holds the connections of one client and sends calls over them; see `AsyncClient` for the arguments."""

    def __init__(
        self,
        context: Context | None = None,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self._waiting = waiting or (lambda _: None)
        self.context = find_context() if context is None else context
        self.patience = patience or Patience()
        self._name = pinned_name(self.context.ca_pem)
        self._names = {} if self._name is None else {"sni_hostname": self._name}
        self._dials = transport is None
        self._http = httpx.AsyncClient(
            base_url=_url(self.context),
            headers={"Authorization": f"Bearer {self.context.api_key}"},
            verify=trust(self.context) if transport is None else True,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        repeatable: bool = True,
        waits: bool = False,
        **body: Any,
    ) -> httpx.Response:
        """Send one request, with all its attempts.

        Args:
            repeatable: False: it is sent again only if the master cannot have acted on it.
            waits: whether it goes on trying while no master can be reached, as pictures do.
        """
        began_s = time.monotonic()
        attempts = 0
        while True:
            attempts += 1
            cause: Exception
            away = unreachable = False
            try:
                with refusing_the_unsendable():
                    response = await self._http.request(
                        method,
                        url,
                        headers=headers,
                        timeout=self._timeout(time.monotonic() - began_s),
                        extensions=self._names,
                        **body,
                    )
                if response.is_success:
                    check_is_of_master(response, self.context.url)
                    return response
                cause = self._to_repeat(response, repeatable)
                reason, retry_after_s = cause.detail, cause.retry_after_s
                away = is_away(response)
                unreachable = away and not waits
            except httpx.TransportError as error:
                if (given_up := await self._given_up(error)) is not None:
                    raise given_up from error
                if not repeatable and not isinstance(error, _NEVER_ARRIVED):
                    lost = (
                        f"the connection to {self.context.url} was lost before the answer ({_reason(error)})"
                    )
                    raise Unavailable(f"{lost}; {_LOOK_FIRST}") from error
                cause, reason, retry_after_s = error, _reason(error), None
                unreachable = not waits and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            elapsed_s = time.monotonic() - began_s
            pause_s = self.patience.wait_s(attempts, elapsed_s, retry_after_s, unreachable=unreachable)
            if pause_s is None:
                more = "" if away else "; try later, or with more patience" if waits else "; try later"
                raise self._unanswered(cause, reason + more, attempts, elapsed_s, retry_after_s) from cause
            if attempts == 1 and not unreachable:
                self._waiting(f"waiting for up to {self.patience.total_s:.0f} s: {reason}")
            await asyncio.sleep(pause_s)

    def _to_repeat(self, response: httpx.Response, repeatable: bool) -> ManyeyesError:
        """The refusal of a call that may be sent again. Raises any other."""
        cause = problem(response, self.context.url)
        if not cause.retryable:
            raise cause
        if not repeatable and is_of_proxy(response) and response.status_code != 503:
            asks = cause.detail.endswith("?")
            more = f" {_LOOK_FIRST.capitalize()}" if asks else f"; {_LOOK_FIRST}"
            raise Unavailable(cause.detail + more) from cause
        return cause

    def _unanswered(
        self, cause: Exception, reason: str, attempts: int, elapsed_s: float, retry_after_s: float | None
    ) -> Unavailable:
        """What to raise when patience ended."""
        times = several(attempts, "attempt")
        if isinstance(cause, httpx.TransportError):
            detail = (
                f"no answer from the master at {self.context.url} ({times}, {elapsed_s:.1f} s): {reason}; "
                f"is 'manyeyes up' running there?{port_hint(self.context.url)}"
            )
        else:
            detail = (
                f"the master at {self.context.url} did not take it ({times}, {elapsed_s:.1f} s): {reason}"
            )
        return Unavailable(detail, retry_after_s=retry_after_s)

    async def _given_up(self, error: httpx.TransportError) -> ManyeyesError | None:
        """What to raise where trying again does not help: a certificate that is not trusted, a port without TLS."""
        url = self.context.url
        if (refused := refusal(error)) is not None:
            dialled = httpx.URL(url)
            name = self._name or dialled.host
            seen = await presented(dialled.host, dialled.port or 443, name) if self._dials else None
            why = sentence(
                getattr(refused, "verify_code", 0),
                getattr(refused, "verify_message", "") or str(refused),
                seen,
                wanted=name,
                context=self.context,
                now=datetime.now(UTC),
            )
            return UntrustedCertificate(f"the certificate of the master at {url} is not trusted: {why}")
        if any(getattr(one, "reason", "") in _NO_TLS for one in causes(error)):
            return WrongAddress(
                f"what answers at {url} does not speak TLS; is the port right? A master's is {USUAL_PORT} by default"
            )
        return None

    def _stream(
        self, url: str, body: dict[str, Any], silence_s: float
    ) -> AbstractAsyncContextManager[httpx.Response]:
        return self._streamed("POST", url, silence_s, json=body)

    def _stream_get(
        self, url: str, params: dict[str, Any], silence_s: float
    ) -> AbstractAsyncContextManager[httpx.Response]:
        return self._streamed("GET", url, silence_s, params=params)

    @asynccontextmanager
    async def _streamed(
        self, method: str, url: str, silence_s: float, **asked: Any
    ) -> AsyncIterator[httpx.Response]:
        """Send one request, once, and yield its answer, to be read as it arrives."""
        try:
            with refusing_the_unsendable():
                request = self._http.build_request(
                    method,
                    url,
                    **asked,
                    timeout=httpx.Timeout(silence_s, connect=self.patience.connect_s, pool=None),
                    extensions=self._names,
                )
            response = await self._http.send(request, stream=True)
            async with aclosing(response):
                if not response.is_success:
                    await response.aread()
                    raise problem(response, self.context.url)
                check_is_of_master(response, self.context.url)
                yield response
        except httpx.TransportError as error:
            lost = Unavailable(f"the connection to {self.context.url} was lost: {_reason(error)}")
            raise (await self._given_up(error) or lost) from error

    def _timeout(self, elapsed_s: float) -> httpx.Timeout:
        """The time-outs of one attempt: no longer than the rest of `patience`, which counts as at least 1 s."""
        patience = self.patience
        left_s = max(1.0, patience.total_s - elapsed_s) if patience.total_s > 0 else patience.attempt_s
        silence_s = min(patience.attempt_s, left_s)
        return httpx.Timeout(silence_s, connect=min(patience.connect_s, silence_s), pool=None)


def _url(context: Context) -> httpx.URL:
    try:
        return httpx.URL(context.url)
    except httpx.InvalidURL as error:
        raise BadRequest(f"master address {context.url!r} cannot be used: {error}") from error


def _reason(error: httpx.TransportError) -> str:
    """The operating system's message if there is one: "connection refused" says more than "attempts failed"."""
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    for cause in causes(error):
        if isinstance(cause, ssl.SSLError):  # an OSError too, whose number is not the system's
            return f"TLS failed: {(cause.reason or str(cause)).replace('_', ' ').lower()}"
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
            return os.strerror(cause.errno).lower()
    return str(error) or type(error).__name__
