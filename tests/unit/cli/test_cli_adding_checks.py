"""Which machine is meant, whether its host key is the right one, whether it can be a node."""

from __future__ import annotations

import platform
from typing import Any

import pytest

from manyeyes.cli.adding.preflight import NEEDED_BYTES, Python, check_machine, choose_python, parse_pythons
from manyeyes.cli.adding.target import (
    Target,
    host_key_file,
    judge,
    name_in_known_hosts,
    parse_fingerprint,
    parse_target,
)
from manyeyes.errors import BadRequest, MachineUnfit


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ada@lab-2", Target("lab-2", "ada")),
        ("lab-2", Target("lab-2")),
        ("ada@10.0.0.4:2222", Target("10.0.0.4", "ada", 2222)),
        ("ada@[fe80::1%eth0]:22", Target("fe80::1%eth0", "ada", 22)),
        (" a.b-c@lab.example.org ", Target("lab.example.org", "a.b-c")),
    ],
)
def test_a_machine_is_named(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    ["", "@lab", "ada@", "ada@lab:", "ada@lab:0", "ada@lab:70000", "ada@lab:ssh", "a b@lab", "ada@lab;id", "-oX@lab",
     "ada@-oProxyCommand=x", "ssh://ada@lab", "ada@lab/x", "fe80::1"],
)  # fmt: skip
def test_no_machine_is_named(text: str) -> None:
    with pytest.raises(BadRequest, match="USER@HOST"):
        parse_target(text)


GOOD, OTHER = "SHA256:" + "a" * 43, "SHA256:" + "b" * 43


def test_a_fingerprint_is_read() -> None:
    assert parse_fingerprint(f" {GOOD}= ") == GOOD
    for text in ("", "SHA256:abc", "MD5:" + "a" * 43, "a" * 43):
        with pytest.raises(BadRequest, match="ssh-keygen"):
            parse_fingerprint(text)


@pytest.mark.parametrize(
    ("kept", "wanted", "verdict"),
    [
        ([], None, "unknown"),
        ([], GOOD, "accept"),
        ([], OTHER, "not-the-one"),
        ([GOOD], None, "accept"),
        ([OTHER, GOOD], None, "accept"),
        ([OTHER], None, "changed"),
        ([OTHER], GOOD, "changed"),
        ([GOOD], OTHER, "not-the-one"),
    ],
)
def test_host_keys_are_judged(kept: list[str], wanted: str | None, verdict: str) -> None:
    assert judge(GOOD, kept, wanted) == verdict


@pytest.mark.parametrize(
    ("algorithm", "file"),
    [
        ("ssh-ed25519", "/etc/ssh/ssh_host_ed25519_key.pub"),
        ("ecdsa-sha2-nistp256", "/etc/ssh/ssh_host_ecdsa_key.pub"),
        ("ssh-rsa", "/etc/ssh/ssh_host_rsa_key.pub"),
    ],
)
def test_an_unknown_host_key_is_compared_with_one_file(algorithm: str, file: str) -> None:
    """`ssh-keygen -lf` refuses several files: "Too many arguments"."""
    assert host_key_file(algorithm) == file


def test_the_name_in_known_hosts() -> None:
    assert name_in_known_hosts("lab", 22) == "lab"
    assert name_in_known_hosts("lab", 2222) == "[lab]:2222"


def test_pythons_are_read_from_what_a_login_prints() -> None:
    told = "Welcome to lab-2!\n\n/usr/bin/python3\t3.11\t1\n/opt/p\t3.13\t0\nlast\tlogin\ttoday\n"
    assert parse_pythons(told) == [
        Python("/usr/bin/python3", (3, 11), True),
        Python("/opt/p", (3, 13), False),
    ]


def python(version: str, able: bool = True) -> Python:
    major, minor = version.split(".")
    return Python(f"/usr/bin/python{version}", (int(major), int(minor)), able)


def test_the_python_like_the_operators_or_the_newest() -> None:
    found = [python("3.9"), python("3.11"), python("3.12"), python("3.13")]
    assert choose_python(found, "lab", own=(3, 12)).label == "3.12"
    assert choose_python(found, "lab", own=(3, 14)).label == "3.13"
    assert choose_python([python("3.12", False), python("3.11")], "lab", own=(3, 12)).label == "3.11"


def test_no_python_fits() -> None:
    with pytest.raises(MachineUnfit, match=r"seen: 3\.9.*--python"):
        choose_python([python("3.9")], "lab")
    with pytest.raises(MachineUnfit, match="seen: none"):
        choose_python([], "lab")
    with pytest.raises(MachineUnfit, match="python3-venv"):
        choose_python([python("3.11", False)], "lab")


FITS: dict[str, Any] = {
    "system": "Linux",
    "machine": "x86_64",
    "libc": "glibc",
    "installed": "",
    "folder": "/home/ada/.local/share/manyeyes/agent",
    "free_bytes": 10 * NEEDED_BYTES,
    "reach": {"lab:4222": "name not known", "10.0.0.4:4222": ""},
    "member": None,
}


def check(wheels: bool = False, **other: Any) -> None:
    check_machine(FITS | other, "lab-2", ca_fingerprint="ca", with_wheels=wheels)


def test_a_machine_that_fits() -> None:
    check()
    check(member={"name": "n", "ca": "ca"})
    check(installed="x", free_bytes=0)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"system": "Darwin"}, "Darwin"),
        ({"machine": "riscv64"}, "riscv64"),
        ({"free_bytes": 500_000_000}, "0.5 GB free"),
        ({"reach": {"10.0.0.4:4222": "timed out"}}, r"10.0.0.4:4222: timed out.*--advertise"),
        ({"member": {"name": "n", "ca": "another"}}, "of another master"),
    ],
)
def test_a_machine_that_does_not(other: dict[str, Any], told: str) -> None:
    with pytest.raises(MachineUnfit, match=told):
        check(**other)


def test_wheels_are_for_machines_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    check()
    with pytest.raises(MachineUnfit, match="without --wheels"):
        check(wheels=True)
