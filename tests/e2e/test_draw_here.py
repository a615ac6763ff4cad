"""`send --draw here` draws the same pictures as a node, with small answers; kills and failures are handled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from background import MANYEYES
from PIL import Image

import manyeyes
from manyeyes.sdk.context import load_context
from tests.needs import needed
from tests.samples import SAMPLES, exif, heif, lying, picture, saved

from .conftest import Seed, Up, records
from .hosts import Host, lab, why_not
from .pictures import astronaut, write_many

OF_EVERY_KIND = [
    "JPEG progressive",
    "JPEG grey",
    "JPEG CMYK, inverted by Adobe",
    "JPEG turned by EXIF",
    "PNG alpha",
    "PNG 16 bit alpha",
    "WebP alpha",
    "WebP animated",
    "GIF animated",
    "GIF transparent",
    "TIFF CMYK",
    "TIFF of two pages",
    "BMP",
    "AVIF alpha",
    "HEIC turned",
]


def enrol(up: Up, tmp_path: Path) -> None:
    photo = tmp_path / "eileen.png"
    picture().save(photo)
    added = up.run("people", "add", "Eileen", str(photo))
    assert added.returncode == 0, added.stderr


def lay_out(folder: Path) -> None:
    folder.mkdir()
    by_name = {sample.name: sample for sample in SAMPLES}
    for number, name in enumerate(OF_EVERY_KIND):
        sample = by_name[name]
        (folder / f"{number:02}.{sample.key}").write_bytes(sample.make())


def test_the_same_bytes_as_drawn_by_a_node(up: Up, tmp_path: Path) -> None:
    folder, here, there = tmp_path / "in", tmp_path / "here", tmp_path / "there"
    lay_out(folder)
    enrol(up, tmp_path)
    try:
        for out in (here, there):
            sent = up.run("send", str(folder), "-o", str(out), "--draw", out.name)
            assert sent.returncode == 0, sent.stdout + sent.stderr
        original = (folder / "03.jpeg").read_bytes()
        with manyeyes.Client(load_context(up.data / "context.json")) as client:
            result = client.recognize(original, picture=False).result
        assert manyeyes.draw(original, result).content == (there / "03.jpeg").read_bytes()
    finally:
        up.run("people", "remove", "Eileen", "--yes")
    drawn_here, drawn_there = ({line["file"]: line for line in records(out)} for out in (here, there))
    assert len(drawn_here) == len(OF_EVERY_KIND)
    for file, line in drawn_here.items():
        assert [face["name"] for face in line["faces"]] == ["Eileen"]
        assert line["output"] == drawn_there[file]["output"]
        assert (here / line["output"]).read_bytes() == (there / line["output"]).read_bytes(), file
        assert [face["box"] for face in line["faces"]] == [face["box"] for face in drawn_there[file]["faces"]]
    again = up.run("send", str(folder), "-o", str(there), "--draw", "here")
    assert f"all {len(OF_EVERY_KIND)} done already" in again.stdout


def test_none_keeps_results_only_and_pictures_can_follow(up: Up, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 3)
    sent = up.run("send", str(folder), "-o", str(out), "--draw", "none")
    assert sent.returncode == 0, sent.stderr
    assert [path.name for path in out.iterdir()] == ["results.jsonl"]
    assert [line["output"] for line in records(out)] == [None] * 3
    assert "all 3 done already" in up.run("send", str(folder), "-o", str(out), "--draw", "none").stdout
    sent = up.run("send", str(folder), "-o", str(out), "--draw", "here")
    assert sent.returncode == 0 and "done" not in sent.stdout
    assert sorted(line["output"] for line in records(out)) == ["0000.jpg", "0001.jpg", "0002.jpg"]
    assert len(list(out.glob("*.jpg"))) == 3


def test_what_cannot_be_drawn_here_fails_alone(up: Up, tmp_path: Path) -> None:
    """A user's machine without the reader for HEIC; the nodes have it."""
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 3)
    (folder / "phone.heic").write_bytes(heif(astronaut().resize((320, 320))))
    bare = tmp_path / "bare"
    (bare / "pillow_heif").mkdir(parents=True)
    (bare / "pillow_heif" / "__init__.py").write_text("raise ImportError('not on this machine')\n")
    command = ["send", str(folder), "-o", str(out), "--draw", "here"]
    sent = up.run(*command, env={"PYTHONPATH": str(bare)})
    assert sent.returncode == 3, sent.stderr
    assert "Traceback" not in sent.stderr
    by_name = {line["file"]: line for line in records(out)}
    error = by_name.pop("phone.heic")["error"]
    assert error["code"] == "drawing-failed"
    assert error["detail"].startswith("1 face was found, but its box cannot be drawn on this machine: ")
    assert "pip install 'manyeyes[heic]'" in error["detail"]
    assert error["detail"].endswith("with --draw there a node draws")
    assert {line["output"] for line in by_name.values()} == {"0000.jpg", "0001.jpg", "0002.jpg"}
    again = up.run(*command)
    assert again.returncode == 0 and "3 done before" in again.stdout, again.stderr
    assert {line["file"]: line["output"] for line in records(out)}["phone.heic"] == "phone.heic.jpg"


def test_killed_at_any_moment_it_goes_on_where_it_was(up: Up, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 40, side_px=900)
    command = [MANYEYES, "send", str(folder), "-o", str(out), "--draw", "here"]
    kills = 0
    for _ in range(3):
        with (tmp_path / "send.log").open("wb") as log:
            sending = subprocess.Popen(command, env={**os.environ, **up.env}, stdout=log, stderr=log)
        before = len(list(out.glob("*.jpg")))
        until_s = time.monotonic() + 60
        while len(list(out.glob("*.jpg"))) < before + 6 and sending.poll() is None:
            assert time.monotonic() < until_s, (tmp_path / "send.log").read_text()
            time.sleep(0.005)
        kills += sending.poll() is None
        sending.send_signal(signal.SIGKILL)
        sending.wait(10)
        whole = (out / "results.jsonl").read_bytes()
        for line in whole[: whole.rfind(b"\n") + 1].splitlines():
            Image.open(out / json.loads(line)["output"]).load()
    assert kills >= 2, "killed too late to prove anything"
    sent = up.run(*command[1:])
    assert sent.returncode == 0, sent.stderr
    assert sorted(line["file"] for line in records(out)) == [f"{number:04}.jpg" for number in range(40)]
    assert len(list(out.glob("*.jpg"))) == 40
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def counted(host: Host) -> tuple[int, int]:
    """(sent, received) bytes of the host's network interface."""
    command = ["ip", "-j", "-s", "-n", host.namespace, "link", "show", "eth0"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(shown)[0]["stats64"]
    return int(found["tx"]["bytes"]), int(found["rx"]["bytes"])


def test_the_predicted_picture_stays_off_the_wire(place: Path, seed: Seed, tmp_path: Path) -> None:
    """Bytes are counted on four hosts: neither nodes nor master send a picture, and both ways draw the same."""
    needed(why_not())
    folder, count = tmp_path / "in", 8
    folder.mkdir()
    content = saved(lying().resize((1040, 1200)), "JPEG", quality=92, exif=exif(6))
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(content)
    with ExitStack() as stack:
        hosts = stack.enter_context(lab(["master", "alpha", "beta", "user"]))
        data, address = place / "wire-master", hosts["master"].address
        seed(data)
        where = ["--data", str(data), "--listen", "0.0.0.0", "--advertise", address]
        master = hosts["master"].popen([MANYEYES, "master", *where], tmp_path / "master.log")
        stack.callback(master.stop)
        master.wait_ready()
        env = {"MANYEYES_CONTEXT": str(data / "context.json"), "MANYEYES_MASTER": f"https://{address}:8443"}
        nodes = []
        for name in ("alpha", "beta"):
            token = hosts["user"].run([MANYEYES, "token"], env).stdout.split()[-1]
            joining = ["--join", token, "--name", name, "--workers", "1"]
            command = [MANYEYES, "node", "--data", str(place / f"wire-{name}"), *joining]
            nodes.append(hosts[name].popen(command, tmp_path / f"{name}.log"))
            stack.callback(nodes[-1].stop)
        for node in nodes:
            node.wait_ready()
        to_user, from_nodes = {}, {}
        for draw in ("there", "here"):
            before = {name: counted(host) for name, host in hosts.items()}
            command = [MANYEYES, "send", str(folder), "-o", str(tmp_path / draw), "--draw", draw]
            sent = hosts["user"].run(command, env)
            assert sent.returncode == 0, sent.stderr
            after = {name: counted(host) for name, host in hosts.items()}
            assert after["user"][0] - before["user"][0] > count * len(content), "only the originals are sent"
            to_user[draw] = (after["user"][1] - before["user"][1]) / count
            from_nodes[draw] = sum(after[n][0] - before[n][0] for n in ("alpha", "beta")) / count
        for number in range(count):
            name = f"{number}.jpg"
            assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
        back = (tmp_path / "there" / "0.jpg").stat().st_size
        assert back > 100_000
        assert to_user["there"] > back and from_nodes["there"] > back
        assert to_user["here"] < back / 5 and from_nodes["here"] < back / 5, (to_user, from_nodes)
