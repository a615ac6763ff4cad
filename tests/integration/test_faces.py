"""Unknown faces, portraits, merging and recent pictures, with a real master and the default pack."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageEnhance, ImageOps
from skimage import data as samples

from manyeyes import Client, EntryNotFound, NotAllowed
from manyeyes.api.unknown_faces import Unknown
from manyeyes.packs import manifest
from manyeyes.recognition.pictures.probe import read_header
from manyeyes.sdk.context import Context, load_context
from tests.integration.conftest import Role, free_port, role


def photo(change: Callable[[Image.Image], Image.Image] = lambda image: image, **options: Any) -> bytes:
    out = io.BytesIO()
    change(Image.fromarray(samples.astronaut())).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


PLAIN, MIRRORED = photo(), photo(ImageOps.mirror)
BRIGHT = photo(lambda image: ImageEnhance.Brightness(image).enhance(1.15))
SMALLER = photo(lambda image: image.resize((440, 440)))
OTHERS = photo(lambda image: image.resize((180, 180)))
"""The face in this picture is too small to be kept."""


def fresh_ports() -> list[str]:
    return ["--https-port", str(free_port()), "--nats-port", str(free_port())]


@contextmanager
def up(data: Path, ports: list[str]) -> Iterator[Role]:
    with role(data.parent / "logs", "up", "--data", str(data), "--workers", "1", *ports) as running:
        running.wait_for("ready:", timeout_s=60)
        yield running


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, default_pack: Path) -> Path:
    folder = tmp_path_factory.mktemp("faces") / "data"
    found = manifest.read(default_pack)
    shutil.copytree(default_pack, folder / "packs" / found.name / found.version)
    return folder


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[Client]:
    with up(data, fresh_ports()), Client(load_context(data / "context.json")) as client:
        yield client


@pytest.fixture(autouse=True)
def clean(client: Client) -> Iterator[None]:
    yield
    client.faces.keep(None)
    for person in client.people():
        client.remove_person(person.name)


def keyed(client: Client, name: str, kind: Any, stack: ExitStack) -> Client:
    context = client.context
    made = client.create_key(name, kind)
    stack.callback(client.revoke_key, name)
    return stack.enter_context(Client(Context(context.url, context.ca_pem, made.key)))


def names(client: Client, picture: bytes) -> list[str | None]:
    return [face.name for face in client.recognize(picture, picture=False).result.faces]


def settled(client: Client, count: int) -> Unknown:
    """Wait until `count` unknown faces are kept, and return them: they may be stored after the answer is sent."""
    end = time.monotonic() + 10
    while (found := client.faces.unknown()).retention.kept != count:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def test_unknown_faces_from_a_picture_to_a_name(client: Client, data: Path) -> None:
    kept = data / "unknown-faces.db"
    assert names(client, PLAIN) == [None]
    assert not client.faces.retention().on and client.faces.unknown().groups == () and not kept.exists()
    retention = client.faces.keep(7 * 86_400)
    assert retention.on and retention.for_s == 604_800 and retention.since is not None
    for picture in (PLAIN, MIRRORED, BRIGHT, OTHERS):
        assert names(client, picture) == [None]
    (group,) = settled(client, 3).groups
    assert group.count == 3 and group.nearest is None and group.faces[0].width_px > 60
    image = client.faces.image(group.face_ids[0])
    info = read_header(image.content)
    assert info.media_type == image.media_type == "image/jpeg" and max(info.width_px, info.height_px) <= 320
    named = client.faces.name(group.id, "Eileen Collins")
    assert named.photos == 3 and {one.box_xyxy_px for one in named.added} == {None}
    assert settled(client, 0).groups == ()
    assert names(client, SMALLER) == ["Eileen Collins"]
    with pytest.raises(EntryNotFound):
        client.faces.image(group.face_ids[0])
    shown = client.person("Eileen Collins")
    assert [one.source for one in shown.photos_detail] == ["kept"] * 3
    assert client.portraits.of_person("Eileen Collins").media_type == "image/jpeg"
    client.remove_person("Eileen Collins")
    assert settled(client, 0).groups == (), "deleting a person brings no face back"
    told = {(entry.what, entry.outcome) for entry in client.audit()}
    assert {("faces keep", "on, for 604800 s"), ("faces name", "named")} <= told
    assert not client.faces.keep(None).on and not kept.exists()


def test_who_is_dismissed_is_not_shown_again_and_who_is_enrolled_goes(client: Client) -> None:
    client.faces.keep(3600)
    names(client, PLAIN)
    (group,) = settled(client, 1).groups
    assert client.faces.dismiss(group.id) == 1
    assert names(client, MIRRORED) == [None] and names(client, BRIGHT) == [None]
    time.sleep(0.5)
    assert client.faces.unknown().groups == ()
    client.faces.keep(None)
    client.faces.keep(3600)
    names(client, PLAIN)
    settled(client, 1)
    client.add_person("Eileen", MIRRORED)
    assert client.faces.unknown().groups == ()


def test_roles_are_held(client: Client) -> None:
    with ExitStack() as stack:
        user, operator = (keyed(client, f"a {kind}", kind, stack) for kind in ("user", "operator"))
        client.faces.keep(3600)
        names(user, PLAIN)
        (group,) = settled(operator, 1).groups
        assert operator.faces.retention().on
        refused: list[Callable[[], object]] = [
            lambda: operator.faces.keep(None),
            lambda: user.faces.keep(60),
            lambda: user.faces.retention(),
            lambda: user.faces.unknown(),
            lambda: user.faces.image(group.face_ids[0]),
            lambda: user.faces.name(group.id, "Me"),
            lambda: user.faces.dismiss(group.id),
            lambda: user.merge_person("a", "b"),
            lambda: user.portraits.of_person("a"),
            lambda: user.portraits.of_photo(1),
        ]
        for call in refused:
            with pytest.raises(NotAllowed):
                call()
        assert client.faces.retention().on and client.people() == []


def test_enrolling_tells_of_each_photo_and_its_portrait_is_shown(client: Client) -> None:
    small = photo(lambda image: image.resize((300, 300)))
    person = client.add_person("Eileen/portrait", [PLAIN, small])
    first, second = person.added
    assert (first.file_name, second.file_name) == ("photo-1", "photo-2")
    assert first.box_xyxy_px is not None and second.box_xyxy_px is not None
    x1, y1, x2, y2 = second.box_xyxy_px
    assert 100 < x1 < x2 < 180 and 30 < y1 < y2 < 120
    assert "small" in {warning.kind for warning in second.warnings}
    assert {warning.photo for warning in second.warnings} == {"photo-2"}
    shown = client.person("Eileen/portrait")
    assert [one.id for one in shown.photos_detail] == [first.photo_id, second.photo_id]
    assert all(one.has_image for one in shown.photos_detail) and shown.feedback == ()
    best = client.portraits.of_person("Eileen/portrait")
    assert best.content == client.portraits.of_photo(first.photo_id).content
    assert best.media_type == "image/webp" and max(read_header(best.content).width_px, 1) <= 320
    context = client.context
    headers = {"Authorization": f"Bearer {context.api_key}", "If-None-Match": best.etag}
    url = f"{context.url}/v1/people-photos/{first.photo_id}/image"
    answer = httpx.get(
        url, headers=headers, verify=False
    )  # not with the SDK, which shows no status and no headers
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_two_names_become_one_for_the_next_picture(client: Client) -> None:
    client.add_person("E. Collins", PLAIN)
    client.add_person("Eileen Collins", MIRRORED)
    reference = client.recognize(SMALLER, picture=False).result.faces[0].reference
    client.give_feedback(reference, is_not="E. Collins")
    assert len(client.person("E. Collins").feedback) == 1
    client.undo_feedback(client.feedback()[0].id)
    client.give_feedback(reference, is_="E. Collins", file_name="party.jpg")
    merged = client.merge_person("E. Collins", "Eileen Collins")
    assert merged.photos == 3 and [row.name for row in merged.feedback] == ["Eileen Collins"]
    assert [person.name for person in client.people()] == ["Eileen Collins"]
    assert names(client, PLAIN) == names(client, BRIGHT) == ["Eileen Collins"]
    same = [
        warning for one in merged.photos_detail for warning in one.warnings if warning.kind == "same-face"
    ]
    assert same == []


def test_recent_pictures_are_seen_by_whom_they_concern(client: Client) -> None:
    client.add_person("Eileen", PLAIN)
    with ExitStack() as stack:
        anna, ben = (keyed(client, name, "user", stack) for name in ("anna", "ben"))
        anna.recognize(MIRRORED)
        ben.recognize(SMALLER, picture=False)
        latest = client.recent.latest()
        assert latest.most == 24
        bens, annas = latest.pictures[:2]
        assert (annas.who, annas.names, annas.faces, annas.has_image) == ("anna", ("Eileen",), 1, True)
        assert (bens.who, bens.has_image) == ("ben", False) and 0 < annas.ms < 60_000
        assert [one.who for one in anna.recent.latest().pictures] == ["anna"]
        image = anna.recent.image(annas.id)
        info = read_header(image.content)
        assert (info.media_type, info.width_px) == ("image/jpeg", 512)
        assert client.recent.image(annas.id).content == image.content
        with pytest.raises(EntryNotFound):
            ben.recent.image(annas.id)
    assert {one.who for one in client.recent.latest().pictures} <= {"local admin"}, (
        "revoked keys leave nothing"
    )


def test_what_is_kept_outlasts_a_restart_and_recent_pictures_do_not(
    tmp_path: Path, default_pack: Path
) -> None:
    found = manifest.read(default_pack)
    data, ports = tmp_path / "data", fresh_ports()
    shutil.copytree(default_pack, data / "packs" / found.name / found.version)
    with up(data, ports), Client(load_context(data / "context.json")) as client:
        client.faces.keep(3600)
        client.recognize(PLAIN)
        before = settled(client, 1).groups
        assert len(client.recent.latest().pictures) == 1
    with up(data, ports), Client(load_context(data / "context.json")) as client:
        assert settled(client, 1).groups == before
        assert client.recent.latest().pictures == ()
        client.recognize(MIRRORED)
        (group,) = settled(client, 2).groups
        assert group.id == before[0].id and group.count == 2
