"""Sends calls of the HTTP API, retries them while that can help, and raises failures as `ManyeyesError`."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from manyeyes.error_codes import from_code
from manyeyes.errors import BadRequest, FileTrouble, ManyeyesError, Unavailable
from manyeyes.sdk.context import Context, find_context
from manyeyes.sdk.not_utf8 import said_if_not_utf8
from manyeyes.sdk.patience import Patience

_SERVER_NAME = "manyeyes-master"
"""The host name in every master's certificate, whatever the master's address is."""
_BY_STATUS = {400: "bad-request", 401: "not-signed-in", 403: "not-allowed", 429: "busy", 503: "unavailable"}
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
    ) -> None:
        self.context = find_context() if context is None else context
        self.patience = patience or Patience()
        self._names = {} if self.context.trusts_system else {"sni_hostname": _SERVER_NAME}
        self._http = httpx.AsyncClient(
            base_url=_url(self.context),
            headers={"Authorization": f"Bearer {self.context.api_key}"},
            verify=_trust(self.context) if transport is None else True,
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
            unreachable = False
            try:
                with said_if_not_utf8():
                    response = await self._http.request(
                        method,
                        url,
                        headers=headers,
                        timeout=self._timeout(time.monotonic() - began_s),
                        extensions=self._names,
                        **body,
                    )
                if response.is_success:
                    return response
                cause = _problem(response)
                if not cause.retryable:
                    raise cause
                reason, retry_after_s = cause.detail, cause.retry_after_s
            except httpx.TransportError as error:
                if isinstance(error, httpx.ConnectError) and _is_certificate_trouble(error):
                    raise Unavailable(
                        f"the certificate of the master at {self.context.url} is not trusted: {self._distrust(error)}"
                    ) from error
                if not repeatable and not isinstance(error, _NEVER_ARRIVED):
                    raise Unavailable(
                        f"the connection to {self.context.url} was lost before the answer "
                        f"({_reason(error)}); see whether the change was made before you try again"
                    ) from error
                cause, reason, retry_after_s = error, _reason(error), None
                unreachable = not waits and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            elapsed_s = time.monotonic() - began_s
            pause_s = self.patience.wait_s(attempts, elapsed_s, retry_after_s, unreachable=unreachable)
            if pause_s is None:
                raise self._unanswered(cause, reason, attempts, elapsed_s, retry_after_s) from cause
            await asyncio.sleep(pause_s)

    def _unanswered(
        self, cause: Exception, reason: str, attempts: int, elapsed_s: float, retry_after_s: float | None
    ) -> Unavailable:
        """What to raise when patience ended."""
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        if isinstance(cause, httpx.TransportError):
            detail = (
                f"no answer from the master at {self.context.url} ({times}, {elapsed_s:.1f} s): {reason}; "
                "is 'manyeyes up' running there?"
            )
        else:
            detail = (
                f"the master at {self.context.url} did not take it ({times}, {elapsed_s:.1f} s): {reason}; "
                "try later, or with more patience"
            )
        return Unavailable(detail, retry_after_s=retry_after_s)

    def _distrust(self, error: BaseException) -> str:
        """Why a certificate is not trusted, and what to do."""
        if self.context.trusts_system:
            return (
                f"{_verification(error)}, by this system's trust store; install the CA there, name its file in SSL_CERT_FILE, "
                "or use a context that the master made (MANYEYES_CONTEXT)"
            )
        return (
            "this context's CA did not sign it; is it the right master? Its 'manyeyes up' writes the context to use. "
            "Of an own certificate behind a proxy: MANYEYES_CA=system"
        )

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
            with said_if_not_utf8():
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
                    raise _problem(response)
                yield response
        except httpx.TransportError as error:
            raise Unavailable(f"the connection to {self.context.url} was lost: {_reason(error)}") from error

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


def _trust(context: Context) -> ssl.SSLContext:
    if context.trusts_system:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=context.ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise FileTrouble("the CA certificate of the context is not a PEM certificate") from error


def _problem(response: httpx.Response) -> ManyeyesError:
    retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
    code = _BY_STATUS.get(
        response.status_code, "unavailable" if response.status_code in (502, 504) else "internal"
    )
    detail = (
        f"the master answered {response.status_code} {response.reason_phrase} to {response.request.url.path}"
    )
    try:
        document = response.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        code = str(document.get("code") or code)
        detail = str(document.get("detail") or detail)
    error = from_code(code, detail, retry_after_s=retry_after_s)
    if isinstance(document, dict) and isinstance(document.get("trace_id"), str):
        error.trace_id = document["trace_id"]
    says_retry = isinstance(document, dict) and document.get("retryable") is True
    if (says_retry or response.status_code in (429, 503)) and not error.retryable:
        unavailable = Unavailable(detail, retry_after_s=retry_after_s)
        unavailable.trace_id = error.trace_id
        return unavailable
    return error


def _retry_after_s(header: str | None) -> float | None:
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _verification(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(getattr(cause, "verify_message", "") or cause)
        cause = cause.__cause__ or cause.__context__
    return "it was not verified"


def _is_certificate_trouble(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _reason(error: httpx.TransportError) -> str:
    """The operating system's message if there is one: "connection refused" says more than "attempts failed"."""
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    pending: list[BaseException | None] = [error]
    while pending:
        cause = pending.pop()
        if isinstance(cause, BaseExceptionGroup):
            pending.extend(cause.exceptions)
        elif isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
            return os.strerror(cause.errno).lower()
        elif cause is not None:
            pending.append(cause.__cause__ or cause.__context__)
    return str(error) or type(error).__name__
