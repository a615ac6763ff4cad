"""Fetches the master's pack to this node: the signed manifest, missing files, the requirements.

A running node does this during its work whenever the master's pack changes: it fetches the new pack, tries it in a
separate worker, and only then switches. An error is shown in the node's state, and the node tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature

from manyeyes.broker.nodelink import NodeLink
from manyeyes.contract import HEADER_SIGNATURE, PackQuery
from manyeyes.errors import ManyeyesError, PackDamaged
from manyeyes.identity import verify_signature
from manyeyes.node.packs.cache import PackCache
from manyeyes.node.packs.environment import OWN, Environments
from manyeyes.node.packs.launch import Launch
from manyeyes.node.retry import pause_after
from manyeyes.packs.manifest import Manifest, parse
from manyeyes.telemetry import log


class Provisioner:
    """Keeps this node at the master's pack.

    Args:
        data: the node's data folder; packs and environments go to folders in it.
        public_key: the master's pack key in hex, known since joining.
        changed: called when `doing` changed.
        try_out: starts a worker with a pack and ends it again; raises ManyeyesError if that fails.

    `doing` says what is being done, or why it fails; empty if nothing is.
    """

    def __init__(
        self,
        link: NodeLink,
        data: Path,
        public_key: str,
        changed: Callable[[], None],
        try_out: Callable[[Launch], Awaitable[None]],
    ) -> None:
        self._link = link
        self._public_key = public_key
        self._changed = changed
        self._try_out = try_out
        self._packs = PackCache(link, data / "packs")
        self._environments = Environments(data / "envs")
        self._wheels_folder = data / "envs" / ".wheels"
        self._news = asyncio.Event()
        self._wanted = ""
        self.launch: Launch | None = None
        self.doing = ""
        self._failed: list[str] = []

    @property
    def failures(self) -> int:
        """Attempts in a row that failed, until one succeeds."""
        return len(self._failed)

    def heard(self, manifest_sha256: str) -> None:
        """The master sent which manifest is in use."""
        self._wanted = manifest_sha256
        if manifest_sha256 and self.launch and manifest_sha256 != self.launch.manifest_sha256:
            self._news.set()

    def doubt(self) -> None:
        """A worker ended: check the pack against its digests again, and fetch what does not match."""
        if self.launch:
            self._news.set()

    async def obtain(self) -> Launch:
        """Fetch what workers are started with; tries until it succeeds."""
        launch = await self._until_had(self._stage)
        await self._take(launch)
        return launch

    async def follow(self, switch: Callable[[Launch], Awaitable[None]]) -> None:
        """Fetch each new pack during the work, and `switch` the workers to it after it has started once."""
        while True:
            await self._news.wait()
            self._news.clear()
            launch = await self._until_had(self._stage_and_try)
            if self.launch is not None and launch == self.launch:
                continue
            self._say(f"switching the workers to {launch.pack}")
            await switch(launch)
            log().info("switched", pack=launch.pack, before=self.launch.pack if self.launch else "")
            await self._take(launch)

    async def _until_had(self, bring: Callable[[], Awaitable[Launch]]) -> Launch:
        self._failed = []
        while True:
            try:
                launch = await bring()
                self._failed = []
                return launch
            except (ManyeyesError, OSError) as error:
                pause_s = pause_after(self.failures + 1)
                why = error.detail if isinstance(error, ManyeyesError) else str(error)
                self._failed.append("")
                self._say(f"attempt {self.failures} failed, the next in {pause_s:.0f} s: {why}")
                self._failed[-1] = why
                log().warning("pack not complete", error=why, again_in_s=pause_s)
                await asyncio.sleep(pause_s)

    async def _take(self, launch: Launch) -> None:
        self.launch = launch
        self._say("")
        self.heard(self._wanted)

        def tidy() -> None:
            self._environments.tidy(self._packs.tidy(launch.folder))

        try:
            await asyncio.to_thread(tidy)
        except OSError as error:
            log().warning("what is no longer needed was not deleted", error=str(error))

    def _say(self, doing: str) -> None:
        if doing and self._failed and self._failed[-1]:
            doing += f" (the last attempt failed: {self._failed[-1]})"
        if doing != self.doing:
            self.doing = doing
            self._changed()

    async def _stage_and_try(self) -> Launch:
        launch = await self._stage()
        if self.launch is None or launch != self.launch:
            self._say(f"trying {launch.pack}")
            await self._try_out(launch)
        return launch

    async def _stage(self) -> Launch:
        """The master's pack in use, whole, verified and able to be started.

        Raises:
            PackDamaged: a signature or a digest does not fit; nothing of it is used.
            PackError: its requirements cannot be installed, or the disk has no room.
            Unavailable: the master does not answer.
        """
        self._say("asking for the pack")
        content, headers = await self._link.fetch("pack", PackQuery())
        try:
            verify_signature(self._public_key, headers.get(HEADER_SIGNATURE, ""), content)
        except (InvalidSignature, ValueError) as error:
            raise PackDamaged(
                "the pack's manifest is not signed by the master that this node joined"
            ) from error
        manifest = parse(content.decode())
        _check_names(manifest)
        sha256 = hashlib.sha256(content).hexdigest()
        stored = await asyncio.to_thread(self._packs.kept, manifest, sha256)
        if stored is None:
            await self._packs.fetch(manifest.files, self._say)
            self._say(f"verifying {manifest.label}")
            stored = await asyncio.to_thread(self._packs.lay_out, manifest, content)
        interpreter = await self._environments.ensure(manifest, lambda: self._wheels(manifest), self._say)
        self._say("")
        where = "the agent's own environment" if interpreter == OWN else interpreter.python.parent.parent.name
        log().info("pack complete", pack=manifest.label, environment=where)
        return Launch(stored.folder, manifest.label, stored.sha256, interpreter)

    async def _wheels(self, manifest: Manifest) -> Path:
        await self._packs.fetch(manifest.wheels, self._say)
        return await asyncio.to_thread(self._packs.wheels, manifest, self._wheels_folder)


def _check_names(manifest: Manifest) -> None:
    for part in (manifest.name, manifest.version):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", part):
            raise PackDamaged(f"{part!r} is no name for a pack or its version")
