"""Runs any command of manyeyes in this process, with hostile arguments, environment, streams and answers of its master.

Nothing of the machine is touched: no process starts, no role runs, the home folder is a temporary one.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import asyncssh
import httpx
from hypothesis import strategies as st

from manyeyes import errors
from manyeyes.cli import run as roles
from manyeyes.cli import streams
from manyeyes.cli.app import app, main
from manyeyes.cli.uninstalling import command as uninstalling
from manyeyes.error_codes import _tree
from manyeyes.packs import store
from manyeyes.plain_text import harmless
from manyeyes.sdk import calls
from manyeyes.sdk.patience import Patience
from tests.unit.cli.test_cli_commands import CAUTION, FACE, PREVIEW
from tests.unit.cli.test_cli_lists import ANSWERS, ENTRY

CODES = {one.exit_code for one in _tree(errors.ManyeyesError).values()} | {0, 130, streams.EXIT_READER_GONE}
NASTY = (
    "",
    " ",
    "a",
    "ü",
    "Jos\udce9",
    "\x1b[2J\x1b]0;title\x07",
    "two\nlines\r",
    "\x9b31m",
    "\u202egpj.exe",
    "\u2028",
    "علی\u200cرضا",
    "東京" * 90,
    "x" * 300,
    "[red]bold[/red]",
    "[/nothing]",
    "{}",
    "%s%n",
    "..",
    "-",
    "--",
    "-1",
    "0",
    "1e999",
    "nan",
    "99999999999999999999",
    "1h",
    "https://",
    "https://[::1",
    "https://h\udce9:8443",
    "https://a b",
    f"https://{'l' * 70}.example:8443",
    "https://10.0.0.4:99999",
    "10.0.0.4:8443",
    "null",
    "a/b",
    "@",
    "picture.jpg",
    "album",
    "results.jsonl",
    "file\udcff.jpg",
    "/dev/null",
    "/proc/self/mem",
    "picture.jpg/beneath",
)
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), max_size=12).filter(
        lambda text: text != ".."
    ),
)
VARIABLES = (
    *("MANYEYES_KEY", "MANYEYES_MASTER", "MANYEYES_CA", "MANYEYES_CONTEXT", "COLUMNS", "TERM", "NO_COLOR"),
    *(
        "MANYEYES_MASTER_HTTPS_PORT",
        "MANYEYES_MASTER_ADVERTISE",
        "MANYEYES_NODE_HOURS",
        "MANYEYES_LOGS_FILES",
    ),
    *("LANG", "LC_ALL", "XDG_CONFIG_HOME", "DISPLAY"),
)
_GARBAGE = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b'{"people": 3}',
    b"<html>\x1b[2J",
    b"\xff\xfe",
    b'{"code": "\\ud800"}',
)
_NEVER = ("--yes", "-y", "--system", "--follow", "-f")
"""They change the machine, or never end."""
_SAID = (
    "name",
    "detail",
    "reason",
    "sentence",
    "file_name",
    "kind",
    "node",
    "machine",
    "event",
    "what",
    "who",
    "pack",
)


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that has no commands below it, by its words."""
    from typer.main import get_command

    command = get_command(app) if command is None else command
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(None):
        yield from leaves(command.get_command(None, name), (*path, name))


LEAVES = dict(leaves())


@st.composite
def arguments(draw: st.DrawFn, path: tuple[str, ...]) -> list[str]:
    """Arguments for a command: some of its options, with values that may or may not fit, and others."""
    given: list[str] = []
    for param in LEAVES[path].params:
        if param.param_type_name == "argument":
            if param.required or draw(st.booleans()):
                given += draw(st.lists(TEXTS, min_size=1, max_size=3 if param.nargs == -1 else 1))
        elif not set(param.opts) & set(_NEVER) and draw(st.integers(0, 3)) == 0:
            given.append(draw(st.sampled_from(param.opts)))
            if not getattr(param, "is_flag", False):
                given.append(draw(TEXTS))
    root = draw(st.sampled_from(([], [], [], ["--master", draw(TEXTS)])))
    odd = draw(st.sampled_from(([], [], [], [], ["--help"], [draw(TEXTS)], ["--", draw(TEXTS)])))
    given = [one for one in [*given, *odd] if one not in _NEVER]
    return [*root, *path, *given]


@dataclass
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def check(self, *, exact: bool = False) -> None:
        """No traceback, an exit code of the reference, and nothing that a terminal obeys.

        Args:
            exact: what a program on a node says is passed on unchanged, so standard output may be anything.
        """
        assert self.code in CODES, self
        for text in (self.err,) if exact else (self.out, self.err):
            assert "a defect of manyeyes" not in text and "Traceback" not in text, text
            for line in text.split("\n"):
                assert harmless(line) == line, ascii(line)


def ended(
    given: Sequence[str],
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
    seed: int = 0,
    encoding: str = "utf-8",
    target: Callable[[], io.RawIOBase] = io.BytesIO,  # type: ignore[assignment]
) -> Ended:
    """Run `manyeyes` with these arguments, in a folder with some files; standard output is `target`."""
    out, err = target(), io.BytesIO()
    code = 0
    with _this_process_only(folder, environment or {}, seed), contextlib.ExitStack() as stack:
        for name, buffer in (("stdout", out), ("stderr", err)):
            stream = io.TextIOWrapper(buffer, encoding=encoding, errors="strict")  # type: ignore[type-var]
            stack.enter_context(mock.patch.multiple(sys, **{name: stream, f"__{name}__": stream}))
        try:
            main(given)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        said = out.getvalue() if isinstance(out, io.BytesIO) else b""
        heard = err.getvalue()
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.detach()
    return Ended(code, said.decode(encoding, "replace"), heard.decode(encoding, "replace"))


@contextlib.contextmanager
def _this_process_only(folder: Path, environment: dict[str, str], seed: int) -> Iterator[None]:
    master = _Master(random.Random(seed))
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    home = {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CACHE_HOME": str(folder),
    }
    context = {"MANYEYES_CONTEXT": str(folder / "context.json")}
    before = Path.cwd()

    def client(**more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(**{**more, "verify": True, "transport": httpx.MockTransport(master)})

    with contextlib.ExitStack() as stack:
        put = stack.enter_context
        put(mock.patch.dict(os.environ, {**keep, **home, **context, **environment}, clear=True))
        put(mock.patch.object(calls, "httpx", SimpleNamespace(**{**vars(httpx), "AsyncClient": client})))
        put(mock.patch.object(Patience, "wait_s", lambda *_, **__: None))
        put(mock.patch.object(subprocess.Popen, "__init__", _no_program))
        put(mock.patch.object(subprocess.Popen, "__del__", lambda self: None))
        put(
            mock.patch.object(
                asyncssh, "connect", mock.AsyncMock(side_effect=OSError(113, "No route to host"))
            )
        )
        put(
            mock.patch.object(
                store, "ensure_default", mock.Mock(side_effect=errors.PackError("no models here"))
            )
        )
        put(mock.patch.object(roles, "_run", lambda *_: None))
        put(mock.patch.object(roles.telemetry, "set_up"))
        put(mock.patch.object(uninstalling, "_remove"))
        put(mock.patch.object(uninstalling, "remove_service"))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _no_program(*_: Any, **__: Any) -> None:
    raise FileNotFoundError(2, "No such file or directory")


class _Master:
    """Answers rightly, wrongly, or not at all, as chance wants it; each text that it says is hostile."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, request: httpx.Request) -> httpx.Response:
        kind = self._chance.randrange(6)
        if kind == 0:
            raise self._chance.choice((httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError))(
                "\x1b[31m"
            )
        if kind == 1:
            return httpx.Response(
                self._chance.choice((200, 200, 301, 413, 502)), content=self._chance.choice(_GARBAGE)
            )
        if kind == 2:
            error = self._chance.choice(list(_tree(errors.ManyeyesError).values()))(self._text())
            return httpx.Response(error.http_status, json=error.as_problem())
        return httpx.Response(200, json=self._hostile(self._answer(f"{request.method} {request.url.path}")))

    def _answer(self, what: str) -> Any:
        if what in ANSWERS:
            return ANSWERS[what]
        if "audit" in what:
            return {"entries": [ENTRY], "intact": True, "sentence": "", "head": "", "number": 1}
        if "recognize" in what:
            return {
                "width_px": 9,
                "height_px": 9,
                "media_type": "image/jpeg",
                "faces": [FACE],
                "pack": "",
                "timings_ms": {},
            }
        if "merge" in what:
            return PREVIEW
        if "check" in what:
            return {"findings": [CAUTION]}
        if "logs" in what:
            line = {
                "at": ENTRY["at"],
                "machine": "m",
                "level": "error",
                "event": "e",
                "fields": {"text": "a\nb", "detail": "d"},
            }
            return {"lines": [line]}
        if "people" in what:
            return ANSWERS["GET /v1/people/Ada"] | {"warnings": [CAUTION], "added": []}
        if "nodes/" in what:
            return ANSWERS["GET /v1/nodes"]["nodes"][0]
        return ANSWERS["GET /v1/overview"]

    def _hostile(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._hostile(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._hostile(inner, name) for inner in value]
        return self._text() if isinstance(value, str) and name in _SAID else value

    def _text(self) -> str:
        return self._chance.choice(NASTY).encode("utf-8", "replace").decode()
