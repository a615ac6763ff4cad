"""`manyeyes nodes add` against a real sshd: a bare machine becomes a node, or the command says why not."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from background import MANYEYES

from manyeyes.cli.adding.bundle import make_bundle
from manyeyes.errors import PackError
from manyeyes.node.packs.environment import version_here
from manyeyes.packs.wheels import download
from tests.integration.conftest import faulty_pack, picture

from . import sshd
from .fleet import nodes_of
from .hosts import Host, lab
from .hosts import why_not as no_hosts

__all__ = ["faulty_pack"]
WHY_NOT = no_hosts() or sshd.why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None and not os.environ.get("CI"), reason=str(WHY_NOT))

SYSTEMCTL = """#!/bin/sh
# of systemd as much as starting one service needs
test "$1" = --user || exit 1
shift
echo "$*" >>"$HOME/systemctl.told"
case "$1" in
is-active) test -s "$HOME/service.pid" && kill -0 "$(cat "$HOME/service.pid")" ;;
restart)
  line=$(sed -n 's/^ExecStart=//p' "$HOME/.config/systemd/user/$2")
  eval "setsid $line </dev/null >/dev/null 2>&1 &"
  echo $! >"$HOME/service.pid" ;;
esac
"""


@dataclass
class Site:
    """A master, an operator's machine, and machines to add."""

    folder: Path
    hosts: dict[str, Host]
    env: dict[str, str]
    house: Path

    def add(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.hosts["operator"].run(self.command(*words), {**self.env, **env}, timeout_s=240)

    def command(self, *words: str) -> list[str]:
        return [MANYEYES, "nodes", "add", *words]

    def nodes(self) -> dict[str, dict[str, object]]:
        listed = self.hosts["operator"].run([MANYEYES, "nodes", "list", "--json"], self.env)
        return nodes_of(listed.stdout)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "operator" / ".ssh" / "known_hosts"

    def machine(self, name: str, stack: ExitStack, **env: str) -> sshd.Machine:
        key = self.folder / "operator" / ".ssh" / "id_ed25519"
        machine = sshd.Machine.start(self.hosts[name], self.folder / name, key, env)
        stack.callback(machine.stop)
        return machine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, faulty_pack: Path) -> Iterator[Site]:
    if WHY_NOT:
        pytest.fail(WHY_NOT)
    folder = tmp_path_factory.mktemp("site")
    house = folder / "house"
    try:
        download(
            make_bundle(version_here(), with_wheels=False).requirements, version_here(), house, "the agent"
        )
    except PackError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.detail)
    with lab(["master", "operator", "one", "two"]) as hosts:
        context = {"MANYEYES_CONTEXT": str(folder / "m" / "context.json")}
        address = hosts["master"].address
        command = [MANYEYES, "master", "--data", str(folder / "m"), "--pack", str(faulty_pack)]
        master = hosts["master"].popen([*command, "--advertise", address], folder / "master.log", context)
        try:
            master.wait_ready()
            operator = folder / "operator"
            sshd.make_key(operator / ".ssh" / "id_ed25519")
            env = {
                **context,
                "MANYEYES_MASTER": f"https://{address}:8443",
                "HOME": str(operator),
                "SSH_AUTH_SOCK": "",
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(house),
            }
            yield Site(folder, hosts, env, house)
        finally:
            master.stop()


def test_host_keys_are_verified(site: Site) -> None:
    with ExitStack() as stack:
        machine = site.machine("two", stack)
        where = f"{sshd.USER}@{machine.host.address}"
        shown = sshd.fingerprint(machine.host_key)

        unknown = site.add(where)
        assert unknown.returncode == 5
        assert f"--host-key-fingerprint {shown}" in unknown.stderr
        wrong = site.add(where, "--host-key-fingerprint", "SHA256:" + "a" * 43)
        assert wrong.returncode == 5 and "not the SHA256:aaa" in wrong.stderr
        assert not site.known_hosts.exists()
        assert "Accepted publickey" not in machine.service.output

        # the right one is stored; but the machine has no suitable Python
        for name in ("python3", *(f"python3.{minor}" for minor in range(11, 21))):
            (machine.folder / "bin" / name).write_text('#!/bin/sh\nprintf "%s\\t3.9\\t1\\n" "$0"\n')
            (machine.folder / "bin" / name).chmod(0o755)
        unfit = site.add(where, "--host-key-fingerprint", shown)
        assert unfit.returncode == 8 and "has no Python 3.11 or newer (seen: 3.9)" in unfit.stderr
        assert list(machine.home.iterdir()) == []
        assert site.add(where).returncode == 8, "the key is known now"

        other = site.folder / "strangers_key"
        sshd.make_key(other)
        nobody = site.add(where, "--identity", str(other))
        assert nobody.returncode == 5 and "does not let" in nobody.stderr
        none = site.add(where, "--identity", str(site.folder / "no-such-key"))
        assert none.returncode == 2

        machine.stop()
        sshd.make_key(machine.host_key)
        changed = site.machine("two", stack)
        for more in ([], ["--host-key-fingerprint", sshd.fingerprint(machine.host_key)]):
            refused = site.add(where, *more)
            assert refused.returncode == 5
            assert "HAS CHANGED" in refused.stderr and shown in refused.stderr
        assert "Accepted publickey" not in changed.service.output
    away = site.add(where)
    assert away.returncode == 6 and "no SSH server answers" in away.stderr
    assert site.add("nonsense@").returncode == 2


def test_a_bare_machine_becomes_a_node(site: Site) -> None:
    with ExitStack() as stack:
        machine = site.machine("one", stack, PIP_NO_INDEX="1")
        where = f"{sshd.USER}@{machine.host.address}"
        options = ["--name", "lab-1", "--workers", "1", "--wheels", "--allow-exec"]
        options += ["--host-key-fingerprint", sshd.fingerprint(machine.host_key)]

        # killed while it installs: the processes on the machine end, and the same command continues
        first = site.hosts["operator"].popen(
            site.command(where, *options), site.folder / "killed.log", site.env
        )
        wait_until(lambda: "making an environment" in first.output, 120, first.log)
        first.kill()
        wait_until(lambda: not at_work(machine), 15, first.log)
        assert not (machine.agent / "current").exists()
        assert site.nodes() == {}

        seen = Watched(machine)
        done = site.add(where, *options)
        seen.stop()
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("lab-1: ")
        assert "packages that were sent" in done.stderr
        assert "does not come back after a restart" in done.stderr
        assert f"@reboot {machine.agent}/start" in done.stderr
        assert seen.lines, "something was seen of its processes"
        assert not [line for line in seen.lines if "me1_" in line], "the token stands in no command line"
        listed = site.nodes()["lab-1"]
        assert listed["allow_exec"] is True

        # the node still runs after the login has ended, and works
        process = holder(machine)
        assert process is not None
        wait_until(lambda: site.nodes()["lab-1"]["state"] == "ready", 60, machine.agent / "agent.log")
        sent = site.folder / "picture.png"
        sent.write_bytes(picture())
        out = site.folder / "out"
        sending = site.hosts["operator"].run([MANYEYES, "send", str(sent), "-o", str(out)], site.env)
        assert sending.returncode == 0, sending.stderr

        # run again: nothing changes
        again = site.add(where, "--workers", "1", "--allow-exec", "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["name"] == "lab-1"
        assert "installed already" in again.stderr and "as before" in again.stderr
        assert holder(machine) == process

        # with systemd, it becomes a user service
        (machine.folder / "bin" / "systemctl").write_text(SYSTEMCTL)
        (machine.folder / "bin" / "systemctl").chmod(0o755)
        served = site.add(where, "--workers", "2")
        assert served.returncode == 0, served.stderr
        assert "systemd user service manyeyes-node" in served.stderr
        assert "sudo loginctl enable-linger" in served.stderr
        assert holder(machine) not in (None, process)
        told = (machine.home / "systemctl.told").read_text()
        assert "daemon-reload" in told and "enable --quiet manyeyes-node.service" in told

        # removed by the master: it joins again when an operator adds it again
        removed = site.hosts["operator"].run([MANYEYES, "nodes", "remove", "lab-1", "--yes"], site.env)
        assert removed.returncode == 0, removed.stderr
        wait_until(lambda: holder(machine) is None, 30, machine.agent / "agent.log")
        anew = site.add(where, "--workers", "1", "--name", "lab-one")
        assert anew.returncode == 0, anew.stderr
        assert "the master has removed node lab-1; it joins again" in anew.stderr
        assert set(site.nodes()) == {"lab-one"}


def holder(machine: sshd.Machine) -> int | None:
    """The id of the process that runs the machine's node; None if it does not run."""
    try:
        text = (machine.agent.parent / "node" / "manyeyes.pid").read_text().strip()
    except OSError:
        return None
    return int(text) if text and Path(f"/proc/{text}").exists() else None


def at_work(machine: sshd.Machine) -> list[str]:
    """The command lines of the processes on the machine, without its sshd."""
    return [line for line in machine.commands() if "sshd" not in line]


def wait_until(fits: object, timeout_s: float, log: Path) -> None:
    end = time.monotonic() + timeout_s
    while not fits():  # type: ignore[operator]
        assert time.monotonic() < end, log.read_text()[-3000:] if log.exists() else f"no {log}"
        time.sleep(0.1)


class Watched:
    """Collects the command lines of all processes on a machine, until `stop`."""

    def __init__(self, machine: sshd.Machine) -> None:
        self.lines: set[str] = set()
        self._over = threading.Event()

        def watch() -> None:
            while not self._over.wait(0.02):
                self.lines.update(machine.commands())

        self._thread = threading.Thread(target=watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
