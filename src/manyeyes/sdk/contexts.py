"""The contexts of a user: one file for each master in a folder, and which of them commands use by default.

The default is the file `context.json` beside the folder `contexts`: a copy of one of them. Two contexts are of the same master
if they have the same CA, or the same address: who listens there now has taken the place of the one before.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from manyeyes.errors import BadRequest, FileTrouble
from manyeyes.natural_order import natural
from manyeyes.sdk.context import Context, load_context, save_context

FIRST = "default"
"""What a default is called that an earlier version stored without a name."""


@dataclass(frozen=True)
class NamedContext:
    """A context of the user."""

    name: str
    context: Context
    default: bool
    """Whether commands use it if nothing else is named."""


class Contexts:
    """The contexts in a user's configuration folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or platformdirs.user_config_path("manyeyes")
        self._default = self._folder / "context.json"

    def all(self) -> list[NamedContext]:
        """All contexts, by name; without the files of `unusable`."""
        default = self._usable(self._default)
        files = {path.stem: self._usable(path) for path in self._files()}
        named = {name: one for name, one in files.items() if one is not None}
        if default is not None and not any(_same(default, one) for one in named.values()):
            named = {_free(FIRST, files): default, **named}
        return [
            NamedContext(name, one, default is not None and _same(default, one))
            for name, one in sorted(named.items(), key=lambda pair: natural(pair[0]))
        ]

    def unusable(self) -> list[FileTrouble]:
        """What is wrong with each file that is not a context."""
        return [trouble for path in (self._default, *self._files()) if (trouble := self._trouble(path))]

    def get(self, name: str) -> NamedContext:
        """The context of a name.

        Raises:
            BadRequest: there is none.
            FileTrouble: its file is not a context.
        """
        if trouble := self._trouble(self._path(name)):
            raise trouble
        known = self.all()
        for one in known:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in known) or "there is none"
        raise BadRequest(f"no context is called {name!r}; known: {names}")

    def add(self, context: Context, name: str) -> NamedContext:
        """Store a context. It becomes the default if there is none, or if the default is of the same master.

        Args:
            name: for a master that is not known yet; a number is added if another has this name. A known master
                keeps its name.
        """
        known = self.all()
        found = next((one for one in known if _same(one.context, context)), None)
        taken = {one.name for one in known} | {path.stem for path in self._files()}
        name = found.name if found else _free(_clean(name), taken)
        self._name_default(known)
        save_context(context, self._path(name))
        default = (
            found.default if found else not (any(one.default for one in known) or self._default.exists())
        )
        if default:
            save_context(context, self._default)
        return NamedContext(name, context, default)

    def use(self, name: str) -> NamedContext:
        """Make a context the default.

        Raises:
            BadRequest: there is none of this name.
        """
        one = self.get(name)
        self._name_default(self.all())
        save_context(one.context, self._default)
        return NamedContext(one.name, one.context, True)

    def remove(self, name: str) -> None:
        """Forget a context.

        Raises:
            BadRequest: there is none of this name, or it is the default and there are others.
            FileTrouble: its file cannot be deleted.
        """
        default = False if self._trouble(self._path(name)) else self.get(name).default
        if default and len(self.all()) > 1:
            raise BadRequest(f"{name} is the default; choose another with 'manyeyes contexts use NAME' first")
        try:
            self._path(name).unlink(missing_ok=True)
            if default:
                self._default.unlink(missing_ok=True)
        except OSError as error:
            raise FileTrouble(f"context {name} cannot be removed: {error.strerror or error}") from error

    def _name_default(self, known: list[NamedContext]) -> None:
        """Store a default that has no name yet under one, before another takes its place."""
        for one in known:
            if one.default and not self._path(one.name).exists():
                save_context(one.context, self._path(one.name))

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("contexts/*.json"))

    def _usable(self, path: Path) -> Context | None:
        try:
            return load_context(path)
        except FileTrouble:
            return None

    def _trouble(self, path: Path) -> FileTrouble | None:
        """Why a file that is there cannot be used."""
        if path == self._default:
            otherwise = "'manyeyes contexts use NAME' writes it anew"
        else:
            otherwise = f"'manyeyes contexts remove {shlex.quote(path.stem)}' deletes it"
        try:
            if path.exists():
                load_context(path, otherwise=otherwise)
        except FileTrouble as error:
            return error
        except OSError as error:
            return FileTrouble(f"context file {path} cannot be read: {error.strerror or error}")
        return None

    def _path(self, name: str) -> Path:
        return self._folder / "contexts" / f"{name}.json"


def keep_for_this_user(
    context: Context, name: str, environ: Mapping[str, str] | None = None
) -> NamedContext | None:
    """Store the context of a master that has started, where commands of this user look for it.

    Returns:
        Under which name, and whether it is the default; None: `MANYEYES_CONTEXT` names a file, which was written
        unless it is of another master.

    Raises:
        FileTrouble: a file cannot be read or written.
    """
    environ = os.environ if environ is None else environ
    if named := environ.get("MANYEYES_CONTEXT"):
        path = Path(named)
        if not path.exists() or _same(load_context(path), context):
            save_context(context, path)
        return None
    return Contexts().add(context, name)


def _same(one: Context, other: Context) -> bool:
    return (one.ca_pem == other.ca_pem and not one.trusts_system) or one.url == other.url


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:64] or FIRST


def _free(name: str, taken: Collection[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
