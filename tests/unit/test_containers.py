"""Containerfile and compose.yaml agree with each other, with the commands and with the settings that they name."""

from __future__ import annotations

import fnmatch
import json
import re

import pytest
from tests.containerfile import ROOT, instructions, services, stages, variables

from manyeyes.cli.service.passed_options import read_options
from manyeyes.cli.service.unit import STOP_S
from manyeyes.config import MasterSettings, NodeSettings
from manyeyes.gateway.auth import OPEN

BOTH = services()
DATA = "/data"


@pytest.mark.parametrize("name", BOTH)
def test_a_service_may_do_little_and_has_time_to_stop(name: str) -> None:
    service = BOTH[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= STOP_S
    assert service["volumes"] == [f"{name}:{DATA}"], "data outlives the container"
    assert "/tmp" in service["tmpfs"]


@pytest.mark.parametrize("name", BOTH)
def test_the_commands_exist(name: str) -> None:
    role, *words = BOTH[name]["command"]
    assert role == name
    values = read_options(role, [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in words]).values
    if name == "master":
        assert values["advertise"] == ["master", "localhost"], "the node finds it by the name of its service"
    else:
        assert str(values["join_file"]) == "/join/token"


def test_the_image_starts_a_command_that_exists() -> None:
    (command,) = [json.loads(rest) for name, rest in instructions() if name == "CMD"]
    assert read_options(command[0], command[1:]).values["listen"] == "0.0.0.0"


def test_the_guides_do_not_repeat_what_the_image_starts() -> None:
    """Its entry point is `manyeyes`: in `docker run ... IMAGE` the role follows at once."""
    (entry,) = [json.loads(rest) for name, rest in instructions() if name == "ENTRYPOINT"]
    assert entry == ["manyeyes"]
    runs = [
        line
        for page in ROOT.glob("docs/**/*.md")
        for line in page.read_text().splitlines()
        if line.startswith("docker run -")
    ]
    images = [re.search(r" IMAGE (\w+)", line) for line in runs]
    assert images and all(image and image[1] in ("up", "master", "node") for image in images), runs


def test_the_token_is_nowhere_but_in_memory() -> None:
    folder = next(one for one in BOTH["node"]["tmpfs"] if one.startswith("/join"))
    (user,) = [rest for name, rest in instructions() if name == "USER"]
    assert folder == f"/join:uid={user},mode=0700"
    for service in BOTH.values():
        assert "environment" not in service and "env_file" not in service
    assert not [name for name in variables() if re.search("KEY|TOKEN|JOIN|SECRET", name)]


def test_the_health_check_asks_where_no_key_is_needed() -> None:
    words = BOTH["master"]["healthcheck"]["test"]
    assert words[:3] == ["CMD", "python", "-c"]
    compile(words[3], "healthcheck", "exec")
    assert "https://127.0.0.1:8443/healthz" in words[3] and "/healthz" in OPEN
    assert MasterSettings.model_fields["https_port"].default == 8443
    assert BOTH["master"]["ports"] == ["8443:8443", "4222:4222"]


def test_the_image_runs_as_nobody_who_matters_and_keeps_data_in_a_volume() -> None:
    last = dict(stages()[-1])
    assert last["USER"].isdigit() and last["USER"] != "0"
    assert last["VOLUME"] == DATA == last["WORKDIR"]
    create = next(rest for name, rest in stages()[-1] if name == "RUN")
    assert f"--uid {last['USER']}" in create and f"--owner={last['USER']}" in create
    copied = [rest for name, rest in stages()[-1] if name == "COPY"]
    assert copied == ["--from=build /opt/manyeyes /opt/manyeyes"], "nothing of the build is left in the image"


def test_its_settings_exist() -> None:
    known = {f"MANYEYES_MASTER_{name.upper()}" for name in MasterSettings.model_fields}
    known |= {f"MANYEYES_NODE_{name.upper()}" for name in NodeSettings.model_fields}
    known |= {"MANYEYES_CONTEXT", "MANYEYES_CACHE", "PATH", "HOME"}
    assert set(variables()) <= known
    assert all(value.startswith((DATA, "/opt/manyeyes/bin")) for value in variables().values())


def test_what_is_copied_exists_and_is_sent_to_the_builder() -> None:
    let_through = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().split()
        if line.startswith("!")
    ]
    for name, rest in stages()[0]:
        if name == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(fnmatch.fnmatch(source.split("/")[0], one) for one in let_through), source
