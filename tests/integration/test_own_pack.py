"""A pack of the user's own models is built and used, then the default pack again: no face is matched across packs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from skimage import data as samples

from manyeyes import Client, EmbedderMismatch
from manyeyes.api.nodes import Node
from manyeyes.packs import manifest
from manyeyes.sdk.context import load_context
from tests import made_models
from tests.integration.conftest import MANYEYES, Role, free_port, role

MARK = (216, 40)
"""The mark is above the astronaut's face: the made detector finds the mark, the default one finds the face."""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture = (samples.astronaut()[:, :, ::-1] * 0.6).astype(np.uint8)
    picture[MARK[1] : MARK[1] + 8, MARK[0] : MARK[0] + 8] = 255
    path = tmp_path / "astronaut.png"
    cv2.imwrite(str(path), picture)
    return path


@pytest.fixture
def data(tmp_path: Path, default_pack: Path) -> Path:
    found = manifest.read(default_pack)
    folder = tmp_path / "data"
    shutil.copytree(default_pack, folder / "packs" / found.name / found.version)
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MANYEYES, *arguments], capture_output=True, text=True, timeout=120)


@contextmanager
def up(data: Path, ports: list[str], *arguments: str) -> Iterator[tuple[Client, Role]]:
    with role(
        data.parent / "logs", "up", "--data", str(data), "--workers", "1", *ports, *arguments
    ) as running:
        running.wait_for("ready:", timeout_s=60)
        with Client(load_context(data / "context.json")) as client:
            yield client, running


def named(client: Client, photo: Path) -> list[tuple[str | None, bool, str]]:
    """(name, whether there was anybody to compare with, pack) of each face."""
    result = client.recognize(photo).result
    return [(face.name, face.distance is not None, result.pack) for face in result.faces]


def embedded_again(client: Client) -> None:
    """Wait until no photo waits to be embedded by the pack in use."""
    deadline = time.monotonic() + 30
    while client.status().photos_to_embed:
        assert time.monotonic() < deadline, "photos still wait to be embedded again"
        time.sleep(0.1)


def node_of(client: Client, name: str) -> Node:
    return next(seen for seen in client.nodes() if seen.name == name)


def test_nobody_is_matched_across_packs(tmp_path: Path, data: Path, photo: Path, default_pack: Path) -> None:
    onnx.save(made_models.yunet(size=(640, 640)), tmp_path / "yunet.onnx")
    onnx.save(made_models.arcface(), tmp_path / "arcface.onnx")
    default = manifest.read(default_pack).label
    models = ["--detector", str(tmp_path / "yunet.onnx"), "--embedder", str(tmp_path / "arcface.onnx")]
    refused = run("packs", "build", "--data", str(data), "--name", "ours", *models)
    assert refused.returncode == 2 and "no threshold is known for this embedder" in refused.stderr
    built = run("packs", "build", "--data", str(data), "--name", "ours", *models, "--threshold", "0.3")
    assert built.returncode == 0, built.stderr
    assert "ours@1.0.0 is in" in built.stderr and "detector yunet, embedder arcface-" in built.stderr

    ports = ["--nats-port", str(free_port()), "--https-port", str(free_port())]
    with up(data, ports, "--pack", "ours") as (client, _):
        assert named(client, photo) == [(None, False, "ours@1.0.0")]
        assert client.add_person("Ann", [photo]).photos == 1
        assert named(client, photo) == [("Ann", True, "ours@1.0.0")]
    with up(data, ports) as (client, _):
        embedded_again(client)  # Ann is the mark that the made detector took for a face
        assert named(client, photo) == [(None, True, default)]
        assert client.add_person("Eileen", [photo]).photos == 1
        assert named(client, photo) == [("Eileen", True, default)]
    assert run("packs", "use", "ours", "--data", str(data)).returncode == 0
    with up(data, ports) as (client, _):
        embedded_again(client)
        assert named(client, photo) == [("Ann", True, "ours@1.0.0")]
        assert {person.name: person.photos for person in client.people()} == {"Ann": 1, "Eileen": 1}


def test_people_are_known_to_a_pack_with_another_embedder(tmp_path: Path, data: Path) -> None:
    astronaut = tmp_path / "astronaut.jpg"
    cv2.imwrite(str(astronaut), np.ascontiguousarray(samples.astronaut()[:, :, ::-1]))
    onnx.save(made_models.arcface(), tmp_path / "arcface.onnx")
    embedder = ["--embedder", str(tmp_path / "arcface.onnx"), "--threshold", "0.5"]
    built = run("packs", "build", "--data", str(data), "--name", "ours", *embedder)
    assert built.returncode == 0, built.stderr
    ports = ["--nats-port", str(free_port()), "--https-port", str(free_port())]
    with up(data, ports) as (client, _):
        client.add_person("Eileen", [astronaut])
    with up(data, ports, "--pack", "ours") as (client, running):
        embedded_again(client)
        assert named(client, astronaut) == [("Eileen", True, "ours@1.0.0")]
        assert "people were embedded again" in running.log.read_text()


def test_a_pack_that_is_not_there(data: Path) -> None:
    ended = subprocess.run(
        [*MANYEYES, "master", "--data", str(data), "--pack", "theirs", "--https-port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "MANYEYES_CONTEXT": str(data.parent / "c.json")},
    )
    assert ended.returncode == 7 and "there is no pack theirs in" in ended.stderr


def test_a_node_that_cannot_get_the_new_pack_says_so_and_names_nobody_wrongly(
    tmp_path: Path, data: Path, photo: Path, default_pack: Path
) -> None:
    """The master changes its pack while a node runs; the node switches to it as soon as it can."""
    onnx.save(made_models.arcface(128), tmp_path / "arcface.onnx")  # as many dimensions as the default's
    onnx.save(made_models.yunet(), tmp_path / "yunet.onnx")
    models = ["--detector", str(tmp_path / "yunet.onnx"), "--embedder", str(tmp_path / "arcface.onnx")]
    built = run("packs", "build", "--data", str(data), "--name", "ours", *models, "--threshold", "1.9")
    assert built.returncode == 0, built.stderr
    ports = ["--listen", "127.0.0.1", "--nats-port", str(free_port()), "--https-port", str(free_port())]

    @contextmanager
    def master(pack: str) -> Iterator[Client]:
        arguments = ["--data", str(data), "--pack", pack, *ports]
        with role(tmp_path / "logs", "master", *arguments) as running:
            running.wait_for("ready:")
            with Client(load_context(data / "context.json")) as client:
                yield client

    def node(name: str, client: Client) -> AbstractContextManager[Role]:
        token = client.create_token(60).token
        arguments = ["--data", str(tmp_path / name), "--name", name, "--workers", "1", "--join", token]
        return role(tmp_path / "logs", "node", *arguments)

    with ExitStack() as nodes:
        with master("faces") as client:
            fresh = nodes.enter_context(node("fresh", client))
            fresh.wait_for("ready:")
            assert client.add_person("Eileen", [photo]).photos == 1
            assert named(client, photo)[0][0] == "Eileen"
            fresh.process.terminate()
            fresh.process.wait(30)
        with master("ours") as client:
            stale = nodes.enter_context(node("stale", client))
            stale.wait_for("ready:")
            assert client.add_person("Ann", [photo]).photos == 1
            assert named(client, photo)[0][0] == "Ann"
        blobs = tmp_path / "stale" / "packs" / ".blobs"
        shutil.rmtree(blobs)
        blobs.touch()
        with master("faces") as client:
            end = time.monotonic() + 30
            while not any(
                seen.state in ("ready", "working") for seen in client.nodes() if seen.name == "stale"
            ):
                assert time.monotonic() < end, [(seen.name, seen.state) for seen in client.nodes()]
                time.sleep(0.2)
            for _ in range(2):
                with pytest.raises(EmbedderMismatch, match="gallery holds embeddings of dlib-"):
                    client.recognize(photo)
            with pytest.raises(
                EmbedderMismatch, match=r"this master's pack faces@.* uses dlib-.*restart that node"
            ):
                client.add_person("Bob", [photo])
            assert {person.name for person in client.people()} == {"Ann", "Eileen"}
            end = time.monotonic() + 30
            while "failed" not in (seen := node_of(client, "stale")).reason:
                assert time.monotonic() < end, seen
                time.sleep(0.2)
            assert seen.state in ("ready", "working") and seen.pack == "ours@1.0.0"
            blobs.unlink()
            while node_of(client, "stale").pack != manifest.read(default_pack).label:
                assert time.monotonic() < end + 30, node_of(client, "stale")
                time.sleep(0.2)
            assert named(client, photo)[0][0] == "Eileen"
